//! The calls that run with harmless arguments only.
//!
//! Numbers are those of the kernel's headers; they are the same on x86-64 and on 64-bit ARM.

use super::answer::Answer;
use super::check::{Check, Clause, Condition, Test, Word};
use super::grants::{Grants, NestedUserNamespaces};
use crate::model::Errno;
use crate::model::guard::{self, Guard};

/// A rule over the arguments of some calls, as a reader should know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgumentRule {
    /// The calls, in the kernel's spelling.
    pub calls: &'static [&'static str],
    /// What is refused.
    pub refused: &'static str,
    /// Why.
    pub reason: &'static str,
    kind: Kind,
}

/// The families of sockets that the program may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// UNIX, and those of the internet.
    Usual,
    /// UNIX alone.
    Unix,
}

/// Every rule over arguments.
pub fn argument_rules() -> &'static [ArgumentRule] {
    RULES
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The mode is this argument.
    Mode(u8),
    /// The flags are this argument, the mode the one behind.
    OpenMode(u8),
    Terminal,
    Clone,
    Unshare,
    Socket,
    UnixSocket,
    SocketPair,
    Personality,
    Prctl,
}

const SET_ID: &str = "S_ISUID and S_ISGID in the mode";
const SET_ID_REASON: &str =
    "through a writable bind a set-id file would count on the host, whatever nosuid says inside";

const fn mode(calls: &'static [&'static str], argument: u8) -> ArgumentRule {
    ArgumentRule {
        calls,
        refused: SET_ID,
        reason: SET_ID_REASON,
        kind: Kind::Mode(argument),
    }
}

const fn open_mode(calls: &'static [&'static str], flags: u8) -> ArgumentRule {
    ArgumentRule {
        calls,
        refused: SET_ID,
        reason: SET_ID_REASON,
        kind: Kind::OpenMode(flags),
    }
}

const RULES: &[ArgumentRule] = &[
    mode(&["chmod", "creat", "fchmod", "mkdir", "mknod"], 1),
    mode(&["fchmodat", "fchmodat2", "mkdirat", "mknodat"], 2),
    open_mode(&["open"], 1),
    open_mode(&["openat"], 2),
    ArgumentRule {
        calls: &["ioctl"],
        refused: "TIOCSTI, TIOCLINUX and TIOCSETD",
        reason: "two type into a terminal (CVE-2017-5226, CVE-2023-28100), \
            one loads line disciplines",
        kind: Kind::Terminal,
    },
    ArgumentRule {
        calls: &["clone"],
        refused: "the flags of namespaces",
        reason: "a user namespace opens most of the kernel's known flaws to everybody \
            (CVE-2022-0185, CVE-2024-1086)",
        kind: Kind::Clone,
    },
    ArgumentRule {
        calls: &["unshare"],
        refused: "all but CLONE_FILES, CLONE_FS, CLONE_SYSVSEM and what these imply",
        reason: "as for clone",
        kind: Kind::Unshare,
    },
    ArgumentRule {
        calls: &["socket"],
        refused: "families but UNIX, INET, INET6 and NETLINK_ROUTE; internet protocols but \
            TCP, UDP and ICMP echo; raw sockets without CAP_NET_RAW",
        reason: "rare families and protocols are rarely tested (CVE-2016-8655, CVE-2017-6074, \
            CVE-2021-43267); AF_VSOCK reaches the hypervisor",
        kind: Kind::Socket,
    },
    ArgumentRule {
        calls: &["socket"],
        refused: "families but UNIX",
        reason: "a program that computes talks to nobody beyond the sockets that it is shown",
        kind: Kind::UnixSocket,
    },
    ArgumentRule {
        calls: &["socketpair"],
        refused: "families but UNIX",
        reason: "as for socket; only UNIX and TIPC have pairs",
        kind: Kind::SocketPair,
    },
    ArgumentRule {
        calls: &["personality"],
        refused: "all but PER_LINUX, PER_LINUX32, UNAME26, ADDR_NO_RANDOMIZE and the query",
        reason: "other values change how memory is laid out and what may run (READ_IMPLIES_EXEC, \
            MMAP_PAGE_ZERO)",
        kind: Kind::Personality,
    },
    ArgumentRule {
        calls: &["prctl"],
        refused: "PR_SET_MM, PR_SET_MEMORY_MERGE and options that are not known",
        reason: "the first forges what /proc shows of the program, the second merges pages across \
            sandboxes, which can be timed",
        kind: Kind::Prctl,
    },
];

