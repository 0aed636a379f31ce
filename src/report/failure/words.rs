//! An errno in words.

use nix::errno::Errno;

/// `EPERM, operation not permitted`.
pub(super) fn of(errno: Errno) -> String {
    if errno == Errno::UnknownErrno {
        return "an errno without a name".to_owned();
    }
    format!("{errno:?}, {}", lower(meaning(errno)))
}

/// The C library's words, but for those which mislead here.
fn meaning(errno: Errno) -> &'static str {
    match errno {
        // Of namespaces and groups; there is no device.
        Errno::ENOSPC => "a limit is reached",
        Errno::EUSERS => "too many levels",
        errno => errno.desc(),
    }
}

/// Messages begin lower, but names of things keep their capitals (`RFS specific error`).
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    let second_is_lower = text.chars().nth(1).is_some_and(char::is_lowercase);
    match chars.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_has_its_name_and_its_meaning() {
        assert_eq!(of(Errno::EPERM), "EPERM, operation not permitted");
        assert_eq!(of(Errno::ENOSPC), "ENOSPC, a limit is reached");
        assert_eq!(of(Errno::EIO), "EIO, I/O error");
        assert_eq!(of(Errno::from_raw(99_999)), "an errno without a name");
    }
}
