//! Processes: clone, exec, namespaces, the little that prctl offers.

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use nix::errno::Errno;

use super::{Result, checked, done};

/// Which side of a clone this is.
#[derive(Debug)]
pub enum Side<T> {
    /// The caller, with what it learned of its child.
    Parent(T),
    /// The new process.
    Child,
}

/// A child made by [`clone`].
#[derive(Debug)]
pub struct Child {
    /// Its id in the caller's PID namespace.
    pub pid: i32,
    /// Refers to it without a race of reuse (pidfd_open(2)).
    pub pidfd: OwnedFd,
}

/// Starts in a given v2 group (Linux 5.7); libc's constant has a type that it overflows.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// clone3(2) with a copied address space, a pidfd, and the group that it starts in.
///
/// # Errors
/// ENOSPC for a limit on namespaces, EPERM where the host forbids them, EAGAIN for a limit on processes.
pub fn clone(namespaces: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Side<Child>> {
    let mut pidfd: i32 = -1;
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut arguments: libc::clone_args = unsafe { MaybeUninit::zeroed().assume_init() };
    arguments.flags = namespaces | libc::CLONE_PIDFD as u64;
    arguments.pidfd = ptr::from_mut(&mut pidfd) as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: no CLONE_VM, so the child has a copy of everything; the caller has one thread, so no
    // lock can be held by a thread that the child lacks; the struct has the stated size.
    let pid = checked(unsafe {
        libc::syscall(
            libc::SYS_clone3,
            ptr::from_mut(&mut arguments),
            size_of::<libc::clone_args>(),
        )
    })?;
    if pid == 0 {
        return Ok(Side::Child);
    }
    let pid = i32::try_from(pid).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel stored a new descriptor there for us.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Side::Parent(Child { pid, pidfd }))
}

/// Bytes of stack for a process that makes two system calls.
const IDLE_STACK: usize = 16 * 1024;

/// A process that only holds new namespaces open, until it is killed; it shares the caller's memory,
/// so that making it copies nothing, and dies with the caller.
///
/// # Errors
/// As clone(2).
pub fn idle(namespaces: i32) -> Result<Idle> {
    extern "C" fn wait(caller: *mut libc::c_void) -> i32 {
        // No call fails here, so that none writes errno, which is the caller's too.
        // SAFETY: prctl takes a number, getppid nothing; ppoll with nothing to wait for sleeps until
        // SIGKILL.
        unsafe {
            libc::syscall(
                libc::SYS_prctl,
                libc::PR_SET_PDEATHSIG,
                libc::SIGKILL,
                0,
                0,
                0,
            );
            // One that ended before the request sends no signal.
            if libc::syscall(libc::SYS_getppid) == caller.addr() as libc::c_long {
                libc::syscall(libc::SYS_ppoll, 0, 0, 0, 0, 0);
            }
        }
        0
    }
    let mut stack = vec![0u8; IDLE_STACK];
    let flags = namespaces | libc::CLONE_VM | libc::SIGCHLD;
    let caller = ptr::without_provenance_mut(own_id() as usize);
    // SAFETY: the child runs `wait` alone, on a stack of its own that lives until `end` has reaped it;
    // the end of a slice may be pointed to, and clone(2) aligns it.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(IDLE_STACK).cast();
        libc::clone(wait, top, flags, caller)
    };
    checked(libc::c_long::from(pid))?;
    Ok(Idle { pid, _stack: stack })
}

/// A process made by [`idle`]; it ends with this value.
#[derive(Debug)]
pub struct Idle {
    /// Its id in the caller's PID namespace.
    pub pid: i32,
    _stack: Vec<u8>,
}

impl Drop for Idle {
    fn drop(&mut self) {
        // It is our child and not reaped, so that the id is still its own; SIGKILL always arrives.
        super::signal::send(self.pid, libc::SIGKILL).ok();
        wait_for(self.pid).ok();
    }
}

/// fork by clone(2) without glibc's handlers: PID 1 makes the program this way.
///
/// # Errors
/// EAGAIN for a limit on processes.
pub fn fork() -> Result<Side<i32>> {
    // SAFETY: as in [`clone`]; a null stack means the caller's.
    let pid = checked(unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) })?;
    if pid == 0 {
        return Ok(Side::Child);
    }
    i32::try_from(pid)
        .map(Side::Parent)
        .map_err(|_| Errno::EOVERFLOW)
}

