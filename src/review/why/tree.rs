//! Why a path of the root tree can be read, written or executed.

use crate::diag::{At, Origin};
use crate::model::host_sockets::below;
use crate::model::{InsidePath, PathUse, Writes};
use crate::plan::{Settings, TreeSource};
use crate::review::diff::touches;

use super::{Answer, Verdict, rules};

pub(super) fn answer(settings: &Settings, path: &InsidePath, using: PathUse) -> Answer {
    match using {
        PathUse::Write => written(settings),
        PathUse::Read => read(settings, path),
        PathUse::Execute => executed(settings, path),
    }
}

fn written(settings: &Settings) -> Answer {
    let writes = &settings.writes;
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
    Answer::new(verdict, rules::WRITES, reason, &writes.origin)
}

fn read(settings: &Settings, path: &InsidePath) -> Answer {
    if *path == InsidePath::root() {
        let reason = "it is the root tree";
        return Answer::new(Verdict::Allowed, rules::TREE, reason, &Origin::Default);
    }
    if let Some(answer) = brought(settings, path) {
        return answer;
    }
    let mut mounts = settings.mounts.iter();
    if let Some(mount) = mounts.find(|mount| mount.value.target.is_within(path)) {
        let reason = format!("it is on the way to the mount at `{}`", mount.value.target);
        return Answer::new(Verdict::Allowed, rules::WAY, reason, &mount.origin);
    }
    let reason = "no source and no mount brings it";
    Answer::new(Verdict::Denied, rules::NOTHING, reason, &Origin::Default)
}

fn executed(settings: &Settings, path: &InsidePath) -> Answer {
    let read = read(settings, path);
    let mut reasons = read.reasons.iter();
    let is_way = *path == InsidePath::root() || reasons.any(|reason| reason.rule == rules::WAY);
    match (read.verdict, settings.writes.value) {
        (Verdict::Allowed, _) if is_way => Answer {
            verdict: Verdict::Denied,
            ..read
        }
        .and(rules::WAY, "a directory is no program", &Origin::Default),
        (Verdict::Denied, Writes::Discard | Writes::Keep) => {
            let reason = "it lies in the root tree, where one may be made";
            let origin = &settings.writes.origin;
            Answer {
                verdict: Verdict::Allowed,
                ..read
            }
            .and(rules::WRITES, reason, origin)
        }
        _ => read,
    }
}

/// By the last source that brings it for sure, else by the last one that may: later ones lie over the others, and what
/// is under them is there all the same.
fn brought(settings: &Settings, path: &InsidePath) -> Option<Answer> {
    let sources = settings.tree.sources.iter().rev();
    let found: Vec<(By, &At<TreeSource>)> = sources
        .filter_map(|at| brings(at, path).map(|by| (by, at)))
        .collect();
    let sure = found
        .iter()
        .find(|(by, _)| matches!(by, By::Itself | By::Way));
    let (by, at) = sure.or(found.first())?;
    let (verdict, rule, reason) = match *by {
        By::Itself => (
            Verdict::Allowed,
            rules::TREE,
            "a source of the root tree brings it",
        ),
        By::Way => (
            Verdict::Allowed,
            rules::WAY,
            "it is on the way to what a source of the root tree brings",
        ),
        By::Host => (
            Verdict::Depends,
            rules::TREE,
            "a source of the root tree brings it, if it is there on the host",
        ),
        By::Perhaps(reason) => (Verdict::Depends, rules::TREE, reason),
    };
    Some(Answer::new(verdict, rule, reason, &at.origin))
}

/// How a source brings a path.
#[derive(Clone, Copy)]
enum By {
    Itself,
    /// As a directory above what it brings.
    Way,
    /// Where the host has it.
    Host,
    /// What it holds only the host knows: in words, what that has to be.
    Perhaps(&'static str),
}

fn brings(source: &At<TreeSource>, path: &InsidePath) -> Option<By> {
    let text = path.as_str();
    let made = |made: &InsidePath| match made {
        made if made == path => Some(By::Itself),
        made if made.is_within(path) => Some(By::Way),
        _ => None,
    };
    let laid = |at: &str, by| match below(text, at) {
        Some(_) => Some(by),
        None if at == "/" => Some(by),
        None => touches(at, text).then_some(By::Way),
    };
    match &source.value {
        TreeSource::Copy { from, to, .. } => {
            let from = from.to_string_lossy();
            let at = to.as_ref().map_or(&*from, InsidePath::as_str);
            laid(at, By::Host)
        }
        TreeSource::Archive { to, .. } => {
            let reason = "an archive of the root tree brings it, if it is in it";
            laid(to.as_str(), By::Perhaps(reason))
        }
        TreeSource::Image(_) => Some(By::Perhaps(
            "an image of the root tree brings it, if it is in it",
        )),
        TreeSource::Programs { .. } => Some(By::Perhaps(
            "a source of the root tree brings it, if it is one of its programs or of their libraries and interpreters",
        )),
        TreeSource::Bundle { .. } => Some(By::Perhaps(
            "a bundle of the root tree brings it, if it is of that",
        )),
        TreeSource::File { path, .. } | TreeSource::Dir { path, .. } => made(path),
        TreeSource::Symlink { path, .. } => made(path),
    }
}