impl ArgumentRule {
    /// Whether it keeps set-id files off the host, and so holds without a list too.
    pub(super) fn guards_host_files(&self) -> bool {
        matches!(self.kind, Kind::Mode(_) | Kind::OpenMode(_))
    }

    /// The check, or none where the policy allows every argument, or another rule stands in its place.
    pub(super) fn check(&self, grants: &Grants<'_>, families: Families) -> Option<Check> {
        if !guard::holds(self.kind.guard()) {
            return None;
        }
        match self.kind {
            Kind::Mode(argument) => Some(refuse(vec![set_id(argument)])),
            Kind::OpenMode(flags) => Some(refuse(vec![creates(flags), set_id(flags + 1)])),
            Kind::Terminal => Some(refuse(vec![one_of(1, &[TIOCSTI, TIOCLINUX, TIOCSETD])])),
            Kind::Clone => namespaces(grants, || refuse(vec![any_bit(0, NAMESPACE_FLAGS)])),
            Kind::Unshare => namespaces(grants, unshare),
            Kind::Socket => (families == Families::Usual).then(|| socket(grants)),
            Kind::UnixSocket => (families == Families::Unix).then(unix_alone),
            Kind::SocketPair => Some(unix_alone()),
            Kind::Personality => Some(Check {
                clauses: vec![allow(vec![one_of(0, PERSONALITIES)])],
                otherwise: Answer::EPERM,
            }),
            Kind::Prctl => Some(prctl()),
        }
    }
}

impl Kind {
    fn guard(self) -> Guard {
        match self {
            Kind::Mode(_) | Kind::OpenMode(_) => Guard::SetIdModes,
            Kind::Terminal => Guard::TerminalCalls,
            Kind::Clone | Kind::Unshare => Guard::NamespaceFlags,
            Kind::Socket | Kind::UnixSocket => Guard::Sockets,
            Kind::SocketPair => Guard::SocketPairs,
            Kind::Personality => Guard::Personality,
            Kind::Prctl => Guard::ProcessControl,
        }
    }
}

/// S_ISUID and S_ISGID.
const SET_ID_BITS: u32 = 0o6000;
/// O_CREAT and the bit of O_TMPFILE that is no O_DIRECTORY: the kernel ignores the mode without
/// one.
const CREATE_BITS: u32 = 0o100 | 0o20_000_000;

const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;
const TIOCSETD: u32 = 0x5423;

/// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. clone(2) looks at the low
/// word only, and takes CLONE_NEWTIME for a part of the signal's number.
const NAMESPACE_FLAGS: u32 = 0x7e02_0000;
/// CLONE_VM, FS, FILES, SIGHAND, THREAD and SYSVSEM.
const UNSHARE_FLAGS: u32 = 0x0005_0f00;

const AF_UNIX: u32 = 1;
const AF_NETLINK: u32 = 16;
const INTERNET: &[u32] = &[2, 10];
/// What the kernel takes for the type; the rest is SOCK_CLOEXEC and SOCK_NONBLOCK.
const TYPE_MASK: u32 = 0xf;
const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_RAW: u32 = 3;
/// The default and IPPROTO_TCP. MPTCP is left out: Landlock's rules on ports do not see it.
const STREAM_PROTOCOLS: &[u32] = &[0, 6];
/// The default, IPPROTO_UDP, and the echo of IPPROTO_ICMP and IPPROTO_ICMPV6.
const DATAGRAM_PROTOCOLS: &[u32] = &[0, 17, 1, 58];
const NETLINK_ROUTE: u32 = 0;

/// PER_LINUX, PER_LINUX32, UNAME26 with each, ADDR_NO_RANDOMIZE, and the query.
const PERSONALITIES: &[u32] = &[0, 0x8, 0x2_0000, 0x2_0008, 0x4_0000, 0xffff_ffff];

const PR_SET_MM: u32 = 35;
const PR_SET_MEMORY_MERGE: u32 = 67;
/// PR_SET_PTRACER of Yama, PR_SET_VMA and PR_GET_AUXV, whose numbers spell their names.
const PRCTL_BY_NAME: &[u32] = &[0x5961_6d61, 0x5356_4d41, 0x4155_5856];
/// Behind PR_RSEQ_SLICE_EXTENSION of Linux 7.0.
const PRCTL_END: u32 = 80;

