//! Files with holes: which pieces of one an archive holds.

use tar::{GnuExtSparseHeader, Header};

use super::error::Reason;
use super::header::{Block, number};
use super::pax::decimal;

/// Offset and length of a piece of a file.
pub(super) type Piece = (u64, u64);

/// The pieces of a file that the archive holds; all between them is zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sparse {
    /// Offset and length of each, in their order, none empty.
    pub pieces: Vec<Piece>,
    /// Bytes of the whole file.
    pub size: u64,
}

const MISSHAPEN: Reason = Reason::Header("its map of holes makes no sense");

impl Sparse {
    /// Judges the pieces of a file of `size` bytes, of which the archive holds `stored`.
    pub fn new(
        pieces: impl IntoIterator<Item = Piece>,
        size: u64,
        stored: u64,
    ) -> Result<Sparse, Reason> {
        let mut kept = Vec::new();
        let (mut end, mut sum) = (0_u64, 0_u64);
        for (offset, length) in pieces {
            if offset < end {
                return Err(MISSHAPEN);
            }
            end = offset.checked_add(length).ok_or(MISSHAPEN)?;
            sum = sum.checked_add(length).ok_or(MISSHAPEN)?;
            if length > 0 {
                kept.push((offset, length));
            }
        }
        match end <= size && sum == stored {
            true => Ok(Sparse { pieces: kept, size }),
            false => Err(MISSHAPEN),
        }
    }

    /// The numbers of pax, taken in pairs.
    pub fn from_pairs(numbers: &[u64], size: u64, stored: u64) -> Result<Sparse, Reason> {
        let (pairs, rest) = numbers.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(MISSHAPEN);
        }
        let pairs = pairs.iter().map(|[offset, length]| (*offset, *length));
        Sparse::new(pairs, size, stored)
    }
}

/// The pieces in a header of GNU's older form, the size of the file, and whether another block of
/// pieces follows.
pub(super) fn of_header(block: &Block) -> Result<(Vec<Piece>, u64, More), Reason> {
    let header = Header::from_byte_slice(block);
    let gnu = header.as_gnu().ok_or(MISSHAPEN)?;
    let pieces = gnu
        .sparse
        .iter()
        .map(|piece| (&piece.offset, &piece.numbytes));
    let size = field(&gnu.realsize)?;
    Ok((all(pieces)?, size, more(gnu.isextended[0])))
}

/// The pieces of a block that follows.
pub(super) fn of_block(block: &Block) -> Result<(Vec<Piece>, More), Reason> {
    let mut ext = GnuExtSparseHeader::new();
    ext.as_mut_bytes().copy_from_slice(block);
    let pieces = ext
        .sparse
        .iter()
        .map(|piece| (&piece.offset, &piece.numbytes));
    Ok((all(pieces)?, more(ext.isextended[0])))
}

/// Whether another block of pieces follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Follows,
    Nothing,
}

fn more(flag: u8) -> More {
    match flag {
        0 => More::Nothing,
        _ => More::Follows,
    }
}

fn all<'a>(
    fields: impl Iterator<Item = (&'a [u8; 12], &'a [u8; 12])>,
) -> Result<Vec<Piece>, Reason> {
    let used = fields.filter(|(offset, length)| offset[0] != 0 || length[0] != 0);
    used.map(|(offset, length)| Ok((field(offset)?, field(length)?)))
        .collect()
}

fn field(bytes: &[u8]) -> Result<u64, Reason> {
    let number = number(bytes).and_then(|number| u64::try_from(number).ok());
    number.ok_or(MISSHAPEN)
}

/// The map that version 1.0 puts before the content: lines of one number each, the first of which says
/// how many pairs follow. Nothing while it is not complete.
pub(super) fn of_lines(text: &[u8]) -> Result<Option<Vec<u64>>, Reason> {
    // What follows the last line end is padding, or a line that is not whole yet.
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let mut lines = text[..end].split(|byte| *byte == b'\n');
    let mut next = || {
        lines
            .next()
            .map(|line| decimal(line).ok_or(MISSHAPEN))
            .transpose()
    };
    let Some(count) = next()? else {
        return Ok(None);
    };
    // Each pair takes four bytes at least.
    let most = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(2));
    let most = most.ok_or(MISSHAPEN)?;
    let mut numbers = Vec::new();
    while numbers.len() < most {
        match next()? {
            Some(number) => numbers.push(number),
            None => return Ok(None),
        }
    }
    Ok(Some(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_in_order_and_hold_what_is_stored() {
        assert!(Sparse::new([(0, 5), (10, 5)], 20, 10).is_ok());
        let wrong = [
            Sparse::new([(10, 5), (0, 5)], 20, 10),
            Sparse::new([(0, 5), (4, 5)], 20, 10),
            Sparse::new([(0, 5)], 4, 5),
            Sparse::new([(0, 5)], 20, 6),
            Sparse::new([(u64::MAX, 1)], u64::MAX, 1),
            Sparse::from_pairs(&[1], 2, 1),
        ];
        for found in wrong {
            assert_eq!(found, Err(MISSHAPEN));
        }
    }

    #[test]
    fn a_map_of_lines_is_read_when_it_is_whole() {
        assert_eq!(of_lines(b"1\n0\n"), Ok(None));
        assert_eq!(of_lines(b"1\n0\n5"), Ok(None));
        assert_eq!(of_lines(b"1\n0\n5\n\0\0"), Ok(Some(vec![0, 5])));
        assert_eq!(of_lines(b"0\n\0"), Ok(Some(vec![])));
        assert_eq!(of_lines(b"x\n"), Err(MISSHAPEN));
        assert_eq!(of_lines(b"18446744073709551615\n0\n"), Err(MISSHAPEN));
    }
}
