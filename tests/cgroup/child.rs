//! A child that enters its groups as the launcher's does: cloned into v2, `0` written to v1.

use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use sandbox::cgroup::{Entry, Groups};

/// `CLONE_INTO_CGROUP`; the constant of `libc` is of a type that cannot hold it.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args` of clone3(2).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// A child that runs a shell script inside of the groups.
pub(crate) struct Child(Pid);

impl Child {
    pub(crate) fn shell(entry: Entry<'_>, script: &str) -> Child {
        let words = [
            c"/bin/sh".to_owned(),
            c"-c".to_owned(),
            CString::new(script).unwrap(),
        ];
        let mut argv: Vec<*const libc::c_char> = words.iter().map(|word| word.as_ptr()).collect();
        argv.push(std::ptr::null());
        let mut args = CloneArgs {
            exit_signal: libc::SIGCHLD as u64,
            ..CloneArgs::default()
        };
        if let Some(directory) = entry.clone_into {
            args.flags = INTO_CGROUP;
            args.cgroup = directory.as_raw_fd() as u64;
        }
        let size = std::mem::size_of::<CloneArgs>();
        // SAFETY: no stack and no CLONE_VM, so this is fork(2); `args` outlives the call.
        let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size) };
        if pid == 0 {
            // SAFETY: in the child only calls that are safe after fork; `argv` ends with null.
            unsafe {
                for tasks in entry.tasks {
                    if libc::write(tasks.as_raw_fd(), c"0".as_ptr().cast(), 1) != 1 {
                        libc::_exit(99);
                    }
                }
                libc::execv(argv[0], argv.as_ptr());
                libc::_exit(98);
            }
        }
        let error = std::io::Error::last_os_error();
        assert!(pid > 0, "clone3: {error}");
        Child(Pid::from_raw(i32::try_from(pid).unwrap()))
    }

    /// How the shell ended.
    pub(crate) fn wait(self) -> WaitStatus {
        waitpid(self.0, None).unwrap()
    }

    /// Waits until it is in each of the groups that hold a sandbox: what v1 takes in comes a moment
    /// after the clone, and before the program.
    pub(crate) fn wait_until_in(&self, groups: &Groups) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let paths = groups.paths();
        let made = paths.iter().filter(|path| named_as_sandbox(path)).count();
        let entered = || {
            let own = std::fs::read_to_string(format!("/proc/{}/cgroup", self.0)).unwrap();
            own.lines()
                .filter(|line| named_as_sandbox(Path::new(line)))
                .count()
        };
        while entered() < made {
            assert!(Instant::now() < deadline, "{} of {paths:?}", entered());
        }
    }
}

fn named_as_sandbox(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with("sandbox-")
}
