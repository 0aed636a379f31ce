//! The calls of 32-bit x86: those that x86-64 has by the same name stand where these stand, the others
//! here.

mod numbers;

use super::groups::Standing;
use super::table::TABLE;
use numbers::{NUMBERS, SHARED};

/// What decides about a call of 32-bit x86.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// It is another spelling of this call: the same standing, the same rule over its arguments.
    Like(&'static str),
    /// It reaches all of these calls, so that it stands no better than the worst of them.
    Reaches(&'static [&'static str]),
    /// It stands here whatever the policy.
    Fixed(Standing),
}

/// A call that x86-64 does not have by this name, or has for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// The names, in the kernel's spelling.
    pub calls: &'static str,
    /// What decides.
    pub basis: Basis,
    /// Why.
    pub reason: &'static str,
}

/// What decides about the call `name` of 32-bit x86.
pub fn basis(name: &'static str) -> Basis {
    let pair = LIKE.iter().find(|(own, _)| *own == name);
    if let Some((_, like)) = pair {
        return Basis::Like(like);
    }
    let own = OWN
        .iter()
        .find(|own| own.calls.split_ascii_whitespace().any(|call| call == name));
    own.map_or(Basis::Like(name), |own| own.basis)
}

/// The calls that have a standing of their own.
pub fn own_calls() -> &'static [Own] {
    OWN
}

/// Every call by name, with its number.
pub(super) fn numbers() -> impl Iterator<Item = (&'static str, u32)> {
    let shared = TABLE.iter().filter(|row| row.x86_64 >= SHARED);
    let shared = shared.map(|row| (row.name, row.x86_64));
    NUMBERS.iter().copied().chain(shared)
}

/// The number of `name`.
pub(super) fn number(name: &str) -> Option<u32> {
    let place = NUMBERS.binary_search_by_key(&name, |(known, _)| known);
    match place {
        Ok(place) => Some(NUMBERS[place].1),
        Err(_) => numbers()
            .find(|(known, _)| *known == name)
            .map(|(_, number)| number),
    }
}

const NETWORK: &[&str] = &[
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
];
const SYSTEM_V: &[&str] = &[
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
];

const OWN: &[Own] = &[
    Own {
        calls: "socketcall",
        basis: Basis::Reaches(NETWORK),
        reason: "the family of a new socket stands in memory there, where no filter sees it: making one \
            answers ENOSYS, and `socket` and `socketpair` make them; the rest works on what is open",
    },
    Own {
        calls: "ipc",
        basis: Basis::Reaches(SYSTEM_V),
        reason: "one call for all of System V's",
    },
    Own {
        calls: "get_thread_area set_thread_area",
        basis: Basis::Fixed(Standing::Allowed),
        reason: "where threads find their own data; every 32-bit program begins with it",
    },
    Own {
        calls: "vm86 vm86old",
        basis: Basis::Fixed(Standing::Refused),
        reason: "16-bit code, which no current program has and which wants the page at 0",
    },
    Own {
        calls: "bdflush break ftime gtty idle lock mpx prof profil stty ulimit",
        basis: Basis::Fixed(Standing::Absent),
        reason: "no current kernel has them",
    },
];

/// Older and wider spellings: the second name decides.
const LIKE: &[(&str, &str)] = &[
    ("_llseek", "lseek"),
    ("_newselect", "select"),
    ("chown32", "chown"),
    ("clock_adjtime64", "clock_adjtime"),
    ("clock_getres_time64", "clock_getres"),
    ("clock_gettime64", "clock_gettime"),
    ("clock_nanosleep_time64", "clock_nanosleep"),
    ("clock_settime64", "clock_settime"),
    ("fadvise64_64", "fadvise64"),
    ("fchown32", "fchown"),
    ("fcntl64", "fcntl"),
    ("fstat64", "fstat"),
    ("fstatat64", "newfstatat"),
    ("fstatfs64", "fstatfs"),
    ("ftruncate64", "ftruncate"),
    ("futex_time64", "futex"),
    ("getegid32", "getegid"),
    ("geteuid32", "geteuid"),
    ("getgid32", "getgid"),
    ("getgroups32", "getgroups"),
    ("getresgid32", "getresgid"),
    ("getresuid32", "getresuid"),
    ("getuid32", "getuid"),
    ("io_pgetevents_time64", "io_pgetevents"),
    ("lchown32", "lchown"),
    ("lstat64", "lstat"),
    ("mmap2", "mmap"),
    ("mq_timedreceive_time64", "mq_timedreceive"),
    ("mq_timedsend_time64", "mq_timedsend"),
    ("nice", "setpriority"),
    ("oldfstat", "fstat"),
    ("oldlstat", "lstat"),
    ("oldolduname", "uname"),
    ("oldstat", "stat"),
    ("olduname", "uname"),
    ("ppoll_time64", "ppoll"),
    ("pselect6_time64", "pselect6"),
    ("readdir", "getdents"),
    ("recvmmsg_time64", "recvmmsg"),
    ("rt_sigtimedwait_time64", "rt_sigtimedwait"),
    ("sched_rr_get_interval_time64", "sched_rr_get_interval"),
    ("semtimedop_time64", "semtimedop"),
    ("sendfile64", "sendfile"),
    ("setfsgid32", "setfsgid"),
    ("setfsuid32", "setfsuid"),
    ("setgid32", "setgid"),
    ("setgroups32", "setgroups"),
    ("setregid32", "setregid"),
    ("setresgid32", "setresgid"),
    ("setresuid32", "setresuid"),
    ("setreuid32", "setreuid"),
    ("setuid32", "setuid"),
    ("sgetmask", "rt_sigprocmask"),
    ("sigaction", "rt_sigaction"),
    ("signal", "rt_sigaction"),
    ("sigpending", "rt_sigpending"),
    ("sigprocmask", "rt_sigprocmask"),
    ("sigreturn", "rt_sigreturn"),
    ("sigsuspend", "rt_sigsuspend"),
    ("ssetmask", "rt_sigprocmask"),
    ("stat64", "stat"),
    ("statfs64", "statfs"),
    ("stime", "clock_settime"),
    ("timer_gettime64", "timer_gettime"),
    ("timer_settime64", "timer_settime"),
    ("timerfd_gettime64", "timerfd_gettime"),
    ("timerfd_settime64", "timerfd_settime"),
    ("truncate64", "truncate"),
    ("ugetrlimit", "getrlimit"),
    ("umount", "umount2"),
    ("utimensat_time64", "utimensat"),
    ("waitpid", "wait4"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_basis_that_is_known() {
        let known = |name: &str| TABLE.binary_search_by_key(&name, |row| row.name).is_ok();
        for (name, _) in numbers() {
            match basis(name) {
                Basis::Like(like) => assert!(known(like), "{name} is like {like}"),
                Basis::Reaches(calls) => assert!(calls.iter().all(|call| known(call)), "{name}"),
                Basis::Fixed(_) => {}
            }
        }
        assert!(NUMBERS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let own = LIKE.iter().map(|(name, _)| *name);
        let own = own.chain(
            OWN.iter()
                .flat_map(|own| own.calls.split_ascii_whitespace()),
        );
        for name in own {
            assert!(number(name).is_some(), "{name}");
        }
    }
}
