//! What belongs to no single key: how profiles are found, what a tree is, what holds and what does not.

/// Each with its words.
type Terms = &'static [(&'static str, &'static str)];

/// Sections, in their order: the title, what stands below it, the terms.
pub const SECTIONS: &[(&str, &str, Terms)] = &[
    ("Names of profiles", ABOUT_NAMES, NAMES),
    ("The root tree", ABOUT_TREE, TREE),
    ("The report", ABOUT_REPORT, REPORT),
    ("What holds", "", HOLDS),
    ("What is not protected", "", NOT_PROTECTED),
    ("Notes", "", NOTES),
];

const ABOUT_NAMES: &str = "What holds a slash or ends with .toml is a path, and read as it is. Any other word is looked for in the directories \
     below FILES, the first one wins; `sandbox list` shows all.";

const NAMES: &[(&str, &str)] = &[
    (
        "whose files count",
        "What is found by name, and every base, must belong to the caller or root, and nobody else may be able to write it.",
    ),
    (
        "a checkout",
        "It can give any name another meaning: commands warn where it hides a profile that is not its own. A name that it \
         has twice is an error. For wrappers its profiles do not count at all.",
    ),
    (
        "parameters",
        "`params` says what `--param NAME=VALUE` may set, with a default and choices; nothing else can be set from the \
         command line.",
    ),
];

const ABOUT_TREE: &str = "`rootfs.source` describes what the program sees as `/`. It is built once, kept in a store of the caller's, and found \
     again as long as nothing that it was made of has changed.";

const TREE: &[(&str, &str)] = &[
    (
        "when it is built anew",
        "A start looks at the directories and files nearest to the top of each copy and at the package databases; \
         `--refresh` looks at every file again. A file counts as unchanged while its inode, size and times are; `--verify` \
         reads it, and writes again what was altered in the store.",
    ),
    (
        "what trees share",
        "Files, by content, among each other and never with the host: a second profile that needs mostly the same files \
         copies only what is new. `sandbox gc` removes what no profile, lock or running sandbox uses.",
    ),
    (
        "what `programs` brings",
        "The programs with what ldd(1) would name, the interpreters of scripts, and the own library of Python, Perl, Ruby \
         and Node, found from files; packages beside it (site-packages, gems) only of a virtual environment. `copy` brings \
         others, and `extra` what is opened by dlopen(3).",
    ),
    (
        "what archives and images may not",
        "A member that leads out of the tree, contradicts another one, or unpacks to more than is sane is refused by \
         name. Set-user-id bits, file capabilities and devices are never carried over.",
    ),
    (
        "attributes",
        "User attributes of files come along, but for those that overlayfs keeps for itself (`user.overlay.*`).",
    ),
    (
        "a lock",
        "A text beside the profile with a line for each path: mode, size, SHA-256, the package that owns it with its \
         version (dpkg, apk, rpm, pacman), and the build-id. Binds are live: the lock names them. See sandbox-lock(1).",
    ),
    (
        "what the program writes",
        "It fails (`deny`), is gone at exit (`discard`), or is kept under the sandbox's name (`keep`). `access = \"overlay\"` \
         on a bind keeps writes apart from the host's directory, `volume` is a directory of the sandbox's own. See \
         sandbox-changes(1), sandbox-apply(1), sandbox-discard(1) and sandbox-reset(1).",
    ),
    (
        "as an image",
        "`sandbox build --output DIR --format oci` writes an image layout that container engines read: one layer, the \
         profile's command and environment, the same bytes each time.",
    ),
];

const ABOUT_REPORT: &str = "`sandbox up --report FILE` writes JSON; report.schema.json in the directory of schemas tells every field. What the \
     host cannot tell is `null`.";

const REPORT: &[(&str, &str)] = &[
    (
        "how it ended",
        "The exit code or signal, whether a limit ended the run and which, and who asked it to end (`stopped_by`): a signal \
         with its sender, the end of the caller, a closed terminal. A report is written also when nothing was started.",
    ),
    (
        "what it used",
        "Wall, user and system time, peak memory and processes, throttling, faults, traffic of block devices, context \
         switches, pressure. `--stats` shows the figures in three lines.",
    ),
    (
        "`isolation`",
        "Every layer (each namespace, the root, seccomp, Landlock, capabilities, each limit) as `enforced`, `degraded` or \
         `off`, and why.",
    ),
    (
        "`refused_calls`, `unprotected`, `kept`",
        "System calls that the filter refused, with their number; parts of binds that are not protected or may cease to \
         be; what outlives the run.",
    ),
];

