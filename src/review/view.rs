//! What a program sees at a path inside, by the mounts of its settings alone: pure, the same on every machine.

use crate::diag::Origin;
use crate::model::host_sockets::below;
use crate::model::{Access, ByteSize, InsidePath, MountOption, Switch};
use crate::plan::{Missing, Mount, MountKind, OwnerMap, PartGuard, Settings};

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// What the root tree holds there.
    Tree,
    /// A path of the host.
    Host { path: String, owner: OwnerMap },
    /// One Unix socket of the host.
    Socket { path: String, owner: OwnerMap },
    /// What is kept under the sandbox's name.
    Kept(String),
    /// Memory.
    Memory,
    /// Something empty lies over it.
    Hidden,
}

/// What becomes of writes there, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Writing {
    Denied,
    /// Gone at exit.
    Discarded,
    /// Kept under the sandbox's name.
    Kept,
    /// They are the host's at once.
    Host,
}

/// What may lie at a path, and by which line.
#[derive(Debug, Clone)]
pub(super) struct Seen<'a> {
    pub content: Content,
    pub writing: Writing,
    /// What holds for it beside nosuid and nodev.
    pub options: Vec<MountOption>,
    /// Most that it may hold.
    pub size: Option<ByteSize>,
    pub origin: &'a Origin,
    /// Where it is mounted; the root where it is the tree.
    pub top: InsidePath,
    /// When it is that.
    pub when: When,
}

/// When something shows at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Wherever nothing that is told before lies over it.
    Always,
    /// Where the part of a bind is missing at the start that would lie over it.
    Unguarded,
}

impl Seen<'_> {
    /// Whether it shows wherever `other` would.
    pub fn shows_as_often(&self, other: &Seen<'_>) -> bool {
        self.when == When::Always || other.when == When::Unguarded
    }
}

/// All that may lie at `path`, the uppermost first: below an optional mount, and below a part that may be missing, lies
/// what shows where the host lacks it. The last one is always there.
pub(super) fn view<'a>(settings: &'a Settings, path: &InsidePath) -> Vec<Seen<'a>> {
    let over = settings.mounts.iter().rev();
    let mut over = over.filter(|mount| path.is_within(&mount.value.target));
    let mut seen = Vec::new();
    let mut guards: Vec<(&Origin, Switch)> = Vec::new();
    let mut when = When::Always;
    let mut hidden: Option<&Origin> = None;
    for mount in over.by_ref() {
        match &mount.value.kind {
            MountKind::Part {
                guard: PartGuard::Hidden,
                may_miss,
                ..
            } => {
                let content = Content::Hidden;
                seen.push(at(&mount.value, content, Writing::Denied, &mount.origin));
                if !may_miss.is_on() {
                    return seen;
                }
                when = When::Unguarded;
                hidden = hidden.or(Some(&mount.origin));
            }
            MountKind::Part {
                guard: PartGuard::ReadOnly,
                may_miss,
                ..
            } => guards.push((&mount.origin, *may_miss)),
            MountKind::Part { .. } => {}
            kind => {
                let one = mounted(settings, &mount.value, path, &mount.origin);
                let origin = hidden.unwrap_or(one.origin);
                seen.extend(guarded(
                    Seen {
                        when,
                        origin,
                        ..one
                    },
                    &guards,
                ));
                if missing(kind) == Missing::Refused {
                    return seen;
                }
            }
        }
    }
    seen.push(Seen {
        content: Content::Tree,
        writing: tree_writing(settings),
        options: Vec::new(),
        size: None,
        origin: &settings.writes.origin,
        top: InsidePath::root(),
        when,
    });
    seen
}

/// What is mounted with what keeps it from being written, the uppermost first: where that may be missing, also what
/// shows without it.
fn guarded<'a>(one: Seen<'a>, guards: &[(&'a Origin, Switch)]) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    for (line, may_miss) in guards {
        seen.push(Seen {
            writing: Writing::Denied,
            origin: line,
            ..one.clone()
        });
        if !may_miss.is_on() {
            return seen;
        }
    }
    let (when, origin) = match guards.first() {
        None => (one.when, one.origin),
        Some((line, _)) => (When::Unguarded, *line),
    };
    seen.push(Seen {
        when,
        origin,
        ..one
    });
    seen
}

fn tree_writing(settings: &Settings) -> Writing {
    use crate::model::Writes;
    match settings.writes.value {
        Writes::Deny => Writing::Denied,
        Writes::Discard => Writing::Discarded,
        Writes::Keep => Writing::Kept,
    }
}

fn missing(kind: &MountKind) -> Missing {
    match kind {
        MountKind::Bind { missing, .. } | MountKind::Socket { missing, .. } => *missing,
        MountKind::Part { .. } | MountKind::Volume { .. } | MountKind::Tmpfs { .. } => {
            Missing::Refused
        }
    }
}

fn at<'a>(mount: &Mount, content: Content, writing: Writing, origin: &'a Origin) -> Seen<'a> {
    Seen {
        content,
        writing,
        options: mount.options.clone(),
        size: None,
        origin,
        top: mount.target.clone(),
        when: When::Always,
    }
}

fn mounted<'a>(
    settings: &Settings,
    mount: &Mount,
    path: &InsidePath,
    origin: &'a Origin,
) -> Seen<'a> {
    let rest = rest(path, &mount.target);
    match &mount.kind {
        MountKind::Bind {
            source,
            access,
            owner,
            ..
        } => {
            let writing = match access {
                Access::ReadOnly => Writing::Denied,
                Access::Overlay => Writing::Kept,
                Access::ReadWrite => Writing::Host,
            };
            let path = joined(source, rest);
            let owner = *owner;
            at(mount, Content::Host { path, owner }, writing, origin)
        }
        MountKind::Socket { source, owner, .. } => {
            let (path, owner) = (source.clone(), *owner);
            at(
                mount,
                Content::Socket { path, owner },
                Writing::Denied,
                origin,
            )
        }
        MountKind::Volume { name } => {
            let kept = joined(&format!("{}/{name}", settings.name.value), rest);
            at(mount, Content::Kept(kept), Writing::Kept, origin)
        }
        MountKind::Tmpfs { size, .. } => Seen {
            size: Some(*size),
            ..at(mount, Content::Memory, Writing::Discarded, origin)
        },
        // Its caller follows it to what it is a part of.
        MountKind::Part { .. } => at(mount, Content::Hidden, Writing::Denied, origin),
    }
}

/// What of `path` lies below `top`.
pub(super) fn rest<'a>(path: &'a InsidePath, top: &InsidePath) -> &'a str {
    match top.as_str() {
        "/" => path.as_str().trim_start_matches('/'),
        top => below(path.as_str(), top).unwrap_or_default(),
    }
}

/// The path `rest` below `top`.
pub(super) fn joined(top: &str, rest: &str) -> String {
    match rest {
        "" => top.to_owned(),
        rest => format!("{}/{rest}", top.trim_end_matches('/')),
    }
}
