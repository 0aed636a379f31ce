//! What answers are made of, each by its stable name.

/// One kind of reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name: `why.bind`.
    pub code: &'static str,
    /// In some words.
    pub title: &'static str,
    /// What follows from it.
    pub why: &'static str,
}

/// Every rule there is.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    ALL.iter().copied()
}

macro_rules! rules {
    ($($name:ident $code:literal $title:literal $why:literal;)+) => {
        $(pub(super) const $name: &Rule = &Rule { code: $code, title: $title, why: $why };)+
        const ALL: &[&Rule] = &[$($name),+];
    };
}

rules! {
    BIND "why.bind" "a path of the host is mounted there"
        "what the host has there is there, and its owners and modes decide for each file";
    READ_ONLY "why.read-only" "what is mounted there is read-only"
        "nothing in it can be written, whatever its modes say";
    HIDDEN "why.hidden" "something empty lies over it"
        "neither its name nor its content is seen";
    OPTIONAL "why.optional" "what lies there may be missing"
        "where the host lacks it, what would lie below shows in its place";
    NO_EXEC "why.noexec" "programs cannot be run from there"
        "the kernel refuses to execute a file of a mount with noexec, and to map it as code";
    VOLUME "why.volume" "what is kept under the sandbox's name"
        "what one run wrote is there in the next";
    MEMORY "why.memory" "a file system in memory"
        "it is empty at the start, and gone at the end";
    LINK "why.link" "a link of the root tree"
        "what it leads to decides";
    DIRECTORY "why.workdir" "a relative path"
        "it is of the directory that the program starts in";
    TREE "why.tree" "what the root tree holds"
        "the sources say what is in it; of host files, archives and images only the host knows all";
    WRITES "why.writes" "what becomes of writes to the root tree"
        "without writes to it, only mounts can be written";
    WAY "why.on-the-way" "a directory on the way to a mount or a source"
        "it is made for what lies below it, and holds nothing else";
    NOTHING "why.nothing" "nothing brings it"
        "what no source, no mount and no kernel file system shows is not there";
    PROC "why.proc" "what `/proc` shows"
        "its files are of the processes of the sandbox, and of the kernel that all share";
    PROC_MASKED "why.proc-masked" "a part of `/proc` that tells of the host"
        "something empty lies over it in every sandbox";
    PROC_SEALED "why.proc-sealed" "a part of `/proc` that changes the host"
        "it is mounted read-only in every sandbox";
    SYS "why.sys" "what `/sys` shows"
        "it is read-only, and shows the devices of the host's kernel";
    SYS_MASKED "why.sys-masked" "a part of `/sys` that reaches firmware, tracing or policies of the host"
        "something empty lies over it in every sandbox";
    GROUPS "why.cgroup" "the control groups of the sandbox"
        "they are shown read-only: no program raises its own limits";
    DEVICE "why.device" "a device"
        "the six that every program may expect are always there, others where `system.dev` names them";
    DEV "why.dev" "what else lies in `/dev`"
        "it has what every program may expect, and nothing can be added";
    SOCKET "why.socket" "a socket of the host"
        "the service behind it acts outside the sandbox";
    OWN_SOCKET "why.own-socket" "a place where only the sandbox itself could listen"
        "nothing of the host answers there";
    NO_NETWORK "why.no-network" "no network"
        "the sandbox has a network of its own, in which nothing but itself is";
    OWN_LOOPBACK "why.own-loopback" "the sandbox's own loopback"
        "what listens on the host's is another one; only a program inside can answer";
    NETWORK "why.network" "the host's network"
        "every address is in reach that the host reaches, its own loopback too";
    NAME "why.name" "a name of a host"
        "a program looks it up by the files of the root tree, and asks the servers that they name";
    ABSTRACT "why.abstract" "an abstract socket"
        "such names are those of a network namespace; on the host's, Landlock keeps the program from them";
    FAMILY "why.socket-family" "a family of sockets that the policy refuses"
        "a socket that cannot be made connects to nothing";
    CALL "why.call" "what the policy says of a system call"
        "listed calls run, others are refused before the kernel looks at them";
    ARGUMENTS "why.arguments" "arguments that the policy refuses"
        "the call runs, but not with these";
    ON_DENY "why.on-deny" "what a refused call meets with"
        "the profile says whether it fails, ends the process, or is only logged";
    SET "why.env-set" "a variable that is set"
        "the program finds this value, whatever the caller has";
    INHERITED "why.env-inherit" "a variable that passes"
        "the program has the caller's value, where the caller has one";
    ABSENT "why.env-absent" "a variable that nothing names"
        "the caller's environment does not enter but by `env.inherit`";
}
