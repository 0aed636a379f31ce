//! Users, namespaces, the network, and what else parts the program from its caller.

use crate::diag::{At, Origin};
use crate::model::{NetworkMode, Switch, UserSpec};
use crate::plan::Terminal;

use super::kernel::is_unfiltered;
use super::score::{Dimension, Weight};
use super::{Found, Rule, Subject};

/// The network first: it reaches furthest.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "audit.network-host",
        dimension: Dimension::Network,
        weight: Weight::tenths(50),
        title: "the host's network",
        why: "the program reaches every service on localhost and around, and can send what it reads anywhere; \
              where Landlock is off, abstract sockets of the desktop and of container services too",
        judge: network_host,
    },
    Rule {
        code: "audit.host-root",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(90),
        title: "the host's root",
        why: "without a user namespace 0 inside is 0 outside: any file of the host that comes into reach is \
              root's own",
        judge: host_root,
    },
    Rule {
        code: "audit.no-user-namespace",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(50),
        title: "no user namespace",
        why: "ids inside are ids of the host, and what the kernel grants counts over the host",
        judge: no_user_namespace,
    },
    Rule {
        code: "audit.no-pid-namespace",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(40),
        title: "the host's processes",
        why: "the program can signal and trace its user's other processes, and nothing ends those that it \
              leaves behind",
        judge: no_pid_namespace,
    },
    Rule {
        code: "audit.no-ipc-namespace",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(20),
        title: "the host's shared memory and queues",
        why: "the program reads and writes System V memory of other programs: databases and X clients use it",
        judge: no_ipc_namespace,
    },
    Rule {
        code: "audit.no-uts-namespace",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(2),
        title: "the host's name",
        why: "the program learns on which machine it runs",
        judge: no_uts_namespace,
    },
    Rule {
        code: "audit.no-cgroup-namespace",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(2),
        title: "the host's control groups",
        why: "the program learns what started it, and the names of other groups",
        judge: no_cgroup_namespace,
    },
    Rule {
        code: "audit.root-inside",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(3),
        title: "root inside",
        why: "programs skip checks for root, and it owns all files of the tree; on the host it is an id without rights, unless a written map says otherwise",
        judge: root_inside,
    },
    Rule {
        code: "audit.groups",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(10),
        title: "groups of the host",
        why: "what is open to the group is open to the program, as far as it sees it: disks, sockets of services",
        judge: groups,
    },
    Rule {
        code: "audit.many-ids",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(3),
        title: "many ids of the host",
        why: "the program can be several users of the host, and files that it makes belong to all of them",
        judge: many_ids,
    },
    Rule {
        code: "audit.descriptors",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(10),
        title: "descriptors of the caller",
        why: "an open file, directory or socket works inside whatever the mounts say",
        judge: descriptors,
    },
    Rule {
        code: "audit.terminal",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(5),
        title: "the caller's terminal, and no filter before it",
        why: "through TIOCSTI and TIOCLINUX a program types into the terminal that it writes to, on kernels \
              that still allow it",
        judge: terminal,
    },
    Rule {
        code: "audit.outlives-caller",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(2),
        title: "a sandbox that outlives who started it",
        why: "it runs on when its caller was killed, and nobody watches",
        judge: outlives_caller,
    },
    Rule {
        code: "audit.umask",
        dimension: Dimension::Isolation,
        weight: Weight::tenths(3),
        title: "files that everybody can write",
        why: "other users of the host can change what the program leaves in a bind",
        judge: umask,
    },
];

fn one(origin: &Origin, message: &str, fix: &str) -> Vec<Found> {
    vec![Found::new(origin, message, fix)]
}

fn network_host(subject: &Subject<'_>) -> Vec<Found> {
    let network = &subject.settings.network;
    match network.value {
        NetworkMode::Host => one(
            &network.origin,
            "the program has the host's network",
            "write `mode = \"none\"` under `[network]`, where the program needs none",
        ),
        NetworkMode::None => Vec::new(),
    }
}

fn host_root(subject: &Subject<'_>) -> Vec<Found> {
    let (namespaces, identity) = (&subject.settings.namespaces, &subject.settings.identity);
    let ids = identity.user.value;
    if namespaces.user.value.is_on() || (ids.uid != 0 && ids.gid != 0) {
        return Vec::new();
    }
    one(
        &identity.user.origin,
        "the program is the host's root",
        "leave `user = false` under `[namespaces]` out, or write `user = \"1000:1000\"` under `[command]`",
    )
}