/// Strings as exec takes them: an array of pointers with a null at its end, made before the clone.
#[derive(Debug)]
pub struct StringArray {
    pointers: Vec<*const c_char>,
    /// What the pointers point to; a string's bytes do not move with it.
    _strings: Vec<CString>,
}

impl StringArray {
    /// The array of these strings.
    pub fn new(strings: Vec<CString>) -> StringArray {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(ptr::null());
        StringArray {
            pointers,
            _strings: strings,
        }
    }

    /// As system calls take it.
    pub(super) fn as_pointer(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// execve(2); comes back only on failure, and allocates nothing.
pub fn execute(path: &CStr, arguments: &StringArray, environment: &StringArray) -> Errno {
    let (arguments, environment) = (&arguments.pointers, &environment.pointers);
    // SAFETY: both arrays end with a null, and their strings live as long as they do.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Errno::last()
}

/// Leaves at once, without destructors or handlers.
pub fn exit(code: i32) -> ! {
    // SAFETY: it does not come back, so nothing can be left in a wrong state.
    unsafe { libc::_exit(code) }
}

/// unshare(2).
///
/// # Errors
/// As unshare(2).
pub fn unshare(namespaces: i32) -> Result<()> {
    // SAFETY: only numbers are passed.
    done(libc::c_long::from(unsafe { libc::unshare(namespaces) }))
}

/// Enters the namespace behind `namespace` (setns(2)).
///
/// # Errors
/// As setns(2).
pub fn enter(namespace: BorrowedFd<'_>, kind: i32) -> Result<()> {
    // SAFETY: only numbers are passed.
    done(libc::c_long::from(unsafe {
        libc::setns(namespace.as_raw_fd(), kind)
    }))
}

fn control(option: i32, argument: libc::c_ulong) -> Result<()> {
    // SAFETY: the options used below take numbers.
    done(libc::c_long::from(unsafe {
        libc::prctl(option, argument, 0, 0, 0)
    }))
}

/// Asks for `signal` when the parent thread ends; every change of the kernel's ids clears it.
///
/// # Errors
/// As prctl(2).
pub fn die_with_parent(signal: i32) -> Result<()> {
    control(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong)
}

/// PR_SET_NO_NEW_PRIVS: no exec gives privileges from now on.
///
/// # Errors
/// As prctl(2).
pub fn no_new_privileges() -> Result<()> {
    control(libc::PR_SET_NO_NEW_PRIVS, 1)
}

/// Whether others may look into the process (PR_SET_DUMPABLE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dumpable {
    /// Its /proc files belong to it.
    Yes,
    /// Its /proc files belong to root, and nobody may attach.
    No,
}

/// PR_SET_DUMPABLE.
///
/// # Errors
/// As prctl(2).
pub fn set_dumpable(dumpable: Dumpable) -> Result<()> {
    control(
        libc::PR_SET_DUMPABLE,
        match dumpable {
            Dumpable::Yes => 1,
            Dumpable::No => 0,
        },
    )
}

/// Makes the caller the parent of descendants whose own parent ends.
///
/// # Errors
/// As prctl(2).
pub fn become_subreaper() -> Result<()> {
    control(libc::PR_SET_CHILD_SUBREAPER, 1)
}

/// setsid(2).
///
/// # Errors
/// EPERM when the caller leads a group already.
pub fn new_session() -> Result<()> {
    // SAFETY: it takes nothing.
    done(libc::c_long::from(unsafe { libc::setsid() }))
}

/// setpgid(2): `pid` leads a group of its own; 0 is the caller.
///
/// # Errors
/// As setpgid(2).
pub fn own_group(pid: i32) -> Result<()> {
    // SAFETY: only numbers are passed.
    done(libc::c_long::from(unsafe { libc::setpgid(pid, pid) }))
}

/// How a child changed, as waitpid(2) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which child.
    pub pid: i32,
    /// The wait status.
    pub status: i32,
}

/// The next child that ended, stopped or went on; `None` when none has.
///
/// # Errors
/// ECHILD when there is no child.
pub fn next_change() -> Result<Option<Change>> {
    let mut status = 0;
    let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED | libc::__WALL;
    // SAFETY: `status` is an int that outlives the call.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, flags) };
    match checked(libc::c_long::from(pid))? {
        0 => Ok(None),
        _ => Ok(Some(Change { pid, status })),
    }
}

