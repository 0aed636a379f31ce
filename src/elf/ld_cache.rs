//! `/etc/ld.so.cache`: names of libraries to paths, as `ldconfig` wrote them.
//!
//! The layout is that of glibc's `dl-cache.h` ("glibc-ld.so.cache1.1", alone or behind the table of the libc5 days), the search
//! that of `dl-cache.c`. Every number in the file is checked against its end; a file that is not sound finds nothing, as
//! with glibc.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::store;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const HEADER: usize = 48;
const ENTRY: usize = 24;
const OLD_HEADER: usize = 16;
const OLD_ENTRY: usize = 12;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
const TAG_HWCAPS: u32 = 1;
/// A machine with every package of a distribution has a cache of one or two MiB.
const MAX_SIZE: u64 = 64 << 20;

/// Set in the upper half of `hwcap` when the lower half numbers a `glibc-hwcaps` name.
const NAMED: u32 = 1 << 30;
/// Bits in the upper half of `hwcap` for the level of the processor.
const LEVEL: u32 = 0x3ff;

/// The file, read whole.
pub(super) struct LdCache {
    bytes: Vec<u8>,
    /// Where the table of the current format starts; offsets of strings count from here.
    base: usize,
    count: usize,
    /// Offsets of the `glibc-hwcaps` names.
    hwcaps: Vec<u32>,
}

/// What a lookup depends on besides the name.
pub(super) struct Wanted<'a> {
    /// `_DL_CACHE_DEFAULT_ID` of the machine.
    pub id: u32,
    /// Names of the `glibc-hwcaps` directories that this processor may use, the best first.
    pub hwcaps: &'a [String],
    /// Level of the processor, 1 for the baseline.
    pub level: u32,
}

struct Entry {
    flags: u32,
    key: usize,
    value: usize,
    hwcap: u64,
}

impl LdCache {
    /// The cache at `path`, or nothing where glibc would ignore the file.
    pub fn read(path: &Path) -> Option<LdCache> {
        let (file, metadata) = store::open_regular(path).ok()?;
        if metadata.len() > MAX_SIZE {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut bytes).ok()?;
        LdCache::parse(bytes)
    }

    fn parse(bytes: Vec<u8>) -> Option<LdCache> {
        let base = match bytes.starts_with(OLD_MAGIC) {
            true => behind_old_table(&bytes)?,
            false => 0,
        };
        let table = bytes.get(base..)?;
        if !table.starts_with(MAGIC) {
            return None;
        }
        let count = usize::try_from(number(table, 20)?).ok()?;
        if count > table.len().checked_sub(HEADER)? / ENTRY {
            return None;
        }
        // Zero: an old ldconfig, which left the byte order to be guessed.
        let order = if cfg!(target_endian = "little") { 2 } else { 3 };
        if !matches!(*table.get(28)?, 0) && table.get(28)? & 3 != order {
            return None;
        }
        let hwcaps = hwcap_names(&bytes, number(table, 32)?).unwrap_or_default();
        Some(LdCache {
            bytes,
            base,
            count,
            hwcaps,
        })
    }

    /// The path for `name`, if there is one that fits.
    pub fn lookup(&self, name: &OsStr, wanted: &Wanted<'_>) -> Option<PathBuf> {
        let mut best: Option<(usize, usize)> = None;
        for entry in self.entries_named(name.as_bytes()) {
            let exact = entry.flags == wanted.id;
            // The plain 32-bit machines also take entries from before the flags were told apart.
            if !(exact || wanted.id == 3 && entry.flags == 1) || self.string(entry.value).is_none()
            {
                continue;
            }
            if let Some(priority) = self.named_priority(entry.hwcap, wanted) {
                if let Some(priority) = priority
                    && best.is_none_or(|(least, _)| priority < least)
                {
                    best = Some((priority, entry.value));
                }
                continue;
            }
            // Entries with a name come first: none of the others beats them.
            if best.is_some_and(|(priority, _)| priority != usize::MAX) {
                break;
            }
            // The hardware bits of glibc before 2.37; the plain entry follows.
            if entry.hwcap != 0 {
                continue;
            }
            best = Some((usize::MAX, entry.value));
            if exact {
                break;
            }
        }
        let (_, value) = best?;
        Some(PathBuf::from(OsStr::from_bytes(self.string(value)?)))
    }

