//! Each action in the kernel's terms, for printed plans and for messages about a step that failed.

mod flags;
mod ids;

use std::collections::BTreeMap;

use crate::model::{Access, Capability, InsidePath, SeccompPolicy};
use crate::plan::{
    Action, Clock, ClockOffset, DeviceRule, GroupLimits, GuardPart, HostDevice, KeptPart,
    LandlockRules, MountAction, MountPointKind, OpenBind, OpenKept, OwnerMap, PartGuard, Plan,
    PrivateValues, ProcessLimit, ProgramAction, Slot, SysSource, TargetPoint, Terminal,
};

use super::printable::whole;
use flags::{mount_flags, optional, place, proc_options, tmpfs_options};
pub(super) use ids::extents;
use ids::{id_maps, leave_groups};

/// An action as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActionText {
    /// What is done to what: `mount proc at /proc`.
    pub what: String,
    /// How, where there is more to say: `hidepid=invisible nosuid nodev noexec`.
    pub how: String,
}

impl ActionText {
    /// Both parts in one line.
    pub fn line(&self) -> String {
        match self.how.as_str() {
            "" => self.what.clone(),
            how => format!("{}  {how}", self.what),
        }
    }
}

/// Makes the texts of one plan's actions; nothing private and nothing that a terminal acts upon gets
/// into them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    plan: &'a Plan,
    opened: Option<&'a Opened<'a>>,
}

/// What the steps of a plan open, by slot: for who tells of all steps, of which there may be tens of thousands.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    binds: BTreeMap<Slot, &'a OpenBind>,
    kept: BTreeMap<Slot, &'a OpenKept>,
}

impl<'a> Opened<'a> {
    /// Everything that `plan` opens.
    pub fn of(plan: &'a Plan) -> Opened<'a> {
        let binds = plan.steps.iter().filter_map(|step| match &step.action {
            Action::OpenBind(bind) => Some((bind.slot, bind)),
            _ => None,
        });
        Opened {
            binds: binds.collect(),
            kept: plan.kept().map(|(kept, _)| (kept.slot, kept)).collect(),
        }
    }
}

impl<'a> Texts<'a> {
    pub fn new(plan: &'a Plan) -> Texts<'a> {
        Texts { plan, opened: None }
    }

    /// The same, with everything at hand that is opened.
    pub fn with(self, opened: &'a Opened<'a>) -> Texts<'a> {
        let opened = Some(opened);
        Texts { opened, ..self }
    }

    /// The text of `action`.
    pub fn action(&self, action: &Action) -> ActionText {
        let (what, how) = self.parts(action);
        ActionText { what, how }
    }

    /// A text of the profile as a shell would take it for one word.
    pub fn word(&self, text: &str) -> String {
        quoted(&self.plain(text))
    }

    /// Several words with spaces between them.
    pub fn words(&self, texts: &[impl AsRef<str>]) -> String {
        let words: Vec<String> = texts.iter().map(|text| self.word(text.as_ref())).collect();
        words.join(" ")
    }

    /// A text of the profile that stands for itself.
    pub fn plain(&self, text: &str) -> String {
        let private: &PrivateValues = &self.plan.settings.private;
        whole(&private.hide(text))
    }

