//! What every section needs: the host where it is known, variables, and the place for mistakes.

use std::path::{Path, PathBuf};

use crate::diag::{At, Origin, Problem, Problems};
use crate::model::{Facts, PartFact, PathFact, Wanted};
use crate::plan::{ByVariable, Privacy, PrivateValues};
use crate::profile::{Part, Template};

use super::{Given, Knowledge};

/// A text whose variables were replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// The whole text; in a symbolic plan as it was written.
    pub value: String,
    /// Whether a part of it came from the caller's environment.
    pub privacy: Privacy,
}

impl Text {
    /// One that anybody may see.
    pub fn shown(text: &str) -> Text {
        Text {
            value: text.to_owned(),
            privacy: Privacy::Shown,
        }
    }
}

/// One resolution under way.
pub(super) struct Scope<'a> {
    pub given: &'a Given,
    knowledge: Knowledge<'a>,
    /// Whether parts of the profile could not be read: what is missing may stand there all the same.
    pub read_in_part: bool,
    pub problems: Problems,
    /// What was asked about the host so far.
    pub wanted: Wanted,
    pub private: PrivateValues,
    pub left_out: Vec<At<String>>,
    /// Numbers that a variable says.
    pub by_variable: Vec<At<ByVariable>>,
}

impl<'a> Scope<'a> {
    pub fn new(given: &'a Given, knowledge: Knowledge<'a>) -> Scope<'a> {
        Scope {
            given,
            knowledge,
            read_in_part: false,
            problems: Problems::new(),
            wanted: Wanted::default(),
            private: PrivateValues::default(),
            left_out: Vec::new(),
            by_variable: Vec::new(),
        }
    }

    /// The host, where it is known.
    pub fn facts(&self) -> Option<&'a Facts> {
        match self.knowledge {
            Knowledge::Symbolic => None,
            Knowledge::Host(facts) => Some(facts),
        }
    }

    /// Notes a mistake. No value of the caller's environment is shown in it.
    pub fn report(&mut self, mut problem: Problem) {
        problem.message = self.private.hide(&problem.message);
        problem.help = problem.help.map(|help| self.private.hide(&help));
        problem.label.text = self.private.hide(&problem.label.text);
        self.problems.push(problem);
    }

    /// Goes on when there is nothing wrong; notes it otherwise.
    pub fn sound(&mut self, offence: Option<Problem>) -> Option<()> {
        match offence {
            None => Some(()),
            Some(problem) => {
                self.report(problem);
                None
            }
        }
    }

    /// What lies at `path` of the host; nothing where that is not known.
    pub fn path_fact(&mut self, path: impl AsRef<Path>) -> Option<&'a PathFact> {
        let path = path.as_ref();
        let facts = self.facts()?;
        self.wanted.paths.insert(path.to_owned());
        facts.path(path)
    }

    /// What lies at `below` in the host directory `top`, by no link; nothing where that is not known.
    pub fn part_fact(&mut self, top: &str, below: &str) -> Option<&'a PartFact> {
        let facts = self.facts()?;
        let place = (PathBuf::from(top), PathBuf::from(below));
        let found = facts.parts.get(&place);
        self.wanted.parts.insert(place);
        found
    }

    /// What matches `pattern` on the host; nothing where that is not known.
    pub fn matches(&mut self, pattern: &str) -> Option<&'a [PathBuf]> {
        let facts = self.facts()?;
        self.wanted.patterns.insert(PathBuf::from(pattern));
        facts.matches.get(Path::new(pattern)).map(Vec::as_slice)
    }

    /// The text of `template`, or nothing with a mistake noted for each variable that is not set.
    pub fn text(&mut self, template: &Template) -> Option<Text> {
        if self.facts().is_none() {
            return Some(Text::shown(&self.symbolic(template)));
        }
        let mut text = Text::shown("");
        let mut complete = true;
        for part in &template.parts {
            match self.part(part) {
                Some(part) => {
                    text.value.push_str(&part.value);
                    if part.privacy == Privacy::Private {
                        text.privacy = Privacy::Private;
                    }
                }
                None => complete = false,
            }
        }
        complete.then_some(text)
    }

    /// A template as it was written, but for the directory of a base: the profile's own is another one.
    fn symbolic(&self, template: &Template) -> String {
        let own =
            |part: &Part| matches!(part, Part::Variable { name, .. } if name == "PROFILE_DIR");
        if !template.parts.iter().any(own) {
            return template.to_string();
        }
        let texts = template.parts.iter().map(|part| match part {
            Part::Variable { origin, .. } if own(part) => self.profile_dir_name(origin).to_owned(),
            part => Template {
                parts: vec![part.clone()],
            }
            .to_string(),
        });
        texts.collect()
    }

    fn part(&mut self, part: &Part) -> Option<Text> {
        let (name, default, origin) = match part {
            Part::Literal(text) => {
                return Some(Text::shown(text));
            }
            Part::Variable {
                name,
                default,
                origin,
            } => (name, default, origin),
        };
        let value = self.variable(name, origin);
        match (value, default) {
            // As in a shell, `:-` also stands in for a variable that is set to nothing.
            (None, Some(default)) => self.text(default),
            (Some(text), Some(default)) if text.value.is_empty() => self.text(default),
            (Some(text), _) => Some(text),
            (None, None) => {
                self.report(not_set(name, origin));
                None
            }
        }
    }

    fn variable(&mut self, name: &str, origin: &Origin) -> Option<Text> {
        let facts = self.facts()?;
        let (value, privacy) = match name.strip_prefix("env:") {
            Some(key) => {
                let value = facts.environment.get(key).or(facts.variables.get(name))?;
                self.private.insert(value, format!("${{{name}}}"));
                (value.clone(), Privacy::Private)
            }
            // What had a value was put in its place before.
            None if name.starts_with("param:") => return None,
            None if name == "PROFILE_DIR" => (self.profile_dir(origin)?, Privacy::Shown),
            None => {
                self.wanted.variables.insert(name.to_owned());
                (facts.variables.get(name)?.clone(), Privacy::Shown)
            }
        };
        Some(Text { value, privacy })
    }

    /// What stands for the directory of the file in which `origin` lies, where no host is asked.
    pub fn profile_dir_name(&self, origin: &Origin) -> &str {
        let file = match origin {
            Origin::Profile { file, .. } => self.given.profile_dir_names.get(file),
            _ => None,
        };
        file.map_or("${PROFILE_DIR}", String::as_str)
    }

    /// The directory of the file in which `origin` lies.
    pub fn profile_dir(&self, origin: &Origin) -> Option<String> {
        let Origin::Profile { file, .. } = origin else {
            return None;
        };
        let directory = self.given.profile_dirs.get(file)?;
        directory.to_str().map(str::to_owned)
    }
}

