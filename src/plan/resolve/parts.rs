//! `read_only` and `hide` of a bind: parts of it that are mounted over themselves, or hidden.
//!
//! A mount point can be neither renamed nor removed in its own mount namespace, but the directory that
//! holds it can: `mv .git x; mkdir -p .git/hooks` would leave a `.git/hooks` that nothing protects. So
//! where the program may write, each directory on the way is a mount point of its own.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::diag::{At, Origin, Problem};
use crate::model::{Access, InsidePath, OnDeny, PartFact, PartPath, Protection, Switch};
use crate::plan::base;
use crate::plan::{
    Loss, Mount, MountKind, MountPointKind, OpenPart, PartGuard, Syscalls, TargetPoint,
};
use crate::profile::raw::RawMount;
use crate::seccomp::{NestedUserNamespaces, Standing, Verdicts};

use super::open_elsewhere;
use super::scope::Scope;
use super::security::Security;
use super::sources::Tree;

/// An entry of one of the two lists.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub path: &'a At<PartPath>,
    pub protection: Protection,
}

/// A bind with parts.
pub(super) struct Top<'a> {
    pub mount: At<Mount>,
    pub source: String,
    access: Access,
    shape: MountPointKind,
    pub entries: Vec<Entry<'a>>,
}

/// Adds the parts of each bind behind it; gives those that stay open.
pub(super) fn guard(
    raw: &[At<RawMount>],
    tree: &Tree,
    mounts: &mut Vec<At<Mount>>,
    scope: &mut Scope<'_>,
) -> Vec<At<OpenPart>> {
    let mut tops = tops(raw, mounts);
    for top in &mut tops {
        top.judge(mounts, scope);
    }
    for top in &tops {
        open_elsewhere::judge(top, &tops, tree, mounts, scope);
    }
    let mut open = Vec::new();
    for top in &tops {
        let parts = top.parts(&mut open, scope);
        let place = mounts.iter().position(|mount| *mount == top.mount);
        let behind = place.map_or(mounts.len(), |place| place + 1);
        mounts.splice(behind..behind, parts);
    }
    open
}

/// The binds that have entries and are there.
fn tops<'a>(raw: &'a [At<RawMount>], mounts: &[At<Mount>]) -> Vec<Top<'a>> {
    let placed = mounts.iter().map(|mount| (&mount.origin, mount));
    let placed: HashMap<&Origin, &At<Mount>> = placed.collect();
    let asked = raw.iter().filter_map(|written| {
        let RawMount::Bind {
            read_only, hide, ..
        } = &written.value
        else {
            return None;
        };
        let entries = |list: &'a [At<PartPath>], protection| {
            list.iter().map(move |path| Entry { path, protection })
        };
        let read_only = entries(read_only, Protection::ReadOnly);
        let entries: Vec<_> = read_only.chain(entries(hide, Protection::Hide)).collect();
        let mount = placed.get(&written.origin)?;
        let MountKind::Bind {
            source,
            access,
            shape,
            ..
        } = &mount.value.kind
        else {
            return None;
        };
        let (mount, source) = ((*mount).clone(), source.clone());
        let (access, shape) = (*access, *shape);
        Some(Top {
            mount,
            source,
            access,
            shape,
            entries,
        })
    });
    asked.filter(|top| !top.entries.is_empty()).collect()
}

