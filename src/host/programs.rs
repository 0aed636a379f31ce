//! Programs of the host, by name.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::model::{ProgramFact, nearest};

/// Where this host has what a sandbox does not: `name` in the same directories as inside, or at its own path.
pub fn outside(name: &str, directories: &[String]) -> Option<ProgramFact> {
    let directories: Vec<PathBuf> = match name.starts_with('/') {
        true => vec![PathBuf::from("/")],
        false => directories.iter().map(PathBuf::from).collect(),
    };
    let found = find(&BTreeSet::from([name.to_owned()]), &directories);
    found.into_iter().next().map(|(_, fact)| fact)
}

/// Where each of `names` is, by the first directory of `search_path` that has it.
pub(super) fn find(
    names: &BTreeSet<String>,
    search_path: &[PathBuf],
) -> Vec<(String, ProgramFact)> {
    let found = names.iter().map(|name| {
        let mut places = search_path.iter().map(|directory| directory.join(name));
        let fact = match places.find(|path| is_program(path)) {
            Some(path) => ProgramFact::Found(path),
            None => ProgramFact::Missing {
                nearest: nearest_program(name, search_path),
            },
        };
        (name.clone(), fact)
    });
    found.collect()
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Read only when a name is in none of the directories.
fn nearest_program(name: &str, search_path: &[PathBuf]) -> Option<String> {
    let directories = search_path.iter().filter_map(|path| path.read_dir().ok());
    let names = directories
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: BTreeSet<String> = names.collect();
    nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_directory_counts_and_a_missing_name_has_a_near_one() {
        let directory =
            std::env::temp_dir().join(format!("sandbox-programs-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        for (name, mode) in [("compile", 0o755), ("notes", 0o644)] {
            let path = directory.join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        }
        let names = ["compile", "compiel", "notes"].map(str::to_owned).into();
        let found: Vec<_> = find(&names, &[PathBuf::from("/absent"), directory.clone()]);
        let missing = |near: &str| ProgramFact::Missing {
            nearest: Some(near.to_owned()),
        };
        let expected = [
            ("compiel".to_owned(), missing("compile")),
            (
                "compile".to_owned(),
                ProgramFact::Found(directory.join("compile")),
            ),
            ("notes".to_owned(), missing("notes")),
        ];
        assert_eq!(found, expected);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