    fn parts(&self, action: &Action) -> (String, String) {
        match action {
            Action::LeaveGroups { keep } => leave_groups(keep),
            Action::MakeGroups(limits) => {
                with("make the control groups", group_limits(limits, *self))
            }
            Action::OpenTree { owner, access } => {
                with("open the root tree", mount_flags(*access, &[], *owner))
            }
            Action::OpenBind(bind) => self.open_bind(bind),
            Action::OpenKept(kept) => self.open_kept(kept),
            Action::Clone { namespaces } => {
                let names: Vec<&str> = namespaces.iter().map(|name| name.name()).collect();
                bare(format!("clone3 {}", names.join(" ")).trim_end())
            }
            Action::JoinNamespaces { namespaces } => {
                let names: Vec<&str> = namespaces.iter().map(|name| name.name()).collect();
                bare(&format!("setns {}", names.join(" ")))
            }
            Action::WriteIdMaps(maps) => id_maps(maps),
            Action::Start => bare("let the first process go on"),
            Action::DieWithParent => bare("pdeathsig KILL"),
            Action::WaitForStart => bare("wait for the parent"),
            Action::BecomeUser(ids) => {
                bare(&format!("setresgid {}, setresuid {}", ids.gid, ids.uid))
            }
            Action::EnterGroups => bare("enter the control groups"),
            Action::NewCgroupNamespace => bare("unshare cgroup"),
            Action::NoNewPrivileges => bare("no_new_privs"),
            Action::NewSession => bare("setsid, new session keyring"),
            Action::BecomeSubreaper => bare("child subreaper"),
            Action::PrivateMounts => bare("make all mounts private"),
            Action::Mount(action) => self.mount(action),
            Action::PivotRoot => bare("pivot_root, detach the old root"),
            Action::SetHostName(name) => bare(&format!("sethostname {}", self.word(name))),
            Action::LoopbackUp => bare("bring lo up"),
            Action::SetClocks(clocks) => with("unshare time", clock_offsets(clocks)),
            Action::ForbidUserNamespaces => bare("user.max_user_namespaces 0, and a try"),
            Action::DropBoundingSet(keep) => bare(&format!("bounding set {}", capabilities(keep))),
            Action::SetCapabilities(keep) => bare(&format!("capabilities {}", capabilities(keep))),
            Action::HideInit => bare("dumpable 0, wipe the arguments"),
            Action::Fork => bare("fork the program"),
            Action::Program(action) => self.program(action),
            Action::Filter(SeccompPolicy::None) => bare("seccomp for set-id modes alone"),
            Action::Filter(policy) => bare(&format!("seccomp {policy}")),
            Action::Reap => bare("reap until the program ends"),
        }
    }

    fn open_bind(&self, bind: &OpenBind) -> (String, String) {
        let OpenBind {
            slot: _,
            source,
            shape: _,
            access,
            options,
            owner,
            missing,
            accepts: _,
        } = bind;
        // What lies below an overlay is never written.
        let access = match access {
            Access::Overlay => Access::ReadOnly,
            access => *access,
        };
        let flags = mount_flags(access, options, *owner);
        let what = format!("open {}", self.word(source));
        (what, flags + optional(*missing))
    }

    fn open_kept(&self, kept: &OpenKept) -> (String, String) {
        let OpenKept {
            slot: _,
            part,
            owner,
            options,
        } = kept;
        let flags = mount_flags(Access::ReadWrite, options, *owner);
        (format!("open {}", self.kept(part)), flags)
    }

    /// A part of what is kept, as a message calls it.
    pub fn kept(&self, part: &KeptPart) -> String {
        match part {
            KeptPart::Tree => "the kept writes to the tree".to_owned(),
            KeptPart::Overlay { source, .. } => {
                format!("the kept writes over {}", self.word(source))
            }
            KeptPart::Volume { name, .. } => format!("the volume {name}"),
        }
    }

    fn mount(&self, action: &MountAction) -> (String, String) {
        match action {
            MountAction::MountRoot => bare("mount the tree at /"),
            MountAction::MountOverlay { size } => with(
                "mount overlay at /",
                format!("upper in memory, size={size}"),
            ),
            MountAction::MountKept { .. } => with("mount overlay at /", "upper on disk".to_owned()),
            MountAction::AttachOverlay {
                lower,
                upper: _,
                target,
                options,
                point,
            } => {
                let target = self.word(target.as_str());
                let source = self.source(*lower).map(|bind| self.word(&bind.source));
                let over = source.map_or_else(String::new, |source| format!(" over {source}"));
                let flags = mount_flags(Access::ReadWrite, options, OwnerMap::Kept);
                let how = format!("upper on disk, {flags}{}", place(*point));
                with(&format!("mount overlay{over} at {target}"), how)
            }
            MountAction::JoinTerminals => bare("open a terminal of /dev/pts"),
            MountAction::MountDev => mounted("tmpfs", "/dev", "nosuid noexec"),
            MountAction::MountDevice(device) => self.device(device),
            MountAction::MountPts => mounted("devpts", "/dev/pts", "newinstance nosuid noexec"),
            MountAction::MountShm { size } => {
                mounted("tmpfs", "/dev/shm", &format!("size={size} nosuid nodev"))
            }
            MountAction::MountMqueue => mounted("mqueue", "/dev/mqueue", "nosuid nodev noexec"),
            MountAction::OpenTerminal => bare("open a terminal, bind it at /dev/console"),
            MountAction::SealDev => with("remount /dev", "ro".to_owned()),
            MountAction::MountProc(kind) => mounted("proc", "/proc", proc_options(*kind)),
            MountAction::MaskProc(path) => bare(&format!("mask /proc/{path}")),
            MountAction::SealProc(path) => with(&format!("bind /proc/{path}"), "ro".to_owned()),
            MountAction::MountSys(SysSource::New) => {
                mounted("sysfs", "/sys", "ro nosuid nodev noexec")
            }
            MountAction::MountSys(SysSource::Host) => {
                with("bind /sys", "ro nosuid nodev noexec".to_owned())
            }
            MountAction::MaskSys(path) => bare(&format!("mask /sys/{path}")),
            MountAction::MountCgroup => {
                let what = "bind its own groups at /sys/fs/cgroup";
                with(what, "ro nosuid nodev noexec".to_owned())
            }
            MountAction::Attach {
                slot,
                target,
                shape,
                point,
            } => self.attach(*slot, target, *shape, *point),
            MountAction::GuardPart(part) => self.guard(part),
            MountAction::CheckMissing { target, .. } => {
                let what = format!("look for {}", self.word(target.as_str()));
                (what, "must be missing".to_owned())
            }
            MountAction::MountEmpty => bare("mount an empty file and directory below /dev"),
            MountAction::MountTmpfs {
                target,
                size,
                mode,
                options,
                point,
            } => {
                let what = format!("mount tmpfs at {}", self.word(target.as_str()));
                (what, tmpfs_options(*size, *mode, options) + place(*point))
            }
        }
    }

