//! The programs in this kernel: each attack is made without and with the filter, and must come out
//! differently.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

use libc::{c_long, c_ulong};
use sandbox::seccomp::{
    Arch, Grants, Instruction, NestedUserNamespaces, Standing, groups, syscall_number,
};

use crate::load::{Outcome, attempt};
use crate::policy::program;

const EPERM: Outcome = Outcome::Errno(libc::EPERM);
const ENOSYS: Outcome = Outcome::Errno(libc::ENOSYS);
const KILLED: Outcome = Outcome::Signal(libc::SIGSYS);

fn native() -> Arch {
    Arch::native().expect("tests run where policies exist")
}

fn default_program() -> Vec<Instruction> {
    program(native(), &Grants::NONE)
}

/// Makes the system call `name`, by the table's number.
fn call(name: &str, arguments: [u64; 6]) -> c_long {
    let number = syscall_number(native(), name).expect("a call of this architecture");
    raw(number.into(), arguments)
}

fn raw(number: c_long, arguments: [u64; 6]) -> c_long {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: every pointer among the arguments is null or outlives the call.
    unsafe { libc::syscall(number, a, b, c, d, e, f) }
}

/// Something that answers like a system call of libc.
type Attack = Box<dyn Fn() -> c_long>;

fn three(name: &'static str, a: u64, b: u64, c: u64) -> Attack {
    Box::new(move || call(name, [a, b, c, 0, 0, 0]))
}

/// Asserts that the filter answers `refused`, and that without it the kernel would not have.
fn refused(what: &str, refused: Outcome, attack: &dyn Fn() -> c_long) {
    let program = default_program();
    let free = attempt(None, attack);
    assert_eq!(attempt(Some(&program), attack), refused, "{what}");
    assert_ne!(
        free, refused,
        "{what} proves nothing: the kernel answers so by itself"
    );
}

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path =
            std::env::temp_dir().join(format!("sandbox-seccomp-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).expect("a scratch folder");
        Scratch(path)
    }

    fn path(&self, name: &str) -> CString {
        CString::new(self.0.join(name).into_os_string().into_encoded_bytes()).expect("no NUL")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays: {error}", self.0.display());
        }
    }
}

#[test]
fn namespaces() {
    // With a user namespace, anybody may make the others.
    for flag in [
        0,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWUTS,
        0x80,
    ] {
        let flags = (flag | libc::CLONE_NEWUSER) as u64;
        refused("unshare", EPERM, &*three("unshare", flags, 0, 0));
    }
    let clone = || match call(
        "clone",
        [(libc::CLONE_NEWUSER | libc::SIGCHLD) as u64, 0, 0, 0, 0, 0],
    ) {
        // SAFETY: the grandchild only ends.
        0 => unsafe { libc::_exit(0) },
        child => child,
    };
    refused("clone", EPERM, &clone);
    refused("clone3", ENOSYS, &*three("clone3", 0, 0, 0));
    refused("setns", EPERM, &*three("setns", u64::MAX, 0, 0));
    let nested = Grants {
        nested_user_namespaces: NestedUserNamespaces::Allowed,
        ..Grants::NONE
    };
    let nested = program(native(), &nested);
    assert_eq!(
        attempt(
            Some(&nested),
            &*three("unshare", libc::CLONE_NEWUSER as u64, 0, 0)
        ),
        Outcome::Success
    );
}

#[cfg(target_arch = "x86_64")]
#[test]
fn other_entries_of_the_kernel() {
    let int80 = || {
        let mut answer: c_long = 20;
        // SAFETY: getpid of i386 touches no memory; the gate clears r8 to r11.
        unsafe {
            std::arch::asm!(
                "int 0x80", inout("rax") answer,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _
            );
        }
        answer
    };
    refused("getpid of i386", KILLED, &int80);
    refused("getpid of x32", KILLED, &|| {
        raw(0x4000_0000 | libc::SYS_getpid, [0; 6])
    });
    let skipped = attempt(Some(&default_program()), &|| raw(-1, [0; 6]));
    assert_eq!(skipped, ENOSYS, "a tracer's -1 ends nothing");
}

const HERE: u64 = libc::AT_FDCWD as u64;

