//! Why a path inside can be read or written.

use crate::diag::{At, Origin};
use crate::model::host_sockets::below;
use crate::model::{InsidePath, ProcMount, SysMount, Writes};
use crate::plan::{DEVICES, Settings, TreeSource};
use crate::review::diff::{matches, touches};
use crate::review::view::{Content, Seen, Writing, view};

use super::{Answer, Verdict};

/// What is there always, beside [`DEVICES`].
const OF_DEV: [&str; 7] = [
    "/dev/shm",
    "/dev/pts",
    "/dev/ptmx",
    "/dev/fd",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/stderr",
];

pub(super) fn answer(settings: &Settings, path: &InsidePath, write: bool) -> Answer {
    let text = path.as_str();
    for (top, answer) in [
        ("/proc", of_proc as fn(&Settings, &str, bool) -> Answer),
        ("/sys", of_sys),
        ("/dev", of_dev),
    ] {
        if below(text, top).is_some() {
            return answer(settings, text, write);
        }
    }
    let seen = view(settings, path);
    let mut answers = seen.iter().map(|seen| of_seen(settings, path, write, seen));
    let Some(mut answer) = answers.next() else {
        return of_tree(settings, path, write);
    };
    for other in answers {
        let words = "it is optional: where the host lacks it, this is what shows";
        if other.verdict != answer.verdict {
            answer.verdict = Verdict::Depends;
        }
        answer = answer.and(words, &Origin::Default);
        answer.reasons.extend(other.reasons);
    }
    answer
}

fn of_seen(settings: &Settings, path: &InsidePath, write: bool, seen: &Seen<'_>) -> Answer {
    let (origin, top) = (seen.origin, &seen.top);
    let (verdict, reason) = match (&seen.content, seen.writing) {
        (Content::Tree, _) => return of_tree(settings, path, write),
        (Content::Hidden, _) => (
            Verdict::Denied,
            format!("something empty lies over `{top}`"),
        ),
        (Content::Host { path, .. }, Writing::Denied) if write => (
            Verdict::Denied,
            format!("it is the host's `{path}`, and read-only by what lies at `{top}`"),
        ),
        (Content::Host { path, .. }, _) => {
            let text = "if that is there and its permissions let the program";
            (
                Verdict::Depends,
                format!("it is the host's `{path}`, mounted at `{top}`: {text}"),
            )
        }
        (Content::Socket { .. }, _) if path != top => (
            Verdict::Denied,
            format!("`{top}` is a socket: nothing lies below it"),
        ),
        (Content::Socket { path, .. }, _) => (
            Verdict::Depends,
            format!("it is the host's socket `{path}`, if somebody listens there"),
        ),
        (Content::Kept(name), _) => (
            Verdict::Allowed,
            format!("it lies in what is kept as `{name}`, mounted at `{top}`"),
        ),
        (Content::Memory, _) => (
            Verdict::Allowed,
            format!("it lies in memory, mounted at `{top}`"),
        ),
    };
    Answer::new(verdict, reason, origin)
}

fn of_tree(settings: &Settings, path: &InsidePath, write: bool) -> Answer {
    let link = settings.tree.sources.iter().find_map(|at| match &at.value {
        TreeSource::Symlink {
            path: link, target, ..
        } if path.is_within(link) => Some((link, target, &at.origin)),
        _ => None,
    });
    if let Some((link, target, origin)) = link {
        let reason = format!("`{link}` is a link to `{target}`: ask about what it leads to");
        return Answer::new(Verdict::Depends, reason, origin);
    }
    let writes = &settings.writes;
    if write {
        let (verdict, reason) = match writes.value {
            Writes::Deny => (Verdict::Denied, "the root tree is read-only"),
            Writes::Discard => (
                Verdict::Allowed,
                "it lies in the root tree, whose writes are gone at exit",
            ),
            Writes::Keep => (
                Verdict::Allowed,
                "it lies in the root tree, whose writes are kept",
            ),
        };
        return Answer::new(verdict, reason, &writes.origin);
    }
    let sources = settings.tree.sources.iter().rev();
    let mut found = sources.filter_map(|at| brings(at, path).map(|verdict| (verdict, at)));
    if let Some((verdict, at)) = found.next() {
        let reason = match verdict {
            Verdict::Depends => "a source of the root tree brings it, if it is there on the host",
            Verdict::Allowed | Verdict::Denied => "a source of the root tree brings it",
        };
        return Answer::new(verdict, reason, &at.origin);
    }
    let mut mounts = settings.mounts.iter();
    if let Some(mount) = mounts.find(|mount| mount.value.target.is_within(path)) {
        let reason = format!("it is on the way to the mount at `{}`", mount.value.target);
        return Answer::new(Verdict::Allowed, reason, &mount.origin);
    }
    if *path == InsidePath::root() {
        return Answer::new(Verdict::Allowed, "it is the root tree", &Origin::Default);
    }
    Answer::new(
        Verdict::Denied,
        "no source and no mount brings it",
        &Origin::Default,
    )
}

