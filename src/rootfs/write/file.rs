//! One file of a tree: another name of a file that a tree has already, or a new one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::course::Dir;
use super::{Done, Worker};
use crate::rootfs::content::errno;
use crate::rootfs::error::{SystemProblem, Trouble};
use crate::rootfs::key::{self, Attached, Key};
use crate::rootfs::layout::{Content, Gone, HostFile, Meta, Node, NodeId, Supply, allowed_bits};
use crate::rootfs::linker::{Altered, Linked, Target};
use crate::rootfs::stamps::{Identity, settled};
use crate::rootfs::walk::{kind, open_below};

/// A file up to this size is read whole, hashed, and written from memory; a larger one is copied by the
/// kernel and its copy hashed, which nobody else can change.
const SMALL: u64 = 64 << 10;

/// The place of a file: its directory's plan, the open directory, its name.
type Place<'a> = (&'a Dir<'a>, BorrowedFd<'a>, &'a OsStr);

/// What the bytes of a file are.
enum Bytes {
    /// All of them, in the buffer.
    InBuffer,
    /// In this file of the tree, which is not finished yet.
    InTree(File),
}

/// A file of the host that has been read.
struct Reading {
    stat: FileStat,
    meta: Meta,
    hash: blake3::Hash,
    bytes: Bytes,
    stripped: u8,
}

