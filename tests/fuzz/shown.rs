//! Control characters in names: whatever a name holds, every text that shows it is safe.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sandbox::diag::{Origin, Problem, Sources};
use sandbox::report::problems::{Style, render};
use sandbox::report::{listing, listing_json, printable, tree_text};
use sandbox::rootfs::{Built, Listed, Notes};

use crate::harness::{Target, directory, safe};

fn os(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

fn problems(text: &str) {
    let mut sources = Sources::default();
    let file = sources.add(text, text);
    let end = text.floor_char_boundary(text.len() / 2);
    let here = Origin::profile(file, 0..end);
    let rest = Origin::profile(file, end..text.len());
    let all = [
        Problem::error("a.b", &here, text)
            .label(text)
            .also(&rest, text)
            .help(text),
        Problem::warning("c.d", &rest, text).also(&Origin::Default, text),
        Problem::error("e.f", &Origin::CommandLine, text).help(text),
    ];
    safe(&render(&all, &sources, Style::PLAIN));
    let narrow = Style {
        colour: sandbox::report::problems::Colour::None,
        ..Style::terminal(40)
    };
    safe(&render(&all, &sources, narrow));
}

fn store(path: &Path) {
    let tree = Listed {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        key: None,
        files: u64::MAX,
        bytes: u64::MAX,
        own_bytes: u64::MAX,
        users: vec![path.to_owned(), path.to_owned()],
        last_used: Some(SystemTime::UNIX_EPOCH),
        in_use: true,
    };
    safe(&listing(std::slice::from_ref(&tree), SystemTime::now()));
    let json = listing_json(&[tree]);
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    safe(&json);
    let notes = Notes {
        bytes: u64::MAX,
        shared_bytes: 1,
        ..Notes::default()
    };
    safe(&tree_text(path, &notes, Built::Now, Duration::MAX));
}

/// Errors that name a path.
fn errors(dir: &Path, bytes: &[u8]) {
    let name: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|byte| *byte != 0 && *byte != b'/')
        .take(200)
        .collect();
    let path = dir.join(os(&name));
    let mut sources = Sources::default();
    sources.add("x", "");
    for found in [
        sandbox::profile::read::read(&path).err(),
        sandbox::profile::read::name_of(&path).err(),
    ] {
        safe(&render(&Vec::from_iter(found), &sources, Style::PLAIN));
    }
    if !name.is_empty() && fs::write(&path, b"version = \xff").is_ok() {
        let problem = sandbox::profile::read::read(&path).unwrap_err();
        safe(&render(&[problem], &sources, Style::PLAIN));
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn shown() {
    let dir = directory();
    let target = Target {
        name: "shown",
        seeds: [
            "a",
            "a\u{1b}[31mb\u{9b}2J",
            "\u{202e}gpj.exe\r\n",
            "é\u{301}\u{200b}日本",
            "\u{e0041}\t\u{7f}\0",
            "`a` b",
        ]
        .map(|seed| seed.as_bytes().to_vec())
        .to_vec(),
        dictionary: &[
            b"\xc2\xad",
            b"\xd8\x9c",
            b"\xe2\x81\xa6",
            b"\xef\xbf\xb9",
            b"\xf0\x9f\x91\xa9\xe2\x80\x8d",
            b"\x1b\\",
            b"\x08",
            b"`",
            b"  ",
            b"\xe2\x80\xa8",
            b"\xe1\xa0\x8e",
            b"\xf3\xa0\x84\x80",
        ],
        memory: 64 << 20,
    };
    target.run(|input| {
        let text = String::from_utf8_lossy(input);
        let shown = printable(&text);
        safe(&shown);
        assert!(!shown.contains('\n') && shown.len() <= 8000);
        problems(&text);
        store(&os(input));
        errors(dir.path(), input);
        // New is what holds another mixture of characters.
        let mut classes = [0_u8; 4];
        for c in text.chars() {
            classes[c.len_utf8() - 1] |= 1
                << (u8::from(c.is_control())
                    + 2 * u8::from(c.is_whitespace())
                    + 4 * u8::from(shown.contains(c)));
        }
        classes
    });
}
