//! Text with variables, and its grammar.

use std::fmt;
use std::ops::Range;

use crate::diag::{Origin, Problem, Problems};
use crate::model::nearest;

/// Variables of the caller's host, beside `env:NAME`.
pub const VARIABLES: &[&str] = &[
    "HOME",
    "USER",
    "UID",
    "GID",
    "CWD",
    "GIT_ROOT",
    "GIT_COMMON_DIR",
    "PROFILE_DIR",
    "XDG_RUNTIME_DIR",
    "XDG_DATA_HOME",
    "XDG_DOWNLOAD_DIR",
    "WAYLAND_SOCKET",
    "X11_SOCKET",
];

/// A text of a profile: literal parts and variables of the caller's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// In order; two literals never stand side by side.
    pub parts: Vec<Part>,
}

/// One part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is (`$${` has become `${`).
    Literal(String),
    /// `${NAME}`, `${env:NAME}`, `${env:NAME:-default}`, `${param:NAME}`.
    Variable {
        /// The spelling between the braces, without a default: `HOME`, `env:LANG`.
        name: String,
        /// What stands for it when it is not set; may hold one variable.
        default: Option<Box<Template>>,
        /// The place of `${…}`.
        origin: Origin,
    },
}

impl Template {
    /// A text without variables.
    pub fn literal(text: impl Into<String>) -> Template {
        Template {
            parts: vec![Part::Literal(text.into())],
        }
    }

    /// The text, when it holds no variable.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The parts before and behind the first `separator` that is written out.
    pub fn split_once(&self, separator: char) -> (Template, Option<Template>) {
        let found = self
            .parts
            .iter()
            .enumerate()
            .find_map(|(at, part)| match part {
                Part::Literal(text) => Some((at, text.split_once(separator)?)),
                Part::Variable { .. } => None,
            });
        let Some((at, (head, tail))) = found else {
            return (self.clone(), None);
        };
        let mut before = self.parts[..at].to_vec();
        push_literal(&mut before, head);
        let mut behind = Vec::new();
        push_literal(&mut behind, tail);
        behind.extend_from_slice(&self.parts[at + 1..]);
        (Template { parts: before }, Some(Template { parts: behind }))
    }

    /// Adds a part behind the others.
    pub(super) fn push(&mut self, part: Part) {
        match part {
            Part::Literal(text) => push_literal(&mut self.parts, &text),
            variable @ Part::Variable { .. } => self.parts.push(variable),
        }
    }

    /// Every literal text in it, those of defaults too.
    pub fn literals(&self) -> Vec<&str> {
        let texts = self.parts.iter().map(|part| match part {
            Part::Literal(text) => vec![text.as_str()],
            Part::Variable { default, .. } => default
                .as_ref()
                .map_or_else(Vec::new, |default| default.literals()),
        });
        texts.flatten().collect()
    }

    /// Reads `text`; `place` gives the origin of a range of its bytes.
    ///
    /// Nothing comes back when a variable is misspelt; each of those is noted in `problems`.
    pub fn parse(
        text: &str,
        place: &dyn Fn(Range<usize>) -> Origin,
        problems: &mut Problems,
    ) -> Option<Template> {
        Grammar {
            place,
            problems,
            within: Within::Text,
        }
        .template(text, 0)
    }
}

/// As a profile writes it: two templates that spell the same are equal wherever they stand.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(&text.replace("${", "$${")),
            Part::Variable { name, default, .. } => match default {
                Some(default) => write!(f, "${{{name}:-{default}}}"),
                None => write!(f, "${{{name}}}"),
            },
        })
    }
}

/// Whether a text is that of a value or of a variable's default.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Text,
    Default,
}

/// Reads one text. Ranges count from the start of the outermost one.
struct Grammar<'a> {
    place: &'a dyn Fn(Range<usize>) -> Origin,
    problems: &'a mut Problems,
    within: Within,
}

