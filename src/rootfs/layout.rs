//! A tree as data, before anything of it is written.
//!
//! Sources add nodes in their order and links are followed here, in memory: whatever a source or an
//! archive says, there is no file system that it could lead out of. What a later source replaces is
//! never copied, and a contradiction between two sources is found before the first byte is written.

mod layers;

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CString, OsStr, OsString};
use std::path::{Path, PathBuf};

use nix::sys::stat::FileStat;

use super::error::{Earlier, Shape, Trouble};
use super::key::Key;
use super::times::Times;
use super::walk::{Last, MOST_LINKS, steps};
use crate::diag::Origin;
use crate::model::guard::{self, Guard};

/// Permission bits that a tree may have: never set-user-id or set-group-id.
const ALLOWED_BITS: u32 = 0o1777;

/// Those bits of a mode.
pub(super) fn allowed_bits(mode: u32) -> u32 {
    match guard::holds(Guard::StripSetId) {
        true => mode & ALLOWED_BITS,
        false => mode & 0o7777,
    }
}

/// Mode of directories that nobody described.
const PARENT_MODE: u32 = 0o755;

/// Directories within each other, the links of a tree followed. Whoever removes a tree holds a descriptor of
/// each, and copies of directories go on from there.
const DEEPEST: usize = 512;

/// Files, links and directories of one tree. Paths through links make many directories of few bytes.
const MOST_NODES: usize = 4_000_000;

/// Extended attributes by name, sorted.
pub(super) type Attributes = Vec<(CString, Vec<u8>)>;

/// One file, link or directory of a layout. A file with several names is one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(u32);

impl NodeId {
    pub(super) const ROOT: NodeId = NodeId(0);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What lies at a path of the tree-to-be.
#[derive(Debug)]
pub(super) struct Node {
    /// Which source put it there.
    pub source: usize,
    /// Which layer of an image, counted over all sources.
    pub layer: u32,
    /// The layer in which all that earlier ones put into this directory went.
    cleared: u32,
    /// The host path that it was copied from; of files, their content tells.
    pub from: Option<PathBuf>,
    pub meta: Meta,
    pub body: Body,
}

/// What a node is like beside its content.
#[derive(Debug, Clone, Default)]
pub(super) struct Meta {
    pub mode: u32,
    /// Seconds and nanoseconds; zero for what no file of the host stands behind, so that the same plan
    /// gives the same tree.
    pub modified: (i64, i64),
    pub attributes: Attributes,
}

impl Meta {
    /// What of a host file's description comes along, in a store that holds these times.
    pub(super) fn of(stat: &FileStat, times: Times) -> Meta {
        Meta {
            mode: allowed_bits(stat.st_mode),
            modified: times.fit((stat.st_mtime, stat.st_mtime_nsec)),
            attributes: Vec::new(),
        }
    }
}

#[derive(Debug)]
pub(super) enum Body {
    Directory(BTreeMap<OsString, NodeId>),
    File(Content),
    Symlink(OsString),
}

/// Where a file's bytes come from.
#[derive(Debug)]
pub(super) enum Content {
    /// A file of the host, which is opened when it is its turn.
    Host(HostFile),
    /// These.
    Text(Vec<u8>),
    /// What an archive holds: it lies beside the tree, by its key.
    Received { key: Key, size: u64, supply: Supply },
}

/// Whether the bytes of a file had to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    /// Another tree has them.
    Shared,
    /// They were written.
    Written,
}

/// A file of the host as it was when its directory was read.
#[derive(Debug)]
pub(super) struct HostFile {
    /// Which of the directories that the build has read.
    pub dir: usize,
    pub name: OsString,
    /// The number of its file system, which no other one has.
    pub volume: u64,
    pub stat: FileStat,
    /// What it means when it is gone by the time that it is opened.
    pub gone: Gone,
}

/// What it means that a host file is gone when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    /// The profile names it: an error.
    Refused,
    /// Its directory has changed meanwhile, which the directory's stamp tells.
    LeftOut,
}

/// A directory of the layout.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub id: NodeId,
    /// Its path inside, free of links.
    pub path: PathBuf,
}

/// Where a walk ended.
#[derive(Debug)]
pub(super) struct Place {
    /// The directory that holds the last name.
    pub parent: NodeId,
    /// The last name; none where the walk ended at a directory by `..`, or at the root.
    pub name: Option<OsString>,
    /// The whole path, free of links, absolute.
    pub path: PathBuf,
    /// What is there.
    pub found: Option<NodeId>,
}

