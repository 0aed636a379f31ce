//! Every place and every text of a raw profile, one after the other.

use crate::diag::{At, Origin};
use crate::model::{
    Access, Architecture, Bundle, ByteSize, Capability, CgroupMount, Cpus, Degradable, EtcFile,
    Expected, ExtraArguments, FileMode, GroupSpec, IdExtent, MountOption, NetworkMode, OnDeny,
    Owner, PartPath, PathUse, Period, PlatformSpec, ProcMount, Resource, RlimitValue, SandboxName,
    SeccompPolicy, Sha256, Signal, SysMount, TerminalMode, TimeOffset, UserSpec, VolumeName,
    Writes,
};

use super::raw::{
    RawArgs, RawCommand, RawDevice, RawEnv, RawEtc, RawExpect, RawExpectation, RawLimits,
    RawMapUsers, RawMount, RawNamespaces, RawProfile, RawRlimit, RawRootfs, RawSeccompRules,
    RawSecurity, RawSource, RawSupervise, RawSystem, RawVariable, SeccompForm, Setting,
};
use super::template::Template;

/// What is done at each place.
pub(super) trait Visitor {
    /// The place of a value.
    fn origin(&mut self, _origin: &mut Origin) {}

    /// A text that may hold variables.
    fn template(&mut self, _template: &mut Template) {}

    /// A path of the host, which may be relative to its file; its text and its place come after it.
    fn host_path(&mut self, _path: &mut At<Template>) {}
}

/// Something that has places and texts in it.
pub(super) trait Walk {
    /// Goes to each of them once.
    fn walk(&mut self, visitor: &mut dyn Visitor);
}

impl<T: Walk> Walk for At<T> {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        visitor.origin(&mut self.origin);
        self.value.walk(visitor);
    }
}

impl<T: Walk> Walk for Option<T> {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        self.iter_mut().for_each(|value| value.walk(visitor));
    }
}

impl<T: Walk> Walk for Vec<T> {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        self.iter_mut().for_each(|value| value.walk(visitor));
    }
}

impl Walk for Template {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        visitor.template(self);
    }
}

impl<T> Walk for Setting<T> {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        match self {
            Setting::Literal(_) => {}
            Setting::Variable(template) => visitor.template(template),
        }
    }
}

/// Types that hold neither.
macro_rules! plain {
    ($($type:ty),+ $(,)?) => {
        $(impl Walk for $type {
            fn walk(&mut self, _visitor: &mut dyn Visitor) {}
        })+
    };
}

plain!(
    bool,
    u32,
    String,
    Access,
    Architecture,
    Bundle,
    ByteSize,
    Capability,
    CgroupMount,
    Cpus,
    Degradable,
    EtcFile,
    Expected,
    ExtraArguments,
    FileMode,
    GroupSpec,
    IdExtent,
    MountOption,
    NetworkMode,
    OnDeny,
    Owner,
    PartPath,
    PathUse,
    Period,
    PlatformSpec,
    ProcMount,
    Resource,
    RlimitValue,
    SandboxName,
    SeccompForm,
    SeccompPolicy,
    Sha256,
    Signal,
    SysMount,
    TerminalMode,
    TimeOffset,
    UserSpec,
    VolumeName,
    Writes,
);

/// Structures, each with all of its fields: a new one does not compile until it stands here.
macro_rules! fields {
    ($($type:ident { $($field:ident),+ $(,)? })+) => {
        $(impl Walk for $type {
            fn walk(&mut self, visitor: &mut dyn Visitor) {
                let $type { $($field),+ } = self;
                $($field.walk(visitor);)+
            }
        })+
    };
}

fields! {
    RawProfile {
        name, description, command, env, rootfs, system, mounts, namespaces, network, limits,
        security, supervise, expect,
    }
    RawCommand { args, extra, workdir, user, umask, terminal, groups, fds }
    RawEnv { inherit, set }
    RawVariable { name, value }
    RawRootfs { writes, writes_size, sources, etc }
    RawEtc { hosts, resolv_conf, passwd, mtab, hostname, localtime }
    RawSystem { proc, sys, dev, shm, mqueue, cgroup }
    RawDevice { path, optional }
    RawNamespaces {
        user, pid, ipc, uts, cgroup, time_boottime, time_monotonic, hostname, map_users,
    }
    RawLimits { memory, swap, cpus, pids, cpu_time, wall_time, output, process }
    RawRlimit { resource, soft, hard }
    RawSecurity {
        capabilities, seccomp, nested_userns, landlock, seccomp_rules, architectures,
        allow_degraded,
    }
    RawSeccompRules { form, allow, deny, on_deny }
    RawSupervise { kill_on_parent_exit, stop_signal, stop_timeout }
    RawExpect { what, why }
}

/// Choices, each with all of its fields; those before a `;` are paths of the host.
macro_rules! variants {
    ($($type:ident {
        $($variant:ident { $($host:ident),* ; $($field:ident),* $(,)? })+
    })+) => {
        $(impl Walk for $type {
            fn walk(&mut self, visitor: &mut dyn Visitor) {
                match self {
                    $($type::$variant { $($host,)* $($field,)* } => {
                        $(visitor.host_path($host); $host.walk(visitor);)*
                        $($field.walk(visitor);)*
                    })+
                }
            }
        })+
    };
}

variants! {
    RawMount {
        Bind { bind; target, access, options, optional, owner, read_only, hide }
        Socket { socket; target, optional, owner, dangerous }
        Volume { ; volume, target, options }
        Tmpfs { ; tmpfs, size, mode, options }
    }
    RawSource {
        Copy { from; to, exclude, optional }
        Programs { ; programs, extra }
        Bundle { ; bundles }
        Archive { archive; sha256, to }
        Image { image; reference, platform }
        Host { ; path }
        File { ; path, text, mode }
        Dir { ; path, mode }
        Symlink { ; path, target }
    }
}

impl Walk for RawArgs {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        match self {
            RawArgs::Words(words) => words.walk(visitor),
            RawArgs::Image => {}
        }
    }
}

impl Walk for RawMapUsers {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        match self {
            RawMapUsers::Single | RawMapUsers::Subordinate => {}
            RawMapUsers::Explicit { users, groups } => {
                users.walk(visitor);
                groups.walk(visitor);
            }
        }
    }
}

impl Walk for RawExpectation {
    fn walk(&mut self, visitor: &mut dyn Visitor) {
        match self {
            RawExpectation::Path {
                expected: _,
                using: _,
                path,
            } => path.walk(visitor),
            RawExpectation::Connect { expected: _, to } => to.walk(visitor),
            RawExpectation::SystemCall { expected: _, name } => name.walk(visitor),
            RawExpectation::EnvAbsent(name) => name.walk(visitor),
            RawExpectation::MaxMemory(size) => size.walk(visitor),
            RawExpectation::MaxPids(count) | RawExpectation::MaxOpenFiles(count) => {
                count.walk(visitor);
            }
        }
    }
}
