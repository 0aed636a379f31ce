//! Set-id files in what the program may write: on the host they count (hardening rule 11).

use crate::diag::At;
use crate::model::Access;
use crate::plan::{Mount, MountKind, OwnerMap};

use super::score::{Dimension, Weight};
use super::{Found, Rule, Subject};

/// Those that overlays make, and those that are there.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "audit.nested-set-id",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(20),
        title: "set-id files by overlays of the program's own",
        why: "in an overlay of its own the kernel copies a set-id file up, bit and all, and no filter sees it: on \
              the host whoever runs the copy has its owner's rights",
        judge: nested_set_id,
    },
    Rule {
        code: "audit.set-id-file",
        dimension: Dimension::Files,
        weight: Weight::tenths(50),
        title: "a set-id file that the program may write",
        why: "what is written through a shared mapping takes no bit away: on the host whoever runs the file then \
              runs the program's code with its owner's rights",
        judge: set_id_file,
    },
];

/// Whether the program writes files of the host's there.
fn writes(mount: &&At<Mount>) -> bool {
    matches!(
        mount.value.kind,
        MountKind::Bind {
            access: Access::ReadWrite,
            owner: OwnerMap::Mapped(_) | OwnerMap::Kept | OwnerMap::KeptByWish,
            ..
        }
    )
}

/// Beside files of root's that is an error.
fn nested_set_id(subject: &Subject<'_>) -> Vec<Found> {
    let settings = subject.settings;
    if !settings.nested_userns.value.is_on() {
        return Vec::new();
    }
    let mounts = settings.mounts.iter().filter(writes);
    let found = mounts.map(|mount| {
        let target = &mount.value.target;
        let message = format!(
            "in overlays of its own the program can copy set-id files of the same owner into `{target}`"
        );
        let fix = "bind it read-only, or see that a directory above it is closed to all others (`chmod 700`)";
        Found::new(&mount.origin, message, fix)
    });
    found.collect()
}

/// What a search of this host has found.
fn set_id_file(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for mount in subject.settings.mounts.iter().filter(writes) {
        let MountKind::Bind { source, .. } = &mount.value.kind else {
            continue;
        };
        let mut searched = subject.set_id_files.iter();
        let Some(searched) = searched.find(|searched| searched.top.as_os_str() == source.as_str())
        else {
            continue;
        };
        if let Some(first) = searched.files.first() {
            let more = match searched.files.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let message = format!(
                "the program may write the set-id file `{}`{more}",
                first.display()
            );
            let fix = "take the bits away (`chmod ug-s`), or protect it by `read_only`";
            found.push(Found::new(&mount.origin, message, fix));
        } else if !searched.whole.is_on() {
            let message = format!("`{source}` was searched for set-id files in part only");
            let fix = "search it with `find -xdev -perm /6000 -type f`, or bind less";
            let note = Found::new(&mount.origin, message, fix);
            found.push(note.weighing(Weight::tenths(0)));
        }
    }
    found
}
