//! What is said of built trees and of the store.

use std::path::Path;
use std::time::{Duration, SystemTime};

use indicatif::HumanBytes;
use schemars::JsonSchema;
use serde::Serialize;

use super::printable::{json_escaped, printable};
use super::schema::schema_of;
use super::table::table;
use crate::rootfs::{Built, Collected, Collection, Listed, Notes};

/// A tree that was built or found.
pub fn tree_text(root: &Path, notes: &Notes, built: Built, took: Duration) -> String {
    let Notes {
        files,
        bytes,
        special,
        privileges,
        kernel_mounts,
        attributes,
        shared_files,
        shared_bytes,
    } = *notes;
    let mut text = format!("{}\n", printable(&root.to_string_lossy()));
    text += &format!("{}, {}", counted(files, "file"), HumanBytes(bytes));
    text += &match built {
        Built::Before => "; found as it was built before".to_owned(),
        Built::Now => format!(
            "; {} ({}) of them were in the store, {} written in {:.2} s",
            counted(shared_files, "file"),
            HumanBytes(shared_bytes),
            HumanBytes(bytes - shared_bytes.min(bytes)),
            took.as_secs_f64()
        ),
    };
    text.push('\n');
    let left = [
        (
            special,
            "socket, pipe or device left out",
            "sockets, pipes and devices left out",
        ),
        (
            privileges,
            "set-id bit or file capability taken off",
            "set-id bits and file capabilities taken off",
        ),
        (
            kernel_mounts,
            "mount of the kernel's own left out",
            "mounts of the kernel's own left out",
        ),
        (
            attributes,
            "file without its user attributes, which the store cannot hold",
            "files without their user attributes, which the store cannot hold",
        ),
    ];
    for (count, one, many) in left {
        match count {
            0 => {}
            1 => text += &format!("1 {one}\n"),
            count => text += &format!("{count} {many}\n"),
        }
    }
    text
}

fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// What garbage collection took away.
pub fn collected_text(collected: &Collected, collection: Collection) -> String {
    let Collected {
        trees,
        files,
        bytes,
    } = collected;
    let trees = counted(trees.len() as u64, "tree");
    let files = counted(*files, "file");
    let bytes = HumanBytes(*bytes);
    match collection {
        Collection::Remove => format!("removed {trees} and {files} that no tree has, {bytes}\n"),
        Collection::DryRun => {
            format!("would remove {trees} and {files} that no tree would have, {bytes}\n")
        }
    }
}

/// The trees of a store, as a table.
pub fn listing(trees: &[Listed], now: SystemTime) -> String {
    if trees.is_empty() {
        return "no trees\n".to_owned();
    }
    let head = ["TREE", "FILES", "SIZE", "OWN", "LAST USED", "USED BY"].map(str::to_owned);
    let rows = trees.iter().map(|tree| row(tree, now));
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(rows).collect();
    table(&rows, &[1, 2, 3])
}

fn row(tree: &Listed, now: SystemTime) -> [String; 6] {
    let mut users: Vec<String> = tree
        .users
        .iter()
        .map(|path| printable(&path.to_string_lossy()))
        .collect();
    if tree.in_use {
        users.insert(0, "(running)".to_owned());
    }
    if users.is_empty() {
        users.push("nobody".to_owned());
    }
    [
        tree.id.chars().take(12).collect(),
        tree.files.to_string(),
        HumanBytes(tree.bytes).to_string(),
        HumanBytes(tree.own_bytes).to_string(),
        tree.last_used.map_or("?".to_owned(), |time| ago(time, now)),
        users.join(", "),
    ]
}

fn ago(time: SystemTime, now: SystemTime) -> String {
    let hours = now
        .duration_since(time)
        .map_or(0, |age| age.as_secs() / 3600);
    match hours {
        0 => "this hour".to_owned(),
        1..48 => format!("{hours} h ago"),
        hours => format!("{} d ago", hours / 24),
    }
}

/// A built tree.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Tree")]
struct TreeJson<'a> {
    /// What names it in the store.
    id: &'a str,
    /// How many files are in it.
    files: u64,
    /// How large they are together.
    bytes: u64,
    /// What of it no other tree has.
    own_bytes: u64,
    /// Profiles and locks that it was built for.
    users: Vec<String>,
    /// In seconds since 1970; null where it is not known.
    last_used: Option<u64>,
    /// Whether a sandbox runs in it.
    in_use: bool,
}

/// The trees of a store, as a JSON array; times are seconds since 1970.
pub fn listing_json(trees: &[Listed]) -> String {
    let trees: Vec<TreeJson<'_>> = trees
        .iter()
        .map(|tree| {
            let Listed {
                id,
                key: _,
                files,
                bytes,
                own_bytes,
                users,
                last_used,
                in_use,
            } = tree;
            let users = users.iter().map(|path| path.to_string_lossy().into_owned());
            let last_used =
                last_used.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
            TreeJson {
                id,
                files: *files,
                bytes: *bytes,
                own_bytes: *own_bytes,
                users: users.collect(),
                last_used: last_used.map(|time| time.as_secs()),
                in_use: *in_use,
            }
        })
        .collect();
    // Numbers, texts and switches: nothing that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&trees).unwrap_or_default()) + "\n"
}

/// The JSON Schema of [`listing_json`], with a line break at its end.
pub fn listing_json_schema() -> String {
    schema_of::<Vec<TreeJson<'_>>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_use_are_told_roughly() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let before = |hours: u64| ago(now - Duration::from_secs(hours * 3600), now);
        assert_eq!(before(0), "this hour");
        assert_eq!(before(47), "47 h ago");
        assert_eq!(before(49), "2 d ago");
        // A clock that was set back.
        assert_eq!(ago(now + Duration::from_secs(9), now), "this hour");
    }
}
