//! A plan as text: what is decided, then the very list of steps that `up` runs.

mod head;
mod table;

use crate::diag::Sources;
use crate::plan::{Lane, Phase, Plan, Step};

use super::actions::{Opened, Texts};
use super::printable::whole;
use super::problems::Style;
pub(super) use head::source_text;
pub(super) use table::broken;
use table::{Row, Table};

/// What a start does, for a person to read: nothing is left out, and nothing private is shown.
///
/// Each step stands under its lane and phase with its place in the list, which messages about a
/// failed step use too, what it is good for, and the line that asked for it.
pub fn plan_text(plan: &Plan, sources: &Sources, style: Style) -> String {
    let opened = Opened::of(plan);
    let texts = Texts::new(plan).with(&opened);
    let mut rows = head::rows(plan, sources, texts);
    for lane in [Lane::Parent, Lane::Init, Lane::Program] {
        lane_rows(plan, lane, sources, texts, &mut rows);
    }
    Table::new(style, &rows).render(&rows)
}

/// A plan as JSON: what was decided and the steps, with the profile's files, to which origins such as
/// `0:12-30` refer by their place and bytes.
pub fn plan_json(plan: &Plan, sources: &Sources) -> serde_json::Value {
    let files: Vec<&str> = sources.names().collect();
    // Plain data has a form in JSON.
    let plan = serde_json::to_value(plan).unwrap_or_default();
    serde_json::json!({ "files": files, "plan": plan })
}

fn lane_rows(plan: &Plan, lane: Lane, sources: &Sources, texts: Texts<'_>, rows: &mut Vec<Row>) {
    let mut steps = plan.steps.iter().enumerate();
    let Some(first) = steps.clone().find(|(_, step)| step.lane == lane) else {
        return;
    };
    rows.push(Row::Blank);
    rows.push(Row::title(lane_name(lane), lane_text(lane)));
    let mut phase = first.1.phase;
    rows.push(Row::Part(phase_name(phase).to_owned()));
    for (index, step) in steps.by_ref().filter(|(_, step)| step.lane == lane) {
        if step.phase != phase {
            phase = step.phase;
            rows.push(Row::Part(phase_name(phase).to_owned()));
        }
        rows.push(step_row(index, step, sources, texts));
    }
}

fn step_row(index: usize, step: &Step, sources: &Sources, texts: Texts<'_>) -> Row {
    let Step {
        lane: _,
        phase: _,
        action,
        why,
        origin,
    } = step;
    Row::Step {
        number: index,
        action: texts.action(action).line(),
        why: (*why).to_owned(),
        origin: whole(&sources.locate(origin)),
    }
}

fn lane_name(lane: Lane) -> &'static str {
    match lane {
        Lane::Parent => "parent",
        Lane::Init => "init",
        Lane::Program => "program",
    }
}

fn lane_text(lane: Lane) -> &'static str {
    match lane {
        Lane::Parent => "`sandbox` itself, outside",
        Lane::Init => "the first process inside",
        Lane::Program => "the process that becomes the program",
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepare => "prepare",
        Phase::Isolate => "isolate",
        Phase::Identity => "identity",
        Phase::Limits => "limits",
        Phase::Mounts => "mounts",
        Phase::Pivot => "pivot",
        Phase::Network => "network",
        Phase::Credentials => "credentials",
        Phase::Lockdown => "lockdown",
        Phase::Exec => "exec",
    }
}
