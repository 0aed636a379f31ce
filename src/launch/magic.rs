//! A program that would be the launcher itself. Nothing here allocates.
//!
//! `/proc/self/exe` names the file of this very process until exec: as the program, or as the
//! interpreter of a script, it would run the host's `sandbox` inside, whose file could then be opened
//! and, by the user whom it belongs to, overwritten (CVE-2019-5736).

use std::ffi::CStr;
use std::os::fd::AsFd;

use nix::errno::Errno;

use crate::sys;
use crate::sys::file::{HERE, How};

/// What the kernel reads of a script (BINPRM_BUF_SIZE).
const HEAD: usize = 256;

/// How many interpreters of interpreters the kernel follows, and one more.
const DEPTH: usize = 6;

/// Refuses a path that leads through a magic link, by itself or by the `#!` lines behind it.
///
/// What is missing or may not be executed is left to execve(2), which says so better. A file that is
/// read here could be changed before it is executed, but only by who writes it from outside.
///
/// # Errors
/// ELOOP for a magic link; EACCES for what may be executed but not read.
pub(super) fn refuse(program: &CStr) -> sys::Result<()> {
    // One byte more than the kernel's: the text always ends.
    let mut path = [0u8; HEAD + 1];
    let Some(mut head) = head(program)? else {
        return Ok(());
    };
    for _ in 0..DEPTH {
        let Some(interpreter) = interpreter(&head) else {
            return Ok(());
        };
        path.fill(0);
        for (to, from) in path.iter_mut().zip(interpreter) {
            *to = *from;
        }
        let name = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::ENAMETOOLONG)?;
        head = match self::head(name)? {
            Some(head) => head,
            None => return Ok(()),
        };
    }
    Err(Errno::ELOOP)
}

/// The first bytes of a file, zeroes behind its end; nothing for what execve(2) will refuse.
fn head(path: &CStr) -> sys::Result<Option<[u8; HEAD]>> {
    // A queue or a device must not block, nor become this session's terminal.
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let how = How::existing(flags, libc::RESOLVE_NO_MAGICLINKS);
    let file = match sys::file::open(HERE, path, how) {
        Err(Errno::ELOOP) => return Err(Errno::ELOOP),
        Err(Errno::EACCES) if sys::file::executable(path).is_ok() => return Err(Errno::EACCES),
        Err(_) => return Ok(None),
        Ok(file) => file,
    };
    let mut head = [0; HEAD];
    match sys::file::read_at_start(file.as_fd(), &mut head) {
        Ok(_) => Ok(Some(head)),
        // A directory, a queue.
        Err(_) => Ok(None),
    }
}

/// The path behind `#!`, as the kernel finds it (fs/binfmt_script.c).
fn interpreter(head: &[u8; HEAD]) -> Option<&[u8]> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = head.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?;
    let start = line.iter().position(|byte| !blank(byte))?;
    let path = line.get(start..)?;
    path.split(|byte| blank(byte) || *byte == 0).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        let mut head = [0; HEAD];
        head[..text.len()].copy_from_slice(text.as_bytes());
        interpreter(&head).map(|path| String::from_utf8(path.to_vec()).unwrap())
    }

    #[test]
    fn the_interpreter_is_what_the_kernel_takes() {
        for (text, expected) in [
            ("#!/bin/sh\necho", Some("/bin/sh")),
            ("#! \t/bin/sh -e\n", Some("/bin/sh")),
            ("#!/bin/sh", Some("/bin/sh")),
            ("#!/bin/sh\t-e", Some("/bin/sh")),
            ("#!\n/bin/sh", None),
            ("#!   ", Some("")),
            ("\x7fELF", None),
            ("", None),
        ] {
            assert_eq!(found(text).as_deref(), expected, "{text:?}");
        }
        let long = format!("#!{}", "x".repeat(HEAD - 2));
        assert_eq!(found(&long).map(|path| path.len()), Some(HEAD - 2));
    }

    #[test]
    fn magic_links_are_refused_and_programs_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let text = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::ffi::CString::new(path.to_str().unwrap()).unwrap()
        };
        assert_eq!(refuse(c"/proc/self/exe"), Err(Errno::ELOOP));
        assert_eq!(
            refuse(&text("direct", "#!/proc/self/exe\n")),
            Err(Errno::ELOOP)
        );
        let direct = format!("#!{}/direct -x\n", dir.path().display());
        assert_eq!(refuse(&text("twice", &direct)), Err(Errno::ELOOP));
        let own = format!("#!{}/loop\n", dir.path().display());
        assert_eq!(refuse(&text("loop", &own)), Err(Errno::ELOOP));
        for harmless in [c"/bin/sh", c"/not/there", c"/"] {
            assert_eq!(refuse(harmless), Ok(()));
        }
        assert_eq!(refuse(&text("script", "#!/bin/sh\n")), Ok(()));
    }
}
