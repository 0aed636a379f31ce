//! `[params]`: what the command line may set, put in the place of each `${param:NAME}`.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Origin, Problem, Problems};
use crate::model::nearest;

use super::merge::Merged;
use super::raw::{RawParam, RawProfile};
use super::template::{Part, Template};
use super::walk::{Visitor, Walk};

/// What the command line sets, by name.
pub type GivenParams = BTreeMap<String, String>;

/// The profile with the value of each parameter in its place.
///
/// A parameter without a value stays a variable: the text alone is judged without it, and whoever
/// needs its value finds none.
pub(super) fn fill(merged: Merged, given: &GivenParams, problems: &mut Problems) -> RawProfile {
    let Merged {
        params,
        mut profile,
    } = merged;
    for param in &params {
        problems.extend(judge(param));
    }
    let mut fill = Fill {
        values: values(&params, given, problems),
        params: &params,
        used: BTreeSet::new(),
        problems: Problems::new(),
    };
    profile.walk(&mut fill);
    let Fill {
        used,
        problems: found,
        ..
    } = fill;
    problems.extend(found);
    for name in given.keys() {
        let declared = params.iter().any(|param| param.name.value == *name);
        if declared && !used.contains(name) {
            problems.push(unused(name));
        }
    }
    profile
}

/// Whether a problem of [`fill`] says that something stands in none of the files.
pub(super) fn is_of_every_file(problem: &Problem) -> bool {
    ["params.unknown", "params.undeclared", "params.unused"].contains(&problem.code)
}

/// What is wrong with a parameter itself.
fn judge(param: &RawParam) -> Problems {
    let Some(default) = &param.default else {
        return Problems::new();
    };
    match choice_problem(param, &default.value) {
        None => Problems::new(),
        Some(reason) => {
            let message = format!(
                "default `{}` of parameter `{}` is none of its choices",
                default.value, param.name.value
            );
            Problems::from(default.error("params.default-choice", message).help(reason))
        }
    }
}

/// What to choose instead; nothing when `value` is among the choices.
fn choice_problem(param: &RawParam, value: &str) -> Option<String> {
    let known: Vec<&str> = param
        .choices
        .iter()
        .map(|choice| choice.value.as_str())
        .collect();
    if known.is_empty() || known.contains(&value) {
        return None;
    }
    Some(match nearest(value, known.iter().copied()) {
        Some(near) => format!("write `{near}`, or another of `{}`", known.join("`, `")),
        None => format!("use one of `{}`", known.join("`, `")),
    })
}

/// The value of each parameter that has one.
fn values(
    params: &[RawParam],
    given: &GivenParams,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for RawParam { name, default, .. } in params {
        if let Some(default) = default {
            values.insert(name.value.clone(), default.value.clone());
        }
    }
    for (name, value) in given {
        let Some(param) = params.iter().find(|param| param.name.value == *name) else {
            problems.push(unknown(name, params));
            continue;
        };
        match choice_problem(param, value) {
            None => drop(values.insert(name.clone(), value.clone())),
            Some(help) => {
                let message = format!("`{value}` is none of the choices of parameter `{name}`");
                let problem = Problem::error("params.choice", &Origin::CommandLine, message);
                let first = param
                    .choices
                    .first()
                    .map_or(&param.name.origin, |choice| &choice.origin);
                problems.push(problem.also(first, "the choices stand here").help(help));
            }
        }
    }
    values
}

fn names(params: &[RawParam]) -> Vec<&str> {
    params
        .iter()
        .map(|param| param.name.value.as_str())
        .collect()
}

fn unknown(name: &str, params: &[RawParam]) -> Problem {
    let names = names(params);
    let message = format!("the profile has no parameter `{name}`");
    let problem = Problem::error("params.unknown", &Origin::CommandLine, message);
    match (nearest(name, names.iter().copied()), names.as_slice()) {
        (Some(near), _) => problem.help(format!("write `--param {near}=…`")),
        (None, []) => problem.help("leave it out: nothing of this profile can be set"),
        (None, names) => problem.help(format!("what can be set is `{}`", names.join("`, `"))),
    }
}

fn unused(name: &str) -> Problem {
    let message = format!("`--param {name}=…` changes nothing: no value holds `${{param:{name}}}`");
    Problem::error("params.unused", &Origin::CommandLine, message).help("leave it out")
}

fn undeclared(name: &str, origin: &Origin, params: &[RawParam]) -> Problem {
    let message = format!("there is no parameter `{name}`");
    let problem = Problem::error("params.undeclared", origin, message);
    match nearest(name, names(params)) {
        Some(near) => problem.help(format!("write `${{param:{near}}}`")),
        None => problem.help(format!(
            "declare it: write `{name} = {{ default = \"…\" }}` under `[params]`"
        )),
    }
}

/// Puts values in their places.
struct Fill<'a> {
    values: BTreeMap<String, String>,
    params: &'a [RawParam],
    used: BTreeSet<String>,
    problems: Problems,
}

impl Visitor for Fill<'_> {
    fn template(&mut self, template: &mut Template) {
        let has_param = |part: &Part| match part {
            Part::Variable { name, default, .. } => name.starts_with("param:") || default.is_some(),
            Part::Literal(_) => false,
        };
        if !template.parts.iter().any(has_param) {
            return;
        }
        let parts = std::mem::take(&mut template.parts);
        for part in parts {
            let part = self.part(part);
            template.push(part);
        }
    }
}

impl Fill<'_> {
    fn part(&mut self, mut part: Part) -> Part {
        let Part::Variable {
            name,
            default,
            origin,
        } = &mut part
        else {
            return part;
        };
        if let Some(default) = default {
            self.template(default);
        }
        let Some(param) = name.strip_prefix("param:") else {
            return part;
        };
        self.used.insert(param.to_owned());
        if let Some(value) = self.values.get(param) {
            return Part::Literal(value.clone());
        }
        let declared = self.params.iter().any(|known| known.name.value == param);
        if !declared {
            self.problems.push(undeclared(param, origin, self.params));
        }
        part
    }
}

/// `NAME=VALUE` of the command line.
///
/// # Errors
/// When it has no `=`, no such name, or a control character: no value may end a line of a file that
/// is made of it.
pub fn given(words: &[String]) -> Result<GivenParams, Problem> {
    let mut given = GivenParams::new();
    for word in words {
        let problem = |message: String| {
            let problem = Problem::error("command-line.param", &Origin::CommandLine, message);
            problem.help("write it like `--param memory=64M`")
        };
        let Some((name, value)) = word.split_once('=') else {
            return Err(problem(format!("`--param {word}` has no `=`")));
        };
        if !super::template::is_param_name(name) {
            return Err(problem(format!("`{name}` is no name of a parameter")));
        }
        if value.chars().any(char::is_control) {
            let message = format!("the value of `--param {name}=…` holds a control character");
            return Err(problem(message));
        }
        if given.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(problem(format!("`--param {name}=…` stands here twice")));
        }
    }
    Ok(given)
}