/// A tree as data.
#[derive(Debug)]
pub(super) struct Layout {
    nodes: Vec<Node>,
    /// The source whose turn it is.
    pub source: usize,
    /// The layer whose turn it is.
    pub layer: u32,
    /// Names that a layer gave to files of earlier ones, and which layer.
    linked: HashMap<(NodeId, OsString), u32>,
    /// How many nodes there may be.
    room: usize,
}

impl Layout {
    pub(super) fn new() -> Layout {
        let mut layout = Layout {
            nodes: Vec::new(),
            source: 0,
            layer: 0,
            linked: HashMap::new(),
            room: MOST_NODES,
        };
        layout.add(parent_meta(), Body::Directory(BTreeMap::new()));
        layout
    }

    /// Adds a node that has no name yet.
    pub(super) fn add(&mut self, meta: Meta, body: Body) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node {
            source: self.source,
            layer: self.layer,
            cleared: 0,
            from: None,
            meta,
            body,
        });
        id
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.index()]
    }

    /// How many nodes there are, those included that lost their names.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn shape(&self, id: NodeId) -> Shape {
        match self.node(id).body {
            Body::Directory(_) => Shape::Directory,
            Body::File(_) => Shape::File,
            Body::Symlink(_) => Shape::Link,
        }
    }

    fn children(&mut self, id: NodeId) -> Option<&mut BTreeMap<OsString, NodeId>> {
        match &mut self.node_mut(id).body {
            Body::Directory(children) => Some(children),
            Body::File(_) | Body::Symlink(_) => None,
        }
    }

    /// What has this name in a directory.
    pub(super) fn child(&self, dir: NodeId, name: &OsStr) -> Option<NodeId> {
        match &self.node(dir).body {
            Body::Directory(children) => children.get(name).copied(),
            Body::File(_) | Body::Symlink(_) => None,
        }
    }

    /// Finds `path`; directories on the way that are missing are made.
    pub(super) fn place(&mut self, path: &Path, last: Last) -> Result<Place, Trouble> {
        let mut walk = Walk {
            passed: vec![NodeId::ROOT],
            path: PathBuf::from("/"),
            ahead: Vec::new(),
            links: 0,
        };
        walk.push(path);
        while let Some(name) = walk.ahead.pop() {
            match name.as_encoded_bytes() {
                b"/" => walk.restart(),
                b".." => walk.leave(),
                _ => {
                    if let Some(place) = self.step(&mut walk, name, last, path)? {
                        return Ok(place);
                    }
                }
            }
        }
        let here = walk.here();
        Ok(Place {
            parent: here,
            name: None,
            path: walk.path,
            found: Some(here),
        })
    }

    fn step(
        &mut self,
        walk: &mut Walk,
        name: OsString,
        last: Last,
        asked: &Path,
    ) -> Result<Option<Place>, Trouble> {
        let parent = walk.here();
        let found = self.child(parent, &name);
        let ends = walk.ahead.is_empty();
        if let Some(id) = found
            && let Body::Symlink(text) = &self.node(id).body
            && (!ends || last == Last::Followed)
        {
            walk.links += 1;
            if walk.links > MOST_LINKS {
                return Err(Trouble::Loop(asked.to_owned()));
            }
            walk.push(Path::new(text));
            return Ok(None);
        }
        walk.path.push(&name);
        if ends {
            let path = std::mem::take(&mut walk.path);
            return Ok(Some(Place {
                parent,
                name: Some(name),
                path,
                found,
            }));
        }
        let next = match found {
            None => self.make_dir(parent, &name, asked)?,
            Some(id) if self.shape(id) == Shape::Directory => id,
            Some(id) => return Err(self.clash(walk.path.clone(), Shape::Directory, id)),
        };
        walk.passed.push(next);
        if walk.passed.len() > DEEPEST {
            return Err(Trouble::Deep(asked.to_owned()));
        }
        Ok(None)
    }

    /// The directories on the way to `asked` are nobody's files, so they are counted here.
    fn make_dir(&mut self, parent: NodeId, name: &OsStr, asked: &Path) -> Result<NodeId, Trouble> {
        if self.nodes.len() >= self.room {
            return Err(Trouble::Crowded {
                path: asked.to_owned(),
                most: self.room,
            });
        }
        let id = self.add(parent_meta(), Body::Directory(BTreeMap::new()));
        self.name(parent, name, id);
        Ok(id)
    }

    /// Finds the directory `path`, through links inside, and makes it where it is missing.
    pub(super) fn directory(&mut self, path: &Path) -> Result<Spot, Trouble> {
        let Place {
            parent,
            name,
            path,
            found,
        } = self.place(path, Last::Followed)?;
        let id = match (found, name) {
            (Some(id), _) if self.shape(id) == Shape::Directory => id,
            (Some(id), _) => return Err(self.clash(path, Shape::Directory, id)),
            (None, Some(name)) => self.make_dir(parent, &name, &path)?,
            (None, None) => parent,
        };
        Ok(Spot { id, path })
    }

    /// The directory `name` of `spot`, made where it is missing. A link there that leads to a directory
    /// is followed, as dpkg and `tar --keep-directory-symlink` do.
    pub(super) fn enter(&mut self, spot: &Spot, name: &OsStr) -> Result<Spot, Trouble> {
        let path = spot.path.join(name);
        match self.child(spot.id, name) {
            None => {
                let id = self.make_dir(spot.id, name, &path)?;
                Ok(Spot { id, path })
            }
            Some(id) if self.shape(id) == Shape::Directory => Ok(Spot { id, path }),
            Some(_) => self.directory(&path),
        }
    }

    /// Says what a directory is like.
    pub(super) fn describe(&mut self, id: NodeId, meta: Meta) {
        self.node_mut(id).meta = meta;
    }

    /// Puts a file or link at a place, over a file or link that is there.
    pub(super) fn put(&mut self, place: &Place, id: NodeId) -> Result<(), Trouble> {
        match &place.name {
            Some(name) => self.put_at(place.parent, name, &place.path, id),
            None => {
                let wanted = self.shape(id);
                Err(self.clash(place.path.clone(), wanted, place.parent))
            }
        }
    }

    /// The same at a name of a directory.
    pub(super) fn put_at(
        &mut self,
        parent: NodeId,
        name: &OsStr,
        path: &Path,
        id: NodeId,
    ) -> Result<(), Trouble> {
        let found = self.child(parent, name);
        if let Some(found) = found.filter(|found| self.shape(*found) == Shape::Directory) {
            let wanted = self.shape(id);
            return Err(self.clash(path.to_owned(), wanted, found));
        }
        self.name(parent, name, id);
        Ok(())
    }

    fn name(&mut self, parent: NodeId, name: &OsStr, id: NodeId) {
        if let Some(children) = self.children(parent) {
            children.insert(name.to_owned(), id);
        }
    }

    /// Takes away what has this name, with all that is below.
    pub(super) fn remove(&mut self, parent: NodeId, name: &OsStr) {
        if let Some(children) = self.children(parent) {
            children.remove(name);
        }
    }

    /// Two kinds of file at one path; the builder adds the line of who was first.
    pub(super) fn clash(&self, path: PathBuf, wanted: Shape, found: NodeId) -> Trouble {
        let index = self.node(found).source;
        let earlier = (index < self.source).then_some(Earlier {
            index,
            origin: Origin::Default,
        });
        Trouble::Clash {
            path,
            wanted,
            found: self.shape(found),
            earlier,
        }
    }
}

