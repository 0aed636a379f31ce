//! What is shared with the host, who the program is, and what it is given.

use crate::diag::Origin;
use crate::model::{
    CgroupMount, ExtraArguments, IdExtent, NetworkMode, ProcMount, Switch, SysMount, TerminalMode,
    Writes,
};
use crate::plan::{Command, Identity, Landlock, Namespaces, Settings, Supervise, System, Terminal};

use super::power::{Power, Reach};
use super::{Side, Topic, topics};

struct Powers<'a>(&'a mut Vec<Power>);

impl Powers<'_> {
    /// A power that is there when `is`.
    fn when(&mut self, is: bool, topic: &'static Topic, text: &str, origin: &Origin) {
        if is {
            self.0
                .push(Power::new(topic, Reach::plain(text), text, origin));
        }
    }
}

pub(super) fn powers(side: Side<'_>, powers: &mut Vec<Power>) {
    let Settings {
        name,
        command,
        identity,
        writes,
        system,
        namespaces,
        network,
        capabilities,
        nested_userns,
        landlock,
        allow_degraded,
        supervise,
        // A promise is no power: `promises` has them.
        expect: _,
        // Told by what is beside, limits, calls, mounts and the tree.
        description: _,
        tree: _,
        writes_size: _,
        mounts: _,
        group_limits: _,
        process_limits: _,
        wall_time: _,
        output: _,
        seccomp: _,
        syscalls: _,
        // Of a host alone.
        left_out: _,
        unprotected: _,
        private: _,
        // Limits, all of them.
        by_variable: _,
    } = side.settings;
    let mut to = Powers(powers);
    of_command(command, &mut to);
    of_identity(identity, &mut to);
    of_system(system, &mut to);
    of_namespaces(namespaces, &mut to);
    of_supervise(supervise, &mut to);
    let kept = format!(
        "what is written to the root tree is kept under the name `{}`",
        name.value
    );
    let keeps = writes.value == Writes::Keep;
    to.when(keeps, topics::WRITES, &kept, &writes.origin);
    let text = "the root tree can be written";
    to.when(
        writes.value != Writes::Deny,
        topics::WRITES,
        text,
        &writes.origin,
    );
    let host = network.value == NetworkMode::Host;
    let text = "every address that the host reaches can be connected to";
    to.when(host, topics::NETWORK, text, &network.origin);
    for kept in capabilities {
        let text = format!("the program keeps `{}`", kept.value);
        to.when(true, topics::CAPABILITY, &text, &kept.origin);
    }
    let text = "the program may make namespaces and mounts of its own";
    to.when(
        nested_userns.value.is_on(),
        topics::NESTED,
        text,
        &nested_userns.origin,
    );
    let text = "it runs without Landlock";
    to.when(
        landlock.value == Landlock::Off,
        topics::LANDLOCK,
        text,
        &landlock.origin,
    );
    for entry in allow_degraded {
        // `limits` is every limit.
        let pattern = match entry.value.word() {
            "limits" => "limits*",
            word => word,
        };
        let reach = Reach::Names {
            of: "degraded",
            pattern: pattern.to_owned(),
            except: Vec::new(),
        };
        let text = format!("it runs on a host that cannot give it `{}`", entry.value);
        to.0.push(Power::new(topics::DEGRADED, reach, text, &entry.origin));
    }
}

fn of_command(command: &Command, to: &mut Powers<'_>) {
    let Command {
        // It runs in the same sandbox, whatever it is.
        args: _,
        extra,
        workdir: _,
        umask,
        terminal,
        terminal_mode,
        fds,
        // Told on their own.
        env: _,
        path: _,
    } = command;
    let appends = extra.value != ExtraArguments::Refuse;
    let text = "the command line may add arguments to the command";
    to.when(appends, topics::EXTRA, text, &extra.origin);
    let replaces = extra.value == ExtraArguments::Replace;
    let text = "the command line may name another command";
    to.when(replaces, topics::EXTRA, text, &extra.origin);
    let bits = 0o777 & !umask.value.0;
    let text = format!("new files may have the mode {bits:03o}");
    let reach = Reach::Bits("umask".to_owned(), bits);
    to.0.push(Power::new(topics::FILE_WRITE, reach, text, &umask.origin));
    let text = "the program has a terminal of the caller's that is not its standard input";
    let inherited = terminal.value == Terminal::Inherited;
    to.when(inherited, topics::TERMINAL, text, &terminal.origin);
    let text = "the program has the caller's terminal as its standard input";
    let never = *terminal_mode == TerminalMode::Never;
    to.when(never, topics::TERMINAL, text, &terminal.origin);
    for fd in fds {
        let text = format!("descriptor {} of the caller passes", fd.value);
        to.when(true, topics::DESCRIPTOR, &text, &fd.origin);
    }
}

