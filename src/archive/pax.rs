//! Extended headers of pax: `LENGTH KEY=VALUE\n`, again and again.
//!
//! Read by the lengths alone. Readers that split at line ends see other records than the writer meant
//! as soon as a value holds one, which attributes do, and then another size of the member
//! (GHSA-3cv2-h65g-fgmm).

use std::ffi::CString;

use super::error::Reason;

/// Bytes of an attribute's name (XATTR_NAME_MAX).
const ATTRIBUTE_NAME: usize = 255;

/// Bytes of an attribute (XATTR_SIZE_MAX).
const ATTRIBUTE: usize = 64 << 10;

/// What extended headers say of one member.
#[derive(Debug, Clone, Default)]
pub(super) struct Pax {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub modified: Option<(i64, i64)>,
    pub attributes: Vec<(CString, Vec<u8>)>,
    pub sparse: SparseKeys,
}

/// The three ways in which GNU tar tells of holes.
#[derive(Debug, Clone, Default)]
pub(super) struct SparseKeys {
    pub name: Option<Vec<u8>>,
    pub major: Option<u64>,
    pub real_size: Option<u64>,
    /// Of the versions 0.0 and 0.1: offset and length of each piece.
    pub pieces: Vec<u64>,
}

impl Pax {
    /// Reads the records of one header into this.
    pub fn read(&mut self, mut data: &[u8]) -> Result<(), Reason> {
        let mut seen: Vec<&[u8]> = Vec::new();
        while !data.is_empty() {
            let (key, value, rest) =
                record(data).ok_or(Reason::Header("a pax record is misshapen"))?;
            // Only the pieces of a sparse file may come again and again.
            if !key.starts_with(b"GNU.sparse.") && seen.contains(&key) {
                return Err(Reason::Header("it says one thing twice"));
            }
            seen.push(key);
            self.take(key, value)?;
            data = rest;
        }
        self.attributes.sort();
        Ok(())
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Reason> {
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(number(value)?),
            b"mtime" => self.modified = Some(time(value)?),
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    return self.sparse.take(key, value);
                }
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    let name = CString::new(name);
                    let name =
                        name.map_err(|_| Reason::Header("an attribute has a zero in its name"))?;
                    let name_fits = (1..=ATTRIBUTE_NAME).contains(&name.count_bytes());
                    if !name_fits || value.len() > ATTRIBUTE {
                        return Err(Reason::Header(
                            "an attribute is longer than the kernel takes",
                        ));
                    }
                    self.attributes.push((name, value.to_vec()));
                }
            }
        }
        Ok(())
    }

    /// Refuses what only one member can have: a global header is about all that follow.
    pub fn into_global(self) -> Result<Pax, Reason> {
        let Pax {
            path,
            link,
            size,
            modified: _,
            attributes,
            sparse,
        } = &self;
        let single = path.is_some() || link.is_some() || size.is_some() || !attributes.is_empty();
        match single || sparse.is_used() {
            true => Err(Reason::Header("a global header describes a single member")),
            false => Ok(self),
        }
    }
}

impl SparseKeys {
    pub fn is_used(&self) -> bool {
        let SparseKeys {
            name,
            major,
            real_size,
            pieces,
        } = self;
        name.is_some() || major.is_some() || real_size.is_some() || !pieces.is_empty()
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Reason> {
        match key {
            b"name" => self.name = Some(value.to_vec()),
            b"major" => self.major = Some(number(value)?),
            b"realsize" | b"size" => self.real_size = Some(number(value)?),
            b"offset" | b"numbytes" => self.pieces.push(number(value)?),
            b"map" => {
                let numbers = value.split(|byte| *byte == b',').map(number);
                self.pieces = numbers.collect::<Result<_, _>>()?;
            }
            // The minor version, and the number of pieces, which are counted.
            _ => {}
        }
        Ok(())
    }
}

/// The first record: its key, its value, and what follows.
fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&data[..space])?).ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    (equals > 0).then_some((&body[..equals], &body[equals + 1..], rest))
}

/// A number of digits alone.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| str::from_utf8(text).ok()?.parse().ok())?
}

fn number(text: &[u8]) -> Result<u64, Reason> {
    decimal(text).ok_or(Reason::Header("a number of pax is none"))
}

/// Seconds since 1970, before it with a sign, and up to nine digits behind a point.
fn time(text: &[u8]) -> Result<(i64, i64), Reason> {
    parse_time(text).ok_or(Reason::Header("a time of pax is none"))
}

fn parse_time(text: &[u8]) -> Option<(i64, i64)> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let point = text.iter().position(|byte| *byte == b'.');
    let (whole, part) = match point {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b""[..]),
    };
    let seconds = i64::try_from(decimal(whole)?).ok()?;
    if !part.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = part.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let nanos = digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some(match (negative, nanos) {
        (false, nanos) => (seconds, nanos),
        (true, 0) => (-seconds, 0),
        (true, nanos) => (-seconds - 1, 1_000_000_000 - nanos),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8]) -> Result<Pax, Reason> {
        let mut pax = Pax::default();
        pax.read(data).map(|()| pax)
    }

    #[test]
    fn a_line_end_in_a_value_ends_no_record() {
        let pax = read(b"37 SCHILY.xattr.user.a=x\n11 size=99\n\n12 size=123\n").unwrap();
        assert_eq!(pax.size, Some(123));
        let value = b"x\n11 size=99\n".to_vec();
        assert_eq!(pax.attributes, [(c"user.a".to_owned(), value)]);
    }

    #[test]
    fn misshapen_records_are_refused() {
        let wrong: [&[u8]; 9] = [
            b"x",
            b"5 a=b",
            b"99 path=a\n",
            b"0 a=b\n",
            b"+8 a=bb\n",
            b"4 =\n",
            b"5 ab\n",
            b"9 size=-\n",
            b"10 path=a\n10 path=b\n",
        ];
        for data in wrong {
            assert!(read(data).is_err(), "{}", data.escape_ascii());
        }
    }

    #[test]
    fn times_before_1970_and_parts_of_seconds_are_read() {
        assert_eq!(parse_time(b"12.5"), Some((12, 500_000_000)));
        assert_eq!(parse_time(b"-1.25"), Some((-2, 750_000_000)));
        assert_eq!(parse_time(b"1.0000000019"), Some((1, 1)));
        assert_eq!(parse_time(b"99999999999999999999"), None);
        assert_eq!(parse_time(b"1e9"), None);
        assert_eq!(parse_time(b""), None);
    }
}
