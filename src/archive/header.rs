//! One header of tar: 512 bytes, in the forms of V7, POSIX and GNU.

use tar::Header;

use super::error::Reason;

/// Bytes of a header, and what every content is padded to.
pub(super) const BLOCK: usize = 512;

/// One block of a tar file.
pub(super) type Block = [u8; BLOCK];

/// The largest size that eleven octal digits hold: what some writers put where pax has the true size.
const OCTAL_MAX: u64 = 0o777_7777_7777;

/// What is wrong with a block that is no header.
pub(super) const CHECKSUM: Reason = Reason::Header("its checksum is wrong");

/// What a header starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    HardLink,
    Symlink,
    Directory,
    /// A device or a pipe.
    Special,
    /// A file with holes, of GNU's older form.
    Sparse,
    LongName,
    LongLink,
    Pax,
    GlobalPax,
    /// The name of the whole archive.
    Label,
}

/// One header, its fields read.
pub(super) struct Head {
    pub kind: Kind,
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    /// Bytes that follow it.
    pub size: u64,
    pub mode: u32,
    pub modified: (i64, i64),
}

/// Whether a block is all zeros.
pub(super) fn is_zero(block: &Block) -> bool {
    block.iter().all(|byte| *byte == 0)
}

impl Head {
    /// Reads a header.
    pub fn read(block: &Block) -> Result<Head, Reason> {
        let header = Header::from_byte_slice(block);
        let fields = header.as_old();
        if number(&fields.cksum) != Some(checksum(block)) {
            return Err(CHECKSUM);
        }
        let name = header.path_bytes().into_owned();
        let kind = kind(fields.linkflag[0], &name)?;
        let size = number(&fields.size).ok_or(Reason::Header("its size is no number"))?;
        let size = u64::try_from(size).map_err(|_| Reason::Header("its size is negative"))?;
        let carries = !matches!(
            kind,
            Kind::HardLink | Kind::Symlink | Kind::Directory | Kind::Special | Kind::Label
        );
        // Readers disagree whether such content is there: some would take it for the next header.
        if size != 0 && !carries {
            return Err(Reason::Header("it has content, and only files have"));
        }
        let mode = number(&fields.mode).and_then(|mode| u32::try_from(mode).ok());
        let mode = mode.ok_or(Reason::Header("its mode is no number"))?;
        let modified = number(&fields.mtime).and_then(|time| i64::try_from(time).ok());
        let modified = modified.ok_or(Reason::Header("its time is none"))?;
        Ok(Head {
            kind,
            name,
            link: header.link_name_bytes().unwrap_or_default().into_owned(),
            size,
            mode: mode & 0o7777,
            modified: (modified, 0),
        })
    }

    /// The size by which the content is read, where pax has one too.
    pub fn size_with(&self, pax: Option<u64>) -> Result<u64, Reason> {
        match pax {
            None => Ok(self.size),
            Some(size) if [0, size, OCTAL_MAX].contains(&self.size) => Ok(size),
            Some(_) => Err(Reason::Header("it gives two sizes")),
        }
    }
}

fn kind(flag: u8, name: &[u8]) -> Result<Kind, Reason> {
    Ok(match flag {
        // V7 had no type for directories.
        b'\0' | b'0' if name.ends_with(b"/") => Kind::Directory,
        b'\0' | b'0' | b'7' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' | b'4' | b'6' => Kind::Special,
        b'5' => Kind::Directory,
        b'S' => Kind::Sparse,
        b'L' => Kind::LongName,
        b'K' => Kind::LongLink,
        b'x' => Kind::Pax,
        b'g' => Kind::GlobalPax,
        b'V' => Kind::Label,
        other => return Err(Reason::Type(other)),
    })
}

/// The sum of all bytes, those of the sum itself counted as spaces.
fn checksum(block: &Block) -> i128 {
    let bytes = block.iter().enumerate();
    bytes
        .map(|(at, byte)| match (148..156).contains(&at) {
            true => i128::from(b' '),
            false => i128::from(*byte),
        })
        .sum()
}

/// A number field: octal digits, or GNU's big-endian bytes behind a set top bit. An empty one is zero.
pub(super) fn number(field: &[u8]) -> Option<i128> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // Seven bits, the highest of which is the sign.
        let top = i128::from(first & 0x3f) - i128::from(first & 0x40);
        return Some(
            rest.iter()
                .fold(top, |sum, byte| (sum << 8) | i128::from(*byte)),
        );
    }
    let text = field.split(|byte| *byte == 0).next()?.trim_ascii();
    text.iter().try_fold(0, |sum: i128, byte| match byte {
        b'0'..=b'7' => Some(sum << 3 | i128::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_both_forms() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(&[0; 8]), Some(0));
        assert_eq!(number(b"0000-44\0"), None);
        assert_eq!(number(b"0000000009\0"), None);
        let big = [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
        assert_eq!(number(&big), Some(2 << 32));
        assert_eq!(number(&[0xff; 12]), Some(-1));
        let least = [0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(number(&least), Some(-64 << 88));
    }

    fn block(change: impl Fn(&mut Header)) -> Block {
        let mut header = Header::new_gnu();
        header.set_path("f").unwrap();
        header.set_mode(0o644);
        header.set_size(0);
        header.set_mtime(7);
        change(&mut header);
        header.set_cksum();
        *header.as_bytes()
    }

    fn refusal(change: impl Fn(&mut Header)) -> Reason {
        Head::read(&block(change)).err().unwrap()
    }

    #[test]
    fn headers_that_readers_would_take_differently_are_refused() {
        let set = |header: &mut Header, size: &[u8; 12]| header.as_old_mut().size = *size;
        assert_eq!(
            refusal(|header| set(header, &[0xff; 12])),
            Reason::Header("its size is negative")
        );
        assert_eq!(
            refusal(|header| set(header, b"0000000009\0\0")),
            Reason::Header("its size is no number")
        );
        let link = |header: &mut Header| {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(512);
        };
        assert_eq!(
            refusal(link),
            Reason::Header("it has content, and only files have")
        );
        assert_eq!(
            refusal(|header| header.set_entry_type(tar::EntryType::new(b'D'))),
            Reason::Type(b'D')
        );
        let mut changed = block(|_| ());
        changed[0] ^= 1;
        assert_eq!(
            Head::read(&changed).err().unwrap(),
            Reason::Header("its checksum is wrong")
        );
    }

    #[test]
    fn two_sizes_must_agree() {
        let head = Head::read(&block(|header| header.set_size(512))).unwrap();
        assert_eq!(head.size_with(None), Ok(512));
        assert_eq!(head.size_with(Some(512)), Ok(512));
        assert!(head.size_with(Some(0)).is_err());
        let head = Head::read(&block(|_| ())).unwrap();
        assert_eq!(head.size_with(Some(1 << 40)), Ok(1 << 40));
    }
}
