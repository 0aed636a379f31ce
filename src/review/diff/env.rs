//! What of the caller's environment enters, and what the command line may set.

use crate::diag::{At, Origin};
use crate::model::{InsidePath, Writes};
use crate::plan::{Privacy, Settings, Variable};
use crate::review::variables::{chooses_code, paths};
use crate::review::view::{Content, Writing, view};

use super::files::holds;
use super::power::{Power, Reach, matches};
use super::{Side, topics};

pub(super) fn powers(side: Side<'_>, powers: &mut Vec<Power>) {
    let variables = &side.settings.command.env;
    let set = variables
        .iter()
        .filter(|at| at.value.privacy == Privacy::Shown || !at.value.value.is_empty());
    let set: Vec<String> = set.map(|at| at.value.name.clone()).collect();
    for at in variables {
        let variable = &at.value;
        let name = &variable.name;
        let power = if variable.privacy == Privacy::Private && variable.value.is_empty() {
            let except = set.iter().filter(|set| matches(name, set)).cloned();
            let reach = Reach::Names {
                of: "env",
                pattern: name.clone(),
                except: except.collect(),
            };
            let text = match name.ends_with('*') {
                true => format!("the caller's variables `{name}` can be read"),
                false => format!("the caller's variable `{name}` can be read"),
            };
            Power::new(topics::ENVIRONMENT, reach, text, &at.origin)
        } else if has_variable(&variable.value) {
            let text = format!("the variable `{name}` tells `{}`", variable.value);
            Power::new(topics::ENVIRONMENT, Reach::plain(&text), text, &at.origin)
        } else {
            continue;
        };
        powers.push(power);
    }
    writable_code(side.settings, powers);
    for param in side.params {
        let name = &param.name.value;
        if param.choices.is_empty() {
            let text = format!("the command line may set `{name}` to anything");
            powers.push(param_power(name, "*", text, &param.name.origin));
        }
        for choice in &param.choices {
            let text = format!("the command line may set `{name}` to `{}`", choice.value);
            powers.push(param_power(
                name,
                &format!("{}\0", choice.value),
                text,
                &choice.origin,
            ));
        }
    }
}

/// `*` for anything; a choice ends with what no text holds, so that none is taken for a pattern.
fn param_power(name: &str, value: &str, text: String, origin: &Origin) -> Power {
    let reach = Reach::Names {
        of: "param",
        pattern: format!("{name}={value}"),
        except: Vec::new(),
    };
    Power::new(topics::PARAMETER, reach, text, origin)
}

/// Whether a text has a variable in it: `$${` is none.
pub(super) fn has_variable(text: &str) -> bool {
    let mut found = text.match_indices("${");
    found.any(|(at, _)| !text[..at].ends_with('$'))
}

/// Where a program finds or loads code that another one, or itself in another run, may have written.
fn writable_code(settings: &Settings, powers: &mut Vec<Power>) {
    for At { value, origin } in &settings.command.env {
        let Variable { name, value, .. } = value;
        if *origin == Origin::Default || !chooses_code(name) {
            continue;
        }
        for path in paths(name, value) {
            let Some(place) = inside(settings, path) else {
                continue;
            };
            if can_be_written(settings, &place) {
                let text = format!("`{name}` names `{place}`, where the program may write");
                let reach = Reach::plain(&text);
                powers.push(Power::new(topics::CODE_VARIABLE, reach, text, origin));
            }
        }
    }
}

/// The place of a path, from where the program starts. What no text tells is told with the variables in it.
fn inside(settings: &Settings, path: &str) -> Option<InsidePath> {
    let absolute = path.starts_with('/') || has_variable(path);
    let whole = match (path, absolute) {
        (".", _) => return Some(settings.command.workdir.value.clone()),
        (path, true) => path.to_owned(),
        (path, false) => format!("{}/{path}", settings.command.workdir.value),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let plain = parts.join("/");
    match plain.starts_with("${") {
        true => Some(InsidePath::symbolic(&plain)),
        false => format!("/{plain}").parse().ok(),
    }
}

/// By the mounts; of the root tree, where nothing brings the place, or what is written there stays.
fn can_be_written(settings: &Settings, place: &InsidePath) -> bool {
    view(settings, place).iter().any(|seen| match seen.content {
        Content::Tree => match settings.writes.value {
            Writes::Deny => false,
            Writes::Discard => !holds(&settings.tree.sources, place),
            Writes::Keep => true,
        },
        _ => seen.writing > Writing::Denied,
    })
}

#[cfg(test)]
mod tests {
    use super::has_variable;

    #[test]
    fn a_dollar_before_it_makes_a_variable_plain_text() {
        assert!(has_variable("a${HOME}") && has_variable("$${A}${B}"));
        assert!(!has_variable("$5 and $${HOME}") && !has_variable("$HOME"));
    }
}
