//! Archives unpacked into trees: nothing comes of one outside its tree, and nothing with privileges inside.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sandbox::diag::{At, Origin};
use sandbox::plan::{TreePlan, TreeSource};
use sandbox::rootfs::{Refresh, Silent, Store};

use crate::archives::{WORDS, formed};
use crate::harness::{Target, directory, kind};
use crate::tarball::Tarball;

/// A plan whose only source is this.
pub fn plan(sources: impl IntoIterator<Item = TreeSource>) -> TreePlan {
    TreePlan {
        sources: sources
            .into_iter()
            .map(|source| At::new(source, Origin::Default))
            .collect(),
        mount_points: Vec::new(),
        search_path: Vec::new(),
        library_path: Vec::new(),
    }
}

/// Every path below `dir`, with what a change would show by.
fn listed(dir: &Path) -> Vec<(PathBuf, u32, u64, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let status = fs::symlink_metadata(&path).unwrap();
        if status.is_dir() {
            found.extend(listed(&path));
        }
        found.push((path, status.mode(), status.nlink(), status.len()));
    }
    found.sort();
    found
}

fn sound(root: &Path) {
    // A program may take its own rights; here they are given by the archive, and the tree's owner keeps his.
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let status = fs::symlink_metadata(&path).unwrap();
        let kind = status.file_type();
        assert!(
            kind.is_file() || kind.is_dir() || kind.is_symlink(),
            "{path:?} is {kind:?}"
        );
        assert!(
            kind.is_dir() || status.mode() & 0o6000 == 0,
            "{path:?} has {:o}",
            status.mode()
        );
        if kind.is_dir() {
            sound(&path);
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let start = Tarball::default;
    let attacks = [
        start().symlink("l", "/").file("l/x", "1").end(),
        start()
            .symlink("l", "../../../victim")
            .dir("l")
            .file("l/kept", "2")
            .end(),
        start().hard_link("h", "../../victim/kept").end(),
        start()
            .symlink("l", "../../../../victim/kept")
            .hard_link("h", "l")
            .file("h", "3")
            .end(),
        start()
            .dir("a")
            .file("a/f", "4")
            .symlink("a", "/tmp")
            .file("a/g", "5")
            .end(),
        start().file("f", "6").dir("f").file("f/x", "7").end(),
        start().hard_link("a", "a").end(),
        start()
            .file("a", "8")
            .hard_link("b", "a")
            .file("a", "9")
            .hard_link("a", "b")
            .end(),
    ];
    let attacks = attacks.iter().map(|plain| [&[4], &plain[..]].concat());
    crate::archives::seeds()
        .into_iter()
        .chain(attacks)
        .collect()
}

#[test]
fn trees() {
    let dir = directory();
    let path = dir.path().join("a");
    let victim = dir.path().join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("kept"), "as it was").unwrap();
    let before = listed(&victim);
    let store_at = dir.path().join("store");
    let target = Target {
        name: "trees",
        seeds: seeds(),
        dictionary: WORDS,
        memory: 64 << 20,
    };
    let mut times = 0_u32;
    target.run(|input| {
        fs::write(&path, formed(input)).unwrap();
        let store = Store::open(&store_at).unwrap();
        let source = TreeSource::Archive {
            path: path.clone(),
            sha256: None,
            to: "/".parse().unwrap(),
        };
        let answer = match store.tree(&plan([source]), Refresh::Rebuild, &mut Silent) {
            Ok(tree) => {
                sound(&tree.root);
                let manifest = tree.manifest().unwrap();
                let mut kinds: Vec<_> = manifest
                    .entries
                    .iter()
                    .map(|entry| std::mem::discriminant(&entry.kind))
                    .collect();
                kinds.truncate(5);
                format!("{kinds:?}")
            }
            Err(error) => kind(&error.to_string()),
        };
        assert_eq!(listed(&victim), before);
        times += 1;
        if times.is_multiple_of(64) {
            let collected = store.collect(
                std::time::Duration::ZERO,
                sandbox::rootfs::Collection::Remove,
            );
            collected.unwrap();
        }
        answer
    });
}
