//! How much an archive may hold: what a build would choke on is refused before it is taken in.

use std::cell::Cell;
use std::fmt;

/// Members of one archive, or of all layers of one image, with the directories on the way to them. Large
/// desktop systems have 400,000 files.
pub(crate) const MEMBERS: u64 = 500_000;

/// Bytes of one archive, or of all layers of one image, when unpacked.
pub(crate) const BYTES: u64 = 64 << 30;

/// What may come of nearly nothing. Beyond it the rate of [`RATE`] counts.
const FREE: u64 = 128 << 20;

/// Bytes that may come of each byte of the file. Whole systems come to 3 to 6, texts and logs to 50;
/// bombs start at a thousand.
const RATE: u64 = 200;

/// Bytes of headers that describe one member: long names, attributes, maps of holes. An attribute has
/// 64 KiB at most (attr(7)), and a name 4 KiB.
pub(crate) const DESCRIPTION: u64 = 1 << 20;

/// Bytes of names, links and attributes of all members: whoever builds a tree has them in memory. Those of
/// 400,000 files are some 40 MiB.
pub(crate) const KEPT: u64 = 256 << 20;

/// Bytes of a path (PATH_MAX).
pub(crate) const PATH: usize = 4096;

/// Bytes of one name (NAME_MAX).
pub(crate) const NAME: usize = 255;

/// Names in one path: nobody's software is nested deeper, and every level costs each builder a descriptor.
pub(crate) const DEPTH: usize = 256;

/// What zstd may need to look back, in powers of two: 128 MiB, as `zstd --long` writes.
pub(crate) const ZSTD_WINDOW: u32 = 27;

/// Bytes that xz may need; `xz -9` makes do with 65 MiB.
pub(crate) const XZ_MEMORY: u64 = 128 << 20;

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Number of members.
    Members,
    /// Bytes when unpacked.
    Bytes,
    /// Bytes that come of each byte of the file.
    Rate,
    /// Bytes of headers for one member.
    Description,
    /// Bytes of names, links and attributes.
    Kept,
    /// Memory that the decompression would need.
    Memory,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Members => write!(f, "holds more than {MEMBERS} members"),
            Limit::Bytes => write!(f, "unpacks to more than {} GiB", BYTES >> 30),
            Limit::Rate => write!(f, "unpacks to more than {RATE} times its size"),
            Limit::Description => {
                write!(f, "has more than {} KiB of headers", DESCRIPTION >> 10)
            }
            Limit::Kept => {
                let most = KEPT >> 20;
                write!(f, "has more than {most} MiB of names, links and attributes")
            }
            Limit::Memory => {
                write!(
                    f,
                    "needs more than {} MiB of memory to unpack",
                    XZ_MEMORY >> 20
                )
            }
        }
    }
}

/// What was taken of the limits so far, over all layers of an image.
#[derive(Debug, Default)]
pub(super) struct Budget {
    members: Cell<u64>,
    /// Different paths.
    paths: Cell<u64>,
    /// Bytes of names, links and attributes.
    kept: Cell<u64>,
    /// Bytes of the file that were read.
    read: Cell<u64>,
    /// Bytes that came of them: unpacked, or given for holes.
    given: Cell<u64>,
}

impl Budget {
    pub fn member(&self) -> Result<(), Limit> {
        self.members.set(self.members.get() + 1);
        match self.members.get() > MEMBERS {
            true => Err(Limit::Members),
            false => Ok(()),
        }
    }

    /// A path more, of so many bytes.
    pub fn path(&self, bytes: usize) -> Result<(), Limit> {
        self.paths.set(self.paths.get() + 1);
        match self.paths.get() > MEMBERS {
            true => Err(Limit::Members),
            false => self.keep(bytes),
        }
    }

    /// Something more that is kept in memory.
    pub fn keep(&self, bytes: usize) -> Result<(), Limit> {
        self.kept.set(self.kept.get().saturating_add(bytes as u64));
        match self.kept.get() > KEPT {
            true => Err(Limit::Kept),
            false => Ok(()),
        }
    }

    pub fn read(&self, bytes: u64) {
        self.read.set(self.read.get().saturating_add(bytes));
    }

    pub fn give(&self, bytes: u64) -> Result<(), Limit> {
        self.given.set(self.given.get().saturating_add(bytes));
        self.judge(self.given.get())
    }

    /// Whether `bytes` more could still be given.
    pub fn allows(&self, bytes: u64) -> Result<(), Limit> {
        match self.given.get().saturating_add(bytes) > BYTES {
            true => Err(Limit::Bytes),
            false => Ok(()),
        }
    }

    fn judge(&self, given: u64) -> Result<(), Limit> {
        if given > BYTES {
            return Err(Limit::Bytes);
        }
        let fair = self.read.get().saturating_mul(RATE).saturating_add(FREE);
        match given > fair {
            true => Err(Limit::Rate),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_that_becomes_much_is_noticed_before_it_is_much() {
        let budget = Budget::default();
        budget.read(10 << 10);
        assert_eq!(budget.give(FREE), Ok(()));
        assert_eq!(budget.give(4 << 20), Err(Limit::Rate));
        budget.read(1 << 20);
        assert_eq!(budget.give(0), Ok(()));
        assert_eq!(budget.allows(BYTES), Err(Limit::Bytes));
    }
}