    /// For an entry with a `glibc-hwcaps` name: its rank, or nothing when this processor may not use it.
    fn named_priority(&self, hwcap: u64, wanted: &Wanted<'_>) -> Option<Option<usize>> {
        let (upper, lower) = ((hwcap >> 32) as u32, hwcap as u32);
        if upper & !LEVEL != NAMED {
            return None;
        }
        let usable = upper & LEVEL < wanted.level;
        let name = usize::try_from(lower)
            .ok()
            .and_then(|index| self.hwcaps.get(index))
            .and_then(|offset| string_at(&self.bytes, usize::try_from(*offset).ok()?));
        let rank = wanted
            .hwcaps
            .iter()
            .position(|hwcap| Some(hwcap.as_bytes()) == name);
        Some(rank.filter(|_| usable))
    }

    /// The entries for `name`, in the file's order.
    fn entries_named<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = Entry> + 'a {
        let (mut low, mut high) = (0, self.count);
        // The table is sorted downwards; find the first entry that is not before the name.
        while low < high {
            let middle = low + (high - low) / 2;
            match self.compare(name, middle) {
                Some(Ordering::Less) => low = middle + 1,
                Some(_) => high = middle,
                None => high = low,
            }
        }
        (low..self.count)
            .take_while(move |index| self.compare(name, *index) == Some(Ordering::Equal))
            .filter_map(|index| self.entry(index))
    }

    fn compare(&self, name: &[u8], index: usize) -> Option<Ordering> {
        Some(compare_names(name, self.string(self.entry(index)?.key)?))
    }

    fn entry(&self, index: usize) -> Option<Entry> {
        let at = self.base.checked_add(HEADER + index * ENTRY)?;
        let entry = self.bytes.get(at..at.checked_add(ENTRY)?)?;
        Some(Entry {
            flags: number(entry, 0)?,
            key: usize::try_from(number(entry, 4)?).ok()?,
            value: usize::try_from(number(entry, 8)?).ok()?,
            hwcap: u64::from_ne_bytes(entry.get(16..24)?.try_into().ok()?),
        })
    }

    fn string(&self, offset: usize) -> Option<&[u8]> {
        string_at(&self.bytes, self.base.checked_add(offset)?)
    }
}

/// Where the current table lies in a file that starts with the old one.
fn behind_old_table(bytes: &[u8]) -> Option<usize> {
    let count = usize::try_from(number(bytes, 12)?).ok()?;
    let end = count.checked_mul(OLD_ENTRY)?.checked_add(OLD_HEADER)?;
    end.checked_next_multiple_of(8)
}

/// Offsets of the names of `glibc-hwcaps` directories, from the extensions of the file.
fn hwcap_names(bytes: &[u8], extension: u32) -> Option<Vec<u32>> {
    let start = usize::try_from(extension).ok()?;
    let directory = bytes.get(start..).filter(|_| start != 0)?;
    if number(directory, 0)? != EXTENSION_MAGIC {
        return None;
    }
    let count = usize::try_from(number(directory, 4)?).ok()?;
    let section = (0..count)
        .map_while(|index| directory.get(8 + index * 16..24 + index * 16))
        .find(|section| number(section, 0) == Some(TAG_HWCAPS))?;
    let offset = usize::try_from(number(section, 8)?).ok()?;
    let size = usize::try_from(number(section, 12)?).ok()?;
    let names = bytes.get(offset..offset.checked_add(size)?)?;
    names.chunks_exact(4).map(|name| number(name, 0)).collect()
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn string_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let tail = bytes.get(at..)?;
    tail.get(..tail.iter().position(|byte| *byte == 0)?)
}

/// glibc's `_dl_cache_libcmp`, by which the table is sorted downwards: digits count as numbers.
fn compare_names(name: &[u8], key: &[u8]) -> Ordering {
    let (mut left, mut right) = (name, key);
    loop {
        match (left.first(), right.first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (one, two) = (leading_number(&mut left), leading_number(&mut right));
                if one != two {
                    return one.cmp(&two);
                }
            }
            (Some(a), _) if a.is_ascii_digit() => return Ordering::Greater,
            (Some(_), Some(b)) if b.is_ascii_digit() => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) if a != b => return a.cmp(b),
            (Some(_), Some(_)) => (left, right) = (&left[1..], &right[1..]),
        }
    }
}