impl Top<'_> {
    /// The path inside of an entry.
    pub fn inside(&self, entry: &Entry<'_>) -> Option<InsidePath> {
        self.mount.value.target.join(entry.path.value.as_str()).ok()
    }

    /// Keeps the entries that have a meaning.
    fn judge(&mut self, mounts: &[At<Mount>], scope: &mut Scope<'_>) {
        let entries = std::mem::take(&mut self.entries);
        if self.shape == MountPointKind::File
            && let Some(first) = entries.first()
        {
            let message = format!("`{}` names parts of a file", first.protection.key());
            let problem = first.path.error("mount.part-of-file", message);
            return scope.report(problem.help("bind the directory that holds it"));
        }
        let mut known: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
        for entry in entries {
            match known.get(entry.path.value.as_str()) {
                Some(first) if same(first, &entry) => {}
                Some(first) => scope.report(twice(&entry, first)),
                None => {
                    known.insert(entry.path.value.as_str(), entry);
                }
            }
        }
        for entry in known.values() {
            let offence = in_hidden(entry, &known).or_else(|| self.under_mount(entry, mounts));
            if scope.sound(offence).is_some() && self.has_effect(entry, scope) {
                self.entries.push(*entry);
            }
        }
    }

    /// What another mount over or below the part makes of it.
    fn under_mount(&self, entry: &Entry<'_>, mounts: &[At<Mount>]) -> Option<Problem> {
        let (top, path) = (&self.mount.value.target, self.inside(entry)?);
        let key = entry.protection.key();
        let shown = &entry.path.value;
        let mut below = mounts.iter().filter(|mount| {
            mount.origin != self.mount.origin
                && mount.value.target != *top
                && mount.value.target.is_within(top)
        });
        below.find_map(|mount| {
            let target = &mount.value.target;
            if path.is_within(target) {
                let message = format!("`{key}` path `{shown}` is covered by another mount");
                let problem = entry.path.error("mount.part-covered", message);
                let problem = problem.also(&mount.origin, format!("this is mounted on `{target}`"));
                return Some(problem.help("remove one of the two"));
            }
            if entry.protection == Protection::Hide && target.is_within(&path) {
                let message = format!("a mount lies in the hidden directory `{shown}`");
                let problem = Problem::error("mount.in-hidden", &mount.origin, message);
                let problem = problem.also(&entry.path.origin, "this hides it");
                return Some(
                    problem.help(
                        "hide what lies beside it by its own paths, or choose another target",
                    ),
                );
            }
            None
        })
    }

    /// Nothing of a read-only bind can be written.
    fn has_effect(&self, entry: &Entry<'_>, scope: &mut Scope<'_>) -> bool {
        let void = entry.protection == Protection::ReadOnly && self.access == Access::ReadOnly;
        if void {
            let shown = &entry.path.value;
            let message =
                format!("`read_only` path `{shown}` says nothing new: the bind is read-only");
            let problem = Problem::warning("mount.read-only-already", &entry.path.origin, message);
            scope.report(problem.help("remove it, or write `access = \"rw\"`"));
        }
        !void
    }

    /// The mounts for the entries, parents first.
    fn parts(&self, open: &mut Vec<At<OpenPart>>, scope: &mut Scope<'_>) -> Vec<At<Mount>> {
        let mut parts: BTreeMap<(usize, InsidePath), At<Mount>> = BTreeMap::new();
        for entry in &self.entries {
            let (Some(path), Some(shape)) = (self.inside(entry), self.found(entry, open, scope))
            else {
                continue;
            };
            let below = entry.path.value.as_str();
            for pin in pins(&self.mount, Path::new(below), &entry.path.origin) {
                let place = (pin.value.target.depth(), pin.value.target.clone());
                parts.entry(place).or_insert(pin);
            }
            let guard = match entry.protection {
                Protection::ReadOnly => PartGuard::ReadOnly,
                Protection::Hide => PartGuard::Hidden,
            };
            let may_miss = entry.path.value.may_miss;
            let part = part(
                &self.mount,
                &path,
                (guard, may_miss),
                shape,
                &entry.path.origin,
            );
            parts.insert((path.depth(), path), part);
        }
        parts.into_values().collect()
    }

    /// What lies at an entry, for which a mount is then made; what stays open is noted.
    fn found(
        &self,
        entry: &Entry<'_>,
        open: &mut Vec<At<OpenPart>>,
        scope: &mut Scope<'_>,
    ) -> Option<MountPointKind> {
        let mut lose = |loss| {
            open.extend(self.inside(entry).map(|path| {
                let part = OpenPart {
                    top: self.mount.value.target.clone(),
                    path,
                    protection: entry.protection,
                    loss,
                };
                At::new(part, entry.path.origin.clone())
            }));
        };
        let path = &entry.path.value;
        match scope.part_fact(&self.source, path.as_str()) {
            // Of what is not known, a directory is the likely guess.
            None | Some(PartFact::Directory) => Some(MountPointKind::Directory),
            Some(PartFact::File { names }) => {
                lose(Loss::Replaceable);
                if *names > 1 {
                    lose(Loss::Linked(*names));
                    scope.report(linked(entry, *names));
                }
                Some(MountPointKind::File)
            }
            Some(PartFact::Missing) if path.may_miss.is_on() => {
                lose(Loss::Missing);
                None
            }
            Some(fact) => {
                scope.report(refused(entry, fact));
                None
            }
        }
    }
}

