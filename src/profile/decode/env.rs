//! `[env]`: which variables enter, and which are set.

use crate::diag::{At, Problem};
use crate::profile::raw::{RawEnv, RawVariable};
use crate::profile::template::{Template, is_environment_name};

use super::reader::{Reader, Value, shortened};
use super::table::{Member, Table};
use super::text::{Content, plain, refuse_empty, template};

pub(super) fn env(table: &mut Table<'_, '_>) -> RawEnv {
    RawEnv {
        inherit: table.list("inherit", pattern),
        set: table.section("set", variables),
    }
}

/// A name, or the start of names with one `*` behind it.
fn pattern(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<String> {
    let text = plain(Content::OneLine)(value, reader)?;
    let filled = refuse_empty(value, &text);
    reader.problems.take(filled)?;
    let problem = match text.strip_suffix('*') {
        Some("") => value
            .error(
                "env.inherit-all",
                "`*` would let the whole environment of the host in",
            )
            .label("every variable, secrets too")
            .help("name each variable, or the start of several, as in `LC_*`"),
        Some(start) if is_environment_name(start) => return Some(text),
        None if is_environment_name(&text) => return Some(text),
        _ => strange_pattern(value, &text),
    };
    reader.problems.push(problem);
    None
}

fn strange_pattern(value: &Value<'_>, text: &str) -> Problem {
    let name = shortened(text);
    let problem = value.error(
        "env.inherit-name",
        format!("`{name}` is no name of an environment variable"),
    );
    let bare = text.trim().trim_matches(['$', '{', '}']);
    match text.split_once('=') {
        Some((name, content)) if is_environment_name(name) => problem.help(format!(
            "write `{name}` to take the host's value, or set it in `[env.set]` as `{name} = {}`",
            quoted(content)
        )),
        _ if text.contains('*') => problem.help("put one `*` at the end, as in `LC_*`"),
        _ if is_environment_name(bare) => problem.help(format!("write `{bare}`")),
        _ => problem.help("write a name such as `TERM`"),
    }
}

fn quoted(content: &str) -> String {
    match content.contains(['"', '\\']) || content.len() > 64 {
        true => "\"…\"".to_owned(),
        false => format!("\"{content}\""),
    }
}

fn variables(table: &mut Table<'_, '_>) -> Vec<RawVariable> {
    let members = table.members();
    let variables = members
        .iter()
        .filter_map(|member| variable(member, table.reader));
    variables.collect()
}

fn variable(member: &Member<'_>, reader: &mut Reader<'_>) -> Option<RawVariable> {
    let Member { key, value } = member;
    let name = named(key, reader);
    let text = if key.value == "HOME" {
        // It becomes a field of the generated passwd file (CVE-2022-4318).
        content(value, reader, Content::OneLine)
    } else {
        content(value, reader, Content::NoNul)
    };
    Some(RawVariable {
        name: name?,
        value: value.at(text?),
    })
}

fn named(key: &At<&str>, reader: &mut Reader<'_>) -> Option<At<String>> {
    if is_environment_name(key.value) {
        return Some(key.as_ref().map(|name| (*name).to_owned()));
    }
    let problem = match key.value {
        "" => key.error("env.set-name", "a variable has an empty name"),
        name => {
            let name = shortened(name);
            key.error(
                "env.set-name",
                format!("`{name}` is no name of an environment variable"),
            )
        }
    };
    let help = "use letters, digits, `_`, `.` and `-`, and no digit first";
    reader.problems.push(problem.help(help));
    None
}

fn content(value: &Value<'_>, reader: &mut Reader<'_>, content: Content) -> Option<Template> {
    let source = reader.source(value.node.span());
    let node = value.node.get_ref();
    if node.as_str().is_some() || node.is_array() || node.is_table() {
        return template(content)(value, reader);
    }
    let problem = value.wrong_type("a string");
    reader
        .problems
        .push(problem.help(format!("write `{} = \"{source}\"`", value.key())));
    None
}
