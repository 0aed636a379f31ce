//! The values of settings under the keys of the language.

use crate::diag::{At, Origin};
use crate::model::{MountOption, Resource, Switch};
use crate::plan::{
    Clock, Command, GroupLimits, Landlock, Missing, Mount, MountKind, Namespaces, PartGuard,
    Settings, Supervise, System, Terminal, Variable,
};
use crate::report::actions::Texts;
use crate::report::steps::source_text;

/// A value before its place is looked up.
pub(super) struct Row {
    pub key: String,
    pub value: String,
    pub origin: Origin,
}

/// Every value, in the order of the language's sections.
pub(super) fn rows(settings: &Settings, inherit: &[At<String>], texts: Texts<'_>) -> Vec<Row> {
    let Settings {
        name,
        description,
        command,
        identity,
        tree,
        writes,
        writes_size,
        system,
        mounts,
        namespaces,
        network,
        group_limits,
        process_limits,
        wall_time,
        output,
        capabilities,
        seccomp,
        nested_userns,
        allow_degraded,
        landlock,
        syscalls,
        supervise,
        expect,
        // Of a host, which is not asked here.
        left_out: _,
        unprotected: _,
        // Told in place of the values.
        by_variable: _,
        // Hidden in all the others.
        private: _,
    } = settings;
    let mut rows = Rows {
        list: Vec::new(),
        texts,
    };
    rows.add("name", name.value.as_str(), &name.origin);
    if let Some(text) = description {
        rows.add("description", &text.value, &text.origin);
    }
    rows.command(command);
    let asked = &identity.asked;
    rows.add("command.user", &asked.value.to_string(), &asked.origin);
    for group in &identity.groups {
        rows.add("command.groups", &group.value.id.to_string(), &group.origin);
    }
    for pattern in inherit {
        rows.add("env.inherit", &pattern.value, &pattern.origin);
    }
    // What a pattern lets in has its row already.
    let inherits = |origin: &Origin| inherit.iter().any(|pattern| pattern.origin == *origin);
    for variable in &command.env {
        if inherits(&variable.origin) {
            continue;
        }
        let Variable { name, .. } = &variable.value;
        let text = format!("{name}={}", variable.value.shown());
        rows.add("env.set", &text, &variable.origin);
    }
    rows.add("rootfs.writes", writes.value.word(), &writes.origin);
    let size = &writes_size.value.to_string();
    rows.add("rootfs.writes_size", size, &writes_size.origin);
    for source in &tree.sources {
        let text = source_text(texts, &source.value);
        rows.add("rootfs.source", &text, &source.origin);
    }
    rows.system(system);
    for mount in mounts {
        rows.add("mount", &mount_text(&mount.value), &mount.origin);
    }
    rows.namespaces(namespaces);
    rows.add("network.mode", network.value.word(), &network.origin);
    rows.limits(group_limits);
    if let Some(time) = wall_time {
        rows.add("limits.wall_time", &time.value.to_string(), &time.origin);
    }
    if let Some(size) = output {
        rows.add("limits.output", &size.value.to_string(), &size.origin);
    }
    for limit in process_limits {
        let (soft, hard) = (limit.limit.value.soft, limit.limit.value.hard);
        let Resource { key, .. } = limit.resource;
        let text = match soft == hard {
            true => soft.to_string(),
            false => format!("soft {soft}, hard {hard}"),
        };
        let key = format!("limits.process.{key}");
        rows.add(&key, &text, &limit.limit.origin);
    }
    for capability in capabilities {
        let text = capability.value.to_string();
        rows.add("security.capabilities", &text, &capability.origin);
    }
    rows.add("security.seccomp", seccomp.value.word(), &seccomp.origin);
    for (key, list) in [
        ("security.seccomp.allow", &syscalls.allow),
        ("security.seccomp.deny", &syscalls.deny),
    ] {
        for entry in list {
            rows.add(key, &entry.value.to_string(), &entry.origin);
        }
    }
    let on_deny = &syscalls.on_deny;
    rows.add(
        "security.seccomp.on_deny",
        &on_deny.value.to_string(),
        &on_deny.origin,
    );
    let abis = match syscalls.x86.value {
        Switch::On => "native, x86",
        Switch::Off => "native",
    };
    rows.add("security.architectures", abis, &syscalls.x86.origin);
    rows.switch("security.nested_userns", nested_userns);
    for entry in allow_degraded {
        rows.add("security.allow_degraded", entry.value.word(), &entry.origin);
    }
    let wall = match (landlock.value, &landlock.origin) {
        (Landlock::Off, _) => "false",
        // Who says nothing insists on nothing.
        (_, Origin::Default) => "as far as the kernel has it",
        (Landlock::Enforced(_) | Landlock::Lacking(_), _) => "true",
    };
    rows.add("security.landlock", wall, &landlock.origin);
    rows.supervise(supervise);
    for expect in expect {
        let what = &expect.value.what;
        let key = format!("expect.{}", what.key());
        rows.add(&key, &what.to_string(), &expect.origin);
    }
    rows.list
}