fn no_user_namespace(subject: &Subject<'_>) -> Vec<Found> {
    let user = &subject.settings.namespaces.user;
    off(user, "the program has no user namespace of its own", "user")
}

fn no_pid_namespace(subject: &Subject<'_>) -> Vec<Found> {
    let pid = &subject.settings.namespaces.pid;
    off(pid, "the program is among the host's processes", "pid")
}

fn no_ipc_namespace(subject: &Subject<'_>) -> Vec<Found> {
    let ipc = &subject.settings.namespaces.ipc;
    off(
        ipc,
        "the program shares the host's memory segments and message queues",
        "ipc",
    )
}

fn no_uts_namespace(subject: &Subject<'_>) -> Vec<Found> {
    let uts = &subject.settings.namespaces.uts;
    off(uts, "the program sees the host's name", "uts")
}

fn no_cgroup_namespace(subject: &Subject<'_>) -> Vec<Found> {
    let cgroup = &subject.settings.namespaces.cgroup;
    off(
        cgroup,
        "the program sees the host's control groups",
        "cgroup",
    )
}

fn off(switch: &At<Switch>, message: &str, key: &str) -> Vec<Found> {
    if switch.value.is_on() {
        return Vec::new();
    }
    let fix = format!("leave `{key} = false` under `[namespaces]` out");
    one(&switch.origin, message, &fix)
}

fn root_inside(subject: &Subject<'_>) -> Vec<Found> {
    let asked = &subject.settings.identity.asked;
    let is_root = match asked.value {
        UserSpec::Root => true,
        UserSpec::Ids { uid, gid } => uid == 0 || gid == 0,
        UserSpec::Caller | UserSpec::Name(_) => false,
    };
    if !is_root || !subject.settings.namespaces.user.value.is_on() {
        return Vec::new();
    }
    one(
        &asked.origin,
        "the program is root inside",
        "leave `user` out, where the program does not ask for root",
    )
}

fn groups(subject: &Subject<'_>) -> Vec<Found> {
    let groups = subject.settings.identity.groups.iter();
    let found = groups.map(|group| {
        let message = format!("group {} of the host stays", group.value);
        Found::new(
            &group.origin,
            message,
            "leave it out, or share the files in another way",
        )
    });
    found.collect()
}

fn many_ids(subject: &Subject<'_>) -> Vec<Found> {
    let maps = &subject.settings.identity.maps;
    if !maps.value.is_range() {
        return Vec::new();
    }
    one(
        &maps.origin,
        "the program has more ids of the host than its own",
        "leave `map_users` out, where it needs one user only",
    )
}

fn descriptors(subject: &Subject<'_>) -> Vec<Found> {
    let fds = subject.settings.command.fds.iter();
    let found = fds.map(|fd| {
        let message = format!(
            "descriptor {} of the caller passes, whatever it is",
            fd.value
        );
        Found::new(
            &fd.origin,
            message,
            "leave it out, or pass a pipe and nothing else",
        )
    });
    found.collect()
}

/// By the text alone `auto` counts as the caller's own: only what is written is told.
fn terminal(subject: &Subject<'_>) -> Vec<Found> {
    let settings = subject.settings;
    let terminal = &settings.command.terminal;
    let unfiltered = is_unfiltered(subject);
    if terminal.value != Terminal::Inherited || terminal.origin == Origin::Default || !unfiltered {
        return Vec::new();
    }
    one(
        &terminal.origin,
        "the program may have the caller's own terminal, and every system call for it",
        "leave `seccomp = \"none\"` out, or write `terminal = \"always\"`",
    )
}

fn outlives_caller(subject: &Subject<'_>) -> Vec<Found> {
    let ends = &subject.settings.supervise.kill_on_parent_exit;
    match ends.value {
        Switch::On => Vec::new(),
        Switch::Off => one(
            &ends.origin,
            "the sandbox runs on when the process that started it has ended",
            "leave `kill_on_parent_exit = false` out, or set a `wall_time`",
        ),
    }
}

fn umask(subject: &Subject<'_>) -> Vec<Found> {
    let umask = &subject.settings.command.umask;
    if umask.value.0 & 0o002 != 0 {
        return Vec::new();
    }
    let message = format!(
        "umask {} lets everybody write the files that the program makes",
        umask.value
    );
    one(
        &umask.origin,
        &message,
        "write `umask = \"022\"` or `\"077\"`",
    )
}
