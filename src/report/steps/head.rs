//! What is decided and is no step, or would be seen only by the absence of one.

use crate::diag::{At, Origin, Sources};
use crate::model::{ImageName, InsidePath, NetworkMode, OnDeny, Switch};
use crate::plan::{
    Existing, GroupLimit, HostIds, IdMaps, Identity, KeptPart, Lacking, Landlock, Missing,
    Namespaces, OpenKept, OpenPart, Plan, Privacy, ProcessLimit, Settings, Supervise, Syscalls,
    Terminal, TreePlan, TreeSource, UserIds, Variable,
};
use crate::report::actions::{Texts, extents};
use crate::report::printable::whole;

use super::table::Row;

/// The rows above the steps.
pub(super) fn rows(plan: &Plan, sources: &Sources, texts: Texts<'_>) -> Vec<Row> {
    let mut head = Head {
        plan,
        sources,
        texts,
        rows: Vec::new(),
    };
    head.settings(&plan.settings);
    head.rows
}

struct Head<'a> {
    plan: &'a Plan,
    sources: &'a Sources,
    texts: Texts<'a>,
    rows: Vec<Row>,
}

impl Head<'_> {
    fn settings(&mut self, settings: &Settings) {
        let Settings {
            name,
            description,
            command,
            identity,
            tree,
            // Steps of their own, whatever they are set to.
            writes: _,
            writes_size: _,
            system: _,
            mounts: _,
            capabilities: _,
            namespaces,
            network,
            group_limits,
            process_limits,
            wall_time,
            output,
            seccomp,
            landlock,
            nested_userns,
            syscalls,
            supervise,
            left_out,
            unprotected,
            // What is hidden in all the others.
            private: _,
            // They change nothing of the sandbox.
            expect: _,
            // Each stands at what may be missing.
            allow_degraded: _,
            // On a host all are known.
            by_variable: _,
        } = settings;
        let description = description
            .as_ref()
            .map(|text| self.texts.plain(&text.value));
        let title = Row::title(name.value.as_str(), &description.unwrap_or_default());
        self.rows.extend([title, Row::Blank]);
        let args: Vec<&str> = command.args.iter().map(|arg| arg.value.as_str()).collect();
        let program = self.texts.words(&args);
        let origin = command.args.first().map(|arg| arg.origin.clone());
        self.entry("program", program, &origin.unwrap_or(Origin::Default));
        let directory = self.texts.word(command.workdir.value.as_str());
        self.entry("directory", directory, &command.workdir.origin);
        self.identity(identity);
        self.terminal(&command.terminal);
        self.environment(&command.env);
        self.tree(tree);
        self.shared(namespaces, network);
        self.entry("seccomp", seccomp.value.to_string(), &seccomp.origin);
        self.syscalls(syscalls);
        if nested_userns.value.is_on() {
            let text = "the program may make its own, with mounts in them".to_owned();
            self.entry("namespaces", text, &nested_userns.origin);
        }
        self.landlock(landlock);
        self.limits(&group_limits.list, process_limits);
        if let Some(time) = wall_time {
            self.entry("wall time", time.value.to_string(), &time.origin);
        }
        if let Some(size) = output {
            let text = format!("{}, of both streams together", size.value);
            self.entry("output", text, &size.origin);
        }
        self.supervise(supervise);
        self.kept();
        self.left_out(left_out);
        self.unprotected(unprotected);
    }

    fn entry(&mut self, label: &str, value: String, origin: &Origin) {
        self.rows.push(Row::Entry {
            label: label.to_owned(),
            value,
            origin: whole(&self.sources.locate(origin)),
        });
    }

    /// What the profile says of system calls beside the policy's name; nothing where it is silent.
    fn syscalls(&mut self, syscalls: &Syscalls) {
        let Syscalls {
            allow,
            deny,
            on_deny,
            x86,
        } = syscalls;
        let lists = [("  allow", allow), ("  deny", deny)];
        for (label, entry) in lists
            .into_iter()
            .flat_map(|(label, list)| list.iter().map(move |entry| (label, entry)))
        {
            self.entry(label, entry.value.to_string(), &entry.origin);
        }
        if on_deny.value != OnDeny::DEFAULT {
            self.entry("  on deny", on_deny.value.to_string(), &on_deny.origin);
        }
        if x86.value.is_on() {
            self.entry("  also", "32-bit x86".to_owned(), &x86.origin);
        }
    }

    /// A label with several rows; `none` where there is nothing, so that it is said.
    fn list(&mut self, label: &str, values: Vec<(String, &Origin)>) {
        if values.is_empty() {
            self.entry(label, "none".to_owned(), &Origin::Default);
        }
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        for (label, (value, origin)) in labels.zip(values) {
            self.entry(label, value, origin);
        }
    }

    fn identity(&mut self, identity: &Identity) {
        let Identity {
            user,
            host,
            maps,
            groups,
            // Its ids are what counts.
            asked: _,
        } = identity;
        let ids = |UserIds { uid, gid }: UserIds| format!("{uid}:{gid}");
        let inside = ids(user.value);
        let text = match host {
            HostIds::Caller(host) => format!("{inside}, on the host the caller's {}", ids(*host)),
            HostIds::Range(host) => format!("{inside}, on the host the unused {}", ids(*host)),
            HostIds::Same => format!("{inside}, the same on the host: no user namespace"),
        };
        self.entry("user", text, &user.origin);
        if maps.value.is_range() {
            let IdMaps { users, groups, .. } = &maps.value;
            let text = format!("users {}; groups {}", extents(users), extents(groups));
            self.entry("ids", text, &maps.origin);
        }
        for group in groups {
            let text = format!("{} of the host", group.value);
            self.entry("group", text, &group.origin);
        }
    }

    fn landlock(&mut self, landlock: &At<Landlock>) {
        let text = match landlock.value {
            Landlock::Enforced(abi) => abi.to_string(),
            Landlock::Lacking(_) => "none: this kernel lacks it".to_owned(),
            Landlock::Off => "none".to_owned(),
        };
        self.entry("landlock", text, &landlock.origin);
    }

    fn terminal(&mut self, terminal: &At<Terminal>) {
        let text = match terminal.value {
            Terminal::Own => "its own",
            Terminal::Inherited => "none of its own; the caller's streams as they are",
        };
        self.entry("terminal", text.to_owned(), &terminal.origin);
    }

    fn environment(&mut self, variables: &[At<Variable>]) {
        let row = |at| {
            let At {
                value:
                    Variable {
                        name,
                        value,
                        privacy,
                    },
                origin,
            }: &At<Variable> = at;
            let name = self.texts.plain(name);
            let text = match privacy {
                Privacy::Shown => format!("{name}={}", self.texts.word(value)),
                Privacy::Private => format!("{name}  (a value of the caller's)"),
            };
            (text, origin)
        };
        let rows = variables.iter().map(row).collect();
        self.list("environment", rows);
    }

    fn tree(&mut self, tree: &TreePlan) {
        let TreePlan {
            sources,
            // Made from the mounts and the environment, which are shown.
            mount_points: _,
            search_path: _,
            library_path: _,
        } = tree;
        let row = |source| {
            let At { value, origin }: &At<TreeSource> = source;
            (source_text(self.texts, value), origin)
        };
        let rows = sources.iter().map(row).collect();
        self.list("tree", rows);
    }

    /// What the host and the sandbox have in common, since no step makes it new.
    fn shared(&mut self, namespaces: &Namespaces, network: &At<NetworkMode>) {
        let Namespaces {
            user,
            pid,
            ipc,
            uts,
            cgroup,
            time: _,
            hostname: _,
        } = namespaces;
        let off = |switch: &At<Switch>| !switch.value.is_on();
        let host_network = network.value == NetworkMode::Host;
        let all = [
            (host_network, "the network", &network.origin),
            (off(user), "users and capabilities", &user.origin),
            (off(pid), "processes", &pid.origin),
            (off(ipc), "message objects and shared memory", &ipc.origin),
            (off(uts), "the host name", &uts.origin),
            (off(cgroup), "the view of control groups", &cgroup.origin),
        ];
        let shared = all.into_iter().filter(|(is_shared, ..)| *is_shared);
        let rows = shared.map(|(_, text, origin)| (text.to_owned(), origin));
        self.list("shared", rows.collect());
    }

    fn limits(&mut self, group: &[GroupLimit], process: &[ProcessLimit]) {
        let key = |key: &str| key.trim_start_matches("limits.").to_owned();
        let texts = self.texts;
        let of_group = group.iter().map(|limit| {
            let GroupLimit {
                amount,
                origin,
                lacking,
            } = limit;
            let lacking = match lacking {
                Lacking::Refused => "",
                Lacking::Reported => "  (may be missing on a host without it)",
            };
            let value = texts.plain(&amount.value());
            let text = format!("{} {value}{lacking}", key(amount.key()));
            (text, origin)
        });
        let of_process = process.iter().map(|limit| {
            let soft = limit.limit.value.soft;
            let text = format!("{} {soft} for each process", limit.resource.key);
            (text, &limit.limit.origin)
        });
        let rows = of_group.chain(of_process).collect();
        self.list("limits", rows);
    }

    fn supervise(&mut self, supervise: &Supervise) {
        let Supervise {
            kill_on_parent_exit,
            stop_signal,
            stop_timeout,
        } = supervise;
        let text = format!(
            "{} asks, KILL {} later",
            stop_signal.value, stop_timeout.value
        );
        self.entry("stop", text, &stop_signal.origin);
        let text = match kill_on_parent_exit.value {
            Switch::On => "the sandbox ends too",
            Switch::Off => "the sandbox goes on",
        };
        let origin = &kill_on_parent_exit.origin;
        self.entry("caller ends", text.to_owned(), origin);
    }

    /// What outlives the run; its steps tell how, not that it does.
    fn kept(&mut self) {
        let texts = self.texts;
        let row = |(kept, origin): (&OpenKept, _)| {
            let text = match &kept.part {
                KeptPart::Tree => "writes to the tree".to_owned(),
                KeptPart::Overlay { source, target, .. } => {
                    let (source, target) = (texts.word(source), texts.word(target.as_str()));
                    format!("writes at {target}, over {source}")
                }
                KeptPart::Volume { name, target } => {
                    format!("volume {name} at {}", texts.word(target.as_str()))
                }
            };
            (text, origin)
        };
        let rows: Vec<_> = self.plan.kept().map(row).collect();
        if !rows.is_empty() {
            self.list("kept", rows);
        }
    }

    fn left_out(&mut self, left_out: &[At<String>]) {
        if left_out.is_empty() {
            return;
        }
        let row = |at| {
            let At { value, origin }: &At<String> = at;
            (self.texts.plain(value), origin)
        };
        let rows = left_out.iter().map(row).collect();
        self.list("left out", rows);
    }

    fn unprotected(&mut self, parts: &[At<OpenPart>]) {
        let row = |at: &At<OpenPart>| {
            let key = at.value.protection.key();
            let path = self.texts.word(at.value.path.as_str());
            format!("{key} {path}: {}", at.value)
        };
        let rows: Vec<_> = parts.iter().map(|at| (row(at), &at.origin)).collect();
        if !rows.is_empty() {
            self.list("unprotected", rows);
        }
    }
}