impl Worker<'_> {
    /// Writes one file of the layout.
    pub(super) fn file(
        &mut self,
        id: NodeId,
        node: &Node,
        content: &Content,
        place: Place<'_>,
    ) -> Result<(), Trouble> {
        let counting = self.shared.counting.load(Ordering::Relaxed);
        let done = match content {
            Content::Host(file) if counting => self.open(file).map(|_| None),
            _ if counting => Ok(None),
            Content::Host(file) => self.host_file(file, place),
            Content::Text(text) => self.text(text, &node.meta, place).map(Some),
            Content::Received { key, size, supply } => {
                let supply = match self.received(key, *size, &node.meta, place)? {
                    Supply::Shared => *supply,
                    Supply::Written => Supply::Written,
                };
                Ok(Some(done(*key, *size, &node.meta, supply)))
            }
        }?;
        self.files.extend(done.map(|done| (id, done)));
        Ok(())
    }

    fn text(&mut self, text: &[u8], meta: &Meta, place: Place<'_>) -> Result<Done, Trouble> {
        self.buffer.clear();
        self.buffer.extend_from_slice(text);
        let size = text.len() as u64;
        let hash = blake3::hash(text);
        self.settle(hash, meta.clone(), size, Bytes::InBuffer, place)
    }

    /// A file of an archive: its content was written when the archive was read.
    fn received(
        &mut self,
        key: &Key,
        size: u64,
        meta: &Meta,
        (dir, fd, name): Place<'_>,
    ) -> Result<Supply, Trouble> {
        let path = dir.path.join(name);
        let failed = |errno| Trouble::from(SystemProblem::at("write", &path)(errno));
        let copy = self.shared.copy_of(key);
        let target = Target { dir: fd, name };
        let (from, content) = (self.shared.job.received, key.to_string());
        if copy == 0 {
            let linked = linkat(from, content.as_str(), fd, name, AtFlags::empty());
            return linked.map_err(failed).map(|()| Supply::Shared);
        }
        let linked = self.linker.link(key, copy, (size, meta), target);
        match linked.map_err(failed)? {
            Linked::Done => return Ok(Supply::Shared),
            Linked::Absent => {}
            Linked::Altered(altered) => self.altered(altered),
        }
        // A second file with the same bytes.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let content = openat(from, content.as_str(), flags, Mode::empty()).map_err(failed)?;
        let content = File::from(content);
        let made = new_file(fd, name).map_err(failed)?;
        let stat = fstat(&content).map_err(failed)?;
        let copied = self.content.transfer(&content, &made, &stat);
        let finished = copied.and_then(|()| key::finish(&made, &mut meta.clone()));
        finished.map_err(failed)?;
        Ok(Supply::Written)
    }

    fn host_file(&mut self, file: &HostFile, place: Place<'_>) -> Result<Option<Done>, Trouble> {
        if let Some(done) = self.known(file, place)? {
            return Ok(Some(done));
        }
        let Some(opened) = self.open(file)? else {
            return Ok(None);
        };
        let path = self.host_path(file);
        let stat = self.settled(&opened, &path)?;
        if kind(&stat) != SFlag::S_IFREG {
            return Err(Trouble::Changing(path));
        }
        let Reading {
            stat,
            meta,
            hash,
            bytes,
            stripped,
        } = self.read(&opened, stat, &path, place)?;
        let size = stat.st_size.cast_unsigned();
        let settled = self.settle(hash, meta, size, bytes, place);
        let done = settled.map_err(|trouble| blame(trouble, &path))?;
        self.shared.copied.fetch_add(size, Ordering::Relaxed);
        Ok(Some(Done {
            identity: Some(Identity::of(&stat)),
            stripped,
            ..done
        }))
    }

    /// A file that an earlier build has read, and that is as it was then: it is not even opened.
    fn known(&mut self, file: &HostFile, place: Place<'_>) -> Result<Option<Done>, Trouble> {
        let identity = Identity::of(&file.stat);
        let Some(known) = self.shared.job.pool.host(&identity.on(file.volume)) else {
            return Ok(None);
        };
        let (dir, fd, name) = place;
        let meta = Meta::of(&file.stat, self.shared.job.times);
        let size = file.stat.st_size.cast_unsigned();
        let copy = self.shared.copy_of(&known.key);
        let target = Target { dir: fd, name };
        let linked = self.linker.link(&known.key, copy, (size, &meta), target);
        match linked.map_err(SystemProblem::at("link", &dir.path.join(name)))? {
            Linked::Done => {}
            Linked::Absent => return Ok(None),
            Linked::Altered(altered) => {
                self.altered(altered);
                return Ok(None);
            }
        }
        self.shared.copied.fetch_add(size, Ordering::Relaxed);
        Ok(Some(Done {
            identity: Some(identity),
            stripped: known.stripped,
            ..done(known.key, size, &meta, Supply::Shared)
        }))
    }

    fn altered(&self, altered: Altered) {
        self.shared.results().written.altered.push(altered);
    }

    fn host_path(&self, file: &HostFile) -> PathBuf {
        self.shared.job.host_dirs[file.dir].join(&file.name)
    }

    /// Opens a host file without following a link and without waiting for a pipe's writer; none when it is
    /// gone, or another kind now, where that may be.
    fn open(&mut self, file: &HostFile) -> Result<Option<File>, Trouble> {
        let flags = OFlag::O_RDONLY
            | OFlag::O_NOFOLLOW
            | OFlag::O_NONBLOCK
            | OFlag::O_NOCTTY
            | OFlag::O_CLOEXEC;
        let opened = self
            .source_dir(file.dir)
            .and_then(|dir| openat(dir, file.name.as_os_str(), flags, Mode::empty()));
        match (opened, file.gone) {
            (Ok(opened), _) => Ok(Some(opened.into())),
            (Err(Errno::EACCES | Errno::EPERM), _) => Err(Trouble::Unreadable {
                first: self.host_path(file),
                count: 1,
            }),
            (Err(Errno::ENOENT | Errno::ELOOP | Errno::ENOTDIR | Errno::ENXIO), gone) => match gone
            {
                Gone::LeftOut => Ok(None),
                Gone::Refused => Err(Trouble::Missing(self.host_path(file))),
            },
            (Err(errno), _) => Err(SystemProblem::at("open", &self.host_path(file))(errno).into()),
        }
    }

    fn source_dir(&mut self, index: usize) -> nix::Result<BorrowedFd<'_>> {
        let job = &self.shared.job;
        if self.source.as_ref().is_none_or(|(open, _)| *open != index) {
            let path = &job.host_dirs[index];
            let dir = open_below(job.host, path, OFlag::O_PATH)?;
            self.source = Some((index, dir));
        }
        let open = self.source.as_ref().map(|(_, fd)| fd.as_fd());
        open.ok_or(Errno::EBADF)
    }

    fn settled(&self, file: &File, path: &Path) -> Result<FileStat, Trouble> {
        let stat = settled(|| fstat(file));
        Ok(stat.map_err(SystemProblem::at("look at", path))?)
    }

    /// Reads the content and what goes with it; once more when it changed meanwhile.
    fn read(
        &mut self,
        file: &File,
        first: FileStat,
        path: &Path,
        place: Place<'_>,
    ) -> Result<Reading, Trouble> {
        let failed = |errno| Trouble::from(SystemProblem::at("copy", path)(errno));
        let mut stat = first;
        for _ in 0..2 {
            let size = stat.st_size.cast_unsigned();
            let (bytes, hash) = match size <= SMALL {
                true => self.read_small(file, size).map_err(failed)?,
                false => self.copy_large(file, &stat, place).map_err(failed)?,
            };
            let found = key::attributes(file.as_fd())
                .map_err(SystemProblem::at("read attributes of", path))?;
            let after = fstat(file).map_err(failed)?;
            if Identity::of(&after) == Identity::of(&stat) {
                let meta = Meta {
                    attributes: found.attributes,
                    ..Meta::of(&after, self.shared.job.times)
                };
                let set_id = u8::from(after.st_mode & 0o6000 != 0);
                return Ok(Reading {
                    stat: after,
                    meta,
                    hash,
                    bytes,
                    stripped: set_id + u8::from(found.capable),
                });
            }
            if let Bytes::InTree(made) = bytes {
                drop(made);
                let (_, fd, name) = place;
                unlinkat(fd, name, UnlinkatFlags::NoRemoveDir).map_err(failed)?;
            }
            stat = self.settled(file, path)?;
        }
        Err(Trouble::Changing(path.to_owned()))
    }

    fn read_small(&mut self, file: &File, size: u64) -> nix::Result<(Bytes, blake3::Hash)> {
        let size = usize::try_from(size).map_err(|_| Errno::EFBIG)?;
        self.buffer.resize(size, 0);
        let mut at = 0;
        while at < size {
            match file.read_at(&mut self.buffer[at..], at as u64) {
                // It shrank, which its times tell.
                Ok(0) => break,
                Ok(length) => at += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(errno(error)),
            }
        }
        Ok((Bytes::InBuffer, blake3::hash(&self.buffer)))
    }

    fn copy_large(
        &mut self,
        file: &File,
        stat: &FileStat,
        (_, fd, name): Place<'_>,
    ) -> nix::Result<(Bytes, blake3::Hash)> {
        let made = new_file(fd, name)?;
        self.content.transfer(file, &made, stat)?;
        let hash = key::hash(&made, &mut self.buffer)?;
        Ok((Bytes::InTree(made), hash))
    }

    /// Gives a tree the file whose bytes are known.
    fn settle(
        &mut self,
        hash: blake3::Hash,
        mut meta: Meta,
        size: u64,
        bytes: Bytes,
        (dir, fd, name): Place<'_>,
    ) -> Result<Done, Trouble> {
        let path = dir.path.join(name);
        let failed = |errno| Trouble::from(SystemProblem::at("write", &path)(errno));
        let target = Target { dir: fd, name };
        let key = Key::new(hash, &meta);
        let made = match bytes {
            Bytes::InBuffer => {
                let copy = self.shared.copy_of(&key);
                let linked = self.linker.link(&key, copy, (size, &meta), target);
                match linked.map_err(failed)? {
                    Linked::Done => return Ok(done(key, size, &meta, Supply::Shared)),
                    Linked::Absent => {}
                    Linked::Altered(altered) => self.altered(altered),
                }
                let mut made = new_file(fd, name).map_err(failed)?;
                made.write_all(&self.buffer)
                    .map_err(errno)
                    .map_err(failed)?;
                made
            }
            Bytes::InTree(made) => {
                if self
                    .share_large(&key, (size, &meta), target)
                    .map_err(failed)?
                {
                    return Ok(done(key, size, &meta, Supply::Shared));
                }
                made
            }
        };
        let key = match key::finish(&made, &mut meta).map_err(failed)? {
            Attached::All => key,
            Attached::None => {
                self.without_attributes += 1;
                Key::new(hash, &meta)
            }
        };
        Ok(done(key, size, &meta, Supply::Written))
    }
}

