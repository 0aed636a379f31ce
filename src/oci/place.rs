//! Where the files of an image are: in a directory, or in a tar archive that is read in place.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use serde::de::DeserializeOwned;

use super::digest::Digest;
use super::error::{Fault, ImageError};
use crate::archive::{Held, Index, Reason, Slice, packing_of, printable};

/// Bytes of one document. The longest that are known have some hundred kilobytes.
const DOCUMENT: u64 = 4 << 20;

/// An opened image.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    form: Form,
    /// What was opened of a directory, so that a later run can see whether it is still that.
    seen: RefCell<Vec<(PathBuf, FileStat)>>,
}

#[derive(Debug)]
enum Form {
    Directory(OwnedFd),
    Tar { held: Held, index: Index },
}

/// A file of an image.
#[derive(Debug)]
pub(super) enum Blob<'a> {
    Own(Held),
    Part(Slice<'a>),
}

impl Blob<'_> {
    /// Its bytes, from the first on.
    pub fn reader(&self) -> Slice<'_> {
        match self {
            Blob::Own(held) => held.whole(),
            Blob::Part(slice) => slice.again(),
        }
    }

    /// How many they are.
    pub fn size(&self) -> u64 {
        match self {
            Blob::Own(held) => held.size(),
            Blob::Part(slice) => slice.size(),
        }
    }

    /// Whether nobody wrote it meanwhile.
    pub fn unchanged(&self) -> Result<(), Reason> {
        match self {
            Blob::Own(held) => held.unchanged(),
            // The archive as a whole is looked at once.
            Blob::Part(_) => Ok(()),
        }
    }
}

impl Place {
    /// Opens the directory or the file at `path`.
    pub fn open(path: &Path) -> Result<Place, ImageError> {
        let wrong = |reason| ImageError::new(path, Fault::File(reason));
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let fd = open(path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOENT => wrong(Reason::Missing),
            errno => wrong(io::Error::from(errno).into()),
        })?;
        let stat = fstat(&fd).map_err(|errno| wrong(io::Error::from(errno).into()))?;
        let form = match is_directory(&stat) {
            true => Form::Directory(fd),
            false => Place::tar(path, Held::new(File::from(fd)).map_err(wrong)?)?,
        };
        Ok(Place {
            path: path.to_owned(),
            form,
            seen: RefCell::default(),
        })
    }

    fn tar(path: &Path, held: Held) -> Result<Form, ImageError> {
        let mut start = [0; 8];
        let read = held.whole().read(&mut start);
        let read = read.map_err(|error| ImageError::new(path, Fault::File(error.into())))?;
        if let Some(packing) = packing_of(&start[..read]) {
            return Err(ImageError::new(path, Fault::Packed(packing)));
        }
        let index = Index::read(&format!("image `{}`", path.display()), &held)?;
        Ok(Form::Tar { held, index })
    }

    /// An error about this image.
    pub fn fault(&self, fault: Fault) -> ImageError {
        ImageError::new(&self.path, fault)
    }

    /// An error about one of its files.
    pub fn part(&self, name: &str, why: impl Into<String>) -> ImageError {
        self.fault(Fault::Part {
            name: printable(name.as_bytes()),
            why: why.into(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that were opened so far, as they were then.
    pub fn seen(&self) -> Vec<(PathBuf, FileStat)> {
        match &self.form {
            Form::Directory(_) => self.seen.borrow().clone(),
            Form::Tar { held, .. } => vec![(self.path.clone(), *held.stat())],
        }
    }

    /// The file of this name below the image's own directory, which no link leaves; nothing where there
    /// is none.
    pub fn file(&self, name: &str) -> Result<Option<Blob<'_>>, ImageError> {
        let dir = match &self.form {
            Form::Tar { held, index } => {
                return Ok(index.find(held, name.as_bytes()).map(Blob::Part));
            }
            Form::Directory(dir) => dir,
        };
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let fd = match openat2(dir.as_fd(), name, how) {
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::EXDEV) => return Err(self.part(name, "leads out of the image")),
            Err(errno) => {
                let reason = Reason::from(io::Error::from(errno));
                return Err(self.part(name, reason.to_string()));
            }
            Ok(fd) => fd,
        };
        let held = Held::new(File::from(fd));
        let held = held.map_err(|reason| self.part(name, reason.to_string()))?;
        let path = self.path.join(name);
        self.seen.borrow_mut().push((path, *held.stat()));
        Ok(Some(Blob::Own(held)))
    }

    /// The bytes that a digest names, which are as many and have that hash.
    pub fn blob(&self, digest: &str, size: u64) -> Result<Blob<'_>, ImageError> {
        let parsed: Result<Digest, ()> = digest.parse();
        let parsed = parsed.map_err(|()| self.part(digest, "is no SHA-256 or SHA-512"))?;
        let name = parsed.path();
        let Some(blob) = self.file(&name)? else {
            return Err(self.part(&name, "is not there"));
        };
        if blob.size() != size {
            let why = format!("has {} bytes, not {size}", blob.size());
            return Err(self.part(&name, why));
        }
        let found = parsed.of_same_kind(&mut blob.reader());
        match found.map_err(|error| self.part(&name, Reason::from(error).to_string()))? {
            (found, _) if found == parsed => Ok(blob),
            (found, _) => Err(self.part(&name, format!("has the hash `{found}`"))),
        }
    }

    /// The document that a digest names.
    pub fn document<T: DeserializeOwned>(&self, digest: &str, size: u64) -> Result<T, ImageError> {
        if size > DOCUMENT {
            return Err(self.part(digest, too_long()));
        }
        let blob = self.blob(digest, size)?;
        let text = self.text(digest, &blob)?;
        // Between the check and now somebody may have written it.
        let again = digest.parse::<Digest>().ok();
        let again =
            again.and_then(|digest| Some((digest, digest.of_same_kind(&mut &text[..]).ok()?)));
        match again {
            Some((digest, (found, _))) if digest == found => self.parse(&digest.path(), &text),
            _ => Err(self.part(digest, Reason::Changed.to_string())),
        }
    }

    /// The document of this name; nothing where there is none.
    pub fn named_document<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<(T, Vec<u8>)>, ImageError> {
        let Some(blob) = self.file(name)? else {
            return Ok(None);
        };
        let text = self.text(name, &blob)?;
        Ok(Some((self.parse(name, &text)?, text)))
    }

    fn text(&self, name: &str, blob: &Blob<'_>) -> Result<Vec<u8>, ImageError> {
        if blob.size() > DOCUMENT {
            return Err(self.part(name, too_long()));
        }
        let mut text = Vec::new();
        let read = blob.reader().read_to_end(&mut text);
        read.map_err(|error| self.part(name, Reason::from(error).to_string()))?;
        Ok(text)
    }

    fn parse<T: DeserializeOwned>(&self, name: &str, text: &[u8]) -> Result<T, ImageError> {
        serde_json::from_slice(text).map_err(|error| {
            let why = printable(error.to_string().as_bytes());
            self.part(name, format!("is not as it should be: {why}"))
        })
    }

    /// Whether nobody wrote the archive that the image is in, if it is in one.
    pub fn unchanged(&self) -> Result<(), ImageError> {
        match &self.form {
            Form::Directory(_) => Ok(()),
            Form::Tar { held, .. } => held
                .unchanged()
                .map_err(|reason| self.fault(Fault::File(reason))),
        }
    }
}

fn too_long() -> String {
    format!("is longer than {} MiB", DOCUMENT >> 20)
}

fn is_directory(stat: &FileStat) -> bool {
    stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits()
}
