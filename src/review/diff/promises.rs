//! What profiles expect of their sandbox: a promise that is gone lets pass what was caught.

use crate::diag::At;
use crate::model::Expectation;
use crate::plan::Expect;

use super::power::{Power, Reach};
use super::{Side, topics};

/// What `from` promises and `to` does not.
pub(super) fn gains(from: Side<'_>, to: Side<'_>) -> Vec<Power> {
    let kept = &to.settings.expect;
    let lost = from.settings.expect.iter().filter(|promise| {
        let mut kept = kept.iter();
        !kept.any(|kept| implies(&kept.value.what, &promise.value.what))
    });
    lost.map(power).collect()
}

/// Whether `one` cannot hold where `other` does not.
fn implies(one: &Expectation, other: &Expectation) -> bool {
    match (one, other) {
        (Expectation::MaxMemory(one), Expectation::MaxMemory(other)) => one <= other,
        (Expectation::MaxPids(one), Expectation::MaxPids(other))
        | (Expectation::MaxOpenFiles(one), Expectation::MaxOpenFiles(other)) => one <= other,
        _ => one == other,
    }
}

fn power(promise: &At<Expect>) -> Power {
    let what = &promise.value.what;
    let said = format!("`{} = {}`", what.key(), what);
    let text = format!("{said} is no longer expected, nor tested");
    Power {
        // The line is of the side that has the promise.
        turned: true,
        ..Power::new(topics::PROMISE, Reach::plain(&said), text, &promise.origin)
    }
    .without(format!("{said} is expected now"))
}