const HOLDS: &[(&str, &str)] = &[
    (
        "files",
        "The new root holds what the profile says and nothing else; the old one is detached. Everything is mounted by \
         descriptor and each path is resolved once, inside the new root: a link in a tree leads nowhere outside. `nosuid` \
         and `nodev` reach every mount below. Mount points are never made in the caller's files.",
    ),
    (
        "identity",
        "One id is mapped. For an unprivileged caller that is the caller; root's sandboxes get an unused, unprivileged id \
         of the host, and the tree and the binds are shown through id maps, so that files written into a checkout belong \
         to its owner. Root of the host is never mapped.",
    ),
    (
        "privileges",
        "`no_new_privs` first of all, all capability sets empty but for those that the profile keeps, no further user \
         namespaces, Landlock behind the mounts, a system-call filter on the program and on PID 1.",
    ),
    (
        "processes",
        "PID, IPC, UTS, cgroup and network namespaces of its own. The program is not PID 1, so signals work as they do \
         outside. When sandbox(1) dies, everything inside dies; the next command removes what a killed one left.",
    ),
    (
        "limits",
        "They stand before the program's first instruction and count all its processes together. One that cannot be \
         enforced is an error that says why and what to do, unless the profile allows it to be missing.",
    ),
];

const NOT_PROTECTED: &[(&str, &str)] = &[
    (
        "the kernel",
        "Hardware side channels, and flaws of the kernel within the system calls that are allowed.",
    ),
    (
        "without limits",
        "A program without limits can use up the host's memory, processor and disk.",
    ),
    (
        "what is granted",
        "A program that may write a checkout can write a git hook, a Makefile or an editor's settings there that its user \
         runs later outside; and the profile itself, where it lies in what it lets be written. A submodule's `.git` lies in \
         the working tree, and git outside obeys it: name it in `read_only`. `bind` and `host` share pages with the host's \
         files; `copy` and `programs` do not.",
    ),
    (
        "`network.mode = \"host\"`",
        "The host's network with all that listens on it; abstract Unix sockets are out of reach where the kernel's \
         Landlock has scopes (Linux 6.12).",
    ),
    (
        "`read_only` and `hide` below a bind",
        "Protect directories rather than single files. When a program of the host replaces a file by rename, as editors \
         and `git config` do, the new file is open until the next start; another hard link to a file stays open.",
    ),
    (
        "walls that are taken away",
        "`seccomp = \"none\"` and `namespaces.user = false` do; each is a warning. `none` takes away the list of system \
         calls, not the refusal of set-id modes: beside a writable bind `openat2` answers ENOSYS and `io_uring_setup` EPERM.",
    ),
    (
        "set-id files",
        "One that lies in a writable bind already can be filled with other content through a shared mapping and keep its \
         bit: `sandbox audit --host` finds them. With `nested_userns` the program can copy one of the same owner into a \
         writable bind: beside files of root's this is an error, else a warning.",
    ),
    (
        "whoever starts it",
        "The person who starts a sandbox, and the profile, are trusted. Review a profile as you review code.",
    ),
];

const NOTES: &[(&str, &str)] = &[
    (
        "set-id files inside",
        "The filter refuses to make them, since on a writable bind they would count on the host: `chmod g+s`, \
         `git init --shared` and `tar -p` of such files fail inside.",
    ),
    (
        "kernels",
        "Linux 5.15 with unprivileged mounts by descriptor. `discard`, `keep` and overlays need overlayfs in user \
         namespaces (5.11). Some hosts forbid unprivileged user namespaces; the error names the setting, and \
         sandbox-doctor(1) tries each part.",
    ),
    (
        "limits of ordinary users",
        "Groups are made on cgroup v2, v1 and both together. On a systemd host sandbox(1) asks the user's service manager \
         for a scope when a limit needs one: no systemd-run(1) is needed. By default users get `cpu`, `memory` and `pids`; \
         the error for another key names the `Delegate=` line to add. A user without a service manager, whose control \
         groups are not delegated, can use `wall_time`, `output` and `process` alone. On cgroup v1 only root has the others.",
    ),
    (
        "sandboxes in sandboxes",
        "Give the outer one `nested_userns = true`, `seccomp = \"none\"` and no writable bind.",
    ),
    (
        "detached sandboxes",
        "There is no daemon: each sandbox has a supervisor, and when that is killed the sandbox ends. What a detached one \
         leaves when it ends, its outcome and its log (the last 8 to 16 MiB), stays until sandbox-wait(1) or \
         sandbox-down(1) takes it or its name runs again.",
    ),
    (
        "groups of the caller",
        "An unprivileged caller with one id keeps all supplementary groups, whatever `command.groups` says: the report \
         says so.",
    ),
    (
        "paths of an expectation",
        "A path is denied only where the program cannot get at it by that name: not with the rights it has, and not with \
         those it could give itself; a file that can be read can be run by ld.so(8).",
    ),
    (
        "name servers",
        "/etc/resolv.conf is copied when the network is the host's and empty otherwise. Arguments and profiles are UTF-8.",
    ),
];
