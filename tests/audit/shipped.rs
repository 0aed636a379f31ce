//! What the shipped profiles and bundles open.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::{Case, root};
use crate::errors::resolved::By;
use crate::errors::stems;

/// Each shipped profile with its score: whoever opens one further sees it here.
const SHIPPED: &[(&str, &str)] = &[
    ("cargo", "1.8"),
    ("chromium", "9.2"),
    ("classic-chroot", "1.1"),
    ("curl", "5.9"),
    ("dev", "0.9"),
    ("evince", "6.7"),
    ("firefox", "9.2"),
    ("gimp", "6.8"),
    ("git", "6.1"),
    ("libreoffice", "6.8"),
    ("minimal", "0.9"),
    ("npm", "5.9"),
    ("pip", "5.9"),
    ("thunderbird", "9.2"),
    ("untrusted", "0.0"),
    ("vlc", "7.2"),
    ("wget", "5.9"),
];

#[test]
fn the_shipped_profiles_are_as_tight_as_they_say() {
    let found: Vec<(String, String)> = stems(&root().join("profiles"), "toml")
        .into_iter()
        .map(|stem| {
            let mut audit = Command::new(env!("CARGO_BIN_EXE_sandbox"));
            audit.args(["audit", "--format", "json"]);
            let ended = audit.arg(format!("profiles/{stem}.toml"));
            // Bundles are found in the checkout, whatever this user has.
            let ended = ended
                .current_dir(root())
                .env("XDG_CONFIG_HOME", "/nonexistent");
            let ended = ended.output().unwrap();
            let found: Value = serde_json::from_slice(&ended.stdout)
                .unwrap_or_else(|_| panic!("{stem}: {}", String::from_utf8_lossy(&ended.stderr)));
            (stem, found["score"].to_string())
        })
        .collect();
    let expected = SHIPPED.iter();
    let expected: Vec<(String, String)> = expected
        .map(|(stem, score)| ((*stem).to_owned(), (*score).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

/// What each bundle opens is found in a profile that has nothing else.
#[test]
fn the_bundles_are_shown() {
    let bundles = [
        ("audio", "audit.sound"),
        ("dbus", "audit.filtered-bus"),
        ("gpu", "audit.device"),
        ("wayland", "audit.wayland"),
        ("x11", "audit.x11"),
    ];
    let names: BTreeSet<String> = bundles.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems(&root().join("profiles/base"), "toml"), names);
    for (name, code) in bundles {
        let name = format!("profiles/base/{name}.toml");
        let text = std::fs::read_to_string(root().join(&name)).unwrap();
        let text = text.replace("[env]\n", "[command]\nargs = [\"/bin/true\"]\n[env]\n");
        let text = match text.contains("[command]") {
            true => text,
            false => format!("{text}[command]\nargs = [\"/bin/true\"]\n"),
        };
        let case = Case::of(&name, &text, By::Text);
        assert!(case.codes().contains(code), "{name}: {}", case.text());
    }
}
