//! What an archive or a layer of an image says of one path.

use std::ffi::{CString, OsStr};
use std::io::Read;
use std::path::Path;

/// Takes in what archives and the layers of images hold, in their order.
pub trait Receiver {
    /// What can go wrong on the receiver's side.
    type Error;

    /// A layer starts: whiteouts in it are about what came before this call only.
    fn layer(&mut self);

    /// One member. The content of a file has to be read whole before the call ends.
    ///
    /// # Errors
    /// Whatever keeps the receiver from taking it in; the archive is not read further then.
    fn member(&mut self, member: Member<'_>) -> Result<(), Self::Error>;
}

/// Extended attributes by name.
pub type Attributes = Vec<(CString, Vec<u8>)>;

/// One member of an archive.
pub struct Member<'a> {
    /// Its path, relative, not empty but for the root itself (`.`), without `.`, `..` and empty names.
    pub path: &'a Path,
    /// Its permission bits, set-id bits included where the archive has them: who receives it takes them off.
    pub mode: u32,
    /// Time of its last change: seconds since 1970 and nanoseconds.
    pub modified: (i64, i64),
    /// Its extended attributes, sorted by name.
    pub attributes: Attributes,
    /// What it is.
    pub body: Body<'a>,
}

/// What a member is.
pub enum Body<'a> {
    /// A directory; one that is there already stays, with this mode and these times.
    Directory,
    /// A regular file.
    File {
        /// How many bytes `content` gives.
        size: u64,
        /// The bytes. An error of it is the archive's, and is returned as it is.
        content: &'a mut dyn Read,
    },
    /// A symbolic link with this text.
    Symlink(&'a OsStr),
    /// Another name of the file at this path, cleaned like [`Member::path`].
    HardLink(&'a Path),
    /// Nothing: what earlier layers put at this path is gone, with all that is below.
    Whiteout,
    /// A directory that shows nothing of what earlier layers put into it.
    Opaque,
}
