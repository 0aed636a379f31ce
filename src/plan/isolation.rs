//! The isolation contract: what holds, layer by layer, read off the steps that are performed.

use crate::model::{Layer, LayerState, NetworkMode, OnDeny, ProcMount, SeccompPolicy, SysMount};

use super::step::{Action, Lane, MountAction, Namespace, ProgramAction};
use super::{Amount, Landlock, LandlockRules, Plan, Terminal};

/// What the host could not give, although a step asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shortfalls {
    /// Limits by their keys, and why each does not hold.
    pub limits: Vec<(&'static str, String)>,
    /// Why the control groups have no rule for devices; nothing where they have one.
    pub devices: Option<String>,
}

/// Every layer of isolation, always in the same order.
///
/// A run that came to its program has performed every step, so what the steps say holds, but for the
/// `shortfalls`.
pub fn isolation(plan: &Plan, shortfalls: &Shortfalls) -> Vec<Layer> {
    let mut contract = Contract {
        plan,
        shortfalls,
        list: Vec::new(),
    };
    contract.namespaces();
    contract.rights();
    contract.files();
    contract.devices();
    contract.surroundings();
    contract.limits();
    contract.list
}

struct Contract<'a> {
    plan: &'a Plan,
    shortfalls: &'a Shortfalls,
    list: Vec<Layer>,
}

/// Why a layer is off that no step puts up, where the profile says so.
fn asked(is: bool, text: &str) -> Option<String> {
    is.then(|| format!("the profile has `{text}`"))
}

/// `none`, or all of them.
fn listed(kept: &[impl ToString]) -> String {
    let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
    match kept.is_empty() {
        true => "none".to_owned(),
        false => kept.join(" "),
    }
}

impl<'a> Contract<'a> {
    fn find<T>(&self, value: impl Fn(&'a Action) -> Option<T>) -> Option<T> {
        self.plan.steps.iter().find_map(|step| value(&step.action))
    }

    fn has(&self, is: impl Fn(&Action) -> bool) -> bool {
        self.plan.steps.iter().any(|step| is(&step.action))
    }

    fn add(
        &mut self,
        layer: &str,
        state: LayerState,
        value: Option<String>,
        reason: Option<String>,
    ) {
        self.list.push(Layer {
            layer: layer.to_owned(),
            state,
            value,
            reason,
        });
    }

    /// A layer that is put up with `value`, or off for a reason of the profile's.
    fn layer(&mut self, layer: &str, value: Option<String>, off: Option<String>) {
        match value {
            Some(value) => self.add(layer, LayerState::Enforced, Some(value), None),
            None => {
                let reason = off.unwrap_or_else(|| "no step of the plan puts it up".to_owned());
                self.add(layer, LayerState::Off, None, Some(reason));
            }
        }
    }

    fn namespaces(&mut self) {
        let namespaces = &self.plan.settings.namespaces;
        let shared = self.shares_network();
        let all = [
            (
                Namespace::User,
                asked(!namespaces.user.value.is_on(), "namespaces.user = false"),
            ),
            (Namespace::Mount, None),
            (
                Namespace::Pid,
                asked(!namespaces.pid.value.is_on(), "namespaces.pid = false"),
            ),
            (
                Namespace::Ipc,
                asked(!namespaces.ipc.value.is_on(), "namespaces.ipc = false"),
            ),
            (
                Namespace::Uts,
                asked(!namespaces.uts.value.is_on(), "namespaces.uts = false"),
            ),
            (Namespace::Network, asked(shared, "network.mode = \"host\"")),
        ];
        for (namespace, off) in all {
            let own = self.clones(namespace).then(|| "own".to_owned());
            self.layer(&format!("namespace.{}", namespace.name()), own, off);
        }
        let own = self.has(|action| *action == Action::NewCgroupNamespace);
        let off = asked(
            !namespaces.cgroup.value.is_on(),
            "namespaces.cgroup = false",
        );
        self.layer("namespace.cgroup", own.then(|| "own".to_owned()), off);
        let own = self.has(|action| matches!(action, Action::SetClocks(_)));
        let off = namespaces.time.is_empty();
        let off = off.then(|| "the profile sets no clock".to_owned());
        self.layer("namespace.time", own.then(|| "own".to_owned()), off);
    }

    fn clones(&self, namespace: Namespace) -> bool {
        self.has(|action| matches!(action, Action::Clone { namespaces } if namespaces.contains(&namespace)))
    }

    fn shares_network(&self) -> bool {
        self.plan.settings.network.value == NetworkMode::Host
    }

    fn rights(&mut self) {
        let settings = &self.plan.settings;
        let on = self.has(|action| *action == Action::NoNewPrivileges);
        self.layer("no_new_privs", on.then(|| "on".to_owned()), None);
        let kept = self.find(|action| match action {
            Action::SetCapabilities(kept) => Some(kept),
            _ => None,
        });
        let bounded = self.has(|action| matches!(action, Action::DropBoundingSet(_)));
        let names = kept.filter(|_| bounded).map(|kept| listed(kept));
        self.layer("capabilities", names, None);
        let forbidden = self.has(|action| *action == Action::ForbidUserNamespaces);
        let off = asked(
            !settings.namespaces.user.value.is_on(),
            "namespaces.user = false",
        );
        let nested = settings.nested_userns.value.is_on();
        let off = asked(nested, "security.nested_userns = true").or(off);
        let forbidden = forbidden.then(|| "forbidden".to_owned());
        self.layer("nested_user_namespaces", forbidden, off);
        self.groups();
        let mut steps = self.plan.steps.iter();
        let policy = steps.find_map(|step| match (&step.action, step.lane) {
            (Action::Filter(policy), Lane::Program) => Some(*policy),
            _ => None,
        });
        let modes_alone = policy == Some(SeccompPolicy::None);
        let off = modes_alone.then(|| {
            "the profile has `security.seccomp = \"none\"`: off but for set-id modes".to_owned()
        });
        // What is refused runs all the same: only rules over arguments hold.
        let logs = settings.syscalls.on_deny.value == OnDeny::Log;
        let off = off.or_else(|| {
            logs.then(|| "the profile has `on_deny = \"log\"`: refused calls run".to_owned())
        });
        let policy = policy.filter(|_| !modes_alone && !logs);
        let policy = policy.map(|policy| policy.to_string());
        self.layer("seccomp", policy, off);
        self.landlock();
        self.abstract_sockets();
    }

    /// Without rights nobody leaves a group: what is closed to its members would be open then.
    fn groups(&mut self) {
        let left = self.find(|action| match action {
            Action::LeaveGroups { keep } if keep.is_empty() => Some("all left".to_owned()),
            Action::LeaveGroups { keep } => {
                let keep: Vec<String> = keep.iter().map(ToString::to_string).collect();
                Some(format!("all left but {}", keep.join(" ")))
            }
            _ => None,
        });
        let stay = "the caller's stay, and show as the overflow group: only root may leave them"
            .to_owned();
        self.layer("supplementary_groups", left, Some(stay));
    }

    fn landlock_rules(&self) -> Option<&'a LandlockRules> {
        self.find(|action| match action {
            Action::Program(ProgramAction::Landlock(rules)) => Some(rules),
            _ => None,
        })
    }