fn leading_number(text: &mut &[u8]) -> i32 {
    let mut value: i32 = 0;
    while let Some((digit, rest)) = text.split_first()
        && digit.is_ascii_digit()
    {
        value = value.wrapping_mul(10).wrapping_add(i32::from(digit - b'0'));
        *text = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const X86_64: Wanted<'_> = Wanted {
        id: 0x0303,
        hwcaps: &[],
        level: 1,
    };

    /// The host's own cache, or none on a host without.
    fn installed() -> Option<Vec<u8>> {
        std::fs::read("/etc/ld.so.cache").ok()
    }

    /// Every name that `ldconfig -p` prints leads to the path that it prints first.
    #[test]
    fn names_lead_where_ldconfig_says() {
        let Some(cache) = installed().and_then(LdCache::parse) else {
            println!("not run: this host has no /etc/ld.so.cache");
            return;
        };
        let printed = Command::new("/sbin/ldconfig").arg("-p").output().unwrap();
        let mut seen = std::collections::HashSet::new();
        for line in String::from_utf8(printed.stdout).unwrap().lines() {
            let Some((name, rest)) = line.trim().split_once(" (libc6,x86-64) => ") else {
                continue;
            };
            if seen.insert(name.to_owned()) {
                let found = cache.lookup(OsStr::new(name), &X86_64);
                assert_eq!(found, Some(PathBuf::from(rest)), "{name}");
            }
        }
        assert!(!seen.is_empty() || !cfg!(target_arch = "x86_64"));
        assert_eq!(cache.lookup(OsStr::new("libnone.so.0"), &X86_64), None);
    }

    /// Cut anywhere, or with any number replaced, a cache finds something or nothing.
    #[test]
    fn damaged_caches_are_survived() {
        let whole = synthetic(0);
        let attempt = |bytes: Vec<u8>| {
            if let Some(cache) = LdCache::parse(bytes) {
                for name in ["", "liba.so.1", "libb.so.2", "libz.so"] {
                    let _either = cache.lookup(OsStr::new(name), &X86_64);
                }
            }
        };
        for length in 0..whole.len() {
            attempt(whole[..length].to_vec());
        }
        for (at, value) in (0..whole.len() - 4).flat_map(|at| [(at, 0xff), (at, 0x7f), (at, 0)]) {
            let mut bytes = whole.clone();
            bytes[at..at + 4].copy_from_slice(&[0xff, 0xff, 0xff, value]);
            attempt(bytes);
        }
        attempt([OLD_MAGIC, &[0, 0xff, 0xff, 0xff, 0xff], &whole].concat());
    }

    /// A table behind the one of libc5, and the choice among entries of one name.
    #[test]
    fn best_entry_is_taken() {
        let old = [OLD_MAGIC, &[0, 0, 0, 0, 0]].concat();
        let v3 = ["x86-64-v3".to_owned(), "x86-64-v2".to_owned()];
        for bytes in [synthetic(0), [old, synthetic(16)].concat()] {
            let cache = LdCache::parse(bytes).expect("a sound file");
            let found = |hwcaps: &[String], level| {
                let wanted = Wanted {
                    hwcaps,
                    level,
                    ..X86_64
                };
                cache.lookup(OsStr::new("libb.so.2"), &wanted)
            };
            assert_eq!(found(&[], 4), Some("/plain".into()));
            assert_eq!(found(&v3[1..], 2), Some("/v2".into()));
            assert_eq!(found(&v3, 3), Some("/v3".into()));
            // A level below that which the entry demands.
            assert_eq!(found(&v3, 2), Some("/v2".into()));
            assert_eq!(
                cache.lookup(OsStr::new("liba.so.1"), &X86_64),
                Some("/a".into())
            );
            let other = Wanted { id: 3, ..X86_64 };
            assert_eq!(cache.lookup(OsStr::new("liba.so.1"), &other), None);
        }
    }

    /// Two names, the first with two hardware directories and a plain entry, for this place in the file: the offsets of
    /// the extensions count from the start of the file.
    fn synthetic(base: usize) -> Vec<u8> {
        let strings = b"libb.so.2\0liba.so.1\0/v2\0/v3\0/plain\0/a\0x86-64-v2\0x86-64-v3\0\0";
        let named = |level: u64, index: u64| (u64::from(NAMED) | level) << 32 | index;
        let start = HEADER + 4 * ENTRY;
        let entries = [
            (0, 20, named(1, 0)),
            (0, 24, named(2, 1)),
            (0, 28, 0),
            (10, 35, 0),
        ];
        let extension = (start + strings.len()).next_multiple_of(4);
        let mut bytes = MAGIC.to_vec();
        for value in [4, strings.len(), 2, base + extension, 0, 0, 0] {
            bytes.extend((value as u32).to_ne_bytes());
        }
        for (key, value, hwcap) in entries {
            for value in [0x0303, start + key, start + value, 0] {
                bytes.extend((value as u32).to_ne_bytes());
            }
            bytes.extend(hwcap.to_ne_bytes());
        }
        bytes.extend(strings);
        bytes.resize(extension, 0);
        let names = base + extension + 24;
        let numbers = [EXTENSION_MAGIC, 1, TAG_HWCAPS, 0, names as u32, 8];
        let names = [38, 48].map(|at| (base + start + at) as u32);
        bytes.extend(
            numbers
                .iter()
                .chain(&names)
                .flat_map(|number| number.to_ne_bytes()),
        );
        bytes
    }
}
