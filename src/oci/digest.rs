//! Digests: `sha256:HEX`, by which everything in an image is named.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

use crate::model::from_hex;

/// The hash of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Digest {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

impl Digest {
    /// The hash of the same kind of all that `input` gives, and how many bytes that were.
    pub fn of_same_kind(&self, input: &mut impl Read) -> io::Result<(Digest, u64)> {
        match self {
            Digest::Sha256(_) => {
                let mut hasher = Sha256::new();
                let size = feed(input, |bytes| hasher.update(bytes))?;
                Ok((Digest::Sha256(hasher.finalize().into()), size))
            }
            Digest::Sha512(_) => {
                let mut hasher = Sha512::new();
                let size = feed(input, |bytes| hasher.update(bytes))?;
                Ok((Digest::Sha512(hasher.finalize().into()), size))
            }
        }
    }

    /// Where the layout has the bytes of this hash. Made of digits alone, whatever the image says.
    pub fn path(&self) -> String {
        format!("blobs/{}", self.to_string().replace(':', "/"))
    }
}

fn feed(input: &mut impl Read, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; 128 << 10];
    let mut size = 0;
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(size),
            read => {
                each(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

impl FromStr for Digest {
    type Err = ();

    fn from_str(text: &str) -> Result<Digest, ()> {
        match text.split_once(':').ok_or(())? {
            ("sha256", hex) => Ok(Digest::Sha256(from_hex(hex).ok_or(())?)),
            ("sha512", hex) => Ok(Digest::Sha512(from_hex(hex).ok_or(())?)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes) = match self {
            Digest::Sha256(bytes) => ("sha256", &bytes[..]),
            Digest::Sha512(bytes) => ("sha512", &bytes[..]),
        };
        write!(f, "{name}:")?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_digits_alone() {
        let text = format!("sha256:{}", "0f".repeat(32));
        let digest: Digest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        assert_eq!(digest.path(), format!("blobs/sha256/{}", "0f".repeat(32)));
        for wrong in ["", "sha256", "sha256:", "md5:00", "sha256:../../etc"] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
        assert!(text.to_uppercase().parse::<Digest>().is_err());
        assert!(
            format!("sha512:{}", "é".repeat(64))
                .parse::<Digest>()
                .is_err()
        );
    }
}
