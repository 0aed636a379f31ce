//! `[env]`: what the program's environment holds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diag::{At, Origin, Problem};
use crate::plan::{Privacy, Variable};
use crate::profile::raw::{RawEnv, RawVariable};

use super::packed::Offer;
use super::scope::Scope;

/// Where programs are looked for when no PATH is given.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// HOME when none is given: a directory that every tree has.
const DEFAULT_HOME: &str = "/";

/// The environment, and what others read from it.
#[derive(Debug)]
pub(super) struct Environment {
    /// Sorted by name, each name once.
    pub list: Vec<At<Variable>>,
    /// The directories of PATH.
    pub path: Vec<String>,
    /// Whether messages may name these directories.
    pub path_privacy: Privacy,
    /// HOME.
    pub home: At<String>,
    /// The directories of LD_LIBRARY_PATH.
    pub library_path: Vec<PathBuf>,
}

impl Environment {
    /// HOME, as the generated files need it: in a symbolic plan it may be the caller's.
    pub fn home(&self) -> &str {
        match self.home.value.as_str() {
            "" => DEFAULT_HOME,
            home => home,
        }
    }
}

type Variables = BTreeMap<String, At<Variable>>;

/// The host's variables that the list names, over them those that are set, and PATH and HOME, which
/// programs cannot do without. Nothing else is added: not USER, not LOGNAME, not TERM.
///
/// What an image offers lies below all that.
pub(super) fn resolve_over(offer: &Offer<'_>, raw: &RawEnv, scope: &mut Scope<'_>) -> Environment {
    let RawEnv { inherit, set } = raw;
    let mut variables = Variables::new();
    for At {
        value: (name, value),
        origin,
    } in offer.env()
    {
        let variable = At::new(shown(&name, &value), origin);
        variables.insert(name, variable);
    }
    for pattern in inherit {
        inherit_matching(pattern, &mut variables, scope);
    }
    for variable in set {
        if let Some(variable) = set_variable(variable, scope) {
            variables.insert(variable.value.name.clone(), variable);
        }
    }
    for (name, value) in [("PATH", DEFAULT_PATH), ("HOME", DEFAULT_HOME)] {
        let default = || At::default_value(shown(name, value));
        variables.entry(name.to_owned()).or_insert_with(default);
    }
    let directories = |name| directories(&variables, name);
    let path = directories("PATH");
    check_path(&variables, scope);
    Environment {
        path,
        path_privacy: variables
            .get("PATH")
            .map_or(Privacy::Shown, |path| path.value.privacy),
        home: home(&variables, scope),
        library_path: directories("LD_LIBRARY_PATH")
            .into_iter()
            .map(PathBuf::from)
            .collect(),
        list: variables.into_values().collect(),
    }
}

fn shown(name: &str, value: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        value: value.to_owned(),
        privacy: Privacy::Shown,
    }
}

/// Takes in what `pattern` matches. In a symbolic plan the pattern itself stands for that.
fn inherit_matching(pattern: &At<String>, variables: &mut Variables, scope: &mut Scope<'_>) {
    let (prefix, any) = match pattern.value.strip_suffix('*') {
        Some(prefix) => (prefix, true),
        None => (pattern.value.as_str(), false),
    };
    let private = |name: &str, value: &str| Variable {
        privacy: Privacy::Private,
        ..shown(name, value)
    };
    let mut add = |variable: Variable| {
        let at = At::new(variable, pattern.origin.clone());
        variables.insert(at.value.name.clone(), at);
    };
    match scope.facts() {
        None => add(private(&pattern.value, "")),
        Some(facts) => facts
            .environment
            .iter()
            .filter(|(name, _)| *name == prefix || any && name.starts_with(prefix))
            .for_each(|(name, value)| add(private(name, value))),
    }
}

fn set_variable(raw: &RawVariable, scope: &mut Scope<'_>) -> Option<At<Variable>> {
    let RawVariable { name, value } = raw;
    let text = scope.text(&value.value)?;
    let variable = Variable {
        name: name.value.clone(),
        value: text.value,
        privacy: text.privacy,
    };
    Some(At::new(variable, value.origin.clone()))
}

/// The absolute directories of a list that is parted by colons.
fn directories(variables: &Variables, name: &str) -> Vec<String> {
    let list = variables.get(name).map_or("", |list| &list.value.value);
    let absolute = |directory: &&str| directory.starts_with('/') || directory.starts_with("${");
    list.split(':')
        .filter(absolute)
        .map(str::to_owned)
        .collect()
}