    fn guard(&self, part: &GuardPart) -> (String, String) {
        let GuardPart {
            slot: _,
            below: _,
            target,
            guard,
            shape: _,
        } = part;
        let target = self.word(target.as_str());
        match guard {
            PartGuard::Pinned => bare(&format!("bind {target} over itself")),
            PartGuard::ReadOnly => with(&format!("bind {target} over itself"), "ro".to_owned()),
            PartGuard::Hidden => bare(&format!("hide {target}")),
        }
    }

    fn device(&self, device: &HostDevice) -> (String, String) {
        let HostDevice {
            path,
            shape: _,
            number,
            missing,
        } = device;
        let what = format!("bind {}", self.word(path.as_str()));
        let number = number.map_or_else(String::new, |(major, minor)| format!("{major}:{minor} "));
        (what, format!("{number}nosuid noexec{}", optional(*missing)))
    }

    fn attach(
        &self,
        slot: Slot,
        target: &InsidePath,
        shape: MountPointKind,
        point: TargetPoint,
    ) -> (String, String) {
        let kind = match shape {
            MountPointKind::Directory => "",
            MountPointKind::File => " on a file",
        };
        let target = self.word(target.as_str());
        let what = match (self.source(slot), self.kept_in(slot)) {
            (Some(bind), _) => format!("bind {} at {target}", self.word(&bind.source)),
            (None, Some(kept)) => format!("bind {} at {target}", self.kept(&kept.part)),
            (None, None) => format!("bind at {target}"),
        };
        (
            what,
            format!("{kind}{}", place(point)).trim_start().to_owned(),
        )
    }

    /// What waits in `slot`.
    pub fn source(&self, slot: Slot) -> Option<&'a OpenBind> {
        if let Some(opened) = self.opened {
            return opened.binds.get(&slot).copied();
        }
        self.plan.steps.iter().find_map(|step| match &step.action {
            Action::OpenBind(bind) if bind.slot == slot => Some(bind),
            _ => None,
        })
    }

