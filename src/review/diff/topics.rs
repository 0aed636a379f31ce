//! What changes are about.

/// What a change is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its stable name: `diff.file-read`.
    pub code: &'static str,
    /// In some words.
    pub title: &'static str,
    /// Why it counts.
    pub why: &'static str,
}

/// Every topic there is.
pub fn topics() -> impl Iterator<Item = &'static Topic> {
    ALL.iter().copied()
}

macro_rules! topics {
    ($($name:ident $code:literal $title:literal $why:literal;)+) => {
        $(pub(super) const $name: &Topic = &Topic { code: $code, title: $title, why: $why };)+
        const ALL: &[&Topic] = &[$($name),+];
    };
}

topics! {
    FILE_READ "diff.file-read" "what is shown of the host or of what was kept"
        "the program reads what is shown to it";
    FILE_WRITE "diff.file-write" "where the program may write"
        "what it writes is read, and often run, by others";
    MOUNT_OPTION "diff.mount-option" "what the options of a mount keep back"
        "without noexec a program that was written there runs, without nosymfollow links lead elsewhere";
    MEMORY_FILES "diff.memory-files" "file systems in memory"
        "what is written there takes memory of the host";
    SOCKET "diff.socket" "sockets of the host"
        "the service behind a socket acts outside the sandbox, with its own rights";
    TREE "diff.tree" "what the root tree is made of"
        "the program reads and runs what is in its tree";
    TREE_ORDER "diff.tree-order" "which source of the root tree lies over which"
        "of two sources with one path the later one shows";
    WRITES "diff.writes" "what becomes of writes to the root tree"
        "what is kept is there in the next run";
    SYSTEM "diff.system" "the kernel's own file systems"
        "they show the host's kernel and other processes";
    DEVICE "diff.device" "devices of the host"
        "behind a device is a driver of the host's kernel";
    NETWORK "diff.network" "the network"
        "on the host's network every service of the host and beyond is in reach";
    NAMESPACE "diff.namespace" "what is shared with the host"
        "a shared namespace shows the host's objects and lets the program act on them";
    IDENTITY "diff.identity" "users and groups"
        "files and processes of the host are open by these ids";
    CAPABILITY "diff.capability" "capabilities"
        "each opens parts of the kernel that are closed otherwise";
    NESTED "diff.nested-namespaces" "namespaces of the program's own"
        "in a user namespace of its own a program reaches most of the kernel";
    LANDLOCK "diff.landlock" "the second wall behind the mounts"
        "without it one mistake in the mounts is enough";
    SYSCALL "diff.syscall" "system calls that run"
        "each is code of the host's kernel that the program reaches";
    SYSCALL_ARGUMENTS "diff.syscall-arguments" "arguments of system calls that run"
        "some arguments of a harmless call are not harmless";
    LIMIT "diff.limit" "limits"
        "without a limit one sandbox takes what others need";
    ENVIRONMENT "diff.environment" "variables of the caller's environment"
        "the environment holds tokens, sockets and paths";
    CODE_VARIABLE "diff.code-variable" "variables that choose what code runs"
        "whoever writes what such a variable names decides what the programs that read it run";
    DESCRIPTOR "diff.descriptor" "descriptors that pass"
        "what the caller has open the program uses with the caller's rights";
    TERMINAL "diff.terminal" "the caller's terminal"
        "who has the terminal reads what is typed and writes what is shown";
    LIFETIME "diff.lifetime" "how long it runs on"
        "what is not ended goes on without anybody who looks";
    DEGRADED "diff.degraded" "what may be missing on a host"
        "on a host that lacks it the program runs without it";
    EXTRA "diff.extra-arguments" "what the command line makes of the command"
        "who starts it chooses what runs";
    PARAMETER "diff.parameter" "what the command line may set"
        "who starts it chooses the value";
    PROMISE "diff.promise" "what the profile expects of its sandbox"
        "a promise that is gone is no longer tested";
    OTHER "diff.other" "what lets the program do neither more nor less"
        "it is told, since it is a difference all the same";
}