/// A relative entry makes what runs depend on where it is run.
fn check_path(variables: &Variables, scope: &mut Scope<'_>) {
    let Some(path) = variables
        .get("PATH")
        .filter(|path| !path.value.value.contains("${"))
    else {
        return;
    };
    if path
        .value
        .value
        .split(':')
        .all(|directory| directory.starts_with('/'))
    {
        return;
    }
    scope.report(
        Problem::warning(
            "env.path-relative",
            &path.origin,
            "`PATH` holds a relative or empty directory, which means the working directory",
        )
        .help("write absolute directories only"),
    );
}

/// HOME, which goes into the generated /etc/passwd: there `:` and a new line would start another
/// field or another user (CVE-2022-4318).
fn home(variables: &Variables, scope: &mut Scope<'_>) -> At<String> {
    let default = At::new(DEFAULT_HOME.to_owned(), Origin::Default);
    let Some(home) = variables.get("HOME") else {
        return default;
    };
    let value = &home.value.value;
    let symbolic = scope.facts().is_none() && (value.contains("${") || value.is_empty());
    if symbolic {
        return At::new(value.clone(), home.origin.clone());
    }
    let fits = value.starts_with('/') && !value.contains(|c: char| c == ':' || c.is_control());
    if !fits {
        let shown = home.value.shown().escape_debug();
        let message =
            format!("`HOME` `{shown}` is no absolute path without `:` and control characters");
        scope.report(
            Problem::error("env.home", &home.origin, message)
                .help("write the path of a directory inside, such as `/home/user`"),
        );
        return default;
    }
    At::new(value.clone(), home.origin.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(raw: &RawEnv, scope: &mut Scope<'_>) -> Environment {
        resolve_over(&Offer::None, raw, scope)
    }
    use crate::plan::resolve::testing::{Bench, at, at_text, codes, variable};

    fn raw(inherit: &[&str], set: &[(&str, &str)]) -> RawEnv {
        RawEnv {
            inherit: inherit.iter().map(|name| at_text(name)).collect(),
            set: set
                .iter()
                .map(|(name, value)| RawVariable {
                    name: at_text(name),
                    value: at(value),
                })
                .collect(),
        }
    }

    fn pairs(environment: &Environment) -> Vec<(&str, &str)> {
        let list = environment.list.iter();
        list.map(|variable| (variable.value.name.as_str(), variable.value.value.as_str()))
            .collect()
    }

    #[test]
    fn nothing_enters_but_path_and_home() {
        let bench = Bench::host();
        let environment = resolve(&raw(&[], &[]), &mut bench.scope());
        assert_eq!(pairs(&environment), [("HOME", "/"), ("PATH", DEFAULT_PATH)]);
        assert_eq!(environment.path, ["/usr/local/bin", "/usr/bin", "/bin"]);
    }

    #[test]
    fn what_is_set_wins_over_what_is_inherited() {
        let bench = Bench::host();
        let raw = raw(
            &["TERM", "LC_*", "NOT_SET"],
            &[("LC_ALL", "C"), ("HOME", "/h")],
        );
        let environment = resolve(&raw, &mut bench.scope());
        let expected = [
            ("HOME", "/h"),
            ("LC_ALL", "C"),
            ("LC_TIME", "de"),
            ("PATH", DEFAULT_PATH),
            ("TERM", "xterm"),
        ];
        assert_eq!(pairs(&environment), expected);
        let privacy = |name: &str| {
            let found = environment.list.iter().find(|v| v.value.name == name);
            found.unwrap().value.privacy
        };
        assert_eq!(privacy("TERM"), Privacy::Private);
        assert_eq!(privacy("LC_ALL"), Privacy::Shown);
    }

    #[test]
    fn a_home_that_would_forge_a_user_is_an_error() {
        let bench = Bench::host();
        let mut scope = bench.scope();
        let mut raw = raw(&[], &[("HOME", "/h:0"), ("PATH", "bin:/bin")]);
        raw.set.push(RawVariable {
            name: at_text("TOKEN"),
            value: variable("env:ABSENT", ""),
        });
        resolve(&raw, &mut scope);
        let expected = ["env.home", "env.path-relative", "variable.not-set"];
        assert_eq!(codes(scope), expected);
    }

    #[test]
    fn a_value_of_the_environment_is_never_shown() {
        let bench = Bench::host();
        let mut scope = bench.scope();
        let mut raw = raw(&[], &[]);
        raw.set.push(RawVariable {
            name: at_text("HOME"),
            value: variable("env:SECRET", ":x"),
        });
        resolve(&raw, &mut scope);
        let problems = scope.problems.sorted();
        assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
    }
}