    /// A kernel with a part of it gives that part, and the reason names the rest.
    fn landlock(&mut self) {
        if let Some(rules) = self.landlock_rules() {
            let lacks = rules.abi.lacks();
            let reason = (!lacks.is_empty())
                .then(|| format!("this kernel's Landlock lacks {}", lacks.join(", ")));
            let value = Some(rules.abi.to_string());
            self.add("landlock", LayerState::Enforced, value, reason);
            return;
        }
        match self.plan.settings.landlock.value {
            Landlock::Lacking(abi) => {
                let reason = match abi.0 {
                    0 => "this kernel has no Landlock, or it was not switched on",
                    _ => {
                        "this kernel's Landlock forbids every rename from one directory to another"
                    }
                };
                let reason = Some(reason.to_owned());
                self.add("landlock", LayerState::Degraded, None, reason);
            }
            Landlock::Off => {
                let nested = self.plan.settings.nested_userns.value.is_on();
                let written = match nested {
                    true => "security.nested_userns = true",
                    false => "security.landlock = false",
                };
                self.layer("landlock", None, asked(true, written));
            }
            Landlock::Enforced(_) => self.layer("landlock", None, None),
        }
    }

    /// They belong to the network namespace, and Landlock stands in where that is the host's.
    fn abstract_sockets(&mut self) {
        let scoped = self
            .landlock_rules()
            .is_some_and(|rules| rules.abi.has_scopes());
        let value = match (self.clones(Namespace::Network), scoped) {
            (true, _) => Some("own network"),
            (false, true) => Some("landlock"),
            (false, false) => None,
        };
        let value = value.map(str::to_owned);
        if value.is_none() && !matches!(self.plan.settings.landlock.value, Landlock::Off) {
            let reason = "the network is the host's, and this kernel's Landlock has no scopes";
            let reason = Some(reason.to_owned());
            self.add("abstract_sockets", LayerState::Degraded, None, reason);
            return;
        }
        let off = asked(self.shares_network(), "network.mode = \"host\"");
        self.layer("abstract_sockets", value, off);
    }

