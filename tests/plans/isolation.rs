//! The contract is read off the steps: without the step that puts a layer up, the layer is not enforced.

use sandbox::model::{ByteSize, LandlockAbi, Layer, LayerState, NetworkMode, Switch};
use sandbox::plan::{
    Action, Amount, GroupLimit, Landlock, MountAction, Namespace, Plan, ProgramAction, Shortfalls,
    isolation,
};

use super::settings::{FEATURES, at, least};

type IsStep = fn(&Action) -> bool;

/// Every layer, in its order, and a step without which it is not there.
const LAYERS: [(&str, IsStep); 33] = [
    ("namespace.user", |a| clones(a, Namespace::User)),
    ("namespace.mount", |a| clones(a, Namespace::Mount)),
    ("namespace.pid", |a| clones(a, Namespace::Pid)),
    ("namespace.ipc", |a| clones(a, Namespace::Ipc)),
    ("namespace.uts", |a| clones(a, Namespace::Uts)),
    ("namespace.network", |a| clones(a, Namespace::Network)),
    ("namespace.cgroup", |a| *a == Action::NewCgroupNamespace),
    ("namespace.time", |a| matches!(a, Action::SetClocks(_))),
    ("no_new_privs", |a| *a == Action::NoNewPrivileges),
    ("capabilities", |a| matches!(a, Action::SetCapabilities(_))),
    ("nested_user_namespaces", |a| {
        *a == Action::ForbidUserNamespaces
    }),
    ("supplementary_groups", |a| {
        matches!(a, Action::LeaveGroups { .. })
    }),
    ("seccomp", |a| matches!(a, Action::Filter(_))),
    ("landlock", is_landlock),
    ("abstract_sockets", |a| {
        clones(a, Namespace::Network) || is_landlock(a)
    }),
    ("root", |a| {
        matches!(
            a,
            Action::Mount(MountAction::MountRoot | MountAction::MountOverlay { .. })
        )
    }),
    ("proc", |a| {
        matches!(a, Action::Mount(MountAction::MountProc(_)))
    }),
    ("sys", |a| {
        matches!(a, Action::Mount(MountAction::MountSys(_)))
    }),
    ("dev", |a| *a == Action::Mount(MountAction::SealDev)),
    ("devices", |a| *a == Action::Mount(MountAction::MountDev)),
    ("terminal", |a| *a == Action::NewSession),
    ("network", |a| clones(a, Namespace::Network)),
    ("descriptors", |a| {
        matches!(a, Action::Program(ProgramAction::CloseDescriptors { .. }))
    }),
    ("first_process", |a| *a == Action::HideInit),
    ("limits.memory", |a| matches!(a, Action::MakeGroups(_))),
    ("limits.swap", |a| *a == Action::EnterGroups),
    ("limits.cpus", |a| *a == Action::EnterGroups),
    ("limits.pids", |a| *a == Action::EnterGroups),
    ("limits.cpu_time", |a| *a == Action::EnterGroups),
    ("limits.wall_time", |_| false),
    ("limits.output", |_| false),
    ("limits.process.core", is_process_limit),
    ("limits.process.nofile", is_process_limit),
];

fn clones(action: &Action, namespace: Namespace) -> bool {
    matches!(action, Action::Clone { namespaces } if namespaces.contains(&namespace))
}

fn is_landlock(action: &Action) -> bool {
    matches!(action, Action::Program(ProgramAction::Landlock(_)))
}

fn is_process_limit(action: &Action) -> bool {
    matches!(action, Action::Program(ProgramAction::LimitProcess(_)))
}

fn plan(features: &[&str]) -> Plan {
    let mut settings = least();
    for (name, change) in FEATURES {
        if features.contains(name) {
            change(&mut settings);
        }
    }
    if features.contains(&"limits") {
        let list = &mut settings.group_limits.list;
        let amount = Amount::Swap(ByteSize(0));
        list.push(GroupLimit {
            amount,
            ..list[0].clone()
        });
    }
    Plan::new(settings)
}

fn held(plan: &Plan) -> Vec<Layer> {
    isolation(plan, &Shortfalls::default())
}

