//! Comparisons and answers on terminals of several widths, with and without colours.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};

use crate::plans::compare;

/// What a terminal of so many columns gets.
fn shown(columns: u16, no_color: bool, words: &[&str]) -> String {
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(Some(&size), None).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command
        .current_dir(super::root())
        .args(words)
        .env_remove("NO_COLOR");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::from(terminal.slave));
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    // It holds this side of the terminal too.
    drop(command);
    let mut text = Vec::new();
    // The end of a terminal is an error (EIO).
    File::from(terminal.master).read_to_end(&mut text).ok();
    child.wait().unwrap();
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

const ASKED: &[&[&str]] = &[
    &[
        "diff",
        "tests/diff/pulls/13-hidden-if-it-is-there/before/dev.toml",
        "tests/diff/pulls/13-hidden-if-it-is-there/after/dev.toml",
    ],
    &["why", "tests/why/dev.toml", "--connect", "/opt/data/x.sock"],
    &[
        "why",
        "tests/why/dev.toml",
        "--path",
        "/src/.git/hooks/x",
        "--write",
    ],
];

#[test]
fn lines_end_where_the_terminal_does() {
    let mut golden = String::new();
    for words in ASKED {
        for columns in [50, 80] {
            let plain = shown(columns, true, words);
            assert!(!plain.contains('\u{1b}'), "{plain:?}");
            for line in plain.lines() {
                let is_word = !line.trim_start().trim_start_matches("-> ").contains(' ');
                assert!(
                    is_word || line.chars().count() <= columns.into(),
                    "{columns}: {line}"
                );
            }
            golden += &format!(
                "$ sandbox {}   # {columns} columns\n{plain}\n",
                words.join(" ")
            );
            let painted = shown(columns, false, words);
            assert!(painted.contains("\u{1b}[1m"), "{painted:?}");
            let mut bare = String::new();
            for part in painted.split('\u{1b}') {
                let text = part.strip_prefix('[').and_then(|part| part.split_once('m'));
                bare += text.map_or(part, |(_, text)| text);
            }
            assert_eq!(bare, plain, "colours change no letter");
        }
    }
    let file = super::root().join("tests/diff/terminal.txt");
    assert_eq!(compare(&file, &golden), Ok(()));
}
