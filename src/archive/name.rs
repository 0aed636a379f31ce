//! Names of members: what is written, cleaned to a path below the root.
//!
//! Names are bytes. Those that are not UTF-8 are kept as they are, as the kernel does.

use crate::model::guard::{self, Guard};

use super::error::BadName;
use super::limits::{DEPTH, NAME, PATH};

/// The path of the root itself.
pub(super) const ROOT: &[u8] = b".";

/// A name without `.`, empty names and slashes at its ends; [`ROOT`] for the root.
///
/// # Errors
/// When it is absolute, leads upwards, holds a zero byte, or is longer than a path can be.
pub(super) fn clean(written: &[u8]) -> Result<Vec<u8>, BadName> {
    if written.is_empty() {
        return Err(BadName::Empty);
    }
    if written.contains(&0) {
        return Err(BadName::Nul);
    }
    if written.starts_with(b"/") && guard::holds(Guard::ArchiveAbsolute) {
        return Err(BadName::Absolute);
    }
    let mut path = Vec::with_capacity(written.len());
    let mut depth = 0;
    for name in written.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => continue,
            b".." if guard::holds(Guard::ArchiveParents) => return Err(BadName::Parent),
            name if name.len() > NAME => return Err(BadName::Long),
            name => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend(name);
                depth += 1;
            }
        }
    }
    // The kernel counts the zero at the end too.
    if path.len() >= PATH {
        return Err(BadName::Long);
    }
    if depth > DEPTH {
        return Err(BadName::Deep);
    }
    if path.is_empty() {
        path.extend(ROOT);
    }
    Ok(path)
}

/// The directory that a cleaned path lies in; nothing for the root's own entries.
pub(super) fn parent(path: &[u8]) -> Option<&[u8]> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    Some(&path[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(written: &[u8]) -> Result<String, BadName> {
        clean(written).map(|path| String::from_utf8_lossy(&path).into_owned())
    }

    #[test]
    fn harmless_forms_of_a_path_are_one_path() {
        for written in ["a/b", "./a/b", "a//b/", "././a/./b/."] {
            assert_eq!(cleaned(written.as_bytes()).unwrap(), "a/b");
        }
        for written in [".", "./", "././"] {
            assert_eq!(cleaned(written.as_bytes()).unwrap(), ".");
        }
        assert_eq!(clean(b"a\xff/\x01").unwrap(), b"a\xff/\x01");
        assert_eq!(cleaned(b"...").unwrap(), "...");
    }

    #[test]
    fn what_leads_out_is_refused() {
        assert_eq!(clean(b""), Err(BadName::Empty));
        assert_eq!(clean(b"/etc"), Err(BadName::Absolute));
        assert_eq!(clean(b"a\0b"), Err(BadName::Nul));
        for written in [&b".."[..], b"../a", b"a/../..", b"a/.."] {
            assert_eq!(clean(written), Err(BadName::Parent));
        }
        assert_eq!(clean(&[b'a'; NAME + 1]), Err(BadName::Long));
        assert_eq!(clean(&b"a/".repeat(DEPTH + 1)), Err(BadName::Deep));
        let long = [&[b'a'; 200][..], b"/"].concat().repeat(21);
        assert_eq!(clean(&long), Err(BadName::Long));
    }
}
