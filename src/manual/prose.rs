//! What no table tells.

pub const DESCRIPTION: &[&str] = &[
    "A profile is a file of TOML, in UTF-8, at most 1 MiB long. It says what a program may see, use and ask of the \
     kernel; what it does not say is not granted. sandbox-check(1) judges it, sandbox-up(1) runs it, sandbox-fmt(1) \
     brings it into its layout.",
    "Unknown keys, wrong types, impossible combinations, empty paths and two mounts on one target are errors, all told \
     in one run.",
    "A profile for a shell in the checkout that one stands in:",
];

pub const EXAMPLE: &str = r#"version = 1
name = "dev"

[command]
args = ["/bin/bash"]
workdir = "${GIT_ROOT}"

[rootfs]
source = [{ host = "/usr" }]

[[mount]]
bind = "${GIT_ROOT}"
access = "rw"

[limits]
memory = "2G"
pids = 512"#;

pub const ABOUT_VARIABLES: &str = "Variables stand in texts and are the caller's, on the host. One that is not set is an error. Only `${` starts a \
     variable, `$${` is a literal `${`, and any other `$` is itself. A text that is one whole variable may stand for a \
     number. A value can never add structure to the file.";

pub const VARIABLES: &[(&str, &str)] = &[
    ("`${HOME}`", "The caller's home directory."),
    ("`${USER}`", "The caller's name."),
    ("`${UID}`", "The caller's user id."),
    ("`${GID}`", "The caller's group id."),
    ("`${CWD}`", "The directory in which sandbox(1) was started."),
    ("`${GIT_ROOT}`", "The checkout of git that `${CWD}` is in."),
    (
        "`${GIT_COMMON_DIR}`",
        "The directory that all worktrees of that checkout share.",
    ),
    (
        "`${PROFILE_DIR}`",
        "The directory of the file that says so.",
    ),
    (
        "`${XDG_RUNTIME_DIR}`",
        "The caller's directory for sockets.",
    ),
    (
        "`${XDG_DATA_HOME}`",
        "The caller's directory for data of programs.",
    ),
    (
        "`${XDG_DOWNLOAD_DIR}`",
        "The caller's directory for downloads.",
    ),
    (
        "`${WAYLAND_SOCKET}`",
        "The socket of the Wayland compositor.",
    ),
    ("`${X11_SOCKET}`", "The socket of the X server."),
    ("`${param:NAME}`", "A parameter of `params`."),
    (
        "`${env:NAME}`",
        "A variable of the caller's environment. Its value is never printed or stored, its name is.",
    ),
    (
        "`${env:NAME:-DEFAULT}`",
        "The same; the default, which may hold one variable, where it is not set.",
    ),
];

pub const UNITS: &[(&str, &str)] = &[
    (
        "size",
        "`\"512M\"` and `\"512MiB\"` are 512 * 1024 * 1024 bytes, `\"512MB\"` is 512 * 10^6; K, M, G and T. A number is so \
         many bytes.",
    ),
    (
        "time",
        "`\"10s\"`, `\"500ms\"`, `\"2h\"`, `\"1m30s\"`; ns, us, ms, s, m or min, h, d.",
    ),
    ("processors", "`1.5` or `\"150%\"`."),
    (
        "limits of a process",
        "In bytes, seconds and counts; `\"unlimited\"` is none.",
    ),
];

pub const ABOUT_KEYS: &str =
    "The keys before the first section. Behind each key stands what may be its value.";

pub const ABOUT_CONTROL_GROUPS: &str = "What each limit writes to the control files of the sandbox's own groups, in cgroup v1 and v2, and by what name \
     systemd.resource-control(5) knows it.";

pub const ABOUT_MERGING: &str = "`extends` names bases. The result of the bases is formed, then what `remove` names is dropped from it, then this \
     file's own entries are added; so to remove and to add again in one file replaces.";

pub const MERGING: &[(&str, &str)] = &[
    (
        "which files",
        "A base that ends with .toml is a path, relative to the file that states it; any other is a name. Each file is \
         taken once, at its first place. A loop, or more than 16 levels, is an error.",
    ),
    (
        "values",
        "Tables merge, lists and arrays of tables append, all other values replace. `command.args` is one value. `name` \
         and `description` are not inherited.",
    ),
    (
        "entries",
        "Each has a key: a mount its target, a variable its name, a disk its device, a source its path inside, an entry \
         of another list itself. Two equal entries are one; two unequal ones with one key are an error that shows both.",
    ),
];

pub const ORDER: &[(&str, &str)] = &[
    (
        "the tree",
        "The sources of `rootfs.source` in order, a later one over an earlier one; then the files of `rootfs.etc`.",
    ),
    (
        "over it",
        "Whatever their order in the file: the file systems of `system`, then the mounts, parents before children.",
    ),
];

pub const EXIT_STATUS: &[(&str, &str)] = &[
    (
        "sandbox-up(1), sandbox-exec(1), sandbox-wait(1)",
        "The program's own code; 128 + N when signal N ended it; 124 when `limits.wall_time` did; 125 for every error of \
         sandbox(1) itself, when nothing ran; 126 when the program is not executable; 127 when it is not in the tree.",
    ),
    (
        "sandbox-check(1), sandbox-fmt(1) with `--check`, sandbox-test(1), sandbox-audit(1), sandbox-doctor(1), sandbox-lock(1) \
         with `--diff`, sandbox-why(1)",
        "0 for yes, 1 for no, 2 for wrong usage. sandbox-diff(1) has 3 where something is wider.",
    ),
    ("all others", "0 done, 1 not done, 2 wrong usage."),
];

pub const FILES: &[(&str, &str)] = &[
    (
        "./profiles, ./.sandbox",
        "The profiles of the current directory, then those at the top of the checkout around it.",
    ),
    ("$XDG_CONFIG_HOME/sandbox/profiles", "The user's."),
    ("/etc/sandbox/profiles", "The host's."),
    (
        "/usr/share/sandbox/profiles",
        "Those that came with the program.",
    ),
    (
        "NAME.local.toml",
        "In the user's or the host's directory: comes on top of a profile of the last two without an edit.",
    ),
    (
        "/usr/share/sandbox/schemas/profile.schema.json",
        "The language as a JSON Schema, for editors; beside it the schemas of everything that is written as JSON.",
    ),
    (
        "~/.cache/sandbox",
        "The store of trees; `XDG_CACHE_HOME` moves it.",
    ),
    (
        "~/.local/share/sandbox, /var/lib/sandbox for root",
        "What sandboxes keep; `XDG_DATA_HOME` moves it.",
    ),
];

pub const SEE_ALSO: &str = "sandbox(1), sandbox-check(1), sandbox-explain(1), sandbox-up(1), cgroups(7), \
                            namespaces(7), seccomp(2), landlock(7), setrlimit(2)";