fn parent_meta() -> Meta {
    Meta {
        mode: PARENT_MODE,
        ..Meta::default()
    }
}

/// The way of a path through a layout.
struct Walk {
    /// The directories from the root to here.
    passed: Vec<NodeId>,
    path: PathBuf,
    /// The names to come, the next one last.
    ahead: Vec<OsString>,
    links: usize,
}

impl Walk {
    fn here(&self) -> NodeId {
        self.passed.last().copied().unwrap_or(NodeId::ROOT)
    }

    fn push(&mut self, path: &Path) {
        self.ahead.extend(steps(path));
    }

    fn restart(&mut self) {
        self.passed.truncate(1);
        self.path = PathBuf::from("/");
    }

    /// `..` of the root is the root.
    fn leave(&mut self) {
        if self.passed.len() > 1 {
            self.passed.pop();
            self.path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_through_links_do_not_make_directories_without_end() {
        let mut layout = Layout::new();
        layout.room = 1000;
        let text = OsString::from("a/".repeat(300));
        let link = layout.add(Meta::default(), Body::Symlink(text));
        let made = (0..9).map(|number| {
            let place = layout.place(&PathBuf::from(format!("/{number}/l")), Last::Kept)?;
            layout.put(&place, link)?;
            layout.place(&place.path.join("x"), Last::Kept).map(drop)
        });
        let made: Vec<Result<(), Trouble>> = made.collect();
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3);
        let said = made[3].as_ref().err().map(ToString::to_string);
        let wanted = "`/3/l/x` is too much: a tree has at most 1000 files and directories";
        assert_eq!(said.as_deref(), Some(wanted));
    }
}