/// Whether a template starts with a variable that stands for an absolute path.
pub(super) fn starts_absolute(template: &Template) -> bool {
    match template.parts.first() {
        Some(Part::Literal(text)) => text.starts_with('/'),
        // Of `${env:…}` nobody can say; the host's value is judged when it is known.
        Some(Part::Variable { name, .. }) => !matches!(name.as_str(), "USER" | "UID" | "GID"),
        None => false,
    }
}

fn not_set(name: &str, origin: &Origin) -> Problem {
    let problem = |message: String| Problem::error("variable.not-set", origin, message);
    match name {
        "GIT_ROOT" | "GIT_COMMON_DIR" => problem(format!(
            "`${{{name}}}` has no value: the working directory lies in no git checkout"
        ))
        .help("start it in a checkout, or write `${CWD}`"),
        "WAYLAND_SOCKET" => problem(
            "`${WAYLAND_SOCKET}` has no value: the caller has no Wayland session".to_owned(),
        )
        .help("start it in the session, where `WAYLAND_DISPLAY` is set"),
        "X11_SOCKET" => {
            problem("`${X11_SOCKET}` has no value: the caller has no X session".to_owned())
                .help("start it in the session, where `DISPLAY` is set")
        }
        _ if name.starts_with("param:") => {
            let param = name.trim_start_matches("param:");
            problem(format!("parameter `{param}` has no value and no default"))
                .help(format!("give `--param {param}=…`"))
        }
        _ => match name.strip_prefix("env:") {
            Some(key) => problem(format!(
                "`${{{name}}}` has no value: the caller's environment has no `{key}`"
            ))
            .help(format!(
                "set `{key}`, or give a default as in `${{{name}:-…}}`"
            )),
            None => problem(format!("`${{{name}}}` has no value on this host"))
                .help("set it in the caller's environment"),
        },
    }
}
