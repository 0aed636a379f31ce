//! Settings to steps, in the order that was found to work.
//!
//! The order is the security argument: no_new_privs and private mounts first, host names resolved
//! before the pivot, capabilities dropped after the last mount, the filter last before exec.

mod further;
mod landlock;
mod mounts;
mod parts;

pub(super) use further::further_steps;
pub(crate) use mounts::{DEVICES, PROC_MASKS, PROC_SEALS, SYS_MASKS};

use crate::diag::Origin;
use crate::model::{CgroupMount, NetworkMode, SeccompPolicy};

use super::probe::probes;
use super::step::{Action, Lane, MountAction, Namespace, Phase, ProgramAction, Step};
use super::{HostIds, LandlockRules, MapWriter, Settings, Terminal};

/// The list under construction.
struct Steps<'a> {
    settings: &'a Settings,
    end: End,
    /// Where what is mounted does not tell them.
    rules: Option<&'a LandlockRules>,
    list: Vec<Step>,
}

/// What a start is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The program.
    Execute,
    /// The answers to what the profile expects.
    Answer,
}

/// Every step of a start, in order.
pub fn steps(settings: &Settings, end: End) -> Vec<Step> {
    let mut steps = Steps {
        settings,
        end,
        rules: None,
        list: Vec::with_capacity(96),
    };
    steps.prepare();
    steps.isolate();
    steps.identify();
    steps.limit_group();
    steps.mount();
    steps.connect();
    steps.drop_rights();
    steps.lock_down();
    steps.program();
    steps.list
}

