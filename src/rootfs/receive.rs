//! What archives and images hold, on its way into the layout. An archive is read only once, so contents are
//! written at once: beside the tree, each under its key.
//!
//! A path is followed in the layout, so that no link leads anywhere else: what is written through a link
//! that the archive made stays in the tree. A later layer of an image replaces whatever an earlier layer
//! of the same image put at a path; what another source put there is replaced by the rules for sources.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::build::Builder;
use super::content::{BUFFER, errno};
use super::error::{Shape, SystemProblem, Trouble};
use super::key::{Attached, Key, comes_along, finish};
use super::layout::{Body, Content, Meta, NodeId, Place, Supply};
use super::linker::{Linked, Linker, Target};
use super::walk::Last;
use crate::archive::{self, Member, Receiver};
use crate::model::guard::{self, Guard};

/// The file that a content is written to until its hash is known.
const INCOMING: &str = "incoming";

/// An archive or image that goes into the layout.
pub(super) struct Receiving<'b, 'a> {
    builder: &'b mut Builder<'a>,
    /// The directory inside that it is unpacked in.
    base: PathBuf,
    linker: Linker<'a>,
    buffer: Vec<u8>,
}

impl<'b, 'a> Receiving<'b, 'a> {
    /// Receives into the directory `base` of the layout.
    pub(super) fn new(builder: &'b mut Builder<'a>, base: &Path) -> Receiving<'b, 'a> {
        let site = builder.site;
        Receiving {
            builder,
            base: base.to_owned(),
            linker: Linker::new(site.pool, site.store),
            buffer: Vec::new(),
        }
    }

    fn place(&mut self, path: &Path) -> Result<Place, Trouble> {
        let inside = self.base.join(path);
        self.builder.layout.place(&inside, Last::Kept)
    }

    /// Takes away what an earlier layer put there, where it is of another kind.
    fn clear_way(&mut self, place: &mut Place, wanted: Shape) {
        let (Some(found), Some(name)) = (place.found, &place.name) else {
            return;
        };
        let layout = &mut self.builder.layout;
        if layout.is_earlier(place.parent, name, found) && layout.shape(found) != wanted {
            layout.remove(place.parent, name);
            place.found = None;
        }
    }

    fn directory(&mut self, mut place: Place, meta: Meta) -> Result<(), Trouble> {
        self.clear_way(&mut place, Shape::Directory);
        let layout = &mut self.builder.layout;
        let spot = layout.directory(&place.path)?;
        layout.describe(spot.id, meta);
        let (source, layer) = (layout.source, layout.layer);
        let node = layout.node_mut(spot.id);
        if node.source == source {
            node.layer = layer;
        }
        Ok(())
    }

    fn put(&mut self, mut place: Place, id: NodeId) -> Result<(), Trouble> {
        self.clear_way(&mut place, self.builder.layout.shape(id));
        self.builder.layout.put(&place, id)
    }

    fn hard_link(&mut self, place: Place, target: &Path) -> Result<(), Trouble> {
        let missing = |path: PathBuf| Trouble::HardLink {
            path,
            target: target.to_owned(),
        };
        let found = self.place(target)?.found;
        let Some(id) = found else {
            return Err(missing(place.path));
        };
        let layout = &mut self.builder.layout;
        let id = match &layout.node(id).body {
            Body::File(_) => {
                if let Some(name) = &place.name {
                    layout.link_again(place.parent, name, id);
                }
                id
            }
            // A second name of a link is a link of its own: links of a tree have one name each.
            Body::Symlink(text) => {
                let (text, meta) = (text.clone(), layout.node(id).meta.clone());
                layout.add(meta, Body::Symlink(text))
            }
            Body::Directory(_) => return Err(missing(place.path)),
        };
        self.put(place, id)
    }

    /// Takes away what earlier layers put at a path.
    fn whiteout(&mut self, place: &Place) {
        let (Some(found), Some(name)) = (place.found, &place.name) else {
            return;
        };
        self.builder.layout.white_out(place.parent, name, found);
    }

