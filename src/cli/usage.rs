//! What was likely meant by a wrong command line: a tip below clap's own message.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::report::shell_word;

/// Words of other tools for what a command does here.
const WORDS: [(&str, &str); 31] = [
    ("run", "up PROFILE -- CMD"),
    ("start", "up PROFILE"),
    ("create", "up --detach PROFILE"),
    ("shell", "up PROFILE -- sh"),
    ("enter", "exec NAME -- sh"),
    ("attach", "exec NAME -- sh"),
    ("join", "exec NAME -- sh"),
    ("ls", "ps`, or for profiles `sandbox list"),
    ("status", "ps"),
    ("tree", "ps"),
    ("top", "stats"),
    ("stop", "down NAME"),
    ("rm", "down NAME"),
    ("remove", "down NAME"),
    ("shutdown", "down NAME"),
    ("freeze", "pause NAME"),
    ("unpause", "resume NAME"),
    ("thaw", "resume NAME"),
    ("log", "logs NAME"),
    ("validate", "check PROFILE"),
    ("lint", "check PROFILE"),
    ("verify", "check --host PROFILE"),
    ("new", "init"),
    ("show", "explain PROFILE"),
    ("plan", "up --dry-run PROFILE"),
    ("profiles", "list"),
    ("images", "store"),
    ("prune", "gc"),
    ("clean", "gc"),
    ("help", "--help"),
    ("version", "--version"),
];

/// The error with a tip, where there is one to give.
pub(super) fn hinted(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let words: Vec<&str> = arguments
        .iter()
        .skip(1)
        .map_while(|word| word.to_str())
        .collect();
    let Some(tip) = tip(&error, &words) else {
        return error;
    };
    // What sounds alike is not what was meant.
    error.remove(ContextKind::SuggestedSubcommand);
    let tips = ContextValue::StyledStrs(vec![tip.into()]);
    error.insert(ContextKind::Suggested, tips);
    error
}

fn tip(error: &clap::Error, words: &[&str]) -> Option<String> {
    match (error.kind(), words) {
        (ErrorKind::InvalidSubcommand, [word, ..]) => for_word(word),
        (ErrorKind::UnknownArgument, [first, rest @ ..]) if first.starts_with('-') => {
            before_a_command(first, rest)
        }
        (ErrorKind::UnknownArgument, ["up" | "exec", ..])
        | (ErrorKind::MissingRequiredArgument, ["exec", ..]) => dashes(error, words),
        (ErrorKind::MissingRequiredArgument, ["down", ..]) => Some(
            "name sandboxes, as `sandbox ps` shows them, or write `--all` for all of yours"
                .to_owned(),
        ),
        _ => None,
    }
}

fn for_word(word: &str) -> Option<String> {
    let meant = WORDS.iter().find(|(other, _)| *other == word);
    let tip = meant.map(|(_, command)| format!("write `sandbox {command}`"));
    tip.or_else(|| {
        let is_path = word.ends_with(".toml");
        is_path.then(|| format!("write `sandbox up {word}` to start it"))
    })
}

/// `--profile x`, as tools have it that know one command only.
fn before_a_command(first: &str, rest: &[&str]) -> Option<String> {
    let profile = match first.split_once('=') {
        Some(("--profile", profile)) => profile,
        Some(_) => return None,
        None if first == "--profile" => rest.first().copied().unwrap_or("PROFILE"),
        None => return None,
    };
    Some(format!(
        "the profile follows the command: write `sandbox up {profile}`"
    ))
}

/// `up dev true`: without `--`, words of the program could be taken for those of `sandbox`.
fn dashes(error: &clap::Error, words: &[&str]) -> Option<String> {
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(unknown)) => unknown.as_str(),
        _ => return None,
    };
    if unknown.starts_with('-') || words.contains(&"--") {
        return None;
    }
    let at = words.iter().rposition(|word| *word == unknown)?;
    let (own, program) = words.split_at(at);
    // A profile, or a sandbox, comes before the program.
    (own.len() > 1).then(|| {
        let quoted = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
            words.join(" ")
        };
        let (own, program) = (quoted(own), quoted(program));
        format!("a program stands behind `--`: `sandbox {own} -- {program}`")
    })
}
