//! In which order a layout is written.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::rootfs::layout::{Body, Content, Layout, NodeId};

/// A directory that is to be made.
pub(super) struct Dir<'a> {
    pub id: NodeId,
    pub name: &'a OsStr,
    /// Relative to the root of the tree; `.` for the root itself.
    pub path: PathBuf,
    /// Places in [`Course::dirs`].
    pub dirs: Vec<usize>,
    /// Files, by their first names, and links.
    pub leaves: Vec<(&'a OsStr, NodeId)>,
}

/// A further name of a file.
pub(super) struct Again {
    pub id: NodeId,
    pub first: PathBuf,
    pub other: PathBuf,
}

/// Everything that is to be made, parents before children.
pub(super) struct Course<'a> {
    pub dirs: Vec<Dir<'a>>,
    pub again: Vec<Again>,
    /// How many files and links.
    pub leaves: usize,
    /// How many bytes, as far as it is known.
    pub bytes: u64,
}

impl<'a> Course<'a> {
    pub(super) fn plan(layout: &'a Layout) -> Course<'a> {
        let mut course = Course {
            dirs: vec![Dir {
                id: NodeId::ROOT,
                name: OsStr::new("."),
                path: PathBuf::from("."),
                dirs: Vec::new(),
                leaves: Vec::new(),
            }],
            again: Vec::new(),
            leaves: 0,
            bytes: 0,
        };
        // By node: the directory and the name where it came up first.
        let mut first: Vec<Option<(usize, &OsStr)>> = vec![None; layout.len()];
        let mut next = 0;
        while next < course.dirs.len() {
            course.visit(layout, next, &mut first);
            next += 1;
        }
        course
    }

    fn visit(
        &mut self,
        layout: &'a Layout,
        index: usize,
        first: &mut [Option<(usize, &'a OsStr)>],
    ) {
        let Body::Directory(children) = &layout.node(self.dirs[index].id).body else {
            return;
        };
        for (name, id) in children {
            let body = &layout.node(*id).body;
            match (body, first[id.index()]) {
                (Body::Directory(_), _) => self.dir(index, name, *id),
                (_, Some((dir, name_there))) => self.again.push(Again {
                    id: *id,
                    first: below(&self.dirs[dir].path, name_there),
                    other: below(&self.dirs[index].path, name),
                }),
                (_, None) => {
                    first[id.index()] = Some((index, name));
                    self.dirs[index].leaves.push((name, *id));
                    self.leaves += 1;
                    self.bytes += size(body);
                }
            }
        }
    }

    fn dir(&mut self, above: usize, name: &'a OsStr, id: NodeId) {
        let path = below(&self.dirs[above].path, name);
        let index = self.dirs.len();
        self.dirs[above].dirs.push(index);
        self.dirs.push(Dir {
            id,
            name,
            path,
            dirs: Vec::new(),
            leaves: Vec::new(),
        });
    }
}

fn below(dir: &Path, name: &OsStr) -> PathBuf {
    match dir.as_os_str() == "." {
        true => PathBuf::from(name),
        false => dir.join(name),
    }
}

fn size(body: &Body) -> u64 {
    match body {
        Body::File(Content::Host(file)) => file.stat.st_size.cast_unsigned(),
        // Written, or there, before the others start.
        Body::File(Content::Text(_) | Content::Received { .. }) => 0,
        Body::Directory(_) | Body::Symlink(_) => 0,
    }
}