    /// Writes a content under its key, or takes it from a tree that has it.
    fn content(
        &mut self,
        path: &Path,
        content: &mut dyn Read,
        mut meta: Meta,
    ) -> Result<(Content, Meta), Trouble> {
        let failed = |errno| Trouble::from(SystemProblem::at("write", path)(errno));
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NOFOLLOW;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let received = self.builder.site.received;
        let made = openat(received, INCOMING, flags | OFlag::O_CLOEXEC, mode).map_err(failed)?;
        let mut made = File::from(made);
        let (hash, size) = self.pour(path, content, &mut made)?;
        if finish(&made, &mut meta).map_err(failed)? == Attached::None {
            self.builder.notes.attributes += 1;
        }
        let key = Key::new(hash, &meta);
        let supply = self.keep(&key, size, &meta).map_err(failed)?;
        Ok((Content::Received { key, size, supply }, meta))
    }

    /// Gives the file that has just been written the name of its key, where nothing has it yet.
    fn keep(&mut self, key: &Key, size: u64, meta: &Meta) -> nix::Result<Supply> {
        let received = self.builder.site.received;
        if let Some(supply) = self.builder.received.get(key) {
            unlinkat(received, INCOMING, UnlinkatFlags::NoRemoveDir)?;
            return Ok(*supply);
        }
        let name = key.to_string();
        let target = Target {
            dir: received,
            name: OsStr::new(&name),
        };
        // One that was altered is found, and named, when its own tree is verified.
        let supply = match self.linker.link(key, 0, (size, meta), target)? {
            Linked::Done => {
                unlinkat(received, INCOMING, UnlinkatFlags::NoRemoveDir)?;
                Supply::Shared
            }
            Linked::Absent | Linked::Altered(_) => {
                renameat(received, INCOMING, received, name.as_str())?;
                Supply::Written
            }
        };
        self.builder.received.insert(*key, supply);
        Ok(supply)
    }

    /// Copies and hashes; runs of zeros become holes.
    fn pour(
        &mut self,
        path: &Path,
        content: &mut dyn Read,
        made: &mut File,
    ) -> Result<(blake3::Hash, u64), Trouble> {
        let failed = |error| Trouble::from(SystemProblem::at("write", path)(errno(error)));
        self.buffer.resize(BUFFER, 0);
        let mut hasher = blake3::Hasher::new();
        let mut size = 0;
        loop {
            let length = match content.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Trouble::Content(path.to_owned(), error.to_string())),
            };
            let bytes = &self.buffer[..length];
            hasher.update(bytes);
            size += length as u64;
            match bytes.iter().all(|byte| *byte == 0) {
                true => made.seek(SeekFrom::Start(size)).map(drop),
                false => made.write_all(bytes),
            }
            .map_err(failed)?;
        }
        made.set_len(size).map_err(failed)?;
        Ok((hasher.finalize(), size))
    }

    /// What of a member's description comes along.
    fn meta(&mut self, mode: u32, modified: (i64, i64), all: archive::Attributes) -> Meta {
        let notes = &mut self.builder.notes;
        notes.privileges += u64::from(mode & 0o6000 != 0);
        let mut attributes = Vec::new();
        for (name, value) in all {
            if name.as_c_str() == c"security.capability" && guard::holds(Guard::StripCapabilities) {
                notes.privileges += 1;
            } else if comes_along(&name) {
                attributes.push((name, value));
            }
        }
        Meta {
            mode: super::layout::allowed_bits(mode),
            modified: self.builder.site.times.fit(modified),
            attributes,
        }
    }
}

impl Receiver for Receiving<'_, '_> {
    type Error = Trouble;

    fn layer(&mut self) {
        self.builder.layout.layer += 1;
    }

    fn member(&mut self, member: Member<'_>) -> Result<(), Trouble> {
        let Member {
            path,
            mode,
            modified,
            attributes,
            body,
        } = member;
        let place = self.place(path)?;
        let meta = self.meta(mode, modified, attributes);
        match body {
            archive::Body::Directory => self.directory(place, meta),
            archive::Body::File { content, .. } => {
                let (content, meta) = self.content(&place.path, content, meta)?;
                let id = self.builder.layout.add(meta, Body::File(content));
                self.put(place, id)
            }
            archive::Body::Symlink(text) => {
                let body = Body::Symlink(text.to_owned());
                let id = self.builder.layout.add(meta, body);
                self.put(place, id)
            }
            archive::Body::HardLink(target) => self.hard_link(place, target),
            archive::Body::Whiteout => {
                self.whiteout(&place);
                Ok(())
            }
            archive::Body::Opaque => {
                let spot = self.builder.layout.directory(&place.path)?;
                self.builder.layout.clear_earlier(spot.id);
                Ok(())
            }
        }
    }
}