impl Grammar<'_> {
    fn template(&mut self, text: &str, offset: usize) -> Option<Template> {
        let mut parts = Vec::new();
        let mut sound = true;
        let mut at = 0;
        while let Some(found) = text[at..].find('$') {
            let dollar = at + found;
            push_literal(&mut parts, &text[at..dollar]);
            let rest = &text[dollar..];
            at = if rest.starts_with("$${") {
                push_literal(&mut parts, "${");
                dollar + 3
            } else if rest.starts_with("${") {
                let end = dollar + self.closing_brace(rest, offset + dollar)?;
                let variable = self.variable(&text[dollar + 2..end], offset + dollar);
                sound &= variable.is_some();
                parts.extend(variable);
                end + 1
            } else {
                push_literal(&mut parts, "$");
                dollar + 1
            };
        }
        push_literal(&mut parts, &text[at..]);
        sound.then_some(Template { parts })
    }

    /// Where the brace stands that ends the `${` at the start of `text`.
    fn closing_brace(&mut self, text: &str, offset: usize) -> Option<usize> {
        let mut open = 0usize;
        let mut at = 0;
        while at < text.len() {
            let rest = &text.as_bytes()[at..];
            at += if rest.starts_with(b"$${") {
                3
            } else if rest.starts_with(b"${") {
                open += 1;
                2
            } else if rest.starts_with(b"}") && open == 1 {
                return Some(at);
            } else {
                open -= usize::from(rest.starts_with(b"}"));
                1
            };
        }
        let origin = (self.place)(offset..offset + 2);
        self.problems.push(
            Problem::error("variable.unclosed", &origin, "`${` has no `}`")
                .label("a variable starts here")
                .help("close it as in `${HOME}`, or write `$${` for the two characters themselves"),
        );
        None
    }

    /// The variable whose braces hold `body`; its `${` stands at `offset`.
    fn variable(&mut self, body: &str, offset: usize) -> Option<Part> {
        let origin = (self.place)(offset..offset + body.len() + 3);
        let (name, default) = match body.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (body, None),
        };
        if let Some(problem) = check_name(name, &origin) {
            self.problems.push(problem);
            return None;
        }
        let default = match default {
            None => None,
            Some(text) => {
                let start = offset + 2 + name.len() + 2;
                Some(Box::new(self.default_of(name, text, start, &origin)?))
            }
        };
        Some(Part::Variable {
            name: name.to_owned(),
            default,
            origin,
        })
    }

    fn default_of(
        &mut self,
        name: &str,
        text: &str,
        start: usize,
        origin: &Origin,
    ) -> Option<Template> {
        let misplaced = if !name.starts_with("env:") {
            Some(format!("`${{{name}}}` takes no default"))
        } else if self.within == Within::Default {
            Some("a default holds a variable that has a default of its own".to_owned())
        } else {
            None
        };
        if let Some(message) = misplaced {
            let problem = Problem::error("variable.default", origin, message);
            self.problems
                .push(problem.help("give a default to one `${env:NAME}` only"));
            return None;
        }
        self.within = Within::Default;
        let template = self.template(text, start);
        self.within = Within::Text;
        let template = template?;
        let variables = template.parts.iter().filter(|part| !is_literal(part));
        if variables.count() > 1 {
            let message = "a default holds more than one variable";
            self.problems
                .push(Problem::error("variable.default", origin, message).help("keep one of them"));
            return None;
        }
        Some(template)
    }
}

fn is_literal(part: &Part) -> bool {
    matches!(part, Part::Literal(_))
}

/// Adds to the last literal, so that two never stand side by side.
fn push_literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Literal(last)) => last.push_str(text),
        _ => parts.push(Part::Literal(text.to_owned())),
    }
}

fn check_name(name: &str, origin: &Origin) -> Option<Problem> {
    if let Some(variable) = name.strip_prefix("env:") {
        let fits = is_environment_name(variable);
        let message = match variable {
            "" => "`${env:}` has no name".to_owned(),
            _ => format!("`{variable}` is no name of an environment variable"),
        };
        let problem = Problem::error("variable.env-name", origin, message);
        return (!fits).then(|| problem.help("write it like `${env:LANG}`"));
    }
    if let Some(param) = name.strip_prefix("param:") {
        let message = match param {
            "" => "`${param:}` has no name".to_owned(),
            _ => format!("`{param}` is no name of a parameter"),
        };
        let problem = Problem::error("variable.param-name", origin, message);
        return (!is_param_name(param)).then(|| problem.help("write it like `${param:memory}`"));
    }
    (!VARIABLES.contains(&name)).then(|| unknown_variable(name, origin))
}

