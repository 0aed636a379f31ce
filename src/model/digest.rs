//! Hashes of files, as they are written.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Invalid;

/// A SHA-256, written as 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl FromStr for Sha256 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Sha256, Invalid> {
        if let Some(hash) = from_hex(text) {
            return Ok(Sha256(hash));
        }
        let invalid = Invalid::because("is no SHA-256: 64 hexadecimal digits in lower case");
        let lower = text.trim().to_lowercase();
        let bare = lower.strip_prefix("sha256:").unwrap_or(&lower);
        Err(match from_hex::<32>(bare) {
            Some(_) => invalid.help(format!("write `{bare}`")),
            None => invalid.help("write what `sha256sum FILE` prints"),
        })
    }
}

/// The bytes that hexadecimal digits in lower case stand for, when they are just as many.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_form_is_a_hash() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<Sha256>().unwrap().to_string(), text);
        let upper = text.to_uppercase().parse::<Sha256>().unwrap_err();
        assert_eq!(upper.help, Some(format!("write `{text}`")));
        assert!(format!("sha256:{text}").parse::<Sha256>().is_err());
        assert!(text[1..].parse::<Sha256>().is_err());
        assert!("é".repeat(32).parse::<Sha256>().is_err());
    }
}