fn optional(missing: Missing) -> &'static str {
    match missing {
        Missing::Refused => "",
        Missing::Skipped => "  (optional)",
    }
}

fn kept(existing: Existing) -> &'static str {
    match existing {
        Existing::Replaced => "",
        Existing::Kept => "  (where no source gave one)",
    }
}

/// What one source brings into the tree.
pub(in crate::report) fn source_text(texts: Texts<'_>, source: &TreeSource) -> String {
    match source {
        TreeSource::Copy {
            from,
            to,
            exclude,
            missing,
            existing,
        } => {
            let mut text = format!("copy {}", texts.word(&from.to_string_lossy()));
            if let Some(to) = to {
                text += &format!(" to {}", texts.word(to.as_str()));
            }
            if !exclude.is_empty() {
                text += &format!("  without {}", texts.words(exclude));
            }
            text + optional(*missing) + kept(*existing)
        }
        TreeSource::Programs { programs, extra } => {
            let names: Vec<&str> = programs.iter().map(|name| name.value.as_str()).collect();
            let files = extra.iter().map(|file| file.value.to_string_lossy());
            let files: Vec<_> = files.collect();
            let text = format!("programs {}", texts.words(&names));
            match files.as_slice() {
                [] => text,
                files => format!("{text}  with {}", texts.words(files)),
            }
        }
        TreeSource::Bundle { bundles } => {
            let names: Vec<&str> = bundles.iter().map(|bundle| bundle.value.word()).collect();
            format!("bundle {}", names.join(" "))
        }
        TreeSource::Archive { path, sha256, to } => {
            let mut text = format!("archive {}", texts.word(&path.to_string_lossy()));
            if *to != InsidePath::root() {
                text += &format!(" in {}", texts.word(to.as_str()));
            }
            match sha256 {
                Some(sha256) => format!("{text}  sha256 {sha256}"),
                None => text,
            }
        }
        TreeSource::Image(ImageName {
            path,
            reference,
            platform,
        }) => {
            let mut text = format!("image {}", texts.word(&path.to_string_lossy()));
            if let Some(reference) = reference {
                text += &format!(" {}", texts.word(reference));
            }
            format!("{text}  for {platform}")
        }
        // Its text may be long and may hold what is private: the profile shows it.
        TreeSource::File {
            path,
            text,
            mode,
            existing,
        } => {
            let path = texts.word(path.as_str());
            let kept = kept(*existing);
            format!("file {path}  {mode}, {} bytes{kept}", text.len())
        }
        TreeSource::Dir { path, mode } => {
            format!("directory {}  {mode}", texts.word(path.as_str()))
        }
        TreeSource::Symlink {
            path,
            target,
            existing,
        } => {
            let (path, target) = (texts.word(path.as_str()), texts.word(target));
            format!("link {path} -> {target}{}", kept(*existing))
        }
    }
}