    fn kept_in(&self, slot: Slot) -> Option<&'a OpenKept> {
        if let Some(opened) = self.opened {
            return opened.kept.get(&slot).copied();
        }
        let mut kept = self.plan.kept().map(|(kept, _)| kept);
        kept.find(|kept| kept.slot == slot)
    }

    fn program(&self, action: &ProgramAction) -> (String, String) {
        match action {
            ProgramAction::OwnProcessGroup => match self.plan.settings.command.terminal.value {
                Terminal::Own => bare("setpgid, tcsetpgrp"),
                Terminal::Inherited => bare("setpgid"),
            },
            ProgramAction::LimitProcess(limit) => process_limit(limit),
            ProgramAction::SetUmask(mask) => bare(&format!("umask {mask}")),
            ProgramAction::ResetSignals => bare("all signals default, none blocked"),
            ProgramAction::ChangeDirectory(path) => {
                bare(&format!("chdir {}", self.word(path.as_str())))
            }
            ProgramAction::RefuseMagicLinks { .. } => {
                bare("the program leads through no magic link")
            }
            ProgramAction::CloseDescriptors { keep } => {
                let keep: Vec<String> = keep.iter().map(ToString::to_string).collect();
                let but = if keep.is_empty() {
                    String::new()
                } else {
                    format!("all but {}", keep.join(" "))
                };
                with("close descriptors from 3 on", but)
            }
            ProgramAction::Landlock(rules) => landlock(rules, *self),
            ProgramAction::Probe(probes) => {
                let tests = probes.iter().map(|probe| {
                    let what = &probe.what;
                    format!("{} {}", what.key(), self.word(&what.to_string()))
                });
                let tests: Vec<String> = tests.collect();
                with("fork a process for each test", tests.join(", "))
            }
            ProgramAction::Answer => bare("try what is expected"),
            ProgramAction::Execute { candidates, args } => {
                let what = format!("execve {}", self.words(args));
                match candidates.as_slice() {
                    [one] if args.first() == Some(one) => (what, String::new()),
                    several => (what, format!("the first of {}", self.words(several))),
                }
            }
        }
    }
}

fn landlock(rules: &LandlockRules, texts: Texts<'_>) -> (String, String) {
    let LandlockRules {
        abi,
        places,
        descriptors: _,
    } = rules;
    let places = places.iter().map(|place| {
        let path = texts.word(place.path.as_str());
        format!("{} {path}", place.reach.name())
    });
    let mut how: Vec<String> = places.collect();
    if abi.has_scopes() {
        how.push("no abstract sockets and no signals of others".to_owned());
    }
    with(&format!("landlock {abi}"), how.join(", "))
}

fn bare(what: &str) -> (String, String) {
    (what.to_owned(), String::new())
}

fn with(what: &str, how: String) -> (String, String) {
    (what.to_owned(), how)
}

fn mounted(kind: &str, target: &str, options: &str) -> (String, String) {
    with(&format!("mount {kind} at {target}"), options.to_owned())
}

fn group_limits(limits: &GroupLimits, words: Texts<'_>) -> String {
    let amounts = limits.list.iter().map(|limit| {
        let key = limit.amount.key().trim_start_matches("limits.");
        format!("{key}={}", words.plain(&limit.amount.value()))
    });
    let mut texts: Vec<String> = amounts.collect();
    if !limits.devices.is_empty() {
        let devices = limits.devices.iter().map(|rule| device_rule(rule, words));
        texts.push(format!("devices={}", devices.collect::<Vec<_>>().join(",")));
    }
    texts.join(" ")
}

fn device_rule(rule: &DeviceRule, words: Texts<'_>) -> String {
    match rule {
        DeviceRule::Number {
            major,
            minor: Some(minor),
        } => format!("{major}:{minor}"),
        DeviceRule::Number { major, minor: None } => format!("{major}:*"),
        DeviceRule::Path(path) => words.word(path.as_str()),
        DeviceRule::Streams => "streams".to_owned(),
    }
}

fn clock_offsets(clocks: &[ClockOffset]) -> String {
    let offsets = clocks.iter().map(|ClockOffset { clock, offset }| {
        let name = match clock {
            Clock::Monotonic => "monotonic",
            Clock::Boottime => "boottime",
        };
        format!("{name}={offset}")
    });
    offsets.collect::<Vec<_>>().join(" ")
}

/// `none`, or their names.
pub(super) fn capabilities(list: &[Capability]) -> String {
    if list.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = list.iter().map(ToString::to_string).collect();
    names.join(" ")
}

fn process_limit(limit: &ProcessLimit) -> (String, String) {
    let what = format!("setrlimit {}", limit.resource.kernel_name);
    let (soft, hard) = (limit.limit.value.soft, limit.limit.value.hard);
    let how = if soft == hard {
        soft.to_string()
    } else {
        format!("soft {soft}, hard {hard}")
    };
    (format!("{what} {how}"), String::new())
}

/// `text` as one word of a shell: quotes only where it needs them.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%^~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_a_shell_takes_them() {
        assert_eq!(quoted("/bin/bash"), "/bin/bash");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("$(x)"), "'$(x)'");
    }
}
