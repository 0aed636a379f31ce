//! Every value that a profile comes to: where it stands, and what it becomes in the kernel.

mod kernel;
mod rows;

use serde::Serialize;

use crate::diag::{At, Origin, Sources};
use crate::language;
use crate::model::nearest;
use crate::plan::{Plan, StandIn};

use super::actions::{Opened, Texts};
use super::printable::{printable, whole};

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// Its key, as a profile spells it.
    pub key: String,
    /// What it is.
    pub value: String,
    /// `file:line:column`, `default` or `command line`.
    pub origin: String,
    /// What is done with it, each in the kernel's terms.
    pub kernel: Vec<String>,
}

/// Every value of a plan; `inherit` are the patterns of the environment, which are no part of one.
pub fn values(plan: &Plan, inherit: &[At<String>], sources: &Sources) -> Vec<Value> {
    let opened = Opened::of(plan);
    let texts = Texts::new(plan).with(&opened);
    let rows = rows::rows(&plan.settings, inherit, texts);
    let told = rows.into_iter().map(|row| {
        let rows::Row { key, value, origin } = row;
        let unknown = plan
            .settings
            .by_variable
            .iter()
            .find(|by| by.origin == origin && by.value.stand_in == StandIn::Widest);
        let kernel = match unknown {
            // The steps are those of the number that stands for it.
            Some(_) => vec!["known when it starts".to_owned()],
            None => becomes(plan, (&key, &value), &origin, texts),
        };
        Value {
            kernel,
            key,
            value: unknown.map_or(value, |unknown| unknown.value.text.clone()),
            origin: whole(&sources.locate_exactly(&origin)),
        }
    });
    told.collect()
}

/// What stands for the key in general, and each step that was asked for at the very place.
fn becomes(
    plan: &Plan,
    (key, value): (&str, &str),
    origin: &Origin,
    texts: Texts<'_>,
) -> Vec<String> {
    let general = kernel::words(key, value).map(str::to_owned);
    let told = general.is_some() || matches!(origin, Origin::Default | Origin::CommandLine);
    let steps = plan
        .steps
        .iter()
        .filter(|step| !told && step.origin == *origin);
    let steps = steps.map(|step| texts.action(&step.action).line());
    general.into_iter().chain(steps).collect()
}

/// Those at `key` and below it.
///
/// # Errors
/// With the nearest key that there is, where there is one, when no value has it.
pub fn narrowed(values: Vec<Value>, key: &str) -> Result<Vec<Value>, Option<String>> {
    let below = |value: &Value| {
        let rest = value.key.strip_prefix(key);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let found: Vec<Value> = values
        .iter()
        .filter(|value| below(value))
        .cloned()
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let paths = language::paths();
    let known = paths.iter().map(String::as_str);
    let known = known.chain(values.iter().map(|value| value.key.as_str()));
    let last = |path: &str| path.rsplit('.').next() == Some(key);
    match nearest(key, known) {
        Some(near) if near == key => Ok(Vec::new()),
        Some(near) => Err(Some(near.to_owned())),
        None => Err(paths.iter().find(|path| last(path)).cloned()),
    }
}

/// As `key = value`, each with its place, and below it what it becomes.
pub fn text(values: &[Value]) -> String {
    let mut text = String::new();
    for value in values {
        let Value {
            key,
            value,
            origin,
            kernel,
        } = value;
        text.push_str(&format!("{key} = {}\n", printable(value)));
        text.push_str(&format!("    from {origin}\n"));
        for line in kernel {
            text.push_str(&format!("    -> {line}\n"));
        }
    }
    text
}

/// As a JSON array with one object for each.
pub fn json(values: &[Value]) -> String {
    let list = serde_json::to_value(values).unwrap_or_default();
    format!("{list:#}\n")
}
