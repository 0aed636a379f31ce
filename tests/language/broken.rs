//! The schema and the broken profiles: what it lets pass is listed by rule, so that nothing joins the list unseen.

use std::collections::BTreeSet;

use super::{document, validator};
use crate::errors::{directory, stems};

/// Rules that a schema cannot tell, or whose mistake it sees in some spellings only.
pub(super) const BEYOND: &[&str] = &[
    "command.args-empty",
    "command.args-empty--name",
    "command.user",
    "command.user--name",
    "expect.address",
    "extends.no-file",
    "limits.cpus",
    "limits.hugetlb-duplicate",
    "limits.io-duplicate",
    "limits.io-without-rate",
    "limits.process-soft-above-hard",
    "mount.duplicate-target",
    "namespaces.hostname",
    "namespaces.hostname--long",
    "namespaces.hostname--option",
    "namespaces.hostname--variable",
    "rootfs.duplicate-path",
    "rootfs.image-name",
    "rootfs.programs-at",
    "security.seccomp-on-deny",
    "supervise.signal",
    "system.dev-duplicate",
    "system.dev-wildcard",
    "variable.default",
    "variable.env-name",
    "variable.param-name",
    "variable.unclosed",
    "variable.unknown",
    "variable.unknown--escapes",
];

#[test]
fn the_schema_refuses_broken_profiles_as_far_as_it_can() {
    let validator = validator();
    let errors = directory("errors");
    let mut passed = BTreeSet::new();
    let mut refused = 0;
    for stem in stems(&errors, "toml") {
        let text = std::fs::read_to_string(errors.join(format!("{stem}.toml"))).unwrap();
        // Not TOML.
        let Some(document) = document(&text) else {
            continue;
        };
        match validator.is_valid(&document) {
            true => {
                passed.insert(stem);
            }
            false => refused += 1,
        }
    }
    let beyond: BTreeSet<String> = BEYOND.iter().map(|stem| (*stem).to_owned()).collect();
    assert_eq!(passed, beyond);
    assert!(refused >= 70, "{refused}");
}
