//! What holds, layer by layer, for the report.

use crate::model::Enforced;

use super::Plan;
use super::step::{Action, MountAction, ProgramAction};

/// The layers of isolation that the plan's steps put up, without the limits that are `missing`.
///
/// A run that came to its program has performed every step, so what the steps say holds.
pub fn enforced<'a>(plan: &Plan, missing: impl Iterator<Item = &'a str>) -> Vec<Enforced> {
    let missing: Vec<&str> = missing.collect();
    let mut list = Vec::new();
    if let Some(time) = &plan.settings.wall_time {
        // No step: the supervisor keeps it.
        let (layer, value) = ("limits.wall_time".to_owned(), time.value.to_string());
        list.push(Enforced { layer, value });
    }
    for step in &plan.steps {
        note(&step.action, &missing, &mut list);
    }
    list.sort_by(|a, b| a.layer.cmp(&b.layer));
    list.dedup();
    list
}

fn note(action: &Action, missing: &[&str], list: &mut Vec<Enforced>) {
    let mut add = |layer: String, value: String| list.push(Enforced { layer, value });
    match action {
        Action::MakeGroups(limits) => {
            let held = limits.list.iter().map(|limit| limit.amount);
            for amount in held.filter(|amount| !missing.contains(&amount.key())) {
                add(amount.key().to_owned(), amount.value());
            }
        }
        Action::Clone { namespaces } => {
            for namespace in namespaces {
                add(format!("namespace.{}", namespace.name()), "own".to_owned());
            }
        }
        Action::NewCgroupNamespace => add("namespace.cgroup".to_owned(), "own".to_owned()),
        Action::LoopbackUp => add("network".to_owned(), "none".to_owned()),
        Action::SetClocks(_) => add("namespace.time".to_owned(), "own".to_owned()),
        Action::NoNewPrivileges => add("no_new_privs".to_owned(), "on".to_owned()),
        Action::ForbidUserNamespaces => {
            add("nested_user_namespaces".to_owned(), "forbidden".to_owned());
        }
        Action::SetCapabilities(kept) => {
            let names: Vec<String> = kept.iter().map(ToString::to_string).collect();
            let value = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(" ")
            };
            add("capabilities".to_owned(), value);
        }
        Action::Filter(policy) => add("seccomp".to_owned(), policy.to_string()),
        Action::Mount(MountAction::MountRoot) => add("root".to_owned(), "read-only".to_owned()),
        Action::Mount(MountAction::MountOverlay { .. }) => {
            add("root".to_owned(), "writes are discarded".to_owned());
        }
        Action::Mount(MountAction::MountKept { .. }) => {
            add("root".to_owned(), "writes are kept".to_owned());
        }
        Action::Mount(MountAction::MountProc(kind)) => add("proc".to_owned(), kind.to_string()),
        Action::Program(ProgramAction::LimitProcess(limit)) => {
            let key = format!("limits.process.{}", limit.resource.key);
            add(key, limit.limit.value.soft.to_string());
        }
        _ => {}
    }
}
