//! The file that leads from a recipe to its tree, made to be read in one go.
//!
//! `blake3 of the rest | magic | head by postcard | stamps`; a stamp is a byte (1 present, 0 absent), seven
//! integers when present, little-endian, and a path that ends with a zero: checking it allocates nothing.
//! A record that is cut short or changed is no record: the tree is built again.

use std::ffi::CStr;

use serde::{Deserialize, Serialize};

use super::stamps::{Identity, Stamp, identity};

const MAGIC: &[u8; 8] = b"sbxrec03";
const HASH: usize = blake3::OUT_LEN;

/// Letters of a tree's id.
pub(super) const ID: usize = 32;

/// Letters of a boot's id.
pub(super) const BOOT: usize = 36;

/// What a build left out or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notes {
    /// Files of the tree; one with several names counts once.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Sockets, pipes and devices that were left out.
    pub special: u64,
    /// Set-user-id and set-group-id bits and file capabilities that were taken off.
    pub privileges: u64,
    /// Mounts of the kernel's own file systems that were left out.
    pub kernel_mounts: u64,
    /// Files and directories whose user attributes the store's file system cannot hold.
    pub attributes: u64,
    /// Files of the tree that were in the store already.
    pub shared_files: u64,
    /// Bytes in them.
    pub shared_bytes: u64,
}

/// The head of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The tree's id.
    pub id: String,
    /// The boot in which it was built.
    pub boot: String,
    pub notes: Notes,
}

/// Writes a record; none where it cannot be written down, which no value of it causes.
pub(super) fn encode(head: &Head, stamps: &[Stamp]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; HASH];
    bytes.extend(MAGIC);
    let mut bytes = postcard::to_extend(head, bytes).ok()?;
    for stamp in stamps {
        encode_stamp(&mut bytes, stamp);
    }
    let hash = blake3::hash(&bytes[HASH..]);
    bytes[..HASH].copy_from_slice(hash.as_bytes());
    Some(bytes)
}

fn encode_stamp(bytes: &mut Vec<u8>, stamp: &Stamp) {
    bytes.push(u8::from(stamp.found.is_some()));
    if let Some(found) = &stamp.found {
        for number in found.numbers() {
            bytes.extend(number.to_le_bytes());
        }
    }
    bytes.extend(stamp.path.as_bytes_with_nul());
}

/// Reads a record's head and leaves its stamps to be checked.
pub(super) fn decode(record: &[u8]) -> Option<(Head, &[u8])> {
    let (hash, rest) = record.split_first_chunk::<HASH>()?;
    if blake3::hash(rest) != *hash {
        return None;
    }
    postcard::take_from_bytes(rest.strip_prefix(MAGIC)?).ok()
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(head)
}

fn numbers<const N: usize>(bytes: &mut &[u8]) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = u64::from_le_bytes(*take::<8>(bytes)?);
    }
    Some(numbers)
}

/// Whether every path of a record's stamps is as it was. Allocates nothing.
pub(super) fn stamps_hold(mut stamps: &[u8]) -> bool {
    while !stamps.is_empty() {
        let Some((path, found)) = decode_stamp(&mut stamps) else {
            return false;
        };
        if identity(path) != found {
            return false;
        }
    }
    true
}

fn decode_stamp<'a>(bytes: &mut &'a [u8]) -> Option<(&'a CStr, Option<Identity>)> {
    let found = match take::<1>(bytes)? {
        [0] => None,
        _ => Some(Identity::from_numbers(numbers(bytes)?)),
    };
    let path = CStr::from_bytes_until_nul(bytes).ok()?;
    *bytes = bytes.get(path.to_bytes_with_nul().len()..)?;
    Some((path, found))
}

impl Identity {
    pub(super) fn numbers(&self) -> [u64; 7] {
        let Identity {
            dev,
            ino,
            size,
            modified,
            changed,
        } = *self;
        let (modified, changed) = (unsigned(modified), unsigned(changed));
        [dev, ino, size, modified.0, modified.1, changed.0, changed.1]
    }

    pub(super) fn from_numbers(numbers: [u64; 7]) -> Identity {
        let [
            dev,
            ino,
            size,
            modified,
            modified_nanos,
            changed,
            changed_nanos,
        ] = numbers;
        Identity {
            dev,
            ino,
            size,
            modified: (modified.cast_signed(), modified_nanos.cast_signed()),
            changed: (changed.cast_signed(), changed_nanos.cast_signed()),
        }
    }
}

fn unsigned((seconds, nanos): (i64, i64)) -> (u64, u64) {
    (seconds.cast_unsigned(), nanos.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            id: "0123456789abcdef0123456789abcdef".to_owned(),
            boot: "5b1d7f0e-1f5a-4a55-9d52-3f8b6c1f2a11".to_owned(),
            notes: Notes {
                files: 3,
                special: 1,
                ..Notes::default()
            },
        }
    }

    fn stamps() -> Vec<Stamp> {
        let present = |path: &CStr| Stamp {
            path: path.to_owned(),
            found: identity(path),
        };
        vec![
            present(c"/"),
            present(c"/proc/self"),
            present(c"/nowhere/at/all"),
        ]
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let record = encode(&head(), &stamps()[..1]).unwrap();
        let (read, rest) = decode(&record).unwrap();
        assert_eq!(read, head());
        assert!(stamps_hold(rest));
    }

    #[test]
    fn a_stamp_of_another_inode_does_not_hold() {
        let mut stamps = stamps();
        stamps[0].found.as_mut().unwrap().ino += 1;
        let record = encode(&head(), &stamps).unwrap();
        assert!(!stamps_hold(decode(&record).unwrap().1));
    }

    #[test]
    fn a_path_that_appeared_does_not_hold() {
        let appeared = Stamp {
            path: c"/".to_owned(),
            found: None,
        };
        let record = encode(&head(), &[appeared]).unwrap();
        assert!(!stamps_hold(decode(&record).unwrap().1));
    }

    #[test]
    fn a_record_cut_anywhere_or_with_any_byte_changed_is_none() {
        let record = encode(&head(), &stamps()).unwrap();
        for length in 0..record.len() {
            assert!(decode(&record[..length]).is_none(), "cut at {length}");
            let mut changed = record.clone();
            changed[length] ^= 1;
            assert!(decode(&changed).is_none(), "changed at {length}");
        }
    }
}
