//! Maps of user namespaces: which ids inside stand for which ids of the host.

use std::ops::RangeInclusive;

use serde::Serialize;

/// One line of a uid_map or gid_map file (user_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct IdExtent {
    /// The first id inside.
    pub inside: u32,
    /// The id of the host behind it.
    pub outside: u32,
    /// How many ids follow each other on both sides; at least one.
    pub count: u32,
}

impl IdExtent {
    /// A single id.
    pub const fn single(inside: u32, outside: u32) -> IdExtent {
        IdExtent {
            inside,
            outside,
            count: 1,
        }
    }

    /// The ids inside.
    pub fn insides(&self) -> RangeInclusive<u32> {
        span(self.inside, self.count)
    }

    /// The ids of the host.
    pub fn outsides(&self) -> RangeInclusive<u32> {
        span(self.outside, self.count)
    }

    /// The host's id behind `inside`.
    pub fn outside_of(&self, inside: u32) -> Option<u32> {
        let within = self.insides().contains(&inside);
        within.then(|| self.outside + (inside - self.inside))
    }
}

fn span(start: u32, count: u32) -> RangeInclusive<u32> {
    start..=start.saturating_add(count.saturating_sub(1))
}

/// The text of a uid_map or gid_map file.
pub fn text(extents: &[IdExtent]) -> String {
    let line = |extent: &IdExtent| {
        let IdExtent {
            inside,
            outside,
            count,
        } = extent;
        format!("{inside} {outside} {count}\n")
    };
    extents.iter().map(line).collect()
}

/// The host's id behind `inside`, if the map has one.
pub fn outside_of(extents: &[IdExtent], inside: u32) -> Option<u32> {
    extents.iter().find_map(|extent| extent.outside_of(inside))
}

/// Maps the ids from 0 on to `ranges` of the host, one after the other, but `program` to `own`: files of
/// `own` show as the program's, and new ones belong to it.
///
/// At most `most` ids are mapped beside `program`.
pub fn around(program: u32, own: u32, ranges: &[RangeInclusive<u32>], most: u32) -> Vec<IdExtent> {
    let mut extents = vec![IdExtent::single(program, own)];
    let mut inside = 0;
    let mut left = most;
    for range in ranges {
        let (mut outside, last) = (u64::from(*range.start()), u64::from(*range.end()));
        while outside <= last && left > 0 {
            if inside == program {
                inside += 1;
            }
            let mut count = (last - outside + 1).min(u64::from(left));
            if inside < program {
                count = count.min(u64::from(program - inside));
            }
            // Within 32 bits: no more than `left`, which is.
            let (count, start) = (count as u32, outside as u32);
            extents.push(IdExtent {
                inside,
                outside: start,
                count,
            });
            inside += count;
            outside += u64::from(count);
            left -= count;
        }
    }
    extents.sort_unstable();
    joined(extents)
}

/// The map of a directory in which the ids are those inside, but for `program` and 0, which change places:
/// on disk the program's files are root's, whoever it is one day.
pub fn on_disk(extents: &[IdExtent], program: u32) -> Vec<IdExtent> {
    let root = outside_of(extents, 0);
    let mut swapped = without(&without(extents, program), 0);
    if let Some(own) = outside_of(extents, program) {
        swapped.push(IdExtent::single(0, own));
    }
    if let Some(root) = root.filter(|_| program != 0) {
        swapped.push(IdExtent::single(program, root));
    }
    swapped.sort_unstable();
    joined(swapped)
}

fn without(extents: &[IdExtent], id: u32) -> Vec<IdExtent> {
    let split = |extent: &IdExtent| {
        if !extent.insides().contains(&id) {
            return [Some(*extent), None];
        }
        let before = id - extent.inside;
        let below = IdExtent {
            count: before,
            ..*extent
        };
        let behind = IdExtent {
            inside: extent.inside + before + 1,
            outside: extent.outside + before + 1,
            count: extent.count - before - 1,
        };
        [below, behind].map(|part| Some(part).filter(|part| part.count > 0))
    };
    extents.iter().flat_map(split).flatten().collect()
}

/// Neighbours on both sides become one.
fn joined(extents: Vec<IdExtent>) -> Vec<IdExtent> {
    let mut whole: Vec<IdExtent> = Vec::new();
    for extent in extents {
        let follows = |last: &&mut IdExtent| {
            last.inside.checked_add(last.count) == Some(extent.inside)
                && last.outside.checked_add(last.count) == Some(extent.outside)
        };
        match whole.last_mut().filter(follows) {
            Some(last) => last.count += extent.count,
            None => whole.push(extent),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(inside: u32, outside: u32, count: u32) -> IdExtent {
        IdExtent {
            inside,
            outside,
            count,
        }
    }

    #[test]
    fn the_programs_id_is_its_own_and_all_others_are_of_the_range() {
        let found = around(1000, 501, &[100_000..=165_535], 65_535);
        let expected = [
            extent(0, 100_000, 1000),
            extent(1000, 501, 1),
            extent(1001, 101_000, 64_535),
        ];
        assert_eq!(found, expected);
        assert_eq!(outside_of(&found, 1000), Some(501));
        assert_eq!(outside_of(&found, 65_535), Some(165_534));
        assert_eq!(outside_of(&found, 65_536), None);
        let root = around(0, 501, &[100_000..=100_009, 7..=7], 65_535);
        let expected = [extent(0, 501, 1), extent(1, 100_000, 10), extent(11, 7, 1)];
        assert_eq!(root, expected);
    }

    #[test]
    fn a_block_that_holds_the_programs_id_too_is_one_extent() {
        let found = around(0, 500, &[501..=565], 65);
        assert_eq!(found, [extent(0, 500, 66)]);
        assert_eq!(on_disk(&found, 0), found);
        let expected = [
            extent(0, 505, 1),
            extent(1, 501, 4),
            extent(5, 500, 1),
            extent(6, 506, 60),
        ];
        assert_eq!(on_disk(&found, 5), expected);
        assert_eq!(on_disk(&[extent(5, 9, 1)], 5), [extent(0, 9, 1)]);
        let far = around(70_000, 9, &[100..=102], 2);
        assert_eq!(far, [extent(0, 100, 2), extent(70_000, 9, 1)]);
    }
}
