//! A profile as it is written: every value with its place, nothing resolved.

use crate::diag::At;
use crate::model::{
    Access, Architecture, Bundle, ByteSize, Capability, CgroupMount, Cpus, Degradable, EtcFile,
    ExtraArguments, FileMode, GroupSpec, IdExtent, InsidePath, MountOption, NetworkMode, OnDeny,
    Owner, PartPath, Period, PlatformSpec, ProcMount, Resource, RlimitValue, SandboxName,
    SeccompPolicy, Sha256, Signal, SysMount, TerminalMode, TimeOffset, UserSpec, VolumeName,
    Writes,
};

use super::template::Template;

mod expect;
mod file;

pub use expect::{RawExpect, RawExpectation};
pub use file::{RawFile, RawParam, RawRemoval};

/// A value of a type other than text: written out, or one whole variable that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting<T> {
    /// Written out.
    Literal(T),
    /// `"${param:memory}"`: read when the variable's value is known.
    Variable(Template),
}

/// A value that may be left out.
pub type Opt<T> = Option<At<T>>;

/// A whole profile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawProfile {
    /// `name`: the file's stem where it is left out.
    pub name: Opt<SandboxName>,
    /// `description`.
    pub description: Opt<String>,
    /// `[command]`.
    pub command: RawCommand,
    /// `[env]`.
    pub env: RawEnv,
    /// `[rootfs]`.
    pub rootfs: RawRootfs,
    /// `[system]`.
    pub system: RawSystem,
    /// `[[mount]]`.
    pub mounts: Vec<At<RawMount>>,
    /// `[namespaces]`.
    pub namespaces: RawNamespaces,
    /// `[network] mode`.
    pub network: Opt<NetworkMode>,
    /// `[limits]`.
    pub limits: RawLimits,
    /// `[security]`.
    pub security: RawSecurity,
    /// `[supervise]`.
    pub supervise: RawSupervise,
    /// `[[expect]]`.
    pub expect: Vec<At<RawExpect>>,
}

/// `[command]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawCommand {
    /// One value: it replaces that of a base.
    pub args: Opt<RawArgs>,
    /// What `-- …` does.
    pub extra: Opt<ExtraArguments>,
    /// A path inside.
    pub workdir: Opt<Template>,
    /// Who the program is.
    pub user: Opt<UserSpec>,
    /// File mode creation mask.
    pub umask: Opt<FileMode>,
    /// Whether it has a pseudo-terminal of its own.
    pub terminal: Opt<TerminalMode>,
    /// Supplementary groups of the host that stay.
    pub groups: Vec<At<GroupSpec>>,
    /// Descriptors above 2 that pass.
    pub fds: Vec<At<u32>>,
}

/// `command.args`.
#[derive(Debug, Clone, PartialEq)]
pub enum RawArgs {
    /// The program and its arguments.
    Words(Vec<At<Template>>),
    /// `"image"`: what the image says, and its environment, user and working directory with it.
    Image,
}

/// `[env]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawEnv {
    /// Names, or prefixes with one `*` at the end, of host variables that enter.
    pub inherit: Vec<At<String>>,
    /// Key: the name.
    pub set: Vec<RawVariable>,
}

/// One entry of `env.set`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawVariable {
    /// The name.
    pub name: At<String>,
    /// The value.
    pub value: At<Template>,
}

/// `[rootfs]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawRootfs {
    /// What becomes of writes.
    pub writes: Opt<Writes>,
    /// How much `discard` may hold.
    pub writes_size: Opt<Setting<ByteSize>>,
    /// Sources in order. Key: the path inside.
    pub sources: Vec<At<RawSource>>,
    /// The `etc` files.
    pub etc: RawEtc,
}