fn fchmod(file: u64, mode: u64) -> c_long {
    let descriptor = call("openat", [HERE, file, 0, 0, 0, 0]);
    call("fchmod", [descriptor as u64, mode, 0, 0, 0, 0])
}

#[test]
fn set_id_bits_on_a_file() {
    let folder = Scratch::new("set-id");
    std::fs::write(folder.0.join("file"), "").expect("a file");
    let file = folder.path("file");
    let file = file.as_ptr() as u64;
    let change = |name, mode| move || call(name, [HERE, file, mode, 0, 0, 0]);
    refused("fchmod", EPERM, &|| fchmod(file, 0o4755));
    refused("fchmodat", EPERM, &change("fchmodat", 0o4755));
    refused("fchmodat2", EPERM, &change("fchmodat2", 0o2755));
    if native() == Arch::X86_64 {
        refused("chmod", EPERM, &*three("chmod", file, 0o4755, 0));
    }
    let how = [libc::O_RDONLY as u64, 0, 0];
    let how = how.as_ptr() as u64;
    refused("openat2", ENOSYS, &|| {
        call("openat2", [HERE, file, how, 24, 0, 0])
    });
    let program = default_program();
    let allowed = |attempted: &dyn Fn() -> c_long| {
        assert_eq!(attempt(Some(&program), attempted), Outcome::Success);
    };
    allowed(&|| fchmod(file, 0o644));
    allowed(&change("fchmodat", 0o1755));
    allowed(&|| call("openat", [HERE, file, 0, 0o7777, 0, 0]));
}

#[test]
fn set_id_bits_on_something_new() {
    let folder = Scratch::new("new");
    let new = folder.path("new");
    let new = new.as_ptr() as u64;
    let create = (libc::O_CREAT | libc::O_WRONLY) as u64;
    let node = u64::from(libc::S_IFREG) | 0o4755;
    let mut makers: Vec<(&'static str, [u64; 6])> = vec![
        ("openat", [HERE, new, create, 0o4755, 0, 0]),
        ("mknodat", [HERE, new, node, 0, 0, 0]),
        ("mkdirat", [HERE, new, 0o2755, 0, 0, 0]),
    ];
    if native() == Arch::X86_64 {
        makers.extend([
            ("open", [new, create, 0o4755, 0, 0, 0]),
            ("creat", [new, 0o6755, 0, 0, 0, 0]),
            ("mknod", [new, node, 0, 0, 0, 0]),
            ("mkdir", [new, 0o2755, 0, 0, 0, 0]),
        ]);
    }
    let program = default_program();
    for (name, arguments) in makers {
        let make = || call(name, arguments);
        assert_eq!(attempt(Some(&program), &make), EPERM, "{name}");
        assert_eq!(
            attempt(None, &make),
            Outcome::Success,
            "{name} without the filter"
        );
        let made = folder.0.join("new");
        let gone = std::fs::remove_file(&made).or_else(|_| std::fs::remove_dir(&made));
        gone.expect("what was made goes");
    }
}

/// A pseudo-terminal: its master and its slave.
fn terminal() -> (OwnedFd, OwnedFd) {
    // SAFETY: plain calls; each descriptor is checked and then owned.
    unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY);
        assert!(master >= 0 && libc::unlockpt(master) == 0);
        let slave = libc::ioctl(master, libc::TIOCGPTPEER, libc::O_RDWR | libc::O_NOCTTY);
        assert!(slave >= 0);
        (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    }
}

#[test]
fn typing_into_a_terminal() {
    let (_master, slave) = terminal();
    let slave = slave.as_raw_fd() as u64;
    let letter = b'x';
    let letter = &raw const letter as u64;
    let own = |request: u64| {
        move || {
            // The terminal must be the attacker's own, unless it has capabilities.
            call("setsid", [0; 6]);
            call("ioctl", [slave, libc::TIOCSCTTY, 0, 0, 0, 0]);
            call("ioctl", [slave, request, letter, 0, 0, 0])
        }
    };
    for high in [0, 0x1_0000_0000, 0xffff_ffff_0000_0000] {
        refused("TIOCSTI", EPERM, &own(high | libc::TIOCSTI));
        refused("TIOCLINUX", EPERM, &own(high | libc::TIOCLINUX));
        refused("TIOCSETD", EPERM, &own(high | libc::TIOCSETD));
    }
    let size = [0_u16; 4];
    let size = size.as_ptr() as u64;
    let harmless = || call("ioctl", [slave, libc::TIOCGWINSZ, size, 0, 0, 0]);
    assert_eq!(
        attempt(Some(&default_program()), &harmless),
        Outcome::Success
    );
}

