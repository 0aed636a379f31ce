//! What is kept under a name: its records, its note, and names of files that a program chose.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use sandbox::diag::{Problem, Sources};
use sandbox::kept::{Change, Store};
use sandbox::report::changes::{Output, diff, json, text};
use sandbox::report::problems::{Style, render};

use crate::harness::{Target, directory, kind, safe};

const TREE: &str = r#"{"version":1,"tree":"/nowhere"}"#;
const OVERLAY: &str = r#"{"version":1,"source":"/usr/share","target":"/data","inode":1,"born":null,"since":[1,2],"carried":{"at":[3,4],"finished":true}}"#;

fn told(problem: Problem) -> String {
    let said = kind(&problem.message);
    safe(&render(&[problem], &Sources::default(), Style::PLAIN));
    said
}

/// Files with these names, one a line, in the upper layer.
fn plant(upper: &Path, names: &[u8]) {
    for (index, name) in names.split(|byte| *byte == b'\n').enumerate().take(20) {
        let name: Vec<u8> = name
            .iter()
            .copied()
            .filter(|byte| *byte != 0)
            .take(250)
            .collect();
        let path = upper.join(
            OsStr::from_bytes(&name)
                .to_string_lossy()
                .trim_start_matches('/'),
        );
        let path = match std::str::from_utf8(&name) {
            Ok(_) => path,
            Err(_) => upper.join(OsStr::from_bytes(
                &name
                    .split(|byte| *byte == b'/')
                    .collect::<Vec<_>>()
                    .concat(),
            )),
        };
        if path.components().any(|part| part.as_os_str() == "..") {
            continue;
        }
        // What does not fit beside the others is left out.
        match index % 3 {
            0 => fs::write(&path, &name).ok(),
            1 => symlink(OsStr::from_bytes(&name), &path).ok(),
            _ => fs::create_dir_all(&path).ok(),
        };
    }
}

fn changes(store: &Store) -> Result<Vec<String>, Problem> {
    let name = store.name(&"dev".parse().unwrap())?;
    name.is_in_use()?;
    let layers = name.layers()?;
    let mut found = Vec::new();
    for layer in &layers {
        found.push((layer, layer.changes()?));
    }
    safe(&text(&found));
    let written = json("dev", &found);
    serde_json::from_str::<serde_json::Value>(&written).unwrap();
    safe(&written);
    for (layer, list) in &found {
        for change in list.iter().take(30) {
            diff(layer, change, Output::Terminal)
                .map(|text| safe(&text))
                .unwrap_or_else(|problem| drop(told(problem)));
        }
    }
    let shape = |(layer, list): &(_, Vec<Change>)| {
        let layer: &&sandbox::kept::Layer = layer;
        let acts: Vec<_> = list
            .iter()
            .take(4)
            .map(|change| (change.act, change.kind))
            .collect();
        format!(
            "{} {acts:?}",
            layer.missing.as_deref().map(kind).unwrap_or_default()
        )
    };
    Ok(found.iter().map(shape).collect())
}

fn read(place: &Path, store: &Store, input: &[u8]) -> Vec<String> {
    let Some((role, bytes)) = input.split_first() else {
        return Vec::new();
    };
    let name = place.join("dev");
    let upper = |part: &str| name.join(part).join("layers/upper");
    for part in ["root", "overlays/x"] {
        fs::create_dir_all(upper(part)).unwrap();
    }
    fs::set_permissions(&name, fs::Permissions::from_mode(0o700)).unwrap();
    let (mut tree, mut overlay) = (TREE.as_bytes(), OVERLAY.as_bytes());
    match role % 4 {
        0 => tree = bytes,
        1 => overlay = bytes,
        2 => plant(
            &upper(if bytes.len() % 2 == 0 {
                "root"
            } else {
                "overlays/x"
            }),
            bytes,
        ),
        _ => fs::write(name.join("process"), bytes).unwrap(),
    }
    fs::write(name.join("root/record.json"), tree).unwrap();
    fs::write(name.join("overlays/x/record.json"), overlay).unwrap();
    let answer = changes(store).unwrap_or_else(|problem| vec![told(problem)]);
    fs::remove_dir_all(&name).unwrap();
    answer
}

#[test]
fn kept() {
    let dir = directory();
    let place = dir.path().join("kept");
    let store = Store::create(&place).unwrap();
    let with = |role: u8, text: &str| [&[role], text.as_bytes()].concat();
    let target = Target {
        name: "kept",
        seeds: vec![
            with(0, TREE),
            with(1, OVERLAY),
            with(2, "a\nb/../c\nd\u{1b}[31m\n\u{202e}x\n.wh.y\n \n"),
            with(2, "a\nlink\u{9b}\ndir/deep/er\nmore\nfile\r\nz"),
            with(3, "123 456"),
            with(3, "1 1\n"),
        ],
        dictionary: &[
            b"\"version\":1",
            b"\"version\":2",
            b"\"source\":\"/",
            b"\"target\":\"",
            b"\"born\":[1,2]",
            b"null",
            b"-1",
            b"1e99",
            b"\\u001b",
            b"\\u0000",
            b"/../",
            b"\"/tmp\"",
            b"[[[[[[[[[[[[[[[[[[[[",
            b"{\"a\":",
            b"\n",
        ],
        memory: 32 << 20,
    };
    target.run(|input| read(&place, &store, input));
}