/// One entry of `rootfs.source`.
#[derive(Debug, Clone, PartialEq)]
pub enum RawSource {
    /// `{ copy = … }`.
    Copy {
        /// Host path.
        from: At<Template>,
        /// Path inside; the same as `from` where it is left out.
        to: Opt<Template>,
        /// Patterns of names that are left out.
        exclude: Vec<At<String>>,
        /// Whether it may be missing.
        optional: Opt<bool>,
    },
    /// `{ programs = […] }`.
    Programs {
        /// Names to find in PATH, paths, or `@command`.
        programs: Vec<At<Template>>,
        /// Files that are opened at run time, with their libraries.
        extra: Vec<At<Template>>,
    },
    /// `{ bundle = […] }`.
    Bundle {
        /// What for.
        bundles: Vec<At<Bundle>>,
    },
    /// `{ archive = … }`.
    Archive {
        /// Host path of a tar file.
        archive: At<Template>,
        /// What the file has to hash to.
        sha256: Opt<Sha256>,
        /// Path inside of the directory that it is unpacked in; the root where it is left out.
        to: Opt<Template>,
    },
    /// `{ image = … }`.
    Image {
        /// Host path of a layout or of a saved image.
        image: At<Template>,
        /// What follows the first `:` of the text: which of several.
        reference: Opt<Template>,
        /// This machine's where it is left out.
        platform: Opt<PlatformSpec>,
    },
    /// `{ host = … }`.
    Host {
        /// Host path, and path inside.
        path: At<Template>,
    },
    /// `{ file = …, text = … }`.
    File {
        /// Path inside.
        path: At<Template>,
        /// The whole text.
        text: At<Template>,
        /// 0644 where it is left out.
        mode: Opt<FileMode>,
    },
    /// `{ dir = … }`.
    Dir {
        /// Path inside.
        path: At<Template>,
        /// 0755 where it is left out.
        mode: Opt<FileMode>,
    },
    /// `{ symlink = …, target = … }`.
    Symlink {
        /// Path inside.
        path: At<Template>,
        /// What it points to; may be relative.
        target: At<Template>,
    },
}

/// `rootfs.etc`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawEtc {
    /// /etc/hosts.
    pub hosts: Opt<EtcFile>,
    /// /etc/resolv.conf.
    pub resolv_conf: Opt<EtcFile>,
    /// /etc/passwd and /etc/group.
    pub passwd: Opt<EtcFile>,
    /// /etc/mtab, a link to /proc/mounts.
    pub mtab: Opt<bool>,
    /// /etc/hostname.
    pub hostname: Opt<bool>,
    /// /etc/localtime, as on the host.
    pub localtime: Opt<bool>,
}

/// `[system]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawSystem {
    /// /proc.
    pub proc: Opt<ProcMount>,
    /// /sys.
    pub sys: Opt<SysMount>,
    /// Devices beside null zero full random urandom tty. Key: the path.
    pub dev: Vec<At<RawDevice>>,
    /// Size of /dev/shm.
    pub shm: Opt<Setting<ByteSize>>,
    /// /dev/mqueue.
    pub mqueue: Opt<bool>,
    /// /sys/fs/cgroup.
    pub cgroup: Opt<CgroupMount>,
}

/// One entry of `system.dev`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawDevice {
    /// A path below /dev; its last name may hold `*`.
    pub path: At<Template>,
    /// Whether it may be missing.
    pub optional: Opt<bool>,
}

/// One `[[mount]]`.
#[derive(Debug, Clone, PartialEq)]
pub enum RawMount {
    /// `bind = …`.
    Bind {
        /// Host path.
        bind: At<Template>,
        /// Path inside; the same as `bind` where it is left out.
        target: Opt<Template>,
        /// Read-only where it is left out.
        access: Opt<Access>,
        /// Beside nosuid and nodev.
        options: Vec<At<MountOption>>,
        /// Whether it may be missing.
        optional: Opt<bool>,
        /// How owners show.
        owner: Opt<Owner>,
        /// Paths below it that cannot be written.
        read_only: Vec<At<PartPath>>,
        /// Paths below it that show nothing.
        hide: Vec<At<PartPath>>,
    },
    /// `socket = …`.
    Socket {
        /// Host path.
        socket: At<Template>,
        /// Path inside; the same as `socket` where it is left out.
        target: Opt<Template>,
        /// Whether it may be missing.
        optional: Opt<bool>,
        /// How its owner shows.
        owner: Opt<Owner>,
        /// Why a socket is granted through which the program can leave the sandbox.
        dangerous: Opt<String>,
    },
    /// `volume = …`.
    Volume {
        /// Its name, below the sandbox's own.
        volume: At<VolumeName>,
        /// Path inside.
        target: At<Template>,
        /// Beside nosuid and nodev.
        options: Vec<At<MountOption>>,
    },
    /// `tmpfs = …`.
    Tmpfs {
        /// Path inside.
        tmpfs: At<Template>,
        /// Most that it may hold.
        size: Opt<Setting<ByteSize>>,
        /// Mode of its root; 1777 where it is left out.
        mode: Opt<FileMode>,
        /// Beside nosuid and nodev.
        options: Vec<At<MountOption>>,
    },
}

