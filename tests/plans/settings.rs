//! Settings made by hand, each value at its place in `tests/plans/dev.toml`, so that no test of a plan
//! needs a host.

use sandbox::diag::{At, FileId, Origin, Sources};
use sandbox::model::{
    Access, Bundle, ByteSize, CgroupMount, Cpus, ExtraArguments, ImageName, InsidePath,
    LandlockAbi, MountOption, NetworkMode, OnDeny, Period, PlatformSpec, ProcMount, Resource,
    Rlimit, RlimitValue, SeccompPolicy, Sha256, Signal, Switch, SysMount, TerminalMode, UserSpec,
    Writes,
};
use sandbox::plan::{
    Amount, Clock, ClockOffset, Command, Device, DeviceRule, Existing, GroupLimit, GroupLimits,
    HostIds, IdMaps, Identity, Lacking, Landlock, Missing, Mount, MountKind, MountPointKind,
    Namespaces, OwnerMap, Privacy, PrivateValues, ProcessLimit, Settings, Supervise, Syscalls,
    System, TargetPoint, Terminal, TreePlan, TreeSource, UserIds, Variable,
};
use std::time::Duration;

use super::identity;

pub const NAME: &str = "profiles/dev.toml";
const TEXT: &str = include_str!("dev.toml");

/// The one profile of these tests.
pub fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add(NAME, TEXT);
    sources
}

/// The place of `needle`, which stands in the profile.
pub fn place(needle: &str) -> Origin {
    let start = TEXT
        .find(needle)
        .unwrap_or_else(|| panic!("no `{needle}` in dev.toml"));
    Origin::profile(FileId::FIRST, start..start + needle.len())
}

/// A value, written where `needle` is.
pub fn at<T>(needle: &str, value: T) -> At<T> {
    At::new(value, place(needle))
}

fn default<T>(value: T) -> At<T> {
    At::default_value(value)
}

fn inside(path: &str) -> InsidePath {
    path.parse().unwrap()
}

pub fn ids(id: u32) -> UserIds {
    UserIds { uid: id, gid: id }
}

/// What the profile `version = 1` with a program alone comes to, for an unprivileged caller.
pub fn least() -> Settings {
    Settings {
        name: at("\"dev\"", "dev".parse().unwrap()),
        description: None,
        command: command(),
        identity: Identity {
            user: default(ids(1000)),
            host: HostIds::Caller(ids(1000)),
            maps: default(IdMaps::single(ids(1000), HostIds::Caller(ids(1000)))),
            groups: Vec::new(),
            asked: default(UserSpec::Caller),
        },
        tree: TreePlan {
            sources: Vec::new(),
            mount_points: Vec::new(),
            search_path: Vec::new(),
            library_path: Vec::new(),
        },
        writes: default(Writes::Deny),
        writes_size: default(ByteSize(1 << 30)),
        system: System {
            proc: default(ProcMount::Private),
            sys: default(SysMount::None),
            devices: Vec::new(),
            shm: default(ByteSize(64 << 20)),
            mqueue: default(Switch::Off),
            cgroup: default(CgroupMount::None),
        },
        mounts: Vec::new(),
        namespaces: Namespaces {
            user: default(Switch::On),
            pid: default(Switch::On),
            ipc: default(Switch::On),
            uts: default(Switch::On),
            cgroup: default(Switch::On),
            time: Vec::new(),
            hostname: default("dev".to_owned()),
        },
        network: default(NetworkMode::None),
        group_limits: GroupLimits::default(),
        process_limits: Vec::new(),
        wall_time: None,
        output: None,
        capabilities: Vec::new(),
        seccomp: default(SeccompPolicy::Default),
        nested_userns: default(Switch::Off),
        landlock: default(Landlock::Enforced(LandlockAbi::KNOWN)),
        allow_degraded: Vec::new(),
        syscalls: Syscalls {
            allow: Vec::new(),
            deny: Vec::new(),
            on_deny: default(OnDeny::DEFAULT),
            x86: default(Switch::Off),
        },
        supervise: Supervise {
            kill_on_parent_exit: default(Switch::On),
            stop_signal: default(Signal::TERM),
            stop_timeout: default(Period(Duration::from_secs(10))),
        },
        left_out: Vec::new(),
        by_variable: Vec::new(),
        unprotected: Vec::new(),
        expect: Vec::new(),
        private: PrivateValues::default(),
    }
}

