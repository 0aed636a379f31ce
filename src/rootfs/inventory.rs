//! Everything in a finished tree, as the store keeps it beside the tree.
//!
//! `blake3 of the rest | magic | entries by postcard`. A file that is cut short or changed is none: what it
//! is for is then done without it, or the tree is built again.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::layout::{Body, Content, Layout, Node, NodeId, allowed_bits};
use super::manifest::{Entry, EntryKind, Manifest};
use super::write::{Done, Written};

const MAGIC: &[u8; 8] = b"sbxinv01";
const HASH: usize = blake3::OUT_LEN;

/// The entries of a tree in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Inventory {
    /// The boot in which the tree was built.
    pub boot: String,
    pub items: Vec<Item>,
}

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    /// Absolute, inside; bytes, for names need not be UTF-8.
    pub path: Vec<u8>,
    pub mode: u32,
    pub modified: (i64, i64),
    pub from: Option<Vec<u8>>,
    pub kind: ItemKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ItemKind {
    Directory,
    File(FileItem),
    Symlink(Vec<u8>),
    /// Another name of the file at this path.
    HardLink(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileItem {
    pub size: u64,
    pub content: [u8; 32],
    /// The rest of its key.
    pub meta: [u8; 8],
    /// The host's inode, with the number of its file system.
    pub identity: Option<[u64; 7]>,
    /// Privileges that were taken off.
    pub stripped: u8,
}

impl FileItem {
    pub(super) fn key(&self) -> Key {
        Key {
            content: self.content,
            meta: self.meta,
        }
    }
}

impl Item {
    pub(super) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }
}

/// Lists what was written.
pub(super) fn inventory(layout: &Layout, host_dirs: &[PathBuf], written: &Written) -> Inventory {
    let mut lister = Lister {
        layout,
        host_dirs,
        written,
        items: Vec::new(),
        first: vec![None; layout.len()],
    };
    lister.dir(NodeId::ROOT, Path::new("/"));
    Inventory {
        boot: String::new(),
        items: lister.items,
    }
}

struct Lister<'a> {
    layout: &'a Layout,
    host_dirs: &'a [PathBuf],
    written: &'a Written,
    items: Vec<Item>,
    /// By node: its first path.
    first: Vec<Option<PathBuf>>,
}

impl Lister<'_> {
    fn dir(&mut self, id: NodeId, path: &Path) {
        let node = self.layout.node(id);
        self.push(path, node, node.meta.mode, ItemKind::Directory);
        let Body::Directory(children) = &node.body else {
            return;
        };
        for (name, id) in children {
            self.child(*id, &path.join(name));
        }
    }

    fn child(&mut self, id: NodeId, path: &Path) {
        let node = self.layout.node(id);
        match &node.body {
            Body::Directory(_) => self.dir(id, path),
            Body::Symlink(text) => {
                let text = text.as_bytes().to_vec();
                self.push(path, node, 0o777, ItemKind::Symlink(text));
            }
            Body::File(content) => {
                // A host file that was gone when it was its turn.
                let Some(done) = self.written.files.get(&id) else {
                    return;
                };
                self.file(id, node, content, done, path);
            }
        }
    }

    fn file(&mut self, id: NodeId, node: &Node, content: &Content, done: &Done, path: &Path) {
        let from = match content {
            Content::Host(file) => Some(self.host_dirs[file.dir].join(&file.name)),
            Content::Text(_) | Content::Received { .. } => node.from.clone(),
        };
        let identity = match content {
            Content::Host(file) => done.identity.map(|it| it.on(file.volume).numbers()),
            Content::Text(_) | Content::Received { .. } => None,
        };
        let kind = match &self.first[id.index()] {
            Some(first) => ItemKind::HardLink(bytes(first)),
            None => ItemKind::File(FileItem {
                size: done.size,
                content: done.key.content,
                meta: done.key.meta,
                identity,
                stripped: done.stripped,
            }),
        };
        self.first[id.index()].get_or_insert_with(|| path.to_owned());
        self.items.push(Item {
            path: bytes(path),
            mode: done.mode,
            modified: done.modified,
            from: from.as_deref().map(bytes),
            kind,
        });
    }

    fn push(&mut self, path: &Path, node: &Node, mode: u32, kind: ItemKind) {
        self.items.push(Item {
            path: bytes(path),
            mode: allowed_bits(mode),
            modified: node.meta.modified,
            from: node.from.as_deref().map(bytes),
            kind,
        });
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

impl Inventory {
    /// As the store keeps it; none where it cannot be written down, which no value of it causes.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; HASH];
        bytes.extend(MAGIC);
        let mut bytes = postcard::to_extend(self, bytes).ok()?;
        let hash = blake3::hash(&bytes[HASH..]);
        bytes[..HASH].copy_from_slice(hash.as_bytes());
        Some(bytes)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Inventory> {
        let (hash, rest) = bytes.split_first_chunk::<HASH>()?;
        if blake3::hash(rest) != *hash {
            return None;
        }
        postcard::from_bytes(rest.strip_prefix(MAGIC)?).ok()
    }

    /// Its files, each by its first name.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Item, &FileItem)> {
        self.items.iter().filter_map(|item| match &item.kind {
            ItemKind::File(file) => Some((item, file)),
            ItemKind::Directory | ItemKind::Symlink(_) | ItemKind::HardLink(_) => None,
        })
    }

    /// What everybody may know of the tree; the root itself stays out.
    pub(super) fn manifest(self) -> Manifest {
        let path = |bytes: Vec<u8>| PathBuf::from(OsString::from_vec(bytes));
        let entries = self.items.into_iter().skip(1).map(|item| Entry {
            path: path(item.path),
            mode: item.mode,
            kind: match item.kind {
                ItemKind::Directory => EntryKind::Directory,
                ItemKind::File(FileItem { size, content, .. }) => EntryKind::File { size, content },
                ItemKind::Symlink(text) => EntryKind::Symlink(OsString::from_vec(text)),
                ItemKind::HardLink(first) => EntryKind::HardLink(path(first)),
            },
            from: item.from.map(path),
        });
        Manifest {
            entries: entries.collect(),
        }
    }
}