fn find<'a>(layers: &'a [Layer], name: &str) -> &'a Layer {
    let mut layers = layers.iter();
    layers
        .find(|layer| layer.layer == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_layer_changes_when_its_step_is_gone() {
    let whole = plan(&["clocks", "limits", "root", "system"]);
    let names: Vec<String> = held(&whole).into_iter().map(|layer| layer.layer).collect();
    let known = LAYERS.map(|(name, _)| name);
    assert_eq!(names, known);
    for (name, is) in LAYERS {
        let before = held(&whole);
        assert_eq!(find(&before, name).state, LayerState::Enforced, "{name}");
        assert!(find(&before, name).value.is_some(), "{name}");
        if ["limits.wall_time", "limits.output"].contains(&name) {
            continue;
        }
        let mut without = whole.clone();
        without.steps.retain(|step| !is(&step.action));
        assert!(
            without.steps.len() < whole.steps.len(),
            "{name} has no step"
        );
        let after = held(&without);
        let after = find(&after, name);
        assert_ne!(after.state, LayerState::Enforced, "{name}");
        assert!(after.value.is_none() && after.reason.is_some(), "{name}");
    }
}

/// Those that no step puts up: the supervisor keeps them, and the settings say so.
#[test]
fn what_the_supervisor_keeps_is_that_of_the_settings() {
    let mut limits = plan(&["limits"]);
    limits.settings.wall_time = None;
    limits.settings.output = None;
    for name in ["limits.wall_time", "limits.output"] {
        assert_eq!(find(&held(&limits), name).state, LayerState::Off, "{name}");
    }
}

#[test]
fn every_plan_says_something_of_every_layer() {
    for (name, _) in FEATURES {
        let layers = held(&plan(&[name]));
        let always = LAYERS
            .iter()
            .filter(|(layer, _)| !layer.starts_with("limits.process"));
        for (layer, _) in always {
            let layer = find(&layers, layer);
            let says = layer.value.is_some() == (layer.state == LayerState::Enforced);
            assert!(
                says && (layer.value.is_some() || layer.reason.is_some()),
                "{name}: {layer:?}"
            );
        }
    }
}

#[test]
fn what_the_profile_has_off_is_said_in_its_words() {
    let cases = [
        (
            "no-user-namespace",
            "namespace.user",
            "the profile has `namespaces.user = false`",
        ),
        (
            "no-filter",
            "seccomp",
            "the profile has `security.seccomp = \"none\"`: off but for set-id modes",
        ),
        (
            "no-landlock",
            "landlock",
            "the profile has `security.landlock = false`",
        ),
        ("least", "limits.memory", "the profile does not set it"),
        ("least", "namespace.time", "the profile sets no clock"),
        (
            "shared",
            "network",
            "the profile has `network.mode = \"host\"`",
        ),
    ];
    for (feature, layer, reason) in cases {
        let layers = held(&plan(&[feature]));
        let layer = find(&layers, layer);
        assert_eq!(
            (layer.state, layer.reason.as_deref()),
            (LayerState::Off, Some(reason))
        );
    }
}

/// What a host lacks is no wish of the profile's.
#[test]
fn what_the_host_lacks_is_degraded() {
    let mut settings = least();
    settings.landlock = at("seccomp = ", Landlock::Lacking(LandlockAbi::NONE));
    let layers = held(&Plan::new(settings.clone()));
    assert_eq!(find(&layers, "landlock").state, LayerState::Degraded);
    // A network of its own needs no Landlock.
    assert_eq!(
        find(&layers, "abstract_sockets").value.as_deref(),
        Some("own network")
    );
    settings.network = at("\"host\"", NetworkMode::Host);
    let layers = held(&Plan::new(settings.clone()));
    assert_eq!(
        find(&layers, "abstract_sockets").state,
        LayerState::Degraded
    );
    settings.landlock.value = Landlock::Enforced(LandlockAbi(2));
    let layers = held(&Plan::new(settings.clone()));
    let landlock = find(&layers, "landlock");
    assert_eq!(landlock.value.as_deref(), Some("abi 2"));
    let lacks = "this kernel's Landlock lacks truncate, ioctl_dev, abstract_unix_socket, signal";
    assert_eq!(landlock.reason.as_deref(), Some(lacks));
    settings.landlock.value = Landlock::Enforced(LandlockAbi(6));
    let layers = held(&Plan::new(settings));
    assert_eq!(
        find(&layers, "abstract_sockets").value.as_deref(),
        Some("landlock")
    );

    let limits = plan(&["limits"]);
    let shortfalls = Shortfalls {
        limits: vec![("limits.pids", "no such controller".to_owned())],
        devices: Some("only root may".to_owned()),
    };
    let layers = isolation(&limits, &shortfalls);
    let pids = find(&layers, "limits.pids");
    assert_eq!(
        (pids.state, pids.reason.as_deref()),
        (LayerState::Degraded, Some("no such controller"))
    );
    let devices = |layers: &[Layer]| find(layers, "devices").value.clone().unwrap();
    assert_eq!(devices(&layers), "mounts alone");
    assert_eq!(devices(&held(&limits)), "mounts and control group");
    assert_eq!(devices(&held(&plan(&["least"]))), "mounts alone");
    let mut unruled = limits;
    unruled.settings.namespaces.user = at("user =", Switch::On);
    unruled
        .steps
        .retain(|step| step.action != Action::EnterGroups);
    assert_eq!(devices(&held(&unruled)), "mounts alone");
}
