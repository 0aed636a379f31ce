//! What of the caller's environment enters, and what the command line may set.

use crate::plan::Privacy;

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
        } else if variable.value.contains("${") {
            let text = format!("the variable `{name}` tells `{}`", variable.value);
            Power::new(topics::ENVIRONMENT, Reach::plain(&text), text, &at.origin)
        } else {
            continue;
        };
        powers.push(power);
    }
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
fn param_power(name: &str, value: &str, text: String, origin: &crate::diag::Origin) -> Power {
    let reach = Reach::Names {
        of: "param",
        pattern: format!("{name}={value}"),
        except: Vec::new(),
    };
    Power::new(topics::PARAMETER, reach, text, origin)
}
