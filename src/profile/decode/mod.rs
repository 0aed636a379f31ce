//! The document's tables to a raw profile: all mistakes are noted, each under its value.
//!
//! One file for each section. A section's decoder asks its [`table::Table`] for each key by name,
//! which is the one place where that key is declared.

mod command;
mod entries;
mod env;
mod expect;
mod extends;
mod ids;
mod limits;
mod mount;
mod namespaces;
mod path;
mod reader;
mod rootfs;
mod scalar;
mod security;
mod source;
mod system;
mod table;
mod text;
mod unknown;
mod words;

pub(super) use mount::target_of;
pub(super) use path::key_of;
pub(super) use source::path_of;

use toml::de::{DeTable, DeValue};

use crate::diag::{FileId, Problem, Problems};

use super::raw::{RawFile, RawProfile};
use reader::{Reader, Value};
use table::Table;

/// The file that a document without syntax errors holds.
///
/// Nothing comes back when it is written in a version of the language that is not known: what its
/// keys mean is not known either.
pub(super) fn profile(
    file: FileId,
    text: &str,
    document: &DeTable<'_>,
    problems: &mut Problems,
) -> Option<RawFile> {
    let mut reader = Reader::new(file, text);
    let mut table = Table::root(&mut reader, document);
    let profile = version(&mut table).map(|Known| top(&mut table));
    if profile.is_some() {
        table.finish();
        unknown::refuse_unknown(&mut reader);
    }
    problems.extend(reader.problems);
    profile
}

/// Each table of a document with the keys that its decoder takes, by the path of the table: `limits.process`,
/// empty for the top. Of a list each entry is one.
pub(super) fn keys(document: &DeTable<'_>) -> Vec<(String, Vec<&'static str>)> {
    let mut reader = Reader::new(FileId::FIRST, "");
    let mut table = Table::root(&mut reader, document);
    if version(&mut table).is_some() {
        top(&mut table);
    }
    table.finish();
    let taken = |section: unknown::Section| {
        let supported = |key: &&str| !section.later.contains(key);
        let keys = section.keys.iter().copied().filter(supported).collect();
        (section.path, keys)
    };
    reader.sections.into_iter().map(taken).collect()
}

fn top(table: &mut Table<'_, '_>) -> RawFile {
    RawFile {
        extends: table.list("extends", extends::base),
        params: table.section("params", extends::params),
        remove: extends::removals(table),
        profile: sections(table),
    }
}

fn sections(table: &mut Table<'_, '_>) -> RawProfile {
    RawProfile {
        name: table.optional("name"),
        description: table.with("description", text::plain(text::Content::Prose)),
        command: table.section("command", command::command),
        env: table.section("env", env::env),
        rootfs: table.section("rootfs", rootfs::rootfs),
        system: table.section("system", system::system),
        mounts: mount::mounts(table),
        namespaces: table.section("namespaces", namespaces::namespaces),
        network: table.section("network", namespaces::network),
        limits: table.section("limits", limits::limits),
        security: table.section("security", security::security),
        supervise: table.section("supervise", command::supervise),
        expect: expect::expectations(table),
    }
}

/// The version is one that this program knows, or so wrong that version 1 is assumed to be meant.
struct Known;

fn version(table: &mut Table<'_, '_>) -> Option<Known> {
    let Some(value) = table.value("version") else {
        let problem = Problem::error(
            "profile.version-missing",
            &table.origin,
            "the profile states no version",
        );
        let help = "write `version = 1` in the first line";
        table.reader.problems.push(problem.help(help));
        return Some(Known);
    };
    match value.node.get_ref() {
        DeValue::Integer(_) if scalar::number_of(&value) == Some(1) => Some(Known),
        DeValue::Integer(number) => {
            let problem = unknown_version(&value, number.as_str());
            table.reader.problems.push(problem);
            None
        }
        _ => {
            let problem = value.wrong_type("an integer").help("write `version = 1`");
            table.reader.problems.push(problem);
            Some(Known)
        }
    }
}

fn unknown_version(value: &Value<'_>, number: &str) -> Problem {
    let number = reader::shortened(number);
    let message = format!("version `{number}` of the profile language is not known");
    value
        .error("profile.version-unknown", message)
        .label("only version 1 is known")
        .help("write `version = 1`, or use a program that knows this version")
}