fn unknown_variable(name: &str, origin: &Origin) -> Problem {
    let problem = Problem::error(
        "variable.unknown",
        origin,
        format!("`${{{name}}}` is no known variable"),
    );
    match nearest(name, VARIABLES.iter().copied()) {
        Some(near) => problem.help(format!("write `${{{near}}}`")),
        None if is_environment_name(name) => problem.help(format!(
            "write `${{env:{name}}}` for the caller's environment variable"
        )),
        None => problem.help(format!("use one of `{}`", VARIABLES.join("`, `"))),
    }
}

/// Whether `name` can name an environment variable: a shell's name, with `.` and `-` besides.
///
/// No `=`, so that no entry can set or copy another variable (CVE-2026-57231, CVE-2021-3602).
pub fn is_environment_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(fits)
}

/// Whether `name` can name a parameter: a bare key of TOML that starts with a letter.
pub fn is_param_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Template, Vec<&'static str>> {
        let mut problems = Problems::new();
        let place = |range| Origin::profile(crate::diag::FileId::FIRST, range);
        let template = Template::parse(text, &place, &mut problems);
        let codes: Vec<_> = problems.sorted().iter().map(|p| p.code).collect();
        assert_eq!(template.is_none(), !codes.is_empty(), "{text}");
        template.ok_or(codes)
    }

    #[test]
    fn only_dollar_brace_starts_a_variable() {
        for text in ["", "$", "$HOME", "a$b$", "}", "{x}"] {
            assert_eq!(parse(text).unwrap().as_literal(), Some(text));
        }
        assert_eq!(parse("$${HOME}").unwrap().as_literal(), Some("${HOME}"));
        assert_eq!(parse("$$${HOME}").unwrap().as_literal(), Some("$${HOME}"));
    }

    #[test]
    fn places_count_bytes_of_the_text() {
        let template = parse("é${HOME}/x").unwrap();
        let [
            Part::Literal(before),
            Part::Variable { name, origin, .. },
            Part::Literal(after),
        ] = template.parts.as_slice()
        else {
            panic!("{template:?}");
        };
        assert_eq!(
            (before.as_str(), name.as_str(), after.as_str()),
            ("é", "HOME", "/x")
        );
        assert_eq!(*origin, Origin::profile(crate::diag::FileId::FIRST, 2..9));
    }

    #[test]
    fn a_default_may_hold_one_variable() {
        let text = "${env:EDITOR:-${HOME}/bin/vi}";
        assert_eq!(parse(text).unwrap().to_string(), text);
        assert_eq!(parse("${env:A:-}").unwrap().to_string(), "${env:A:-}");
        assert_eq!(
            parse("${env:A:-${HOME}${UID}}"),
            Err(vec!["variable.default"])
        );
        assert_eq!(
            parse("${env:A:-${env:B:-c}}"),
            Err(vec!["variable.default"])
        );
        assert_eq!(parse("${HOME:-/}"), Err(vec!["variable.default"]));
    }

    #[test]
    fn each_misspelt_variable_is_noted() {
        assert_eq!(parse("${HMOE}${}"), Err(vec!["variable.unknown"; 2]));
        assert_eq!(parse("${env:A=B}"), Err(vec!["variable.env-name"]));
        assert_eq!(parse("${HOME"), Err(vec!["variable.unclosed"]));
        assert_eq!(parse("${param:}"), Err(vec!["variable.param-name"]));
        assert_eq!(parse("${param:a b}"), Err(vec!["variable.param-name"]));
        assert_eq!(
            parse(&"${env:A:-".repeat(9999)),
            Err(vec!["variable.unclosed"])
        );
    }

    #[test]
    fn a_template_prints_as_it_is_written() {
        for text in ["a$${b", "${HOME}/x", "$$${", "${env:A:-$${}"] {
            assert_eq!(parse(text).map(|t| t.to_string()).as_deref(), Ok(text));
        }
    }
}
