//! Hosts made up, each with something that keeps sandboxes from starting.

use nix::errno::Errno::{self, *};
use sandbox::diag::{Origin, Problem};
use sandbox::model::{
    CgroupFacts, CgroupVersion, Hierarchy, HostState, IdExtent, KeyQuota, LandlockAbi, MapHelpers,
    Place, Resource, Rlimit, RlimitValue, Room, Surroundings, Switch,
};
use sandbox::plan::{
    HostIds, IdMaps, Lacking, Landlock, MapWriter, Namespace, Plan, Settings, Tried,
};
use sandbox::report::doctor::{Attempted, Examined, LimitTried, Need, Rehearsal};
use sandbox::report::failure::Told;

use crate::plans::settings::{FEATURES, NAME, ids, least, place, sources};

/// A host and what was tried on it.
pub struct Case {
    pub name: &'static str,
    pub works: bool,
    pub profile: Option<&'static str>,
    pub rehearsals: Vec<Rehearsal>,
    pub host: HostState,
    pub surroundings: Surroundings,
}

impl Case {
    pub fn shown<T>(&self, show: impl FnOnce(Examined<'_>) -> T) -> T {
        show(Examined {
            profile: self.profile,
            rehearsals: &self.rehearsals,
            host: &self.host,
            surroundings: &self.surroundings,
            sources: &sources(),
        })
    }

    fn host(mut self, change: fn(&mut HostState)) -> Case {
        change(&mut self.host);
        self
    }

    fn surroundings(mut self, change: fn(&mut Surroundings)) -> Case {
        change(&mut self.surroundings);
        self
    }

    /// What was refused, and what was then not reached.
    fn refused(mut self, what: Tried, errno: Errno, behind: fn(&Tried) -> bool) -> Case {
        for (trial, attempted) in self.rehearsals.iter_mut().flat_map(|one| &mut one.trials) {
            if trial.what == what {
                *attempted = Attempted::Refused(errno as i32);
            } else if behind(&trial.what) {
                *attempted = Attempted::NotReached;
            }
        }
        self
    }

    fn stops(mut self) -> Case {
        self.works = false;
        self
    }

    fn with(mut self, rehearsal: Rehearsal) -> Case {
        self.rehearsals.push(rehearsal);
        self
    }

    fn of_profile(mut self, feature: &str) -> Case {
        self.profile = Some(NAME);
        self.rehearsals = vec![rehearsal(Need::Needed, feature)];
        self
    }
}

fn settings(feature: &str) -> Settings {
    let mut settings = least();
    let found = FEATURES.iter().find(|(name, _)| *name == feature);
    found.unwrap().1(&mut settings);
    settings
}

fn rehearsal(need: Need, feature: &str) -> Rehearsal {
    of_settings(need, settings(feature))
}

fn of_settings(need: Need, settings: Settings) -> Rehearsal {
    let plan = Plan::new(settings);
    let trials = plan.trials().into_iter();
    Rehearsal {
        need,
        problems: Vec::new(),
        trials: trials.map(|trial| (trial, Attempted::Done)).collect(),
        limits: Vec::new(),
        plan: Some(plan),
    }
}

fn case(name: &'static str) -> Case {
    Case {
        name,
        works: true,
        profile: None,
        rehearsals: vec![
            rehearsal(Need::Needed, "least"),
            rehearsal(Need::Wanted("profiles that discard"), "overlay"),
            rehearsal(Need::Wanted("profiles with clocks"), "clocks"),
        ],
        host: HostState {
            kernel: Some((6, 12)),
            ids_mapped: Some(Switch::On),
            chroot: Some(Switch::Off),
            filtered: Some(Switch::Off),
            user_namespaces: Some(Switch::On),
            time_namespaces: Some(Switch::On),
            namespace_limits: vec![
                ("max_user_namespaces", 30_000),
                ("max_net_namespaces", 30_000),
            ],
            ..HostState::default()
        },
        surroundings: surroundings(),
    }
}

fn surroundings() -> Surroundings {
    let limit = |key: &str, soft| {
        let resource = Resource::ALL.iter().find(|one| one.key == key);
        let value = RlimitValue::Value(soft);
        (
            *resource.unwrap(),
            Rlimit {
                soft: value,
                hard: value,
            },
        )
    };
    let place = |role, path: &str| Place {
        role,
        path: path.into(),
        there: "/home/me".into(),
        kind: Some("ext4".to_owned()),
        writable: Switch::On,
        room: Some(Room {
            bytes: 40 << 30,
            files: Some(1_000_000),
        }),
    };
    Surroundings {
        kernel: "6.12.9 x86_64".to_owned(),
        uid: 1000,
        landlock: LandlockAbi(6),
        security_modules: Some(["capability", "landlock", "yama"].map(str::to_owned).into()),
        ptrace_scope: Some(1),
        memfd_noexec: Some(0),
        keys: Some(KeyQuota { used: 4, most: 200 }),
        effective: Some(0),
        bounding: Some(0x1ff_ffff_ffff),
        no_new_privileges: Some(Switch::Off),
        limits: vec![limit("nofile", 1024), limit("nproc", 60_000)],
        cgroups: CgroupFacts {
            hierarchies: vec![unified()],
        },
        user_manager: Some(Switch::On),
        places: vec![
            place("store", "/home/me/.cache/sandbox"),
            place("kept data", "/home/me/.local/share/sandbox"),
            place("runtime directory", "/run/user/1000/sandbox"),
        ],
        devices: vec![("/dev/net/tun", Switch::On), ("/dev/kvm", Switch::Off)],
    }
}

fn unified() -> Hierarchy {
    Hierarchy {
        version: CgroupVersion::V2,
        controllers: ["cpu", "memory", "pids"].map(str::to_owned).into(),
        mount: "/sys/fs/cgroup".into(),
        own: "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope".into(),
    }
}

fn v1(controller: &str) -> Hierarchy {
    Hierarchy {
        version: CgroupVersion::V1,
        controllers: vec![controller.to_owned()],
        mount: format!("/sys/fs/cgroup/{controller}").into(),
        own: format!("/sys/fs/cgroup/{controller}").into(),
    }
}

fn user() -> Tried {
    Tried::Namespace(Namespace::User)
}

fn behind_user(what: &Tried) -> bool {
    !matches!(
        what,
        Tried::Namespace(Namespace::User)
            | Tried::Landlock
            | Tried::Filter
            | Tried::Listener
            | Tried::Execute
    )
}

fn behind_maps(what: &Tried) -> bool {
    behind_user(what) && *what != Tried::IdMaps
}

fn nothing(_: &Tried) -> bool {
    false
}

fn behind_mounts(what: &Tried) -> bool {
    matches!(
        what,
        Tried::Tmpfs
            | Tried::Proc
            | Tried::Devpts
            | Tried::Device(_)
            | Tried::PivotRoot
            | Tried::Overlay
    )
}

pub fn cases() -> Vec<Case> {
    let mut all = vec![
        case("all-well"),
        case("all-well--profile").of_profile("least"),
        case("all-well--root").surroundings(|of| {
            of.uid = 0;
            of.effective = Some(0x1ff_ffff_ffff);
            of.security_modules = None;
            of.ptrace_scope = None;
        }),
    ];
    all.extend(refused());
    all.extend(mounts());
    all.extend(limits());
    all.extend(told_by_host());
    all.extend(profiles());
    all
}

fn refused() -> Vec<Case> {
    let off = |name, errno| case(name).refused(user(), errno, behind_user).stops();
    vec![
        off("host.user-namespaces-off", ENOSPC).host(|host| host.namespace_limits[0].1 = 0),
        off("host.user-namespaces-off--debian", EPERM)
            .host(|host| host.unprivileged_user_namespaces = Some(Switch::Off)),
        off("host.user-namespaces-denied", EPERM),
        off("host.no-user-namespaces", EINVAL)
            .host(|host| host.user_namespaces = Some(Switch::Off)),
        off("host.chroot", EPERM).host(|host| host.chroot = Some(Switch::On)),
        off("host.ids-not-mapped", EPERM).host(|host| host.ids_mapped = Some(Switch::Off)),
        off("host.container-seccomp", EPERM).host(|host| host.filtered = Some(Switch::On)),
        off("host.selinux-userns", EACCES).host(|host| host.selinux = Some(Switch::On)),
        case("host.apparmor-userns")
            .refused(Tried::IdMaps, EPERM, behind_maps)
            .host(|host| host.apparmor_restricts_user_namespaces = Some(Switch::On))
            .stops(),
        case("host.namespace-limit")
            .refused(Tried::Namespace(Namespace::Network), ENOSPC, |what| {
                *what == Tried::Loopback
            })
            .host(|host| host.namespace_limits[1].1 = 0)
            .stops(),
        case("host.no-time-namespaces")
            .refused(Tried::TimeNamespace, EINVAL, nothing)
            .host(|host| host.time_namespaces = Some(Switch::Off)),
        case("host.keys")
            .refused(Tried::Keyring, EDQUOT, nothing)
            .stops(),
        case("host.no-seccomp")
            .refused(Tried::Filter, EINVAL, nothing)
            .stops(),
        case("host.no-listener").refused(Tried::Listener, EBUSY, nothing),
        case("host.store-noexec")
            .refused(Tried::Execute, EACCES, nothing)
            .host(|host| host.tree_noexec = Some(Switch::On))
            .stops(),
    ]
}

fn mounts() -> Vec<Case> {
    vec![
        case("host.container-apparmor")
            .refused(Tried::PrivateMounts, EACCES, behind_mounts)
            .host(|host| host.apparmor_profile = Some("docker-default".to_owned()))
            .stops(),
        case("host.proc-masked")
            .refused(Tried::Proc, EPERM, nothing)
            .host(|host| host.mounts_below_proc = vec!["/proc/acpi".into()])
            .stops(),
        case("host.no-overlay")
            .refused(Tried::Overlay, EINVAL, nothing)
            .host(|host| {
                host.kernel = Some((6, 1));
            }),
        case("host.initramfs")
            .refused(Tried::PivotRoot, EINVAL, nothing)
            .host(|host| host.root_type = Some("rootfs".to_owned()))
            .stops(),
        case("system.dev-missing")
            .refused(Tried::Device("/dev/full".to_owned()), ENOENT, nothing)
            .stops(),
    ]
}

fn limit(key: &'static str, refused: Option<(&str, &str)>) -> LimitTried {
    LimitTried {
        key,
        origin: Origin::Default,
        lacking: Lacking::Refused,
        group: refused.map(|_| "/sys/fs/cgroup/user.slice".to_owned()),
        refused: refused.map(|(reason, help)| Told {
            code: "limits.not-enforced",
            reason: reason.to_owned(),
            help: Some(help.to_owned()),
        }),
    }
}

fn limited(refused: Option<(&str, &str)>) -> Rehearsal {
    let mut least = rehearsal(Need::Wanted("profiles with limits"), "least");
    least.limits = ["limits.memory", "limits.pids"]
        .map(|key| limit(key, refused))
        .into();
    least
}

const NOT_DELEGATED: Option<(&str, &str)> = Some((
    "this control group is not delegated to you (EACCES)",
    "start it in a group of its own: `systemd-run --user --scope -p Delegate=yes sandbox up …`",
));

fn limits() -> Vec<Case> {
    let mut profile = rehearsal(Need::Needed, "least");
    profile.limits = vec![LimitTried {
        origin: place("[limits]"),
        ..limit("limits.pids", NOT_DELEGATED)
    }];
    let mut reported = profile.clone();
    reported.limits[0].lacking = Lacking::Reported;
    let of_profile = |name, rehearsal| Case {
        profile: Some(NAME),
        rehearsals: vec![rehearsal],
        ..case(name)
    };
    vec![
        case("all-well--limits").with(limited(None)),
        case("limits.not-enforced").with(limited(NOT_DELEGATED)),
        of_profile("limits.not-enforced--profile", profile).stops(),
        of_profile("limits.not-enforced--allowed", reported),
        case("host.no-user-manager")
            .with(limited(NOT_DELEGATED))
            .surroundings(|of| of.user_manager = None),
        case("host.no-cgroups").surroundings(|of| of.cgroups.hierarchies.clear()),
        case("all-well--v1").surroundings(|of| {
            of.cgroups.hierarchies = vec![v1("memory"), v1("pids")];
        }),
        case("all-well--hybrid").surroundings(|of| {
            of.cgroups.hierarchies.push(v1("memory"));
            of.cgroups.hierarchies[0].controllers.clear();
        }),
    ]
}

fn told_by_host() -> Vec<Case> {
    vec![
        case("host.landlock-old").surroundings(|of| of.landlock = LandlockAbi(2)),
        case("host.landlock-missing--list").surroundings(|of| {
            of.landlock = LandlockAbi::NONE;
            of.security_modules = Some(["capability", "yama"].map(str::to_owned).into());
        }),
        case("host.landlock-missing--unknown").surroundings(|of| {
            of.landlock = LandlockAbi::NONE;
            of.security_modules = None;
        }),
        case("host.landlock-missing--first").surroundings(|of| of.landlock = LandlockAbi(1)),
        case("host.few-namespaces").host(|host| host.namespace_limits[1].1 = 3),
        case("host.place-closed")
            .surroundings(|of| of.places[0].writable = Switch::Off)
            .stops(),
        case("host.place-closed--kept").surroundings(|of| of.places[1].writable = Switch::Off),
        case("host.place-full").surroundings(|of| {
            of.places[0].room = Some(Room {
                bytes: 3 << 20,
                files: None,
            });
        }),
        case("host.place-full--files").surroundings(|of| {
            of.places[1].room = Some(Room {
                bytes: 1 << 40,
                files: Some(7),
            });
        }),
        case("host.kernel-too-old")
            .host(|host| host.kernel = Some((5, 4)))
            .surroundings(|of| of.kernel = "5.4.0 x86_64".to_owned())
            .stops(),
        case("host.capabilities").surroundings(|of| {
            of.uid = 0;
            of.effective = Some(0xa804_25fb & !(1 << 6));
        }),
        case("host.no-new-privs").surroundings(|of| of.no_new_privileges = Some(Switch::On)),
        case("host.own-limits").surroundings(|of| {
            of.limits[0].1.soft = RlimitValue::Value(20);
        }),
        case("all-well--confined")
            .host(|host| {
                host.apparmor_profile = Some("sandbox".to_owned());
                host.selinux = Some(Switch::On);
            })
            .surroundings(|of| {
                of.ptrace_scope = Some(3);
                of.devices = Vec::new();
                of.bounding = Some(0);
            }),
    ]
}

fn profiles() -> Vec<Case> {
    let problem = Problem::error(
        "mount.source-missing",
        &place("\"/home/me/x y\""),
        "host path `/home/me/x y` is not there",
    );
    let broken = Rehearsal {
        plan: None,
        problems: vec![problem.help("create it, or write `optional = true` beside it")],
        trials: Vec::new(),
        ..rehearsal(Need::Needed, "least")
    };
    let mut range = least();
    range.identity.maps = sandbox::diag::At::new(
        IdMaps {
            users: vec![IdExtent {
                inside: 0,
                outside: 100_000,
                count: 65_536,
            }],
            groups: vec![IdExtent {
                inside: 0,
                outside: 100_000,
                count: 65_536,
            }],
            writer: MapWriter::Helpers(MapHelpers {
                users: "/usr/bin/newuidmap".into(),
                groups: "/usr/bin/newgidmap".into(),
            }),
        },
        place("[namespaces]"),
    );
    range.identity.host = HostIds::Caller(ids(1000));
    let mut unlocked = least();
    unlocked.landlock.value = Landlock::Off;
    let of_profile = |name, rehearsal| Case {
        profile: Some(NAME),
        rehearsals: vec![rehearsal],
        ..case(name)
    };
    vec![
        of_profile("mount.source-missing", broken).stops(),
        of_profile("host.map-helper", of_settings(Need::Needed, range))
            .refused(Tried::IdMapHelpers, EPERM, nothing)
            .stops(),
        of_profile("launch.sealed", of_settings(Need::Needed, unlocked))
            .surroundings(|of| of.memfd_noexec = Some(2))
            .stops(),
        case("host.store-unmappable")
            .of_profile("root")
            .refused(Tried::IdMappedStore, EINVAL, nothing)
            .stops(),
    ]
}
