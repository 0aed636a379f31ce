//! `[[expect]]`: what `sandbox test` tries inside.

use crate::diag::At;
use crate::model::{Endpoint, Expected, PathUse};
use crate::profile::raw::{RawExpect, RawExpectation, Setting};
use crate::profile::template::{Template, is_environment_name};

use super::entries::{Kind, Kinds};
use super::path::{EXPECTED_PATH, inside};
use super::reader::{Reader, Value, shortened};
use super::scalar::Quantity;
use super::table::Table;
use super::text::{Content, filled_template, plain, word};

const KINDS: Kinds<RawExpect> = Kinds {
    noun: "test",
    none: "expect.kind",
    several: "expect.kinds",
    // Each kind has no key but its own and `why`: two of them are two kinds.
    foreign: "expect.kinds",
    all: &[
        Kind::ready("deny_read", |table| {
            path(table, "deny_read", Expected::Denied, PathUse::Read)
        }),
        Kind::ready("allow_read", |table| {
            path(table, "allow_read", Expected::Allowed, PathUse::Read)
        }),
        Kind::ready("deny_write", |table| {
            path(table, "deny_write", Expected::Denied, PathUse::Write)
        }),
        Kind::ready("allow_write", |table| {
            path(table, "allow_write", Expected::Allowed, PathUse::Write)
        }),
        Kind::ready("deny_exec", |table| {
            path(table, "deny_exec", Expected::Denied, PathUse::Execute)
        }),
        Kind::ready("allow_exec", |table| {
            path(table, "allow_exec", Expected::Allowed, PathUse::Execute)
        }),
        Kind::ready("deny_connect", |table| {
            connect(table, "deny_connect", Expected::Denied)
        }),
        Kind::ready("allow_connect", |table| {
            connect(table, "allow_connect", Expected::Allowed)
        }),
        Kind::ready("deny_syscall", |table| {
            system_call(table, "deny_syscall", Expected::Denied)
        }),
        Kind::ready("allow_syscall", |table| {
            system_call(table, "allow_syscall", Expected::Allowed)
        }),
        Kind::ready("env_absent", |table| {
            let pattern = table.required("env_absent", variable);
            finish(table, pattern.map(RawExpectation::EnvAbsent))
        }),
        Kind::ready("max_memory", |table| {
            let size = setting(table, "max_memory");
            finish(table, size.map(RawExpectation::MaxMemory))
        }),
        Kind::ready("max_pids", |table| {
            let count = setting(table, "max_pids");
            finish(table, count.map(RawExpectation::MaxPids))
        }),
        Kind::ready("max_open_files", |table| {
            let count = setting(table, "max_open_files");
            finish(table, count.map(RawExpectation::MaxOpenFiles))
        }),
    ],
};

/// The expectations in file order; two equal ones are two.
pub(super) fn expectations(table: &mut Table<'_, '_>) -> Vec<At<RawExpect>> {
    let values = table.values("expect");
    let entries = values
        .iter()
        .filter_map(|value| KINDS.read(value, table.reader));
    entries.collect()
}

fn finish(table: &mut Table<'_, '_>, what: Option<RawExpectation>) -> Option<RawExpect> {
    let why = table.with("why", plain(Content::OneLine));
    Some(RawExpect { what: what?, why })
}

fn path(
    table: &mut Table<'_, '_>,
    key: &'static str,
    expected: Expected,
    using: PathUse,
) -> Option<RawExpect> {
    let path = table.required(key, inside(&EXPECTED_PATH));
    let what = path.map(|path| RawExpectation::Path {
        expected,
        using,
        path,
    });
    finish(table, what)
}

fn connect(table: &mut Table<'_, '_>, key: &'static str, expected: Expected) -> Option<RawExpect> {
    let to = table.required(key, endpoint);
    finish(table, to.map(|to| RawExpectation::Connect { expected, to }))
}

fn system_call(
    table: &mut Table<'_, '_>,
    key: &'static str,
    expected: Expected,
) -> Option<RawExpect> {
    let name = table.required(key, word);
    let what = name.map(|name| RawExpectation::SystemCall { expected, name });
    finish(table, what)
}

fn setting<T: Quantity>(table: &mut Table<'_, '_>, key: &'static str) -> Option<At<Setting<T>>> {
    table.required(key, |value, reader| {
        <Setting<T> as super::reader::Decode>::decode(value, reader)
    })
}

/// Where there are variables it is judged when they are known.
fn endpoint(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Template> {
    let template = filled_template(value, reader)?;
    if let Some(text) = template.as_literal()
        && let Err(why) = text.parse::<Endpoint>()
    {
        let problem = value.invalid("expect.address", "address", text, why);
        reader.problems.push(problem);
        return None;
    }
    Some(template)
}

/// A name, or the start of names with one `*` behind it.
fn variable(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<String> {
    let text = word(value, reader)?;
    if is_environment_name(text.strip_suffix('*').unwrap_or(&text)) {
        return Some(text);
    }
    let name = shortened(&text);
    let message = format!("`{name}` is no name of an environment variable");
    let problem = value.error("expect.env-name", message);
    reader
        .problems
        .push(problem.help("write a name, or the start of several, as in `AWS_*`"));
    None
}
