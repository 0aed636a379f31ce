//! A header of rpm: an index of tags, then their data (rpm's `docs/manual/format_header.md`).
//!
//! `entries | bytes of data | entries × (tag, type, offset, count) | data`, integers big-endian. In the
//! database the magic of package files is left out.

pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const EPOCH: u32 = 1003;
pub(super) const ARCH: u32 = 1022;
const FILE_STATES: u32 = 1029;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;

const CHAR: u32 = 1;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;

/// `RPMFILE_STATE_NORMAL`: there. Others were replaced by another package's file, or not installed.
const NORMAL: u8 = 0;

/// `PATH_MAX`: the kernel finds nothing by a longer name.
const MOST_PATH: usize = 4096;

/// One package's header, borrowed.
pub(super) struct Header<'a> {
    entries: &'a [[u8; 16]],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    /// Nothing for what is none.
    pub fn new(blob: &'a [u8]) -> Option<Header<'a>> {
        let (count, rest) = blob.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        let (entries, data) = rest.split_at_checked(count.checked_mul(16)?)?;
        Some(Header {
            entries: entries.as_chunks().0,
            data: data.get(..size)?,
        })
    }

    /// How many values a tag has, and the data from its first one on.
    fn find(&self, tag: u32, kind: u32) -> Option<(usize, &'a [u8])> {
        let field = |entry: &[u8; 16], at: usize| {
            u32::from_be_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]])
        };
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| field(entry, 0) == tag && field(entry, 4) == kind)?;
        let offset = usize::try_from(field(entry, 8)).ok()?;
        let count = usize::try_from(field(entry, 12)).ok()?;
        Some((count, self.data.get(offset..)?))
    }

    /// A tag's one string.
    pub fn text(&self, tag: u32) -> Option<&'a [u8]> {
        let (_, data) = self.find(tag, STRING)?;
        data.split(|byte| *byte == 0).next()
    }

    /// A tag's integers.
    pub fn numbers(&self, tag: u32) -> Option<impl Iterator<Item = u32> + use<'a>> {
        let (count, data) = self.find(tag, INT32)?;
        let numbers = data.get(..count.checked_mul(4)?)?;
        Some(
            numbers
                .as_chunks::<4>()
                .0
                .iter()
                .map(|four| u32::from_be_bytes(*four)),
        )
    }

    /// A tag's strings. An index that promises more than there are ends early.
    fn texts(&self, tag: u32) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
        let (count, data) = self.find(tag, STRING_ARRAY)?;
        Some(data.split(|byte| *byte == 0).take(count))
    }

    /// Calls `each` with the absolute path of every file that is installed.
    ///
    /// Nothing when the three lists do not fit together.
    pub fn files(&self, mut each: impl FnMut(&[u8])) -> Option<()> {
        let Some(names) = self.texts(BASE_NAMES) else {
            // A package without files.
            return Some(());
        };
        let directories: Vec<&[u8]> = self.texts(DIR_NAMES)?.collect();
        let states = self.find(FILE_STATES, CHAR).map(|(_, data)| data);
        let mut path = Vec::new();
        for (at, (name, directory)) in names.zip(self.numbers(DIR_INDEXES)?).enumerate() {
            let state = states.and_then(|states| states.get(at)).copied();
            if state.is_some_and(|state| state != NORMAL) {
                continue;
            }
            path.clear();
            path.extend(*directories.get(usize::try_from(directory).ok()?)?);
            path.extend(name);
            if path.len() > MOST_PATH {
                return None;
            }
            each(&path);
        }
        Some(())
    }
}