fn command() -> Command {
    Command {
        args: vec![
            at("\"/bin/bash\"", "/bin/bash".to_owned()),
            at("\"-l\"", "-l".to_owned()),
        ],
        extra: default(ExtraArguments::Replace),
        workdir: default(inside("/")),
        umask: default("022".parse().unwrap()),
        terminal: default(Terminal::Inherited),
        terminal_mode: TerminalMode::Auto,
        fds: Vec::new(),
        env: Vec::new(),
        path: vec!["/usr/bin".to_owned(), "/bin".to_owned()],
    }
}

/// A feature of the language, and what it changes.
pub type Feature = (&'static str, fn(&mut Settings));

/// Each has its printed plan; the generated tests of the order mix them.
pub const FEATURES: &[Feature] = &[
    ("least", |_| {}),
    ("root", |settings| {
        settings.identity.user = at("user =", ids(0));
        identity::single(settings, HostIds::Range(ids(1_879_048_192)));
    }),
    ("root-range", identity::root_range),
    ("subordinate", identity::subordinate),
    ("nested", |settings| {
        settings.nested_userns = at("nested_userns = ", Switch::On);
        settings.landlock = at("nested_userns = ", Landlock::Off);
    }),
    ("no-user-namespace", |settings| {
        settings.namespaces.user = default(Switch::Off);
        identity::single(settings, HostIds::Same);
    }),
    ("terminal", |settings| {
        settings.command.terminal = at("\"always\"", Terminal::Own);
    }),
    ("command", command_in_path),
    ("environment", environment),
    ("tree", tree),
    ("packed", packed),
    ("overlay", |settings| {
        settings.writes = at("\"discard\"", Writes::Discard);
        settings.writes_size = at("\"1G\"", ByteSize(1 << 30));
    }),
    ("keep", |settings| {
        settings.writes = at("\"discard\"", Writes::Keep);
    }),
    ("kept-mounts", kept_mounts),
    ("system", system),
    ("no-proc", |settings| {
        settings.system.proc = default(ProcMount::None);
    }),
    ("mounts", mounts),
    ("parts", super::parts::parts),
    ("sockets", super::parts::sockets),
    ("shared", shared),
    ("clocks", |settings| {
        let clock = |clock, offset: &str| ClockOffset {
            clock,
            offset: offset.parse().unwrap(),
        };
        settings.namespaces.time = vec![
            at("\"-1h\"", clock(Clock::Boottime, "-1h")),
            at("\"0s\"", clock(Clock::Monotonic, "0s")),
        ];
    }),
    ("limits", limits),
    ("capabilities", |settings| {
        let name = "CAP_NET_BIND_SERVICE";
        settings.capabilities = vec![at(name, name.parse().unwrap())];
    }),
    ("no-filter", |settings| {
        settings.seccomp = at("seccomp = ", SeccompPolicy::None);
    }),
    ("no-landlock", |settings| {
        settings.landlock = default(Landlock::Off);
    }),
    ("old-landlock", |settings| {
        settings.landlock = default(Landlock::Enforced(LandlockAbi(2)));
    }),
    ("syscalls", |settings| {
        let entry = |name: &str| at("seccomp = ", name.parse().unwrap());
        settings.seccomp = at("seccomp = ", SeccompPolicy::Strict);
        settings.syscalls = Syscalls {
            allow: vec![entry("@debug"), entry("socket")],
            deny: vec![entry("@timer")],
            on_deny: at("seccomp = ", OnDeny::Kill),
            x86: at("seccomp = ", Switch::On),
        };
    }),
    ("hostile", hostile),
];

fn command_in_path(settings: &mut Settings) {
    let command = &mut settings.command;
    let args = [
        "python3",
        "-c",
        "print('it is a long program text that no page is wide enough for, \
        so that it is broken at its spaces into several lines of the printed plan')",
    ];
    command.args = args
        .map(|arg| At::new(arg.to_owned(), Origin::CommandLine))
        .to_vec();
    command.workdir = at("workdir", inside("/work"));
    command.umask = default("077".parse().unwrap());
    command.fds = vec![default(3), default(7)];
}

fn environment(settings: &mut Settings) {
    let variable = |name: &str, value: &str, privacy| Variable {
        name: name.to_owned(),
        value: value.to_owned(),
        privacy,
    };
    settings.command.env = vec![
        at("HOME", variable("HOME", "/home/user", Privacy::Shown)),
        at("PROMPT", variable("PROMPT", "in the box> ", Privacy::Shown)),
        at(
            "\"TERM\"",
            variable("TERM", "secret-terminal", Privacy::Private),
        ),
    ];
    settings.private.insert("hunter2'x", "${env:TOKEN}");
    let secret = "--token=hunter2'x".to_owned();
    settings.command.args.push(at("args", secret));
}

fn tree(settings: &mut Settings) {
    settings.tree.sources = vec![
        at(
            "{ copy",
            TreeSource::Copy {
                from: "/opt/tool".into(),
                to: Some(inside("/usr/local/tool")),
                exclude: vec!["*.pyc".to_owned()],
                missing: Missing::Skipped,
                existing: Existing::Replaced,
            },
        ),
        at(
            "{ programs",
            TreeSource::Programs {
                programs: vec![default("bash".to_owned()), default("python3".to_owned())],
                extra: vec![default("/usr/lib/x/plugin.so".into())],
            },
        ),
        at(
            "{ bundle",
            TreeSource::Bundle {
                bundles: vec![default(Bundle::CaCertificates), default(Bundle::Nss)],
            },
        ),
        at(
            "{ file",
            TreeSource::File {
                path: inside("/etc/motd"),
                text: "dev\n".to_owned(),
                mode: "0644".parse().unwrap(),
                existing: Existing::Kept,
            },
        ),
        at(
            "{ dir",
            TreeSource::Dir {
                path: inside("/home/user"),
                mode: "0700".parse().unwrap(),
            },
        ),
        at(
            "{ symlink",
            TreeSource::Symlink {
                path: inside("/etc/mtab"),
                target: "/proc/mounts".to_owned(),
                existing: Existing::Replaced,
            },
        ),
    ];
    settings.left_out = vec![at("{ copy", "`/opt/other` is not there".to_owned())];
}

fn packed(settings: &mut Settings) {
    let archive = |to: &str, sha256: Option<Sha256>| TreeSource::Archive {
        path: "/srv/alpine.tar.zst".into(),
        sha256,
        to: inside(to),
    };
    let image = |reference: Option<&str>, platform: PlatformSpec| {
        TreeSource::Image(ImageName {
            path: "/srv/images".into(),
            reference: reference.map(str::to_owned),
            platform,
        })
    };
    settings.tree.sources = vec![
        default(archive("/", Some(Sha256([0x5a; 32])))),
        default(archive("/opt/alpine", None)),
        default(image(None, PlatformSpec::Machine)),
        default(image(Some("a b"), "linux/arm/v7".parse().unwrap())),
    ];
}

fn system(settings: &mut Settings) {
    let system = &mut settings.system;
    system.proc = default(ProcMount::Pids);
    system.sys = at("sys = ", SysMount::ReadOnly);
    system.mqueue = at("mqueue", Switch::On);
    system.cgroup = at("cgroup = ", CgroupMount::ReadOnly);
    system.devices = vec![at(
        "\"/dev/dri\"",
        Device {
            path: inside("/dev/dri"),
            kind: MountPointKind::Directory,
            missing: Missing::Skipped,
        },
    )];
}

fn mounts(settings: &mut Settings) {
    let bind = |source: &str, shape, access, missing| MountKind::Bind {
        source: source.to_owned(),
        shape,
        access,
        owner: match settings.identity.host {
            HostIds::Range(_) => OwnerMap::Mapped(ids(1000)),
            HostIds::Caller(_) | HostIds::Same => OwnerMap::Kept,
        },
        missing,
    };
    let (directory, file) = (MountPointKind::Directory, MountPointKind::File);
    let mount = |target: &str, kind, options, point| Mount {
        target: inside(target),
        kind,
        options,
        point,
    };
    let work = bind(
        "/home/me/x y",
        directory,
        Access::ReadWrite,
        Missing::Refused,
    );
    let config = bind("/etc/tool.conf", file, Access::ReadOnly, Missing::Skipped);
    let tmpfs = MountKind::Tmpfs {
        size: ByteSize(256 << 20),
        mode: "1777".parse().unwrap(),
    };
    let noexec = vec![MountOption::NoExec];
    settings.mounts = vec![
        at(
            "[[mount]]\nbind = \"/home",
            mount("/work", work, vec![], TargetPoint::InTree),
        ),
        at(
            "[[mount]]\nbind = \"/etc",
            mount("/work/tool.conf", config, noexec, TargetPoint::MustExist),
        ),
        at(
            "[[mount]]\ntmpfs",
            mount("/tmp", tmpfs, vec![], TargetPoint::InTree),
        ),
    ];
}

/// An overlay over a host directory, and a volume below which something lies.
fn kept_mounts(settings: &mut Settings) {
    let overlay = MountKind::Bind {
        source: "/srv/project".to_owned(),
        shape: MountPointKind::Directory,
        access: Access::Overlay,
        owner: match settings.identity.host {
            HostIds::Range(_) => OwnerMap::Mapped(ids(1000)),
            HostIds::Caller(_) | HostIds::Same => OwnerMap::Kept,
        },
        missing: Missing::Skipped,
    };
    let volume = MountKind::Volume {
        name: "data".parse().unwrap(),
    };
    let tmpfs = MountKind::Tmpfs {
        size: ByteSize(4096),
        mode: "1777".parse().unwrap(),
    };
    let mount = |target: &str, kind, options, point| Mount {
        target: inside(target),
        kind,
        options,
        point,
    };
    let noexec = vec![MountOption::NoExec];
    let is_of_others = |mount: &At<Mount>| {
        let target = mount.value.target.as_str();
        target != "/project" && !target.starts_with("/data")
    };
    settings.mounts.retain(is_of_others);
    settings.mounts.extend([
        at(
            "[[mount]]\nbind = \"/srv",
            mount("/project", overlay, noexec, TargetPoint::InTree),
        ),
        at(
            "[[mount]]\nvolume",
            mount("/data", volume, vec![], TargetPoint::InTree),
        ),
        at(
            "[[mount]]\ntmpfs = \"/data",
            mount("/data/tmp", tmpfs, vec![], TargetPoint::Made),
        ),
    ]);
}

fn shared(settings: &mut Settings) {
    settings.network = at("\"host\"", NetworkMode::Host);
    settings.namespaces.pid = at("pid = false", Switch::Off);
    settings.namespaces.ipc = at("ipc = false", Switch::Off);
    settings.system.sys = at("sys = ", SysMount::ReadOnly);
}

fn limits(settings: &mut Settings) {
    let limit = |needle: &str, amount, lacking| GroupLimit {
        amount,
        origin: place(needle),
        lacking,
    };
    let (memory, cpus) = (ByteSize(512 << 20), Cpus { thousandths: 1500 });
    let cpu_time = Period(Duration::from_secs(60));
    settings.group_limits.list = vec![
        limit("\"512M\"", Amount::Memory(memory), Lacking::Refused),
        limit("cpus = ", Amount::Cpus(cpus), Lacking::Reported),
        limit("pids = 256", Amount::Pids(256), Lacking::Refused),
        limit("cpu_time = ", Amount::CpuTime(cpu_time), Lacking::Refused),
    ];
    let pts = DeviceRule::Number {
        major: 136,
        minor: None,
    };
    let named = DeviceRule::Path(inside("/dev/dri"));
    settings.group_limits.devices = vec![pts, named, DeviceRule::Streams];
    let process = |key: &str, needle: &str, soft, hard| ProcessLimit {
        resource: key.parse::<Resource>().unwrap(),
        limit: at(needle, Rlimit { soft, hard }),
    };
    let number = RlimitValue::Value;
    settings.process_limits = vec![
        process("core", "core = ", number(0), number(0)),
        process("nofile", "nofile", number(1024), number(4096)),
    ];
    settings.wall_time = Some(at("\"10m\"", Period(Duration::from_secs(600))));
    settings.output = Some(at("\"64M\"", ByteSize(64 << 20)));
    settings.supervise.stop_timeout = at("\"2s\"", Period(Duration::from_secs(2)));
}

/// What acts on a terminal in every text of a profile that is printed.
fn hostile(settings: &mut Settings) {
    let escape = "\u{1b}[2Jx\u{202e}\r\n";
    settings.description = Some(at("description", escape.to_owned()));
    settings.command.args.push(at("args", escape.to_owned()));
    settings.namespaces.hostname = at("hostname", escape.to_owned());
    mounts(settings);
    if let MountKind::Bind { source, .. } = &mut settings.mounts[0].value.kind {
        source.push_str(escape);
    }
    settings.command.env = vec![at(
        "HOME",
        Variable {
            name: escape.to_owned(),
            value: escape.to_owned(),
            privacy: Privacy::Shown,
        },
    )];
    settings.left_out = vec![at("{ copy", escape.to_owned())];
}