#[test]
fn sockets() {
    let no_family = Outcome::Errno(libc::EAFNOSUPPORT);
    let no_protocol = Outcome::Errno(libc::EPROTONOSUPPORT);
    let program = default_program();
    let attacks = [
        ("AF_ALG", [38, 5, 0], no_family),
        ("AF_VSOCK", [40, 1, 0], no_family),
        ("AF_PACKET", [17, 3, 0], no_family),
        ("AF_KEY", [15, 3, 2], no_family),
        ("raw", [2, 3, 1], EPERM),
        ("MPTCP", [2, 1, 262], no_protocol),
        ("NETLINK_KOBJECT_UEVENT", [16, 3, 15], no_protocol),
        ("NETLINK_GENERIC", [16, 3, 16], no_protocol),
    ];
    let mut proved = 0;
    for (name, [family, kind, protocol], refused) in attacks {
        let attack = three("socket", family, kind, protocol);
        assert_eq!(attempt(Some(&program), &*attack), refused, "{name}");
        match attempt(None, &*attack) {
            free if free == refused => println!("not proved: this kernel or user lacks {name}"),
            _ => proved += 1,
        }
    }
    assert!(proved >= 3, "only {proved} of the families exist here");
    for [family, kind, protocol] in [[1, 1, 0], [2, 1, 0], [10, 0x80002, 17], [16, 3, 0]] {
        let harmless = three("socket", family, kind, protocol);
        assert_eq!(
            attempt(Some(&program), &*harmless),
            attempt(None, &*harmless)
        );
    }
}

#[test]
fn the_kernel_at_large() {
    refused(
        "personality",
        EPERM,
        &*three("personality", 0x40_0000, 0, 0),
    );
    // A fifth argument is EINVAL, so that the answer does not hang on CAP_SYS_RESOURCE.
    let forge = || call("prctl", [libc::PR_SET_MM as u64, 0, 0, 0, 1, 0]);
    refused("PR_SET_MM", EPERM, &forge);
    let merge = || call("prctl", [67, 0, 0, 0, 1, 0]);
    refused("PR_SET_MEMORY_MERGE", EPERM, &merge);
    refused("keyctl", EPERM, &*three("keyctl", 0, -3_i64 as u64, 1));
    refused("bpf", EPERM, &*three("bpf", c_ulong::MAX, 0, 0));
    let uring = [0_u64; 15];
    let uring = uring.as_ptr() as u64;
    refused("io_uring_setup", EPERM, &move || {
        call("io_uring_setup", [1, uring, 0, 0, 0, 0])
    });
    refused("userfaultfd", EPERM, &*three("userfaultfd", u64::MAX, 0, 0));
    refused(
        "perf_event_open",
        EPERM,
        &*three("perf_event_open", 0, 0, 0),
    );
    refused(
        "ptrace",
        EPERM,
        &*three("ptrace", libc::PTRACE_TRACEME as u64, 0, 0),
    );
    refused(
        "process_vm_writev",
        EPERM,
        &*three("process_vm_writev", 0, 0, 0),
    );
    refused(
        "name_to_handle_at",
        EPERM,
        &*three("name_to_handle_at", u64::MAX, 0, 0),
    );
    refused("open_tree", EPERM, &*three("open_tree", u64::MAX, 0, 0));
    refused("add_key", EPERM, &*three("add_key", 0, 0, 0));
    refused("vmsplice", EPERM, &*three("vmsplice", u64::MAX, 0, 0));
}

/// Every refused and absent call by its number; nothing of it reaches the kernel.
#[test]
fn every_call_that_is_not_allowed() {
    let program = default_program();
    for group in groups() {
        let expected = match group.standing {
            Standing::Allowed => continue,
            Standing::Refused => EPERM,
            Standing::Absent => ENOSYS,
        };
        for name in group
            .calls()
            .filter(|name| syscall_number(native(), name).is_some())
        {
            let outcome = attempt(Some(&program), &|| call(name, [0; 6]));
            assert_eq!(outcome, expected, "{name}");
        }
    }
}
