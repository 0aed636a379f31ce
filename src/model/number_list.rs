//! CPUs and memory nodes, and weights.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Invalid;

/// Numbers of CPUs or memory nodes, as `0-3,7`: the list format of cpuset(7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberList {
    /// First and last of each range: ascending, with a gap between two.
    ranges: Cow<'static, [(u32, u32)]>,
}

impl NumberList {
    /// No machine has a CPU or a node beyond it (the kernel is built for 8192 at most).
    const HIGHEST: u32 = 65_535;

    /// Whatever a machine has.
    pub const ALL: NumberList = NumberList {
        ranges: Cow::Borrowed(&[(0, Self::HIGHEST)]),
    };

    /// No number at all: as the kernel writes it, nothing.
    pub const NONE: NumberList = NumberList {
        ranges: Cow::Borrowed(&[]),
    };

    /// Sorted, and joined where ranges touch.
    fn of(mut ranges: Vec<(u32, u32)>) -> NumberList {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => joined.push((first, last)),
            }
        }
        NumberList {
            ranges: Cow::Owned(joined),
        }
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: u32) -> bool {
        let around = |(first, last): &(u32, u32)| (*first..=*last).contains(&number);
        self.ranges.iter().any(around)
    }

    /// How many numbers there are; `None` for [`ALL`](Self::ALL), of which nobody knows.
    pub fn count(&self) -> Option<u64> {
        let lengths = self
            .ranges
            .iter()
            .map(|(first, last)| u64::from(last - first) + 1);
        (*self != NumberList::ALL).then(|| lengths.sum())
    }

    /// The first number that `other` does not have.
    pub fn first_beyond(&self, other: &NumberList) -> Option<u32> {
        let each = self.ranges.iter().flat_map(|(first, last)| *first..=*last);
        let mut beyond = each.filter(|number| !other.contains(*number));
        beyond.next()
    }
}

impl FromStr for NumberList {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<NumberList, Invalid> {
        let ranges: Result<Vec<_>, Invalid> = text.trim().split(',').map(range).collect();
        ranges.map(NumberList::of)
    }
}

fn range(text: &str) -> Result<(u32, u32), Invalid> {
    let number = |text: &str| {
        let digits = text.trim();
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| plain);
        number.ok_or_else(|| {
            Invalid::because("is no list of numbers").help("write it as in `\"0-3,7\"`")
        })
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        let help = format!("write `{last}-{first}`");
        return Err(Invalid::because("has a range that ends before it starts").help(help));
    }
    if last > NumberList::HIGHEST {
        return Err(Invalid::because("has a number that no machine has"));
    }
    Ok((first, last))
}

impl fmt::Display for NumberList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for NumberList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A share beside those of others: 100 is what everybody has who says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Weight(u64);

impl Weight {
    /// The greatest (`CGROUP_WEIGHT_MAX`).
    pub const MOST: Weight = Weight(10_000);

    /// A weight from its number.
    ///
    /// # Errors
    /// When it is not between 1 and 10000.
    pub fn from_number(number: u64) -> Result<Weight, Invalid> {
        match number {
            1..=10_000 => Ok(Weight(number)),
            _ => Err(Invalid::because("is not between 1 and 10000")
                .help("100 is what everybody has who says nothing")),
        }
    }

    /// The number, from 1 to 10000.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> NumberList {
        text.parse().unwrap()
    }

    #[test]
    fn lists_print_back_in_order_and_joined() {
        for (written, printed) in [
            ("0", "0"),
            ("0-3,7", "0-3,7"),
            ("7, 2-3 ,0-1", "0-3,7"),
            ("1,1,0-5", "0-5"),
        ] {
            assert_eq!(list(written).to_string(), printed);
        }
        assert_eq!(NumberList::NONE.to_string(), "");
    }

    #[test]
    fn what_is_no_list_says_why() {
        for text in ["", "a", "0-", "-1", "0,,1", "+1", "0x1"] {
            let reason = text.parse::<NumberList>().unwrap_err().reason;
            assert_eq!(reason, "is no list of numbers", "{text}");
        }
        let backward = "3-1".parse::<NumberList>().unwrap_err();
        assert_eq!(backward.help.as_deref(), Some("write `1-3`"));
        assert!("0-99999".parse::<NumberList>().is_err());
    }

    #[test]
    fn the_first_number_that_is_not_there_is_found() {
        assert_eq!(list("0-1").first_beyond(&list("0-3")), None);
        assert_eq!(list("0-7").first_beyond(&list("0-1,4")), Some(2));
        assert_eq!(list("5").first_beyond(&NumberList::NONE), Some(5));
        assert_eq!(list("5").first_beyond(&NumberList::ALL), None);
    }

    #[test]
    fn weights_have_two_ends() {
        assert!(Weight::from_number(0).is_err() && Weight::from_number(10_001).is_err());
        assert_eq!(Weight::from_number(10_000), Ok(Weight::MOST));
    }
}
