//! Every value that a profile comes to: where it stands, and what it becomes in the kernel.

mod kernel;
mod rows;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diag::{At, Origin, Sources};
use crate::language::{self, Absent};
use crate::model::nearest;
use crate::plan::{Plan, StandIn};
use crate::review;

use super::actions::{Opened, Texts};
use super::printable::{json_escaped, printable, whole};
use super::schema::schema_of;
use super::steps::broken;

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Value {
    /// Its key, as a profile spells it.
    pub key: String,
    /// What it is; null where it is not set, and `default` then says what holds.
    pub value: Option<String>,
    /// What holds where the key is left out: a value as TOML, or words.
    pub default: Option<String>,
    /// Where a key has no value of its own: what shows what it comes to.
    pub told_by: Option<String>,
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
            default: default(&key),
            told_by: None,
            key,
            value: Some(unknown.map_or(value, |unknown| unknown.value.text.clone())),
            origin: whole(&sources.locate_exactly(&origin)),
        }
    });
    told.collect()
}

/// What holds where a key is left out, if that can be said.
fn default(key: &str) -> Option<String> {
    match language::find(key)?.absent {
        Absent::Required => None,
        Absent::Value(text) | Absent::Means(text) => Some(text.to_owned()),
    }
}

/// What shows what a key comes to that is no value of the sandbox itself.
fn told_by(key: &str) -> Option<&'static str> {
    Some(match key.split('.').next()? {
        "version" => "`version = 1` in every profile: there is no other yet",
        "extends" | "remove" => "the origin of each value, which may be a base",
        "params" => "the values that use them",
        "rootfs" if key.starts_with("rootfs.etc") => "`rootfs.source`, with a row for each file",
        "security" if key == "security.seccomp.base" => "`security.seccomp`",
        "namespaces" if key.starts_with("namespaces.map_users") => {
            "`sandbox up --dry-run`: the ids are the host's"
        }
        _ => return None,
    })
}

/// A key without a value.
fn not_set(key: &str) -> Value {
    let words = language::find(key).map(|key| key.kernel);
    let words = words.filter(|words| !words.is_empty());
    Value {
        key: key.to_owned(),
        value: None,
        default: default(key),
        told_by: told_by(key).map(str::to_owned),
        origin: "default".to_owned(),
        kernel: words.map(str::to_owned).into_iter().collect(),
    }
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

/// Those at `key` and below it; the key alone, without a value, where nothing sets it.
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
        Some(near) if near == key => Ok(vec![not_set(key)]),
        Some(near) => Err(Some(near.to_owned())),
        None => Err(paths.iter().find(|path| last(path)).cloned()),
    }
}

/// As `key = value`, each with its place, and below it what it becomes; in lines of `width`.
pub fn text(values: &[Value], width: usize) -> String {
    let mut text = String::new();
    for value in values {
        let Value {
            key,
            value,
            default,
            told_by,
            origin,
            kernel,
        } = value;
        match (value, told_by) {
            (Some(value), _) => {
                line(
                    &mut text,
                    "",
                    &format!("{key} = {}", printable(value)),
                    width,
                );
                line(&mut text, INDENT, &format!("from {origin}"), width);
            }
            (None, Some(by)) => {
                line(&mut text, "", &format!("{key}: told by {by}"), width);
            }
            (None, None) => line(&mut text, "", &format!("{key}: not set"), width),
        }
        if let (None, Some(default)) = (value, default) {
            line(&mut text, INDENT, &format!("default: {default}"), width);
        }
        for words in kernel {
            let arrow = match value {
                Some(_) => "->",
                None => "where it is set ->",
            };
            line(&mut text, INDENT, &format!("{arrow} {words}"), width);
        }
    }
    text
}

const INDENT: &str = "    ";

/// A line, and what does not fit in it below, further to the right.
fn line(text: &mut String, indent: &str, words: &str, width: usize) {
    let room = width.saturating_sub(indent.len());
    let lines = broken(words, room, room.saturating_sub(INDENT.len()));
    for (index, line) in lines.iter().enumerate() {
        let further = if index == 0 { "" } else { INDENT };
        text.push_str(&format!("{indent}{further}{line}\n"));
    }
}

/// What `sandbox explain --json` prints.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema is made from its fields, nothing else")]
enum Explained {
    /// Every value, or those of a key.
    Values(Vec<Value>),
    /// With `seccomp`: every system call.
    Syscalls(Box<review::Syscalls>),
}

/// The JSON Schema of both, made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<Explained>()
}

/// As a JSON array with one object for each.
pub fn json(values: &[Value]) -> String {
    // Texts and lists of them always have a form in JSON.
    let text = serde_json::to_string_pretty(values).unwrap_or_default();
    json_escaped(&text) + "\n"
}