fn namespaces(grants: &Grants<'_>, check: impl Fn() -> Check) -> Option<Check> {
    match grants.nested_user_namespaces {
        NestedUserNamespaces::Allowed => None,
        NestedUserNamespaces::Forbidden => Some(check()),
    }
}

fn unix_alone() -> Check {
    Check {
        clauses: vec![allow(vec![equals(0, &[AF_UNIX])])],
        otherwise: Answer::Errno(Errno::EAFNOSUPPORT),
    }
}

/// What `socketcall` of 32-bit x86 may do: all but SYS_SOCKET and SYS_SOCKETPAIR (include/uapi/linux/net.h),
/// whose families stand in memory.
pub(super) fn socketcall() -> Check {
    Check {
        clauses: vec![clause(vec![one_of(0, &[1, 8])], Answer::ENOSYS)],
        otherwise: Answer::Allow,
    }
}

/// unshare(2) takes an `unsigned long`, so the high word must be empty.
fn unshare() -> Check {
    let harmless = vec![
        test(Word::Low(0), Condition::Within(UNSHARE_FLAGS)),
        test(Word::High(0), Condition::Within(0)),
    ];
    Check {
        clauses: vec![allow(harmless)],
        otherwise: Answer::EPERM,
    }
}

/// Families and protocols get the answer of a kernel built without them, for which callers have a
/// fallback (shadow's tools give up when NETLINK_AUDIT answers anything else); a raw socket gets the
/// answer of a kernel that misses CAP_NET_RAW.
fn socket(grants: &Grants<'_>) -> Check {
    let raw = if grants.has("CAP_NET_RAW") {
        Answer::Allow
    } else {
        Answer::EPERM
    };
    let internet = || one_of(0, INTERNET);
    let no_protocol = Answer::Errno(Errno::EPROTONOSUPPORT);
    Check {
        clauses: vec![
            allow(vec![equals(0, &[AF_UNIX])]),
            allow(vec![
                internet(),
                kind(SOCK_STREAM),
                one_of(2, STREAM_PROTOCOLS),
            ]),
            allow(vec![
                internet(),
                kind(SOCK_DGRAM),
                one_of(2, DATAGRAM_PROTOCOLS),
            ]),
            clause(vec![internet(), kind(SOCK_RAW)], raw),
            clause(vec![internet()], no_protocol),
            allow(vec![equals(0, &[AF_NETLINK]), equals(2, &[NETLINK_ROUTE])]),
            clause(vec![equals(0, &[AF_NETLINK])], no_protocol),
        ],
        otherwise: Answer::Errno(Errno::EAFNOSUPPORT),
    }
}

fn prctl() -> Check {
    Check {
        clauses: vec![
            clause(
                vec![one_of(0, &[PR_SET_MM, PR_SET_MEMORY_MERGE])],
                Answer::EPERM,
            ),
            allow(vec![test(Word::Low(0), Condition::Below(PRCTL_END))]),
            allow(vec![one_of(0, PRCTL_BY_NAME)]),
        ],
        otherwise: Answer::Errno(Errno::EINVAL),
    }
}

fn refuse(tests: Vec<Test>) -> Check {
    Check {
        clauses: vec![clause(tests, Answer::EPERM)],
        otherwise: Answer::Allow,
    }
}

fn allow(tests: Vec<Test>) -> Clause {
    clause(tests, Answer::Allow)
}

fn clause(tests: Vec<Test>, answer: Answer) -> Clause {
    Clause { tests, answer }
}

fn test(word: Word, condition: Condition) -> Test {
    Test { word, condition }
}

fn one_of(argument: u8, values: &'static [u32]) -> Test {
    test(Word::Low(argument), Condition::OneOf(values))
}

fn equals(argument: u8, value: &'static [u32; 1]) -> Test {
    one_of(argument, value)
}

fn any_bit(argument: u8, bits: u32) -> Test {
    test(Word::Low(argument), Condition::AnyBit(bits))
}

fn set_id(argument: u8) -> Test {
    any_bit(argument, SET_ID_BITS)
}

fn creates(argument: u8) -> Test {
    any_bit(argument, CREATE_BITS)
}

fn kind(value: u32) -> Test {
    let condition = Condition::Masked {
        mask: TYPE_MASK,
        value,
    };
    test(Word::Low(1), condition)
}