impl Worker<'_> {
    /// Puts a file that a tree has in the place of the copy that has just been made, where there is one.
    fn share_large(
        &mut self,
        key: &Key,
        like: (u64, &Meta),
        target: Target<'_>,
    ) -> nix::Result<bool> {
        let job = self.shared.job;
        let copy = self.shared.copy_of(key);
        if job.pool.file(key, copy).is_none() {
            return Ok(false);
        }
        let Target { dir, name } = target;
        let aside = format!("{key}.{copy}");
        let aside = aside.as_str();
        renameat(dir, name, job.received, aside)?;
        match self.linker.link(key, copy, like, target)? {
            Linked::Done => {
                unlinkat(job.received, aside, UnlinkatFlags::NoRemoveDir)?;
                return Ok(true);
            }
            Linked::Absent => {}
            Linked::Altered(altered) => self.altered(altered),
        }
        renameat(job.received, aside, dir, name)?;
        Ok(false)
    }
}

/// An error of the store is shown with the host's file, which the person knows.
fn blame(trouble: Trouble, host: &Path) -> Trouble {
    match trouble {
        Trouble::System(SystemProblem {
            doing: "write",
            errno,
            ..
        }) => SystemProblem::at("copy", host)(errno).into(),
        trouble => trouble,
    }
}

fn new_file(dir: BorrowedFd, name: &OsStr) -> nix::Result<File> {
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
    let made = openat(
        dir,
        name,
        flags | OFlag::O_CLOEXEC,
        Mode::S_IRUSR | Mode::S_IWUSR,
    )?;
    Ok(File::from(made))
}

fn done(key: Key, size: u64, meta: &Meta, supply: Supply) -> Done {
    Done {
        key,
        size,
        mode: allowed_bits(meta.mode),
        modified: meta.modified,
        identity: None,
        stripped: 0,
        supply,
    }
}