impl Steps<'_> {
    fn add(
        &mut self,
        lane: Lane,
        phase: Phase,
        action: impl Into<Action>,
        why: &'static str,
        origin: &Origin,
    ) {
        self.list.push(Step {
            lane,
            phase,
            action: action.into(),
            why,
            origin: origin.clone(),
        });
    }

    /// A step that no line of the profile asks for.
    fn always(&mut self, lane: Lane, phase: Phase, action: impl Into<Action>, why: &'static str) {
        self.add(lane, phase, action, why, &Origin::Default);
    }

    fn host_ids(&self) -> HostIds {
        self.settings.identity.host
    }

    /// Root opens what only it can reach, before the sandbox exists.
    fn parent_opens(&self) -> bool {
        matches!(self.host_ids(), HostIds::Range(_))
    }

    fn prepare(&mut self) {
        if let Some(origin) = self.grouped() {
            let limits = &self.settings.group_limits;
            let why = match limits.list.is_empty() {
                false => "limits stand before the first instruction",
                true => "stopped, killed and counted as one, where the host lets",
            };
            let action = Action::MakeGroups(limits.clone());
            self.add(Lane::Parent, Phase::Prepare, action, why, &origin);
        }
        if self.parent_opens() {
            self.leave_groups(Lane::Parent, Phase::Prepare, "root's groups stay outside");
            self.open_mounts(Lane::Parent, Phase::Prepare);
        }
    }

    fn isolate(&mut self) {
        let namespaces = self.new_namespaces();
        let action = Action::Clone { namespaces };
        self.always(
            Lane::Parent,
            Phase::Isolate,
            action,
            "everything new at once",
        );
        let why = "nothing outlives `sandbox`";
        self.always(Lane::Init, Phase::Isolate, Action::DieWithParent, why);
    }

    fn new_namespaces(&self) -> Vec<Namespace> {
        let namespaces = &self.settings.namespaces;
        let own_network = self.settings.network.value == NetworkMode::None;
        let mut new = vec![Namespace::Mount];
        let asked = [
            (namespaces.user.value.is_on(), Namespace::User),
            (namespaces.pid.value.is_on(), Namespace::Pid),
            (namespaces.ipc.value.is_on(), Namespace::Ipc),
            (namespaces.uts.value.is_on(), Namespace::Uts),
            (own_network, Namespace::Network),
        ];
        new.extend(asked.iter().filter(|(on, _)| *on).map(|(_, name)| *name));
        new.sort();
        new
    }

    fn identify(&mut self) {
        let identity = &self.settings.identity;
        let inside = identity.user.value;
        let origin = identity.user.origin.clone();
        self.map_ids();
        match self.host_ids() {
            HostIds::Caller(_) => {
                if identity.leaves_groups() {
                    let why = "the caller's groups stay outside";
                    self.leave_groups(Lane::Init, Phase::Identity, why);
                }
            }
            HostIds::Range(_) => {
                let why = "the ids that are mapped";
                self.add(
                    Lane::Init,
                    Phase::Identity,
                    Action::BecomeUser(inside),
                    why,
                    &origin,
                );
                let why = "changing ids clears it";
                self.always(Lane::Init, Phase::Identity, Action::DieWithParent, why);
            }
            HostIds::Same => {}
        }
    }

    /// The maps come before the start signal where they are written from outside.
    fn map_ids(&mut self) {
        let maps = &self.settings.identity.maps;
        // One id is a matter of who the program is.
        let origin = match maps.value.is_range() {
            true => maps.origin.clone(),
            false => self.settings.identity.user.origin.clone(),
        };
        let (lane, why) = match maps.value.writer {
            MapWriter::Nobody => return self.start(),
            MapWriter::Itself => (Lane::Init, "the caller's own ids, nobody else's"),
            MapWriter::Helpers(_) => (Lane::Parent, "ids that root gave the caller"),
            MapWriter::Parent if maps.value.is_range() => {
                (Lane::Parent, "unprivileged ids of the host, never root's")
            }
            MapWriter::Parent => (Lane::Parent, "an unprivileged id of the host, never root's"),
        };
        let action = Action::WriteIdMaps(maps.value.clone());
        self.add(lane, Phase::Identity, action, why, &origin);
        self.start();
    }

    fn leave_groups(&mut self, lane: Lane, phase: Phase, why: &'static str) {
        let groups = &self.settings.identity.groups;
        let origin = groups.first().map(|group| group.origin.clone());
        let keep = groups.iter().map(|group| group.value.clone()).collect();
        let action = Action::LeaveGroups { keep };
        self.add(lane, phase, action, why, &origin.unwrap_or(Origin::Default));
    }

    fn start(&mut self) {
        let why = "everything outside is ready";
        self.always(Lane::Parent, Phase::Identity, Action::Start, why);
        let why = "the end of the pipe means that the parent is gone";
        self.always(Lane::Init, Phase::Identity, Action::WaitForStart, why);
    }

    /// What asks for control groups, where anything does.
    fn grouped(&self) -> Option<Origin> {
        let limits = &self.settings.group_limits;
        let first = limits.list.first().map(|first| first.origin.clone());
        first.or(limits.handle.is_on().then_some(Origin::Default))
    }

    fn limit_group(&mut self) {
        if let Some(origin) = self.grouped() {
            let why = "before anything is allocated";
            self.add(Lane::Init, Phase::Limits, Action::EnterGroups, why, &origin);
        }
        let cgroup = self.settings.namespaces.cgroup.clone();
        if cgroup.value.is_on() {
            let why = "the host's hierarchy is not seen";
            let action = Action::NewCgroupNamespace;
            self.add(Lane::Init, Phase::Limits, action, why, &cgroup.origin);
        }
    }

    fn mount(&mut self) {
        let init = |steps: &mut Self, action, why| {
            steps.always(Lane::Init, Phase::Mounts, action, why);
        };
        let why = "no program file gives rights";
        init(self, Action::NoNewPrivileges, why);
        init(self, Action::NewSession, "no hold on the caller's terminal");
        if !self.settings.namespaces.pid.value.is_on() {
            init(self, Action::BecomeSubreaper, "orphans are ended too");
        }
        init(self, Action::PrivateMounts, "no mount travels out or in");
        if !self.parent_opens() {
            self.open_mounts(Lane::Init, Phase::Mounts);
        }
        self.mount_everything();
        let why = "the host's tree is gone";
        self.always(Lane::Init, Phase::Pivot, Action::PivotRoot, why);
    }

    fn connect(&mut self) {
        let settings = self.settings;
        let namespaces = &settings.namespaces;
        if namespaces.uts.value.is_on() {
            let action = Action::SetHostName(namespaces.hostname.value.clone());
            let origin = &namespaces.hostname.origin;
            self.add(Lane::Init, Phase::Network, action, "not the host's", origin);
        }
        if settings.network.value == NetworkMode::None {
            let origin = &settings.network.origin;
            let why = "programs talk to themselves";
            self.add(Lane::Init, Phase::Network, Action::LoopbackUp, why, origin);
        }
        if let Some(first) = namespaces.time.first() {
            let clocks = namespaces.time.iter().map(|clock| clock.value).collect();
            let why = "for the program, not for the first process";
            let action = Action::SetClocks(clocks);
            self.add(Lane::Init, Phase::Network, action, why, &first.origin);
        }
    }

    fn drop_rights(&mut self) {
        let settings = self.settings;
        let (lane, phase) = (Lane::Init, Phase::Credentials);
        let keep: Vec<_> = settings.capabilities.iter().map(|cap| cap.value).collect();
        let origin = settings.capabilities.first().map(|cap| cap.origin.clone());
        let origin = origin.unwrap_or(Origin::Default);
        let why = "no exec brings one back";
        self.add(
            lane,
            phase,
            Action::DropBoundingSet(keep.clone()),
            why,
            &origin,
        );
        if self.host_ids() == HostIds::Same {
            let user = &settings.identity.user;
            self.leave_groups(lane, phase, "no user namespace maps them");
            self.add(
                lane,
                phase,
                Action::BecomeUser(user.value),
                why,
                &user.origin,
            );
            let why = "changing ids clears it";
            self.always(lane, phase, Action::DieWithParent, why);
        }
        let why = "over the sandbox's own namespaces alone";
        self.add(lane, phase, Action::SetCapabilities(keep), why, &origin);
    }

    fn lock_down(&mut self) {
        let why = "neither its memory nor its arguments are seen inside";
        self.always(Lane::Init, Phase::Lockdown, Action::HideInit, why);
        let why = "the program is not PID 1, so that signals work as outside";
        self.always(Lane::Init, Phase::Lockdown, Action::Fork, why);
        self.filter(Lane::Init);
        let why = "it ends with the program";
        self.always(Lane::Init, Phase::Exec, Action::Reap, why);
    }

    fn filter(&mut self, lane: Lane) {
        let policy = self.settings.seccomp.clone();
        let (value, why) = match (policy.value, lane) {
            // The profile speaks of the program.
            (SeccompPolicy::None, Lane::Init | Lane::Parent) => {
                (SeccompPolicy::Default, "an allow-list of system calls")
            }
            (SeccompPolicy::None, Lane::Program) => {
                (SeccompPolicy::None, "no set-id file is made all the same")
            }
            (value, _) => (value, "an allow-list of system calls"),
        };
        let action = Action::Filter(value);
        self.add(lane, Phase::Lockdown, action, why, &policy.origin);
    }

    fn program(&mut self) {
        let settings = self.settings;
        let (lane, command) = (Lane::Program, &settings.command);
        self.probe();
        let why = match command.terminal.value {
            Terminal::Own => "keys of the terminal reach it",
            Terminal::Inherited => "it gets its signals as one",
        };
        let origin = &command.terminal.origin;
        self.add(
            lane,
            Phase::Limits,
            ProgramAction::OwnProcessGroup,
            why,
            origin,
        );
        let (umask, workdir) = (&command.umask, &command.workdir);
        let action = ProgramAction::SetUmask(umask.value);
        self.add(lane, Phase::Lockdown, action, "a known one", &umask.origin);
        let why = "nothing ignored by inheritance";
        self.always(lane, Phase::Lockdown, ProgramAction::ResetSignals, why);
        let action = ProgramAction::ChangeDirectory(workdir.value.clone());
        let why = "inside the new root";
        self.add(lane, Phase::Lockdown, action, why, &workdir.origin);
        self.refuse_magic_links();
        let keep = command.fds.iter().map(|fd| fd.value).collect();
        let action = ProgramAction::CloseDescriptors { keep };
        self.always(
            lane,
            Phase::Lockdown,
            action,
            "no way out by a forgotten one",
        );
        self.landlock();
        self.limit_process();
        self.filter(lane);
        match self.end {
            End::Execute => self.execute(),
            End::Answer => {
                let why = "in place of the program";
                self.always(lane, Phase::Exec, ProgramAction::Answer, why);
            }
        }
    }

    /// As late as the filter lets: the start opens files and takes memory that the program need not have.
    fn limit_process(&mut self) {
        for limit in &self.settings.process_limits {
            let action = ProgramAction::LimitProcess(limit.clone());
            let (why, origin) = ("of this process", &limit.limit.origin);
            self.add(Lane::Program, Phase::Lockdown, action, why, origin);
        }
    }

    /// First of all, so that each does what the program would.
    fn probe(&mut self) {
        if self.end == End::Answer {
            let action = ProgramAction::Probe(probes(self.settings));
            let why = "one that is killed ends no other";
            self.always(Lane::Program, Phase::Limits, action, why);
        }
    }

    /// A test may know no program.
    fn refuse_magic_links(&mut self) {
        if self.end == End::Answer && self.settings.command.args.is_empty() {
            return;
        }
        let candidates = self.candidates();
        let origin = self.program_origin();
        let action = ProgramAction::RefuseMagicLinks { candidates };
        let why = "`sandbox` itself is not run inside";
        self.add(Lane::Program, Phase::Lockdown, action, why, &origin);
    }

    fn execute(&mut self) {
        let args = self.settings.command.args.iter();
        let action = ProgramAction::Execute {
            candidates: self.candidates(),
            args: args.map(|arg| arg.value.clone()).collect(),
        };
        let origin = self.program_origin();
        self.add(Lane::Program, Phase::Exec, action, "the program", &origin);
    }

    /// Where the program is looked for.
    fn candidates(&self) -> Vec<String> {
        let command = &self.settings.command;
        let first = command.args.first().map(|arg| arg.value.as_str());
        let first = first.unwrap_or_default();
        if first.contains('/') {
            return vec![first.to_owned()];
        }
        let places = command.path.iter();
        places.map(|dir| format!("{dir}/{first}")).collect()
    }

    fn program_origin(&self) -> Origin {
        let first = self.settings.command.args.first();
        first.map_or(Origin::Default, |arg| arg.origin.clone())
    }

    fn shows_groups(&self) -> bool {
        self.settings.system.cgroup.value == CgroupMount::ReadOnly
    }
}