/// `[namespaces]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawNamespaces {
    /// `false` only as root.
    pub user: Opt<bool>,
    /// Own process ids.
    pub pid: Opt<bool>,
    /// Own IPC objects.
    pub ipc: Opt<bool>,
    /// Own host name.
    pub uts: Opt<bool>,
    /// Own view of the cgroups.
    pub cgroup: Opt<bool>,
    /// Offset of CLOCK_BOOTTIME.
    pub time_boottime: Opt<TimeOffset>,
    /// Offset of CLOCK_MONOTONIC.
    pub time_monotonic: Opt<TimeOffset>,
    /// Host name inside; the sandbox's name where it is left out.
    pub hostname: Opt<Template>,
    /// Which ids are mapped.
    pub map_users: Opt<RawMapUsers>,
}

/// `namespaces.map_users`.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RawMapUsers {
    /// `"single"`: one user and one group.
    #[default]
    Single,
    /// `"subordinate"`: a range of the caller's subordinate ids, or of unused ones where root starts it.
    Subordinate,
    /// `{ users = […], groups = […] }`; without groups they are mapped like users.
    Explicit {
        /// Extents of uid_map.
        users: Vec<At<IdExtent>>,
        /// Extents of gid_map.
        groups: Vec<At<IdExtent>>,
    },
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawLimits {
    /// Memory of all processes together.
    pub memory: Opt<Setting<ByteSize>>,
    /// Swap of all processes together.
    pub swap: Opt<Setting<ByteSize>>,
    /// CPU bandwidth.
    pub cpus: Opt<Setting<Cpus>>,
    /// Processes and threads.
    pub pids: Opt<Setting<u64>>,
    /// CPU time of all processes together.
    pub cpu_time: Opt<Setting<Period>>,
    /// Time from start to end.
    pub wall_time: Opt<Setting<Period>>,
    /// Bytes of standard output and standard error together.
    pub output: Opt<Setting<ByteSize>>,
    /// `[limits.process]`. Key: the resource.
    pub process: Vec<RawRlimit>,
}

/// One entry of `[limits.process]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRlimit {
    /// Which resource.
    pub resource: At<Resource>,
    /// Soft limit.
    pub soft: At<Setting<RlimitValue>>,
    /// Hard limit; the same as `soft` where one number was written.
    pub hard: At<Setting<RlimitValue>>,
}

/// `[security]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawSecurity {
    /// Kept ones.
    pub capabilities: Vec<At<Capability>>,
    /// The system-call policy.
    pub seccomp: Opt<SeccompPolicy>,
    /// Whether the program may make namespaces and mounts of its own.
    pub nested_userns: Opt<bool>,
    /// Whether Landlock stands behind the mounts.
    pub landlock: Opt<bool>,
    /// What the table of `seccomp` says beside its `base`.
    pub seccomp_rules: RawSeccompRules,
    /// Whose system calls it may make.
    pub architectures: Vec<At<Architecture>>,
    /// What may be missing on a host that lacks it.
    pub allow_degraded: Vec<At<Degradable>>,
}

/// `security.seccomp` as a table, without its `base`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawSeccompRules {
    /// How the key is written.
    pub form: SeccompForm,
    /// Names of calls and groups that it opens.
    pub allow: Vec<At<String>>,
    /// Names of calls and groups that it closes.
    pub deny: Vec<At<String>>,
    /// What becomes of what is refused.
    pub on_deny: Opt<OnDeny>,
}

/// How `security.seccomp` is written, which tells what it does to that of a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeccompForm {
    /// A policy's name: it replaces all of it.
    #[default]
    Word,
    /// A table that names its `base`.
    WithBase,
    /// A table without one: what a base of the profile says stays, else it is `default`.
    WithoutBase,
}

/// `[supervise]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawSupervise {
    /// Whether the sandbox ends when its caller does.
    pub kill_on_parent_exit: Opt<bool>,
    /// What asks the program to end.
    pub stop_signal: Opt<Signal>,
    /// How long to wait before SIGKILL.
    pub stop_timeout: Opt<Setting<Period>>,
}

/// The path inside that keys an entry whose path holds no variable.
pub(crate) fn literal_path(path: &At<Template>) -> Option<InsidePath> {
    path.value.as_literal()?.parse().ok()
}