/// The children of the first thread of a process, the first that it made or adopted before all others.
///
/// # Errors
/// When /proc does not show them.
pub fn children(pid: i32) -> Result<Vec<i32>> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
    let children = list.split_ascii_whitespace().map(str::parse);
    children
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Errno::EIO)
}

/// wait4(2) for one child, with what it and the children that it waited for have used.
///
/// # Errors
/// ECHILD when it is no child of the caller.
pub fn wait_for(pid: i32) -> Result<(i32, libc::rusage)> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both outlive the call and have their types' sizes.
        let ended = unsafe { libc::wait4(pid, &raw mut status, libc::__WALL, usage.as_mut_ptr()) };
        match checked(libc::c_long::from(ended)) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            // SAFETY: zeroed before, and filled by the kernel.
            Ok(_) => return Ok((status, unsafe { usage.assume_init() })),
        }
    }
}

/// What a process that never ran has used.
pub fn no_usage() -> libc::rusage {
    // SAFETY: zero is a value of every field.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// prlimit64(2) on the caller itself.
///
/// # Errors
/// EPERM when a hard limit would rise without CAP_SYS_RESOURCE.
pub fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<()> {
    let limit = libc::rlimit64 {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: `limit` outlives the call; no old value is asked for.
    done(unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            0,
            resource,
            ptr::from_ref(&limit),
            ptr::null_mut::<libc::rlimit64>(),
        )
    })
}

/// sethostname(2).
///
/// # Errors
/// As sethostname(2).
pub fn set_host_name(name: &[u8]) -> Result<()> {
    // SAFETY: the pointer and the length are those of one slice.
    done(libc::c_long::from(unsafe {
        libc::sethostname(name.as_ptr().cast(), name.len())
    }))
}

/// A new, empty session keyring (keyctl(2)), so that none of the caller's keys is reached.
///
/// # Errors
/// ENOSYS in a kernel without keys; EDQUOT when the user has too many.
pub fn new_session_keyring() -> Result<()> {
    const JOIN_SESSION_KEYRING: libc::c_int = 1;
    let anonymous = ptr::null::<c_char>();
    // SAFETY: a null name asks for an anonymous keyring.
    done(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, anonymous) })
}

/// Whether each call that reaches a key is refused, as in a kernel without keys or under a filter: then nobody finds
/// any. The calls are such that they change nothing where they are let through.
pub fn keys_are_refused() -> bool {
    const GET_KEYRING_ID: libc::c_int = 0;
    const SESSION_KEYRING: libc::c_int = -3;
    let nothing = ptr::null::<c_char>();
    // SAFETY: it only names a keyring.
    let keyctl =
        done(unsafe { libc::syscall(libc::SYS_keyctl, GET_KEYRING_ID, SESSION_KEYRING, 0) });
    // SAFETY: without a type it is EFAULT at once.
    let add_key =
        done(unsafe { libc::syscall(libc::SYS_add_key, nothing, nothing, nothing, 0, 0) });
    // SAFETY: as before.
    let request_key =
        done(unsafe { libc::syscall(libc::SYS_request_key, nothing, nothing, nothing, 0) });
    let refused = |answer: Result<()>| matches!(answer, Err(Errno::ENOSYS | Errno::EPERM));
    [keyctl, add_key, request_key].into_iter().all(refused)
}

/// The caller's own process id, in its own PID namespace.
pub fn own_id() -> i32 {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// The parent's process id, as the caller's PID namespace knows it.
pub fn parent_id() -> i32 {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::getppid() }
}

/// What poll(2) is asked and answers for one descriptor.
pub type Watched = libc::pollfd;

/// poll(2), again after a signal; `None` waits without end. Gives how many are ready.
///
/// # Errors
/// As poll(2).
pub fn poll(watched: &mut [Watched], milliseconds: Option<i32>) -> Result<usize> {
    loop {
        let (pointer, count) = (watched.as_mut_ptr(), watched.len() as libc::nfds_t);
        // SAFETY: the pointer and the count are those of one slice.
        let ready = unsafe { libc::poll(pointer, count, milliseconds.unwrap_or(-1)) };
        match checked(libc::c_long::from(ready)) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(ready) => return Ok(usize::try_from(ready).unwrap_or(0)),
        }
    }
}