    fn files(&mut self) {
        let system = &self.plan.settings.system;
        let root = self.find(|action| match action {
            Action::Mount(MountAction::MountRoot) => Some("read-only"),
            Action::Mount(MountAction::MountOverlay { .. }) => Some("writes are discarded"),
            Action::Mount(MountAction::MountKept { .. }) => Some("writes are kept"),
            _ => None,
        });
        let pivots = self.has(|action| *action == Action::PivotRoot);
        let root = root.filter(|_| pivots).map(str::to_owned);
        self.layer("root", root, None);
        let proc = self.find(|action| match action {
            Action::Mount(MountAction::MountProc(kind)) => Some(*kind),
            _ => None,
        });
        let proc = proc.or((system.proc.value == ProcMount::None).then_some(ProcMount::None));
        self.layer("proc", proc.map(|kind| kind.to_string()), None);
        let sys = self.has(|action| matches!(action, Action::Mount(MountAction::MountSys(_))));
        let sys = match (sys, system.sys.value) {
            (true, _) => Some(SysMount::ReadOnly.to_string()),
            (false, SysMount::None) => Some(SysMount::None.to_string()),
            (false, SysMount::ReadOnly) => None,
        };
        self.layer("sys", sys, None);
    }

    fn devices(&mut self) {
        let own = self.has(|action| *action == Action::Mount(MountAction::MountDev));
        let sealed = self.has(|action| *action == Action::Mount(MountAction::SealDev));
        let own = own && sealed;
        self.layer("dev", own.then(|| "own".to_owned()), None);
        if !own {
            self.layer("devices", None, None);
            return;
        }
        let ruled = |action: &Action| matches!(action, Action::MakeGroups(limits) if !limits.devices.is_empty());
        let grouped = self.has(ruled) && self.has(|action| *action == Action::EnterGroups);
        let reason = match (grouped, &self.shortfalls.devices) {
            (true, None) => None,
            (true, Some(reason)) => Some(reason.clone()),
            (false, _) => Some("there is no control group, since no limit makes one".to_owned()),
        };
        let value = match reason {
            None => "mounts and control group",
            Some(_) => "mounts alone",
        };
        let value = Some(value.to_owned());
        self.add("devices", LayerState::Enforced, value, reason);
    }

    fn surroundings(&mut self) {
        let settings = &self.plan.settings;
        let opened = self.has(|action| *action == Action::Mount(MountAction::OpenTerminal));
        let session = self.has(|action| *action == Action::NewSession);
        let terminal = match (session, opened, settings.command.terminal.value) {
            (true, true, _) => Some("own"),
            (true, false, Terminal::Inherited) => Some("none that controls it"),
            _ => None,
        };
        self.layer("terminal", terminal.map(str::to_owned), None);
        let shared = asked(self.shares_network(), "network.mode = \"host\"");
        let none = self.clones(Namespace::Network).then(|| "none".to_owned());
        self.layer("network", none, shared);
        let kept = self.find(|action| match action {
            Action::Program(ProgramAction::CloseDescriptors { keep }) => Some(keep),
            _ => None,
        });
        let kept = kept.map(|kept| listed(kept));
        self.layer("descriptors", kept, None);
        let hidden = self.has(|action| *action == Action::HideInit);
        self.layer("first_process", hidden.then(|| "hidden".to_owned()), None);
    }

    fn limits(&mut self) {
        let entered = self.has(|action| *action == Action::EnterGroups);
        let made = self.find(|action| match action {
            Action::MakeGroups(limits) => Some(limits.list.as_slice()),
            _ => None,
        });
        let made = made.filter(|_| entered).unwrap_or_default();
        let amounts: Vec<Amount> = made.iter().map(|limit| limit.amount).collect();
        let asked = &self.plan.settings.group_limits.list;
        let asked: Vec<&str> = asked.iter().map(|limit| limit.amount.key()).collect();
        for key in Amount::KEYS {
            let amount = amounts.iter().find(|amount| amount.key() == key);
            let lacking = self
                .shortfalls
                .limits
                .iter()
                .find(|(lacking, _)| *lacking == key);
            match (amount, lacking) {
                (Some(_), Some((_, reason))) => {
                    self.add(key, LayerState::Degraded, None, Some(reason.clone()));
                }
                (amount, _) => {
                    let unset = (!asked.contains(&key)).then(|| UNSET.to_owned());
                    self.layer(key, amount.map(|amount| amount.value()), unset);
                }
            }
        }
        // No step: the supervisor keeps it.
        let time = self.plan.settings.wall_time.as_ref();
        let time = time.map(|time| time.value.to_string());
        self.layer("limits.wall_time", time, Some(UNSET.to_owned()));
        let output = self.plan.settings.output.as_ref();
        let output = output.map(|size| size.value.to_string());
        self.layer("limits.output", output, Some(UNSET.to_owned()));
        self.process_limits();
    }

    /// Those that the profile sets: the others are the caller's own.
    fn process_limits(&mut self) {
        let settings = &self.plan.settings;
        for limit in &settings.process_limits {
            let set = self.has(|action| {
                *action == Action::Program(ProgramAction::LimitProcess(limit.clone()))
            });
            let value = set.then(|| limit.limit.value.soft.to_string());
            self.layer(
                &format!("limits.process.{}", limit.resource.key),
                value,
                None,
            );
        }
    }
}

const UNSET: &str = "the profile does not set it";
