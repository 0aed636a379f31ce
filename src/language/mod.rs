//! The profile language as data: each key with its shape, its default, an example, and what it becomes in the
//! kernel. The JSON Schema and the manual page are made of it, so neither can drift from the other; a test compares
//! the keys with those that the decoder asks for.

mod command;
mod env;
mod expect;
mod files;
mod limits;
mod mount;
mod namespaces;
mod rootfs;
mod schema;
mod security;
mod shape;
mod supervise;
mod system;
mod top;

pub use schema::schema;
pub use shape::{Absent, Form, Key, Kind, Shape, Words};
pub use top::PROFILE;

/// The key at a dotted path: `limits.memory`. Entries of lists are in none.
pub fn find(path: &str) -> Option<&'static Key> {
    let mut keys = PROFILE;
    let mut found = None;
    for name in path.split('.') {
        let key = keys.iter().find(|key| key.name == name)?;
        found = Some(key);
        keys = tables(&key.shape);
    }
    found
}

/// The paths of all keys, those of tables before those in them.
pub fn paths() -> Vec<String> {
    fn collect(above: &str, keys: &'static [Key], paths: &mut Vec<String>) {
        for key in keys {
            let path = match above {
                "" => key.name.to_owned(),
                above => format!("{above}.{}", key.name),
            };
            paths.push(path.clone());
            collect(&path, tables(&key.shape), paths);
        }
    }
    let mut paths = Vec::new();
    collect("", PROFILE, &mut paths);
    paths
}

/// The keys of the table that may stand there.
fn tables(shape: &'static Shape) -> &'static [Key] {
    match shape {
        Shape::Table(keys) => keys,
        Shape::Either(shapes) => {
            let mut tables = shapes.iter().map(tables);
            tables.find(|keys| !keys.is_empty()).unwrap_or(&[])
        }
        _ => &[],
    }
}
