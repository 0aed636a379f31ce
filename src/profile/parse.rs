//! TOML text to a raw file, by way of the document's tree.

use toml::Spanned;
use toml::de::DeTable;

use crate::diag::{FileId, Origin, Problem, Problems};

use super::decode;
use super::places::Places;
use super::raw::RawFile;

/// Reads the text of profile `file` and notes every mistake in it.
///
/// Nothing comes back after a syntax error, when the meaning of what follows is a guess, or when the
/// file states a version that is not known. Otherwise what could be read does: `problems` tells
/// whether it is all of the file.
pub(super) fn parse_file(file: FileId, text: &str, problems: &mut Problems) -> Option<RawFile> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return decode::profile(file, text, document.get_ref(), problems);
    }
    note(file, text, &document, &errors, problems);
    None
}

/// Whether a TOML file is one of ours: every profile says the version of its language, by a number. Of what is no
/// TOML, whatever names a `version` may be a profile with a mistake.
///
/// The text is read as [`parse_file`] reads it: what another reader makes of it could hide a profile.
pub fn may_be_profile(text: &str) -> bool {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut keys = document.get_ref().iter();
    let stated = keys.find(|(key, _)| key.get_ref() == "version");
    match stated {
        Some((_, version)) if errors.is_empty() => version.get_ref().is_integer(),
        Some(_) => true,
        None => !errors.is_empty() && text.contains("version"),
    }
}

/// Notes why a text is no TOML; nothing where it is.
pub fn syntax(file: FileId, text: &str, problems: &mut Problems) {
    let (document, errors) = DeTable::parse_recoverable(text);
    note(file, text, &document, &errors, problems);
}

fn note(
    file: FileId,
    text: &str,
    document: &Spanned<DeTable<'_>>,
    errors: &[toml::de::Error],
    problems: &mut Problems,
) {
    let mut places = None;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let origin = Origin::profile(file, span.clone());
        let word = text.get(span.clone()).unwrap_or_default();
        problems.push(if error.message() == "duplicate key" {
            let places = places.get_or_insert_with(|| Places::of(document.get_ref(), text));
            let name = unquoted(word);
            let first = places.before(name, &span);
            duplicate_key(name, &origin, first.map(|span| Origin::profile(file, span)))
        } else {
            syntax_error(error.message(), word, &origin)
        });
    }
}

/// Each table of a profile with the keys that may stand in it, as its decoder asks for them: what the reference of the
/// language is compared with. Tables that the text leaves out are there too, entries of lists are not.
pub fn keys(text: &str) -> Vec<(String, Vec<&'static str>)> {
    let (document, _) = DeTable::parse_recoverable(text);
    decode::keys(document.get_ref())
}

/// The parser's message, with what was meant where that is plain.
fn syntax_error(message: &str, word: &str, origin: &Origin) -> Problem {
    let (message, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let quoted = || format!("write `\"{}\"`", word.trim());
    let (message, help) = match message {
        "string values must be quoted" if word.is_empty() => ("a value is missing", None),
        "string values must be quoted" if word.len() <= 64 => (message, Some(quoted())),
        "unexpected leading zero" => {
            let help = "leave it out, or quote a mode, as in `\"022\"`";
            (message, Some(help.to_owned()))
        }
        _ => (message, None),
    };
    let problem = Problem::error("profile.syntax", origin, message);
    let problem = match (expected, &help) {
        ("" | "nothing" | "literal string", _) | (_, Some(_)) => problem.label("here"),
        (expected, None) => problem.label(format!("expected {expected} here")),
    };
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn duplicate_key(name: &str, origin: &Origin, first: Option<Origin>) -> Problem {
    let message = format!("`{name}` stands here twice");
    let problem = Problem::error("profile.duplicate-key", origin, message);
    match first {
        Some(first) => problem
            .label("and here again")
            .also(&first, "first here")
            .help("keep one of the two"),
        None => problem.help("write one of them only"),
    }
}

fn unquoted(key: &str) -> &str {
    key.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::may_be_profile;

    #[test]
    fn a_profile_states_the_version_of_its_language() {
        for text in [
            "version = 1",
            "\"version\" = 0x1",
            "\"\\u0076ersion\" = 1\nx = 99999999999999999999",
            "# \nname = 3\nversion = 7\n[x]",
            "version = 1\n[broken",
            "version = ",
        ] {
            assert!(may_be_profile(text), "{text}");
        }
        for text in [
            "",
            "name = \"x\"",
            "version = \"1\"",
            "[package]\nversion = 1",
            "[broken",
        ] {
            assert!(!may_be_profile(text), "{text}");
        }
    }
}
