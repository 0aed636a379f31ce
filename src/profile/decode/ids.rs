//! Ids of users and groups: supplementary groups, and maps of user namespaces.

use crate::diag::At;
use crate::model::{GroupSpec, IdExtent, Invalid};
use crate::profile::raw::RawMapUsers;

use super::reader::{Reader, Value};
use super::scalar::number_of;
use super::table::Table;
use super::text;

/// (uid_t)-1 means "unchanged" to every call that takes an id.
const LAST_ID: i128 = u32::MAX as i128 - 1;

/// A supplementary group: a name, or a number.
pub(super) fn group(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<GroupSpec> {
    const CODE: &str = "command.group";
    if let Some(number) = number_of(value) {
        return id(value, reader, CODE, "group", 0).map(|_| GroupSpec::Id(number as u32));
    }
    let result = value.text("the name or the id of a group");
    let text = reader.problems.take(result)?;
    let refused = text::refuse_variable(value, text);
    reader.problems.take(refused)?;
    let parsed = text.parse();
    let parsed = parsed.map_err(|why| value.invalid(CODE, "group", text, why));
    reader.problems.take(parsed)
}

/// `namespaces.map_users`: a word, or a table of extents.
pub(super) fn map_users<'d>(value: &Value<'d>, reader: &mut Reader<'d>) -> Option<RawMapUsers> {
    const WORDS: &[&str] = &["single", "subordinate"];
    if value.node.get_ref().is_table() {
        return explicit(value, reader);
    }
    let expected = "`single`, `subordinate` or a table of ids";
    let result = value.text(expected);
    let text = reader.problems.take(result)?;
    match text {
        "single" => Some(RawMapUsers::Single),
        "subordinate" => Some(RawMapUsers::Subordinate),
        _ => {
            let why = Invalid::unknown(text, WORDS);
            let problem = value.invalid("value.word", "value", text, why);
            reader.problems.push(problem);
            None
        }
    }
}

fn explicit<'d>(value: &Value<'d>, reader: &mut Reader<'d>) -> Option<RawMapUsers> {
    let title = "`namespaces.map_users`".to_owned();
    Table::read(value, reader, title, |table| {
        let users = table.required("users", extents);
        let groups = table.with("groups", extents);
        Some(RawMapUsers::Explicit {
            users: users?.value,
            groups: groups.map(|at| at.value).unwrap_or_default(),
        })
    })?
}

fn extents<'d>(value: &Value<'d>, reader: &mut Reader<'d>) -> Option<Vec<At<IdExtent>>> {
    let Some(array) = value.node.get_ref().as_array() else {
        let problem = value.wrong_type("an array of tables");
        let help = "write `[{ inside = 0, outside = 100000, count = 65536 }]`";
        reader.problems.push(problem.help(help));
        return None;
    };
    let entry = |node| Value::entry(value.path.clone(), node, reader);
    let entries: Vec<Value<'d>> = array.iter().map(entry).collect();
    let read = entries
        .iter()
        .map(|entry| extent(entry, reader).map(|extent| entry.at(extent)));
    let read: Vec<Option<At<IdExtent>>> = read.collect();
    read.into_iter().collect()
}

fn extent<'d>(value: &Value<'d>, reader: &mut Reader<'d>) -> Option<IdExtent> {
    const CODE: &str = "namespaces.map-id";
    let title = format!("an entry of `{}`", value.path);
    let extent = Table::read(value, reader, title, |table| {
        let id = |name: &'static str, least: i128| {
            move |value: &Value<'d>, reader: &mut Reader<'d>| id(value, reader, CODE, name, least)
        };
        let inside = table.required("inside", id("id", 0));
        let outside = table.required("outside", id("id", 0));
        let count = table.required("count", id("count", 1));
        Some(IdExtent {
            inside: inside?.value,
            outside: outside?.value,
            count: count?.value,
        })
    })??;
    let last = i128::from(extent.inside.max(extent.outside)) + i128::from(extent.count) - 1;
    if last > LAST_ID {
        let message = format!("the map ends at id {last}, and the highest is {LAST_ID}");
        let problem = value.error(CODE, message);
        reader
            .problems
            .push(problem.help("write a smaller `count`"));
        return None;
    }
    Some(extent)
}

fn id(
    value: &Value<'_>,
    reader: &mut Reader<'_>,
    code: &'static str,
    what: &str,
    least: i128,
) -> Option<u32> {
    let Some(number) = number_of(value) else {
        let problem = value.wrong_type("a whole number");
        reader.problems.push(problem);
        return None;
    };
    if !(least..=LAST_ID).contains(&number) {
        let why = Invalid::because(format!("is not between {least} and {LAST_ID}"));
        let problem = value.invalid(code, what, &number.to_string(), why);
        reader.problems.push(problem);
        return None;
    }
    u32::try_from(number).ok()
}