/// A program that may unmount uncovers every part.
pub(super) fn judge_rights(
    mounts: &[At<Mount>],
    security: &Security,
    syscalls: &Syscalls,
    scope: &mut Scope<'_>,
) {
    judge_nested(mounts, &security.nested_userns, scope);
    let mut kept = security.capabilities.iter();
    let may = kept.find(|kept| kept.value.to_string() == "CAP_SYS_ADMIN");
    let is_part = |mount: &&At<Mount>| match mount.value.kind {
        MountKind::Part { guard, .. } => guard != PartGuard::Pinned,
        _ => false,
    };
    // What the filter lets through is asked last: to know it takes the whole policy.
    if let (Some(may), Some(part)) = (may, mounts.iter().find(is_part))
        && may_mount(security, syscalls, mounts)
    {
        let message = format!(
            "the program may unmount what protects `{}`",
            part.value.target
        );
        let problem = Problem::error("mount.part-unmountable", &part.origin, message);
        let problem = problem.also(&may.origin, "this lets it, and no filter forbids the call");
        scope.report(problem.help("leave the capability out, or keep the filter"));
    }
}

/// Whether the filter lets the program make, move or unmount mounts.
pub(super) fn may_mount(security: &Security, syscalls: &Syscalls, mounts: &[At<Mount>]) -> bool {
    if syscalls.on_deny.value == OnDeny::Log {
        return true;
    }
    let nested = NestedUserNamespaces::Forbidden;
    let base = base(security.seccomp.value, mounts);
    let kept = &security.capabilities;
    syscalls.with_policy(base, kept, nested, |policy| {
        let calls = ["umount2", "fsmount", "move_mount", "mount", "pivot_root"];
        let verdicts = Verdicts::of(policy).ok();
        verdicts.is_none_or(|verdicts| {
            let mut found = calls.iter().filter_map(|call| verdicts.get(call));
            found.any(|verdict| verdict.standing == Standing::Allowed)
        })
    })
}

/// From a mount namespace of its own the program may detach what covers a part together with all that lies
/// around it, and then rename a directory that another process opened before: the kernel looks for mount
/// points in the caller's namespace alone.
fn judge_nested(mounts: &[At<Mount>], nested: &At<Switch>, scope: &mut Scope<'_>) {
    let is_part = |mount: &&At<Mount>| matches!(mount.value.kind, MountKind::Part { .. });
    let Some(part) = mounts.iter().find(is_part).filter(|_| nested.value.is_on()) else {
        return;
    };
    let message = format!(
        "the program may move `{}` away from under what protects it or the directories around it",
        part.value.target
    );
    let problem = Problem::error("mount.part-nested", &part.origin, message);
    let problem = problem.also(&nested.origin, "this gives it mount namespaces of its own");
    scope.report(
        problem.help("bind the directories around it read-only, or leave one of the two out"),
    );
}

