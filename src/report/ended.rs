//! How a run ended, for people: what `sandbox inspect` shows above the plan of a sandbox that has ended.

use super::footer::footer;
use super::outcome::summary;
use super::printable::whole;
use crate::model::{Ending, KeptKind, LayerState, Outcome, Signal};

/// How it ended, what it used, and what of its profile did not hold.
pub fn ended(outcome: &Outcome) -> String {
    let mut text = row("ended", &ending(outcome));
    if let Some(why) = summary(outcome) {
        text += &row("", &whole(&why));
    }
    let refused = outcome.refused_calls.iter().flatten();
    let refused: Vec<String> = refused
        .map(|call| match call.killed {
            0 => format!("{} ({} times)", whole(&call.name), call.count),
            killed => format!(
                "{} ({} times, {killed} killed)",
                whole(&call.name),
                call.count
            ),
        })
        .collect();
    text += &list("refused calls", refused);
    let degraded = outcome
        .isolation
        .iter()
        .filter(|layer| layer.state == LayerState::Degraded);
    let degraded = degraded.map(|layer| {
        let reason = layer.reason.as_deref().unwrap_or("the host lacks it");
        format!("{}: {}", layer.layer, whole(reason))
    });
    text += &list("not held", degraded.collect());
    let open = outcome.unprotected.iter().map(|part| {
        let (path, reason) = (whole(&part.path), whole(&part.reason));
        format!("{} {path}: {reason}", part.protection.key())
    });
    text += &list("unprotected", open.collect());
    let left_out = outcome.left_out.iter().map(|what| whole(what));
    text += &list("left out", left_out.collect());
    let kept = outcome.kept.iter().map(|kept| {
        let what = match kept.kind {
            KeptKind::Tree => "writes to the tree at",
            KeptKind::Overlay => "writes at",
            KeptKind::Volume => "a volume at",
        };
        format!("{what} {}", whole(&kept.target))
    });
    text += &list("kept", kept.collect());
    for (index, line) in footer(outcome).lines().enumerate() {
        text += &row(if index == 0 { "used" } else { "" }, line);
    }
    text
}

fn ending(outcome: &Outcome) -> String {
    let code = outcome.exit_code;
    match outcome.ending {
        Ending::Exited { .. } => format!("by itself, with exit code {code}"),
        Ending::Signalled { signal } => {
            format!("by signal {}, exit code {code}", Signal::name_of(signal))
        }
        Ending::Limit { limit, .. } => format!("by `{}`, exit code {code}", limit.key()),
        Ending::Seccomp { .. } => format!("by `security.seccomp`, exit code {code}"),
    }
}

fn list(label: &str, values: Vec<String>) -> String {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels
        .zip(values)
        .map(|(label, value)| row(label, &value))
        .collect()
}

/// Labels as wide as those of a plan, which follows.
fn row(label: &str, value: &str) -> String {
    format!("{label:<15}{value}\n")
}