struct Rows<'a> {
    list: Vec<Row>,
    texts: Texts<'a>,
}

impl Rows<'_> {
    fn add(&mut self, key: &str, value: &str, origin: &Origin) {
        self.list.push(Row {
            key: key.to_owned(),
            value: self.texts.plain(value),
            origin: origin.clone(),
        });
    }

    fn switch(&mut self, key: &str, switch: &At<Switch>) {
        let word = match switch.value {
            Switch::On => "true",
            Switch::Off => "false",
        };
        self.add(key, word, &switch.origin);
    }

    fn command(&mut self, command: &Command) {
        let Command {
            args,
            extra,
            workdir,
            umask,
            terminal,
            // It decided the line above.
            terminal_mode: _,
            fds,
            // Told under `env`.
            env: _,
            path: _,
        } = command;
        for arg in args {
            self.add("command.args", &arg.value, &arg.origin);
        }
        self.add("command.extra", extra.value.word(), &extra.origin);
        self.add("command.workdir", workdir.value.as_str(), &workdir.origin);
        self.add("command.umask", &umask.value.to_string(), &umask.origin);
        let own = match terminal.value {
            Terminal::Own => "its own",
            Terminal::Inherited => "the caller's streams",
        };
        self.add("command.terminal", own, &terminal.origin);
        for fd in fds {
            self.add("command.fds", &fd.value.to_string(), &fd.origin);
        }
    }

    fn system(&mut self, system: &System) {
        let System {
            proc,
            sys,
            devices,
            shm,
            mqueue,
            cgroup,
        } = system;
        self.add("system.proc", proc.value.word(), &proc.origin);
        self.add("system.sys", sys.value.word(), &sys.origin);
        for device in devices {
            self.add("system.dev", device.value.path.as_str(), &device.origin);
        }
        self.add("system.shm", &shm.value.to_string(), &shm.origin);
        self.switch("system.mqueue", mqueue);
        self.add("system.cgroup", cgroup.value.word(), &cgroup.origin);
    }

    fn namespaces(&mut self, namespaces: &Namespaces) {
        let Namespaces {
            user,
            pid,
            ipc,
            uts,
            cgroup,
            time,
            hostname,
        } = namespaces;
        for (key, switch) in [
            ("namespaces.user", user),
            ("namespaces.pid", pid),
            ("namespaces.ipc", ipc),
            ("namespaces.uts", uts),
            ("namespaces.cgroup", cgroup),
        ] {
            self.switch(key, switch);
        }
        for clock in time {
            let key = match clock.value.clock {
                Clock::Monotonic => "namespaces.time.monotonic",
                Clock::Boottime => "namespaces.time.boottime",
            };
            self.add(key, &clock.value.offset.to_string(), &clock.origin);
        }
        self.add("namespaces.hostname", &hostname.value, &hostname.origin);
    }

    fn limits(&mut self, limits: &GroupLimits) {
        let GroupLimits {
            list,
            // No key asks for it.
            handle: _,
            // Each comes of a device, which has its own row.
            devices: _,
        } = limits;
        for limit in list {
            let amount = &limit.amount;
            self.add(amount.key(), &amount.value(), &limit.origin);
        }
    }

    fn supervise(&mut self, supervise: &Supervise) {
        let Supervise {
            kill_on_parent_exit,
            stop_signal,
            stop_timeout,
        } = supervise;
        self.switch("supervise.kill_on_parent_exit", kill_on_parent_exit);
        let signal = stop_signal.value.to_string();
        self.add("supervise.stop_signal", &signal, &stop_signal.origin);
        let time = stop_timeout.value.to_string();
        self.add("supervise.stop_timeout", &time, &stop_timeout.origin);
    }
}

/// What is mounted where, in the words of the language.
fn mount_text(mount: &Mount) -> String {
    let Mount {
        target,
        kind,
        options,
        point: _,
    } = mount;
    let skipped = |missing: &Missing| match missing {
        Missing::Refused => "",
        Missing::Skipped => ", optional",
    };
    let what = match kind {
        MountKind::Bind {
            source,
            access,
            missing,
            ..
        } => format!("bind of {source}, {}{}", access.word(), skipped(missing)),
        MountKind::Socket {
            source, missing, ..
        } => format!("socket {source}{}", skipped(missing)),
        MountKind::Part { guard, .. } => match guard {
            PartGuard::Pinned => "pinned, so that it cannot be renamed".to_owned(),
            PartGuard::ReadOnly => "read-only".to_owned(),
            PartGuard::Hidden => "hidden".to_owned(),
        },
        MountKind::Volume { name } => format!("volume {name}"),
        MountKind::Tmpfs { size, mode } => format!("tmpfs of {size}, mode {mode}"),
    };
    let options: String = options
        .iter()
        .map(|option: &MountOption| format!(", {}", option.word()))
        .collect();
    format!("{target}: {what}{options}")
}
