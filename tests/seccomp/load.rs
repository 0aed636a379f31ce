//! Loading a program into the calling thread, and what a call under it came to.

use std::io;

use sandbox::seccomp::Instruction;

/// Loads `program` into this thread for good. Makes three system calls and allocates nothing, so a
/// child may call it between fork and exec.
pub fn load(program: &[Instruction]) -> io::Result<()> {
    let description = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: the option takes no pointer.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the description and the program outlive the call; `layout` shows that they fit.
    let loaded = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &description,
        )
    };
    if loaded != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Errno(i32),
    Signal(i32),
}

/// What the child exits with when its filter does not load: no errno is this high.
const NOT_LOADED: i32 = 255;

/// Makes `attempt` in a child of its own, under `program` if there is one. The attempt answers like
/// a system call of libc: -1 and errno.
pub fn attempt(program: Option<&[Instruction]>, attempt: &dyn Fn() -> libc::c_long) -> Outcome {
    // SAFETY: the child allocates nothing and ends with _exit.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", io::Error::last_os_error());
    if child == 0 {
        let code = match program.map(load) {
            Some(Err(_)) => NOT_LOADED,
            _ if attempt() != -1 => 0,
            _ => io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(NOT_LOADED),
        };
        // SAFETY: ends the child without running the test's own exit handlers.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: the status is written to.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    if libc::WIFSIGNALED(status) {
        return Outcome::Signal(libc::WTERMSIG(status));
    }
    match libc::WEXITSTATUS(status) {
        0 => Outcome::Success,
        NOT_LOADED => panic!("the kernel refuses the program"),
        errno => Outcome::Errno(errno),
    }
}

#[test]
fn layout() {
    use std::mem::{align_of, offset_of, size_of};
    assert_eq!(size_of::<Instruction>(), size_of::<libc::sock_filter>());
    assert_eq!(align_of::<Instruction>(), align_of::<libc::sock_filter>());
    assert_eq!(
        offset_of!(Instruction, code),
        offset_of!(libc::sock_filter, code)
    );
    assert_eq!(
        offset_of!(Instruction, jt),
        offset_of!(libc::sock_filter, jt)
    );
    assert_eq!(
        offset_of!(Instruction, jf),
        offset_of!(libc::sock_filter, jf)
    );
    assert_eq!(offset_of!(Instruction, k), offset_of!(libc::sock_filter, k));
}
