//! The steps of a further program of a sandbox that runs: into its groups and namespaces, and then what the
//! first program went through.
//!
//! The process that joins stays outside the sandbox's PID namespace, where nobody inside sees it; only its
//! child, the program, is a process of that namespace, and ends with it.

use crate::model::Switch;
use crate::plan::{HostIds, LandlockRules, Namespace, Settings, Terminal};

use super::{Action, End, Lane, MountAction, Phase, Step, Steps};

/// Every step of a further program, in order.
pub fn further_steps(
    settings: &Settings,
    namespaces: &[Namespace],
    groups: Switch,
    rules: Option<&LandlockRules>,
) -> Vec<Step> {
    let mut steps = Steps {
        settings,
        end: End::Execute,
        rules,
        list: Vec::with_capacity(48),
    };
    steps.begin_beside();
    steps.join(namespaces, groups);
    steps.drop_rights();
    steps.lock_down();
    let why = "nothing outlives `sandbox`";
    steps.always(Lane::Program, Phase::Limits, Action::DieWithParent, why);
    steps.program();
    steps.list
}

impl Steps<'_> {
    fn begin_beside(&mut self) {
        if self.parent_opens() {
            self.leave_groups(Lane::Parent, Phase::Prepare, "root's groups stay outside");
        }
        let namespaces = Vec::new();
        let why = "it joins what is there";
        let action = Action::Clone { namespaces };
        self.always(Lane::Parent, Phase::Isolate, action, why);
        let why = "nothing outlives `sandbox`";
        self.always(Lane::Init, Phase::Isolate, Action::DieWithParent, why);
        self.start();
    }

    fn join(&mut self, namespaces: &[Namespace], groups: Switch) {
        let lane = Lane::Init;
        if !self.settings.namespaces.pid.value.is_on() {
            // By the host's /proc, which is out of reach later.
            let why = "orphans are ended too";
            self.always(lane, Phase::Identity, Action::BecomeSubreaper, why);
        }
        if !namespaces.is_empty() {
            let namespaces = namespaces.to_vec();
            let why = "those of the program that runs, by its descriptor";
            let action = Action::JoinNamespaces { namespaces };
            self.always(lane, Phase::Identity, action, why);
        }
        match self.host_ids() {
            HostIds::Range(_) => {
                let user = &self.settings.identity.user;
                let (ids, origin) = (user.value, user.origin.clone());
                let action = Action::BecomeUser(ids);
                self.add(lane, Phase::Identity, action, "the program's ids", &origin);
                let why = "changing ids clears it";
                self.always(lane, Phase::Identity, Action::DieWithParent, why);
            }
            HostIds::Caller(_) if self.settings.identity.leaves_groups() => {
                let why = "the caller's groups stay outside";
                self.leave_groups(lane, Phase::Identity, why);
            }
            HostIds::Caller(_) | HostIds::Same => {}
        }
        if groups.is_on() {
            let why = "the limits are those of all together";
            self.always(lane, Phase::Limits, Action::EnterGroups, why);
        }
        let why = "no program file gives rights";
        self.always(lane, Phase::Mounts, Action::NoNewPrivileges, why);
        let why = "no hold on the caller's terminal";
        self.always(lane, Phase::Mounts, Action::NewSession, why);
        if self.settings.command.terminal.value == Terminal::Own {
            let why = "of the sandbox's own";
            self.always(lane, Phase::Mounts, MountAction::JoinTerminals, why);
        }
    }
}
