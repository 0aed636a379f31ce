//! `extends`, `[params]` and `[remove]`: other files, and the command line.

use toml::de::DeValue;

use crate::diag::{At, Problem};
use crate::profile::raw::{RawParam, RawRemoval};
use crate::profile::template::is_param_name;

use super::reader::{Reader, Value, shortened};
use super::scalar::number_of;
use super::table::{Member, Table};
use super::text::{Content, plain, refuse_variable, word};

/// A base's name or path: a fixed text, so that a reader sees which files belong together.
pub(super) fn base(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<String> {
    word(value, reader)
}

pub(super) fn params(table: &mut Table<'_, '_>) -> Vec<RawParam> {
    let members = table.members();
    let params = members
        .iter()
        .filter_map(|member| param(member, table.reader));
    params.collect()
}

fn param<'d>(member: &Member<'d>, reader: &mut Reader<'d>) -> Option<RawParam> {
    let Member { key, value } = member;
    if !is_param_name(key.value) {
        let name = shortened(key.value);
        let problem = key.error("params.name", format!("`{name}` is no name of a parameter"));
        let help = "use letters, digits, `_` and `-`, and a letter first";
        reader.problems.push(problem.help(help));
        return None;
    }
    let name = key.as_ref().map(|name| (*name).to_owned());
    if !value.node.get_ref().is_table() {
        let problem = value.wrong_type("a table");
        let source = reader.source(value.node.span());
        let written = format!("write `{} = {{ default = {source} }}`", key.value);
        reader.problems.push(match source.len() <= 64 {
            true => problem.help(written),
            false => problem,
        });
        return None;
    }
    let title = format!("parameter `{}`", key.value);
    Table::read(value, reader, title, |table| RawParam {
        name,
        default: table.with("default", param_value),
        choices: choices(table),
    })
}

/// An empty list would leave nothing to choose.
fn choices(table: &mut Table<'_, '_>) -> Vec<At<String>> {
    let origin = table.key_origin("choices");
    let empty = table.is_empty_array("choices");
    let choices = table.list("choices", param_value);
    if let (true, Some(origin)) = (empty, origin) {
        let message = format!("`choices` of {} is empty", table.title);
        let problem = Problem::error("params.choices-empty", &origin, message);
        let help = "name every value that it may have, or remove `choices`";
        table.reader.problems.push(problem.help(help));
    }
    choices
}

/// A text, or a whole number for a limit. It never holds a variable, nor what could end a line.
fn param_value(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<String> {
    if let Some(number) = number_of(value) {
        return Some(number.to_string());
    }
    if !value.node.get_ref().is_str() {
        let problem = value.wrong_type("a string or a whole number");
        reader.problems.push(problem);
        return None;
    }
    let text = plain(Content::OneLine)(value, reader)?;
    let refused = refuse_variable(value, &text);
    reader.problems.take(refused).map(|()| text)
}

/// Each is looked for in lists of a megabyte.
const MOST_REMOVALS: usize = 1024;

/// Every word of `[remove]`, whose keys are those of the profile.
pub(super) fn removals(table: &mut Table<'_, '_>) -> Vec<RawRemoval> {
    let mut found = Vec::new();
    if let Some(value) = table.value("remove") {
        if value.node.get_ref().is_table() {
            collect("", &value, table.reader, &mut found);
        } else {
            let problem = value.wrong_type("a table");
            let help = "write `[remove]` and below it lists such as `mount = [\"/tmp\"]`";
            table.reader.problems.push(problem.help(help));
        }
    }
    found.sort_by_key(|removal: &RawRemoval| removal.word.origin.order());
    if let Some(first) = found.get(MOST_REMOVALS) {
        let message = format!("`[remove]` names more than {MOST_REMOVALS} things");
        let problem = first.word.error("remove.too-many", message);
        table
            .reader
            .problems
            .push(problem.help("extend another base"));
        found.truncate(MOST_REMOVALS);
    }
    found
}

fn collect<'d>(
    path: &str,
    value: &Value<'d>,
    reader: &mut Reader<'d>,
    found: &mut Vec<RawRemoval>,
) {
    let Some(entries) = value.node.get_ref().as_table() else {
        return;
    };
    for (key, node) in entries.iter() {
        let below = match path {
            "" => key.get_ref().to_string(),
            path => format!("{path}.{}", key.get_ref()),
        };
        let value = Value::new(format!("remove.{below}"), node, reader);
        match node.get_ref() {
            DeValue::Table(_) => collect(&below, &value, reader, found),
            DeValue::Array(items) => {
                let path = At::new(below, reader.origin(key.span()));
                for item in items.iter() {
                    let item = Value::entry(value.path.clone(), item, reader);
                    found.extend(removal(&path, &item, reader));
                }
            }
            _ => {
                let problem = value.wrong_type("an array of strings");
                let source = reader.source(node.span());
                let written = format!("write `{} = [{source}]`", value.key());
                reader.problems.push(match source.len() <= 64 {
                    true => problem.help(written),
                    false => problem,
                });
            }
        }
    }
}

/// Numbers too: `command.fds = [3]`.
fn removal(path: &At<String>, item: &Value<'_>, reader: &mut Reader<'_>) -> Option<RawRemoval> {
    let text = match number_of(item) {
        Some(number) => number.to_string(),
        None => plain(Content::OneLine)(item, reader)?,
    };
    Some(RawRemoval {
        path: path.clone(),
        word: item.at(text),
    })
}
