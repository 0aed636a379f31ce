//! `[command]` and `[supervise]`: what runs, as whom, and how it ends.

use crate::diag::Problem;
use crate::profile::raw::{Opt, RawArgs, RawCommand, RawSupervise};

use super::ids::group;
use super::path::{WORKDIR, inside};
use super::reader::Value;
use super::scalar::descriptor;
use super::table::Table;
use super::text::{Content, template};

pub(super) fn command(table: &mut Table<'_, '_>) -> RawCommand {
    RawCommand {
        args: args(table),
        extra: table.optional("extra"),
        workdir: table.with("workdir", inside(&WORKDIR)),
        user: table.optional("user"),
        umask: table.optional("umask"),
        terminal: table.optional("terminal"),
        groups: table.list("groups", group),
        fds: table.list("fds", descriptor),
    }
}

pub(super) fn supervise(table: &mut Table<'_, '_>) -> RawSupervise {
    RawSupervise {
        kill_on_parent_exit: table.optional("kill_on_parent_exit"),
        stop_signal: table.optional("stop_signal"),
        stop_timeout: table.optional("stop_timeout"),
    }
}

/// `args`: at least the program, which has a name (CVE-2021-4034 started from an empty list).
fn args(table: &mut Table<'_, '_>) -> Opt<RawArgs> {
    let value = table.value("args")?;
    if let Some(text) = value.node.get_ref().as_str() {
        if text == "image" {
            return Some(value.at(RawArgs::Image));
        }
        let problem = args_as_text(&value, text);
        table.reader.problems.push(problem);
        return None;
    }
    let args = table.array("args", template(Content::NoNul))?;
    let unnamed = args
        .value
        .first()
        .is_none_or(|first| first.value.as_literal() == Some(""));
    let empty = value
        .node
        .get_ref()
        .as_array()
        .is_some_and(|array| array.is_empty());
    let first_is_bad = !empty && args.value.is_empty();
    if unnamed && !first_is_bad {
        let origin = args
            .value
            .first()
            .map_or(&args.origin, |first| &first.origin);
        let problem = Problem::error(
            "command.args-empty",
            origin,
            "`command.args` names no program",
        );
        let help = "write the program first, as in `args = [\"/bin/sh\"]`";
        table.reader.problems.push(problem.help(help));
        return None;
    }
    Some(args.map(RawArgs::Words))
}

/// A text was meant as a command line.
fn args_as_text(value: &Value<'_>, text: &str) -> Problem {
    let problem = value.wrong_type("an array of strings");
    let plain = |c: char| c.is_ascii_alphanumeric() || " /._-+=:,@%".contains(c);
    if text.len() > 200 || text.trim().is_empty() || !text.chars().all(plain) {
        return problem.help("write each argument as a string of its own");
    }
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| format!("\"{word}\""))
        .collect();
    problem.help(format!("write `args = [{}]`", words.join(", ")))
}