/// Whether a source brings a path, or a directory on the way to what it brings.
fn brings(source: &At<TreeSource>, path: &InsidePath) -> Option<Verdict> {
    let text = path.as_str();
    match &source.value {
        TreeSource::Copy { from, to, .. } => {
            let from = from.to_string_lossy();
            let at = to.as_ref().map_or(&*from, InsidePath::as_str);
            touches(at, text).then_some(Verdict::Depends)
        }
        TreeSource::Archive { to, .. } => touches(to.as_str(), text).then_some(Verdict::Depends),
        // What they bring only the host knows.
        TreeSource::Image(_) | TreeSource::Programs { .. } | TreeSource::Bundle { .. } => {
            Some(Verdict::Depends)
        }
        TreeSource::File { path: made, .. } | TreeSource::Dir { path: made, .. } => {
            made.is_within(path).then_some(Verdict::Allowed)
        }
        TreeSource::Symlink { path: made, .. } => made.is_within(path).then_some(Verdict::Allowed),
    }
}

fn of_proc(settings: &Settings, path: &str, write: bool) -> Answer {
    let proc = &settings.system.proc;
    let whole = proc.value == ProcMount::Private;
    let of_processes = path == "/proc"
        || path.starts_with("/proc/self")
        || path.starts_with("/proc/thread-self")
        || path
            .strip_prefix("/proc/")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let (verdict, reason) = match proc.value {
        ProcMount::None => (Verdict::Denied, "there is no `/proc`"),
        _ if write && !of_processes && settings.namespaces.user.value.is_on() => (
            Verdict::Denied,
            "of `/proc`, only what is of a process may be written",
        ),
        ProcMount::Pids | ProcMount::Private if of_processes => (
            Verdict::Depends,
            "`/proc` shows the processes: the kernel decides for each file",
        ),
        _ if whole => (
            Verdict::Depends,
            "`/proc` shows it, if this kernel has it and it is not masked",
        ),
        _ => (Verdict::Denied, "`/proc` shows processes alone"),
    };
    Answer::new(verdict, reason, &proc.origin)
}

fn of_sys(settings: &Settings, path: &str, write: bool) -> Answer {
    let (sys, cgroup) = (&settings.system.sys, &settings.system.cgroup);
    let of_groups = path.starts_with("/sys/fs/cgroup") && cgroup.value.word() != "none";
    let origin = if of_groups {
        &cgroup.origin
    } else {
        &sys.origin
    };
    let (verdict, reason) = match (sys.value, write) {
        (SysMount::None, _) if !of_groups => (Verdict::Denied, "there is no `/sys`"),
        (_, true) => (Verdict::Denied, "it is read-only"),
        (_, false) => (Verdict::Depends, "it shows what the host's kernel has"),
    };
    Answer::new(verdict, reason, origin)
}

fn of_dev(settings: &Settings, path: &str, write: bool) -> Answer {
    let system = &settings.system;
    let mut devices = system.devices.iter();
    let is_in = |top: &str| below(path, top).is_some();
    let device =
        devices.find(|at| matches(at.value.path.as_str(), path) || is_in(at.value.path.as_str()));
    if let Some(device) = device {
        let reason = "it is a device of the host, if it is there";
        return Answer::new(Verdict::Depends, reason, &device.origin);
    }
    if is_in("/dev/mqueue") && system.mqueue.value.is_on() {
        let reason = "the sandbox's own message queues are shown";
        return Answer::new(Verdict::Allowed, reason, &system.mqueue.origin);
    }
    let mut always = DEVICES.iter().map(|(path, _)| path).chain(&OF_DEV);
    match always.any(|top| is_in(top)) || (path == "/dev" && !write) {
        true => Answer::new(Verdict::Allowed, "every sandbox has it", &Origin::Default),
        false => Answer::new(
            Verdict::Denied,
            "`system.dev` does not name it",
            &Origin::Default,
        ),
    }
}
