//! Profiles that nobody would write: nothing panics, nothing acts on the terminal, nothing takes long.

use sandbox::report::problems::{Colour, Style, render};

use crate::random::Random;

use super::{check, directory, report, stems};

/// Every profile of the tests.
fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for name in ["errors", "profiles"] {
        let folder = directory(name);
        for stem in stems(&folder, "toml") {
            texts.push(std::fs::read_to_string(folder.join(format!("{stem}.toml"))).unwrap());
        }
    }
    assert!(texts.len() > 50);
    texts
}

/// A report that is safe to show, and that is empty when there is nothing wrong.
fn safe(text: &str) {
    let (profile, problems, sources) = check("x.toml", text);
    let shown = render(&problems, &sources, Style::PLAIN);
    assert_eq!(problems.is_empty(), shown.is_empty());
    assert!(profile.is_some() || !problems.is_empty(), "{text}");
    let acts = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!shown.contains(acts), "{text:?}\n{shown:?}");
}

#[test]
fn every_beginning_of_a_profile_is_judged() {
    for text in texts() {
        for (end, _) in text.char_indices() {
            safe(&text[..end]);
        }
    }
}

#[test]
fn changed_bytes_are_judged() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let alphabet = b"\"'[]{}=.,#$\\\n\r\t \0\x1b\x7fa0-_:*/~\xc3\xa9\xef\xbb\xbf\xe2\x80\xae";
    for text in texts() {
        for _ in 0..20 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 if at < bytes.len() => {
                        bytes.remove(at);
                    }
                    1 if at < bytes.len() => bytes[at] = alphabet[random.below(alphabet.len())],
                    _ => bytes.insert(at, alphabet[random.below(alphabet.len())]),
                }
            }
            safe(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn any_value_under_any_key_is_judged() {
    let values = [
        "0",
        "-1",
        "1.5",
        "nan",
        "true",
        "\"\"",
        "\"${\"",
        "\"${HOME}\"",
        "\"\\u0000\"",
        "[]",
        "[[]]",
        "[1]",
        "[\"\", \"\"]",
        "{}",
        "[{}]",
        "{ x = 1 }",
        "1979-05-27",
        "\"/\"",
        "\"*\"",
        "99999999999999999999999999999999999999999",
        "0x7fffffffffffffff",
        "\"é\"",
    ];
    for key in super::keys::DOCUMENTED {
        for value in values {
            safe(&format!("version = 1\n{key} = {value}\n"));
            safe(&format!("version = 1\n[[{key}]]\nx = {value}\n"));
        }
    }
}

#[test]
fn escape_sequences_of_a_profile_do_not_reach_the_terminal() {
    let hostile = [
        "version = 1\n\"\\u001b[2J\" = 1\n",
        "version = 1\nname = \"\\u001b]0;x\\u0007\"\n",
        "version = 1\ncommand.workdir = \"\\u009b31m\\u202e\"\n",
        "version = 1\n# \u{1b}[31m raw\nname = \u{9b}\n",
        "version = 1\ncommand.terminal = \"a\\nerror: all is well\"\n",
    ];
    for text in hostile {
        safe(text);
        let (_, problems, sources) = check("a\u{1b}[31m\nb.toml", text);
        let shown = render(&problems, &sources, Style::terminal(80));
        let style = without_colours(&shown);
        assert!(!style.contains('\u{1b}'), "{style:?}");
    }
}

/// The text without the colours that the report itself has: `ESC [ digits and ; m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('m') {
            Some((code, rest)) if code.chars().all(|c| c.is_ascii_digit() || c == ';') => {
                assert!(!code.starts_with("2J"));
                plain.push_str(rest);
            }
            _ => plain.push_str(&format!("\u{1b}[{part}")),
        }
    }
    plain
}

#[test]
fn a_plain_report_has_no_colours_and_a_terminal_s_has() {
    let (_, problems, sources) = check("x.toml", "version = 1\nname = 1\n");
    assert!(!render(&problems, &sources, Style::PLAIN).contains('\u{1b}'));
    assert!(render(&problems, &sources, Style::terminal(80)).contains('\u{1b}'));
    let plain = Style {
        colour: Colour::None,
        ..Style::terminal(80)
    };
    assert!(!render(&problems, &sources, plain).contains('\u{1b}'));
}

#[test]
fn large_profiles_are_judged_and_their_reports_stay_short() {
    let many = |line: &dyn Fn(usize) -> String, count: usize| -> String {
        (0..count).map(line).collect::<String>()
    };
    let hostile = [
        many(&|n| format!("key{n} = 1\n"), 20_000),
        many(&|_| "a = 1\n".to_owned(), 20_000),
        many(&|_| "[a]\n".to_owned(), 20_000),
        many(
            &|_| "[[mount]]\ntmpfs = \"/tmp\"\nmode = \"0755\"\n".to_owned(),
            5_000,
        ),
        format!("x = {}", "[".repeat(100_000)),
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("command.args = [{}]", "\"${x}\",".repeat(20_000)),
        format!("command.args = [\"{}\"]", "${x}".repeat(20_000)),
        format!("command.workdir = \"{}\"", "${env:A:-".repeat(20_000)),
        format!("env.inherit = [{}]", "\"TERM\",".repeat(50_000)),
        format!("\"{}\" = 1", "n".repeat(500_000)),
        format!("name = \"{}\"", "n".repeat(500_000)),
    ];
    for text in hostile {
        let shown = report("x.toml", &format!("version = 1\n{text}\n"));
        assert!(shown.len() < 200_000, "{}: {}", &text[..20], shown.len());
    }
}

#[test]
fn line_ends_and_marks_of_other_systems_move_no_place() {
    let shown = report(
        "x.toml",
        "\u{feff}version = 1\r\n\r\n[limits]\r\nmemroy = 1\r\n",
    );
    assert!(shown.contains("[x.toml:4:1]"), "{shown}");
    assert!(shown.contains(" 4 │ memroy = 1"), "{shown}");
}