/// The directories between a bind that can be written and what lies `below` it, each over itself.
pub(super) fn pins(mount: &At<Mount>, below: &Path, origin: &Origin) -> Vec<At<Mount>> {
    let fixed = matches!(
        mount.value.kind,
        MountKind::Bind {
            access: Access::ReadOnly,
            ..
        }
    );
    if fixed {
        return Vec::new();
    }
    let parents = below.ancestors().skip(1);
    let parents = parents.filter(|parent| !parent.as_os_str().is_empty());
    let pin = |parent: &Path| {
        let path = mount.value.target.join(parent.to_str()?).ok()?;
        let shape = MountPointKind::Directory;
        let guard = (PartGuard::Pinned, Switch::Off);
        Some(part(mount, &path, guard, shape, origin))
    };
    parents.filter_map(pin).collect()
}

fn part(
    mount: &At<Mount>,
    target: &InsidePath,
    (guard, may_miss): (PartGuard, Switch),
    shape: MountPointKind,
    origin: &Origin,
) -> At<Mount> {
    let kind = MountKind::Part {
        top: mount.value.target.clone(),
        guard,
        shape,
        may_miss,
    };
    let part = Mount {
        target: target.clone(),
        kind,
        options: Vec::new(),
        point: TargetPoint::MustExist,
    };
    At::new(part, origin.clone())
}

fn same(one: &Entry<'_>, other: &Entry<'_>) -> bool {
    (one.protection, one.path.value.may_miss) == (other.protection, other.path.value.may_miss)
}

fn twice(entry: &Entry<'_>, first: &Entry<'_>) -> Problem {
    let message = format!("two entries for `{}`", entry.path.value);
    let problem = entry.path.error("mount.part-twice", message);
    problem
        .label("and here again")
        .also(&first.path.origin, "first here")
        .help("keep one of the two; what is hidden cannot be written either")
}

fn in_hidden(entry: &Entry<'_>, known: &BTreeMap<&str, Entry<'_>>) -> Option<Problem> {
    let mut above = Path::new(entry.path.value.as_str()).ancestors().skip(1);
    let hidden = above.find_map(|path| {
        let found = known.get(path.to_str()?)?;
        (found.protection == Protection::Hide).then_some(found)
    })?;
    let shown = &entry.path.value;
    let message = format!("`{shown}` lies in a directory that is hidden anyway");
    let problem = entry.path.error("mount.part-in-hidden", message);
    let problem = problem.also(&hidden.path.origin, "this hides all of it");
    Some(problem.help("remove one of the two"))
}

fn linked(entry: &Entry<'_>, names: u64) -> Problem {
    let (code, open) = match entry.protection {
        Protection::ReadOnly => ("mount.read-only-linked", "written"),
        Protection::Hide => ("mount.hide-linked", "read"),
    };
    let path = &entry.path.value;
    let message =
        format!("`{path}` has {names} names; by another one in the bind it can be {open}");
    let problem = Problem::warning(code, &entry.path.origin, message);
    problem.help(format!(
        "make it a file of its own: `cp {path} {path}.new && mv {path}.new {path}`"
    ))
}

fn refused(entry: &Entry<'_>, fact: &PartFact) -> Problem {
    let hide = entry.protection == Protection::Hide;
    let path = &entry.path.value;
    let (code, what, help) = match fact {
        PartFact::Hidden(why) => {
            let message = format!("cannot be reached: {why}");
            ("mount.part-unreachable", message, None)
        }
        PartFact::Link => {
            let code = if hide {
                "mount.hide-link"
            } else {
                "mount.read-only-link"
            };
            let message = "is a symbolic link, or lies behind one".to_owned();
            let help = "write the path that it leads to, if that lies in the bind";
            (code, message, Some(help.to_owned()))
        }
        PartFact::Missing | PartFact::Directory | PartFact::File { .. } => {
            let code = if hide {
                "mount.hide-missing"
            } else {
                "mount.read-only-missing"
            };
            let message = "does not exist below the bind".to_owned();
            let help =
                format!("make it, correct the path, or write `?{path}` if it may be missing");
            (code, message, Some(help))
        }
    };
    let message = format!("`{}` path `{path}` {what}", entry.protection.key());
    let problem = entry.path.error(code, message);
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}
