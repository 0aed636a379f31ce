//! Several files to one raw profile, in which every value keeps the place where it stands.
//!
//! Files come in their order: the bases of a file before it, each file once. What is laid over what
//! came before is one file's `[remove]` first, then its values. So a file may remove what any file
//! before it gave, and two bases of one file may build on one base of their own.

mod entry;
mod field;
mod named;
mod sections;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::diag::{FileId, Origin, Problem, Problems};
use crate::model::nearest;

use super::raw::{RawFile, RawParam, RawProfile, RawRemoval, RawSeccompRules};
use entry::Key;
use field::{Dropped, Field};

/// One file of a profile, with all of its bases before it in a list.
#[derive(Debug)]
pub(super) struct Link {
    /// What is written in it; nothing where that could not be read.
    pub raw: Option<RawFile>,
    /// Every file that it builds on, directly or not.
    pub bases: BTreeSet<FileId>,
    /// Which one it is.
    pub file: FileId,
    /// Whose name and description the result has.
    pub naming: Naming,
}

/// Whether the result is called as a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// It is a base: `name` and `description` are not inherited.
    Base,
    /// It is what was asked for, or an addition to it.
    Own,
}

/// What all files together say.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Merged {
    /// `[params]`.
    pub params: Vec<RawParam>,
    /// Everything else.
    pub profile: RawProfile,
}

/// Which file gave something, so that relative paths of two files are not taken for one.
pub(super) struct Merging<'a> {
    /// The directory of each file.
    pub directories: &'a BTreeMap<FileId, PathBuf>,
    /// What is wrong so far.
    pub problems: &'a mut Problems,
}

/// Lays the files over each other, in order.
pub(super) fn merge(
    links: Vec<Link>,
    directories: &BTreeMap<FileId, PathBuf>,
    problems: &mut Problems,
) -> Merged {
    let read_in_part = links.iter().any(|link| link.raw.is_none()) || problems.has_errors();
    let mut merged = Merged::default();
    let mut removed = Removed::default();
    let mut merging = Merging {
        directories,
        problems,
    };
    for link in links {
        let Some(file) = link.raw else { continue };
        let RawFile {
            // Followed already.
            extends: _,
            params,
            remove,
            mut profile,
        } = file;
        for removal in &remove {
            let found = drop_one(&mut merged, removal);
            match found {
                Found::Dropped => removed.note(removal, link.file),
                Found::Absent if removed.by_another(removal, &link.bases) => {}
                // What a file says that cannot be read is not known.
                Found::Absent if read_in_part => {}
                Found::Absent => merging.problems.push(absent(removal, &removed)),
                Found::NoKey => merging.problems.push(no_key(&mut merged, removal)),
            }
        }
        if link.naming == Naming::Base {
            profile.name = None;
            profile.description = None;
        }
        merged.take_over(Merged { params, profile }, &mut merging);
    }
    merged
}

/// What a word of `[remove]` met.
enum Found {
    Dropped,
    Absent,
    NoKey,
}

fn drop_one(merged: &mut Merged, removal: &RawRemoval) -> Found {
    let (path, word) = (removal.path.value.as_str(), removal.word.value.as_str());
    if let Some(place) = merged.at(path) {
        match place.drop_entry(word) {
            Dropped::Yes => return Found::Dropped,
            Dropped::No => return Found::Absent,
            Dropped::NoList => {}
        }
    }
    let found = match merged.at(&format!("{path}.{word}")) {
        Some(place) => match place.drop_all() {
            true => Found::Dropped,
            false => Found::Absent,
        },
        None => Found::NoKey,
    };
    // What a table says beside its policy goes with it.
    if merged.profile.security.seccomp.is_none() {
        merged.profile.security.seccomp_rules = RawSeccompRules::default();
    }
    found
}

/// What was removed so far, and by which file.
#[derive(Default)]
struct Removed {
    by: BTreeMap<(String, String), (FileId, Origin)>,
}

impl Removed {
    fn key(removal: &RawRemoval) -> (String, String) {
        (removal.path.value.clone(), removal.word.value.clone())
    }

    fn note(&mut self, removal: &RawRemoval, file: FileId) {
        let by = (file, removal.word.origin.clone());
        self.by.insert(Removed::key(removal), by);
    }

    /// Whether a file removed it that this one does not build on: each of the two is right by itself.
    fn by_another(&self, removal: &RawRemoval, bases: &BTreeSet<FileId>) -> bool {
        let by = self.by.get(&Removed::key(removal));
        by.is_some_and(|(file, _)| !bases.contains(file))
    }
}

fn absent(removal: &RawRemoval, removed: &Removed) -> Problem {
    let RawRemoval { path, word } = removal;
    let message = format!(
        "no base gives `{}` to `{}`, so it cannot be removed",
        word.value, path.value
    );
    let problem = word
        .error("remove.absent", message)
        .label("nothing is dropped by this");
    match removed.by.get(&Removed::key(removal)) {
        Some((_, first)) => problem
            .also(first, "it was removed here already")
            .help("leave it out"),
        None => problem.help("leave it out, or name it as the base does"),
    }
}

fn no_key(merged: &mut Merged, removal: &RawRemoval) -> Problem {
    let RawRemoval { path, word } = removal;
    let known = merged.keys();
    let whole = format!("{}.{}", path.value, word.value);
    let is_known = |path: &str| known.iter().any(|key| is_within(key, path));
    let (at, message) = match is_known(&path.value) {
        true => (
            word,
            format!("`{}` is no key of `{}`", word.value, path.value),
        ),
        false => (path, format!("`{}` is no key of a profile", path.value)),
    };
    let problem = at.error("remove.unknown-key", message).label("unknown key");
    let wanted = match is_known(&path.value) {
        true => &whole,
        false => &path.value,
    };
    let tables = known.iter().filter_map(|key| key.rsplit_once('.'));
    let names = known.iter().map(String::as_str);
    match nearest(wanted, names.chain(tables.map(|(table, _)| table))) {
        Some(near) if near != wanted => problem.help(format!("write `{near}`")),
        _ => problem,
    }
}

/// Whether `key` is `path` or stands below it.
fn is_within(key: &str, path: &str) -> bool {
    let rest = key.strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The error of two unequal entries with one key.
fn conflict(key: &Key, first: &Origin, second: &Origin) -> Problem {
    let Key {
        code,
        pair,
        list,
        text,
    } = key;
    Problem::error(code, second, format!("{pair} `{text}`, and they differ"))
        .label("this is the second")
        .also(first, "this is the first")
        .help(format!(
            "make them equal, or drop the first one: write `{list} = [\"{text}\"]` under `[remove]` of the second file"
        ))
}
