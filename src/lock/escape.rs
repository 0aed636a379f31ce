//! Names as one word of a line, and back.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Writes a name of any bytes as one word.
pub(super) fn escape(name: &OsStr, text: &mut impl Write) -> fmt::Result {
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match is_plain(c) {
                true => text.write_char(c)?,
                false => bytes(c.encode_utf8(&mut [0; 4]).as_bytes(), text)?,
            }
        }
        bytes(chunk.invalid(), text)?;
    }
    Ok(())
}

/// Whether a character stands for itself: nothing that separates words, acts on a terminal, or looks
/// like nothing or like another order (CVE-2021-42574).
fn is_plain(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_graphic() && c != '\\',
        false => c.is_alphanumeric(),
    }
}

fn bytes(bytes: &[u8], text: &mut impl Write) -> fmt::Result {
    bytes
        .iter()
        .try_for_each(|byte| write!(text, "\\x{byte:02x}"))
}

/// The name that a word stands for; nothing for what [`escape`] never writes.
pub(super) fn unescape(word: &str) -> Option<OsString> {
    let mut name = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte == b'\\' {
            let (escape, behind) = rest.split_first_chunk::<3>()?;
            let [b'x', high, low] = *escape else {
                return None;
            };
            name.push(digit(high)? << 4 | digit(low)?);
            rest = behind;
        } else {
            name.push(*byte);
        }
    }
    let name = OsString::from_vec(name);
    let mut canonical = String::with_capacity(word.len());
    escape(&name, &mut canonical).ok()?;
    (canonical == word).then_some(name)
}

/// The value of a lower-case hexadecimal digit.
pub(super) fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(name: &[u8]) -> String {
        let mut text = String::new();
        escape(OsStr::from_bytes(name), &mut text).unwrap();
        text
    }

    #[test]
    fn every_name_is_one_word_and_comes_back() {
        let names: [(&[u8], &str); 6] = [
            (b"/usr/bin/[", "/usr/bin/["),
            (b"a b\\n", "a\\x20b\\x5cn"),
            ("grüße-日本".as_bytes(), "grüße-日本"),
            ("\u{202e}txt".as_bytes(), "\\xe2\\x80\\xaetxt"),
            (b"caf\xe9\n", "caf\\xe9\\x0a"),
            (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        ];
        for (name, text) in names {
            assert_eq!(escaped(name), text);
            assert_eq!(unescape(text).unwrap().as_bytes(), name);
        }
        for byte in 0..=u8::MAX {
            let text = escaped(&[b'a', byte, b'z']);
            assert!(!text.contains(|c: char| c.is_whitespace() || c.is_control()));
            assert_eq!(unescape(&text).unwrap().as_bytes(), &[b'a', byte, b'z']);
        }
    }

    #[test]
    fn no_name_has_a_second_spelling() {
        for text in [
            "\\x41",
            "\\xE9",
            "\\",
            "\\x",
            "\\xe",
            "\\n",
            "a b",
            "\u{202e}",
            "\\xc3\\xa9",
        ] {
            assert_eq!(unescape(text), None, "{text:?}");
        }
    }
}
