//! Keys that nothing reads, and what may have been meant.

use crate::diag::{Origin, Problem};
use crate::model::nearest;

use super::reader::{Reader, shortened};

/// A table's path and the keys that its decoder asked for.
#[derive(Debug)]
pub(super) struct Section {
    /// `limits.process`; empty for the top of the file.
    pub path: String,
    /// Every key, those that are not supported yet too.
    pub keys: Vec<&'static str>,
    /// Those that are not supported yet.
    pub later: Vec<&'static str>,
}

/// A key of the file that no decoder asked for.
pub(super) struct UnknownKey {
    /// As it is written.
    pub key: String,
    /// Where it stands.
    pub origin: Origin,
    /// How messages call its table.
    pub title: String,
    /// What its table knows.
    pub known: Vec<&'static str>,
}

/// Beyond so many, nobody reads suggestions, and comparing names takes time.
const SUGGESTED: usize = 100;

/// More keys of a table are not listed.
const LISTED: usize = 24;

/// Notes every unknown key, once all sections have declared theirs.
pub(super) fn refuse_unknown(reader: &mut Reader<'_>) {
    for (count, unknown) in std::mem::take(&mut reader.unknown).iter().enumerate() {
        let name = shortened(&unknown.key);
        let message = format!("`{name}` is no key of {}", unknown.title);
        let problem = Problem::error("profile.unknown-key", &unknown.origin, message);
        let help = (count < SUGGESTED).then(|| suggestion(unknown, &reader.sections));
        reader.problems.push(match help.flatten() {
            Some(help) => problem.label("unknown key").help(help),
            None => problem.label("unknown key"),
        });
    }
}

/// The nearest name of this table, and the sections that know the very name.
fn suggestion(unknown: &UnknownKey, sections: &[Section]) -> Option<String> {
    let key = unknown.key.as_str();
    let homes: Vec<String> = sections
        .iter()
        .filter(|section| section.is_named() && section.keys.contains(&key))
        .map(Section::title)
        .collect();
    let misplaced = match homes.as_slice() {
        [one] => Some(format!("move it: `{key}` belongs {one}")),
        [one, two] => Some(format!("move it: `{key}` belongs {one} or {two}")),
        _ => None,
    };
    let near = nearest(key, unknown.known.iter().copied());
    match (near, misplaced) {
        (Some(near), Some(misplaced)) => Some(format!("write `{near}`, or {misplaced}")),
        (Some(near), None) => Some(format!("write `{near}`")),
        (None, Some(misplaced)) => Some(misplaced),
        (None, None) => choice(&unknown.known),
    }
}

/// All keys of a table, for whoever thinks of another word. Those of the largest would be a page.
fn choice(known: &[&str]) -> Option<String> {
    // The kinds of an entry share some.
    let mut names: Vec<&str> = Vec::new();
    for key in known {
        if !names.contains(key) {
            names.push(key);
        }
    }
    let listed = (1..=LISTED).contains(&names.len());
    listed.then(|| format!("its keys are `{}`", names.join("`, `")))
}

impl Section {
    /// Whether the path is that of a `[header]`, not of an entry of a list.
    fn is_named(&self) -> bool {
        !matches!(self.path.as_str(), "mount" | "rootfs.source" | "system.dev")
    }

    fn title(&self) -> String {
        match self.path.as_str() {
            "" => "at the top of the file, above every `[section]`".to_owned(),
            path => format!("in `[{path}]`"),
        }
    }
}