fn of_identity(identity: &Identity, to: &mut Powers<'_>) {
    let Identity {
        asked,
        // Stand-ins where no host was asked.
        user: _,
        host: _,
        maps,
        groups,
    } = identity;
    let text = format!("the program is the user `{}`", asked.value);
    to.when(true, topics::IDENTITY, &text, &asked.origin);
    for group in groups {
        let text = format!("the program is in the host's group `{}`", group.value);
        to.when(true, topics::IDENTITY, &text, &group.origin);
    }
    if maps.value.is_range() {
        for (what, extents) in [("users", &maps.value.users), ("groups", &maps.value.groups)] {
            let ranges: Vec<String> = extents.iter().map(range).collect();
            let text = format!("{what} inside are the host's: {}", ranges.join(", "));
            to.when(!ranges.is_empty(), topics::IDENTITY, &text, &maps.origin);
        }
        let text = "more ids than the program's own are mapped";
        to.when(true, topics::IDENTITY, text, &maps.origin);
    }
}

/// `0-999 as 100000-100999`
fn range(extent: &IdExtent) -> String {
    let IdExtent {
        inside,
        outside,
        count,
    } = *extent;
    let ids = |first: u32| match count {
        0 | 1 => first.to_string(),
        count => format!("{first}-{}", u64::from(first) + u64::from(count) - 1),
    };
    format!("{} as {}", ids(inside), ids(outside))
}

fn of_system(system: &System, to: &mut Powers<'_>) {
    let System {
        proc,
        sys,
        devices,
        // A limit.
        shm: _,
        mqueue,
        cgroup,
    } = system;
    let shown = proc.value != ProcMount::None;
    to.when(
        shown,
        topics::SYSTEM,
        "`/proc` shows the processes",
        &proc.origin,
    );
    let whole = proc.value == ProcMount::Private;
    let text = "`/proc` shows what the kernel tells beside processes";
    to.when(whole, topics::SYSTEM, text, &proc.origin);
    let shown = sys.value == SysMount::ReadOnly;
    to.when(
        shown,
        topics::SYSTEM,
        "`/sys` shows the host's devices",
        &sys.origin,
    );
    let shown = cgroup.value == CgroupMount::ReadOnly;
    to.when(
        shown,
        topics::SYSTEM,
        "`/sys/fs/cgroup` shows the control groups",
        &cgroup.origin,
    );
    let text = "`/dev/mqueue` shows message queues";
    to.when(mqueue.value.is_on(), topics::SYSTEM, text, &mqueue.origin);
    for device in devices {
        let path = device.value.path.as_str();
        let reach = Reach::Names {
            of: "device",
            pattern: path.to_owned(),
            except: Vec::new(),
        };
        let text = match path.contains('*') {
            true => format!("the devices `{path}` of the host can be opened"),
            false => format!("the device `{path}` of the host can be opened"),
        };
        to.0.push(Power::new(topics::DEVICE, reach, text, &device.origin));
    }
}

fn of_namespaces(namespaces: &Namespaces, to: &mut Powers<'_>) {
    let Namespaces {
        user,
        pid,
        ipc,
        uts,
        cgroup,
        // They tell the program another time, and another name.
        time: _,
        hostname: _,
    } = namespaces;
    for (switch, text) in [
        (
            user,
            "the program's users are the host's: no user namespace",
        ),
        (pid, "the host's processes are seen and signalled"),
        (ipc, "the host's message objects and shared memory are used"),
        (uts, "the host's name is shared"),
        (cgroup, "the host's control groups are seen from their top"),
    ] {
        to.when(
            switch.value == Switch::Off,
            topics::NAMESPACE,
            text,
            &switch.origin,
        );
    }
}

fn of_supervise(supervise: &Supervise, to: &mut Powers<'_>) {
    let Supervise {
        kill_on_parent_exit,
        // Any signal that asks it to end can be passed over.
        stop_signal: _,
        stop_timeout,
    } = supervise;
    let outlives = !kill_on_parent_exit.value.is_on();
    let text = "it goes on when its caller has ended";
    to.when(
        outlives,
        topics::LIFETIME,
        text,
        &kill_on_parent_exit.origin,
    );
    let time = &stop_timeout.value;
    let reach = Reach::UpTo("supervise.stop_timeout".to_owned(), time.0.as_nanos());
    let text = format!("it may go on for {time} after it was asked to end");
    to.0.push(Power::new(
        topics::LIFETIME,
        reach,
        text,
        &stop_timeout.origin,
    ));
}
