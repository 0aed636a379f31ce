//! What the strict policy takes away from the default one, and why.

use super::arguments::Families;

/// Calls that run under the default policy and are refused under the strict one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lack {
    /// What they are for.
    pub what: &'static str,
    /// Why a program that computes on what it is given goes without.
    pub reason: &'static str,
    calls: &'static str,
}

impl Lack {
    /// Its calls in the kernel's spelling.
    pub fn calls(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.calls.split_ascii_whitespace()
    }
}

/// Everything that the strict policy lacks, beside sockets of other families than [`FAMILIES`].
pub fn lacks() -> &'static [Lack] {
    LACKS
}

/// What sockets are left.
pub(super) const FAMILIES: Families = Families::Unix;

/// What opens all usual families again.
pub(super) const OPENS_FAMILIES: &str = "socket";

const LACKS: &[Lack] = &[
    Lack {
        what: "older asynchronous reads and writes",
        reason: "databases alone use them",
        calls: "io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit",
    },
    Lack {
        what: "pages that move between files and pipes",
        reason: "programs copy where it fails; it once wrote into files that were open for reading \
            (CVE-2022-0847)",
        calls: "splice tee",
    },
    Lack {
        what: "objects of System V and POSIX queues",
        reason: "old code of the kernel that few programs need; pipes, sockets and shared memory stay",
        calls: "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget \
            msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget",
    },
    Lack {
        what: "confining itself further",
        reason: "filters and rules are programs and data for the kernel; this sandbox has put up its own",
        calls: "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp",
    },
    Lack {
        what: "other ids and capabilities",
        reason: "without a capability there are none to change to; keeping CAP_SETUID, CAP_SETGID or \
            CAP_SETPCAP opens theirs",
        calls: "capset setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid",
    },
    Lack {
        what: "classes of scheduling",
        reason: "the ordinary one is enough; keeping CAP_SYS_NICE opens them",
        calls: "ioprio_set sched_setattr sched_setparam sched_setscheduler",
    },
    Lack {
        what: "where memory lies, and hidden, keyed and shadowed memory",
        reason: "for tuning, and for programs that guard themselves against themselves",
        calls: "get_mempolicy map_shadow_stack mbind memfd_secret pkey_alloc pkey_free pkey_mprotect \
            process_madvise process_mrelease remap_file_pages set_mempolicy set_mempolicy_home_node",
    },
    Lack {
        what: "what others have in the page cache",
        reason: "it tells which files other programs read (CVE-2019-5489)",
        calls: "cachestat mincore",
    },
    Lack {
        what: "other personalities and shares",
        reason: "debuggers and sandboxes use them",
        calls: "personality unshare",
    },
    Lack {
        what: "watching files",
        reason: "it tells when others use them; programs look again from time to time where it fails",
        calls: "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch",
    },
    Lack {
        what: "lists of mounts and attributes of inodes",
        reason: "new code of the kernel that no program needs",
        calls: "file_getattr file_setattr listmount statmount",
    },
];

#[cfg(test)]
mod tests {
    use super::super::groups::{Standing, groups};
    use super::*;

    #[test]
    fn what_is_lacking_is_there_by_default_and_once() {
        let allowed = groups()
            .iter()
            .filter(|group| group.standing == Standing::Allowed);
        let allowed: Vec<&str> = allowed.flat_map(|group| group.calls()).collect();
        let mut lacking: Vec<&str> = LACKS.iter().flat_map(Lack::calls).collect();
        for call in &lacking {
            assert!(allowed.contains(call), "{call}");
        }
        let all = lacking.len();
        lacking.sort_unstable();
        lacking.dedup();
        assert_eq!(lacking.len(), all);
        for lack in LACKS {
            assert!(lack.calls().is_sorted(), "{}", lack.what);
        }
    }
}
