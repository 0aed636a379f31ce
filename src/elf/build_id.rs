//! The id that the linker gave a file (`ld --build-id`): note `GNU`, type 3.

use std::fs::File;

use object::Endianness;

use super::object::{Bytes, HEAD, Notes, notes};

/// Kept for a note: a few ids, properties and the ABI are less than a kilobyte.
const MOST_NOTES: u64 = 1 << 16;

/// SHA-1 has 20 bytes, the longest known have 32.
const MOST_ID: usize = 64;

const NT_GNU_BUILD_ID: u32 = 3;

/// The build-id of an open file, wherever it is positioned; none for what is no ELF file, has none, or
/// is not sound.
///
/// Program headers lead to it, which strip(1) leaves; object files have none.
pub fn build_id(file: &File) -> Option<Vec<u8>> {
    let mut head = [0; HEAD];
    let count = super::store::read_head(file, &mut head).ok()?;
    let head = head.get(..count)?;
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let bytes = Bytes { file, head };
    let Notes { order, segments } = notes(&bytes).ok()?;
    segments.into_iter().find_map(|(offset, size, align)| {
        let part = bytes.exactly(offset, size.min(MOST_NOTES), "notes").ok()?;
        // The ABI says 4 and GNU's properties use 8, each padded to its own.
        find(&part, if align == 8 { 8 } else { 4 }, order)
    })
}

/// Walks the notes of one segment: `name size | data size | type | name | data`.
fn find(mut notes: &[u8], align: usize, order: Endianness) -> Option<Vec<u8>> {
    loop {
        let (head, rest) = notes.split_first_chunk::<12>()?;
        let field = |at: usize| {
            let four = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            match order {
                Endianness::Little => u32::from_le_bytes(four),
                Endianness::Big => u32::from_be_bytes(four),
            }
        };
        let (name_size, size) = (
            usize::try_from(field(0)).ok()?,
            usize::try_from(field(4)).ok()?,
        );
        let name = rest.get(..name_size)?;
        let start = (12 + name_size).checked_next_multiple_of(align)? - 12;
        let end = start.checked_add(size)?;
        let data = rest.get(start..end)?;
        if name == b"GNU\0" && field(8) == NT_GNU_BUILD_ID {
            return (!data.is_empty() && size <= MOST_ID).then(|| data.to_vec());
        }
        notes = notes.get((12 + end).checked_next_multiple_of(align)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(name: &[u8], kind: u32, data: &[u8]) -> Vec<u8> {
        let mut note = Vec::new();
        for number in [name.len() as u32, data.len() as u32, kind] {
            note.extend(number.to_le_bytes());
        }
        for part in [name, data] {
            note.extend(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    #[test]
    fn the_id_is_found_among_other_notes() {
        let mut notes = note(b"GNU\0", 1, &[1; 16]);
        notes.extend(note(b"Go\0\0", 4, b"abcdefg"));
        notes.extend(note(b"GNU\0", 3, &[7; 20]));
        assert_eq!(find(&notes, 4, Endianness::Little), Some(vec![7; 20]));
        for length in 0..notes.len() {
            assert_eq!(
                find(&notes[..length], 4, Endianness::Little),
                None,
                "{length}"
            );
        }
    }

    #[test]
    fn sizes_without_end_are_no_note() {
        let mut notes = note(b"GNU\0", 3, &[7; 20]);
        notes[..8].fill(0xff);
        assert_eq!(find(&notes, 4, Endianness::Little), None);
        assert_eq!(
            find(&note(b"GNU\0", 3, &[7; 65]), 4, Endianness::Little),
            None
        );
        assert_eq!(find(&note(b"GNU\0", 3, &[]), 4, Endianness::Little), None);
    }
}
