//! Checkouts at what a sandbox may write, with their submodules: looked for when somebody asks, not at a
//! start.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

use crate::model::FoundCheckout;

/// Nobody writes more than this about submodules.
const LONGEST: u64 = 1 << 20;

/// Submodules of submodules, as deep as repositories below `modules` lie by their names.
const DEEPEST: usize = 8;

/// The checkouts whose top is one of `tops`. What cannot be read is passed over.
pub fn checkouts<'a>(tops: impl Iterator<Item = &'a Path>) -> Vec<FoundCheckout> {
    let found = tops.filter(|top| {
        let names = [".git", ".gitmodules"];
        names
            .iter()
            .any(|name| top.join(name).symlink_metadata().is_ok())
    });
    found.map(checkout).collect()
}

fn checkout(top: &Path) -> FoundCheckout {
    let mut submodules: BTreeSet<String> = BTreeSet::new();
    let listed = text(&top.join(".gitmodules")).unwrap_or_default();
    submodules.extend(values(&listed, "path").filter_map(|path| inside(Path::new(path))));
    repositories(top, Path::new(".git/modules"), DEEPEST, &mut submodules);
    FoundCheckout {
        top: top.to_owned(),
        submodules: submodules.into_iter().collect(),
    }
}

/// The working trees of the repositories below `directory`, as each tells by `core.worktree`.
fn repositories(top: &Path, directory: &Path, depth: usize, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(top.join(directory)) else {
        return;
    };
    for entry in entries.flatten() {
        let path = directory.join(entry.file_name());
        // No link is followed.
        if depth == 0 || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let Some(config) = text(&top.join(&path).join("config")) else {
            // A name with a slash in it.
            repositories(top, &path, depth - 1, found);
            continue;
        };
        let trees = values(&config, "worktree").map(|tree| path.join(tree));
        found.extend(trees.filter_map(|tree| inside(&tree)));
        repositories(top, &path.join("modules"), depth - 1, found);
    }
}

/// What follows `key =` in a file of settings of git's.
fn values<'a>(text: &'a str, key: &'static str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (name, value) = line.split_once('=')?;
        (name.trim().eq_ignore_ascii_case(key)).then(|| value.trim().trim_matches('"'))
    })
}

/// The path without `..`, where it stays below the top and is not the top itself.
fn inside(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn text(path: &Path) -> Option<String> {
    let found = path.metadata().ok()?;
    let fits = found.is_file() && found.len() <= LONGEST;
    fits.then(|| fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_found_by_what_lists_them_and_by_their_repositories() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().join("top");
        for directory in [
            ".git/modules/lib/x",
            ".git/modules/lib/x/modules/deep",
            "plain",
        ] {
            fs::create_dir_all(top.join(directory)).unwrap();
        }
        let listed = "[submodule \"a\"]\n\tpath = vendor/a\n\turl = ../a\n[submodule \"b\"]\n path=\"../out\"\n";
        fs::write(top.join(".gitmodules"), listed).unwrap();
        let config = |at: &str, tree: &str| {
            let text = format!("[core]\n\tworktree = {tree}\n");
            fs::write(top.join(at).join("config"), text).unwrap();
        };
        config(".git/modules/lib/x", "../../../../moved/x");
        config(
            ".git/modules/lib/x/modules/deep",
            "../../../../../../moved/x/deep",
        );
        let tops = [top.clone(), top.join("plain"), top.join("gone")];
        let found = checkouts(tops.iter().map(|top| top.as_path()));
        assert_eq!(found.len(), 1);
        assert!(found[0].is_at(top.to_str().unwrap()));
        assert_eq!(found[0].submodules, ["moved/x", "moved/x/deep", "vendor/a"]);
    }
}
