//! What the mounts show, and what may be written: both views of the tree, place by place.

use std::collections::BTreeSet;

use crate::diag::{At, Origin};
use crate::model::host_sockets::below;
use crate::model::{ByteSize, InsidePath, MountOption};
use crate::plan::{Settings, TreeSource};
use crate::review::view::{Content, Seen, Writing, view};

use super::power::{Power, Reach};
use super::{Side, Topic, topics};

/// What is possible by the mounts of `to` and not by those of `from`.
pub(super) fn gains(from: Side<'_>, to: Side<'_>) -> Vec<Power> {
    let mut gains: Vec<(InsidePath, Power)> = Vec::new();
    for place in places(from, to) {
        let before = view(from.settings, &place);
        for seen in view(to.settings, &place) {
            for power in gained(from.settings, to.settings, &place, &before, &seen) {
                // What follows from the same mount further up was told there.
                let told = gains.iter().any(|(above, told)| {
                    place.is_within(above)
                        && told.origin == power.origin
                        && told.topic == power.topic
                });
                if !told {
                    gains.push((place.clone(), power));
                }
            }
        }
    }
    gains.into_iter().map(|(_, power)| power).collect()
}

/// Where the two may differ, parents before children.
fn places(from: Side<'_>, to: Side<'_>) -> BTreeSet<InsidePath> {
    let mounts = from.settings.mounts.iter().chain(&to.settings.mounts);
    mounts.map(|mount| mount.value.target.clone()).collect()
}

fn gained(
    from: &Settings,
    to: &Settings,
    place: &InsidePath,
    before: &[Seen<'_>],
    seen: &Seen<'_>,
) -> Vec<Power> {
    let shown = |topic, text: String| vec![power(topic, place, text, seen.origin)];
    let same: Vec<&Seen<'_>> = before
        .iter()
        .filter(|had| had.content == seen.content)
        .collect();
    if same.is_empty() && !is_below(from, place, seen) {
        return match &seen.content {
            Content::Hidden => Vec::new(),
            Content::Tree if !holds(&to.tree.sources, place) => Vec::new(),
            Content::Memory if *place != seen.top => Vec::new(),
            Content::Memory => shown(topics::MEMORY_FILES, appears(place, seen)),
            Content::Socket { .. } => shown(topics::SOCKET, appears(place, seen)),
            Content::Tree | Content::Host { .. } | Content::Kept(_)
                if seen.writing > Writing::Denied =>
            {
                shown(topics::FILE_WRITE, appears(place, seen))
            }
            Content::Tree | Content::Host { .. } | Content::Kept(_) => {
                shown(topics::FILE_READ, appears(place, seen))
            }
        };
    }
    let mut powers = Vec::new();
    let best = same.iter().map(|had| had.writing).max();
    if best.is_some_and(|best| best < seen.writing) && seen.content != Content::Tree {
        let text = format!("`{place}` is writable: {}", writes(seen));
        powers.push(power(topics::FILE_WRITE, place, text, seen.origin));
    }
    powers.extend(options(place, &same, seen));
    powers.extend(size(place, &same, seen));
    powers
}

fn power(topic: &'static Topic, place: &InsidePath, text: String, origin: &Origin) -> Power {
    Power::new(topic, Reach::plain(place.as_str()), text, origin)
}

/// Whether what is shown now lay in what was shown at the same place before, and may not be written now if
/// it could not be then. Nothing may have lain over it: it could have been hidden.
fn is_below(from: &Settings, place: &InsidePath, seen: &Seen<'_>) -> bool {
    let Content::Host { path, owner } = &seen.content else {
        return false;
    };
    view(from, place).iter().any(|had| {
        let Content::Host {
            path: top,
            owner: kept,
        } = &had.content
        else {
            return false;
        };
        let (Some(below), true) = (beneath(path, top), owner == kept) else {
            return false;
        };
        let Ok(there) = place.join(below) else {
            return false;
        };
        let mut mounts = from.mounts.iter();
        let covered = mounts.any(|mount| mount.value.target.is_within(&there));
        let first = view(from, &there).into_iter().next();
        let shows = first.is_some_and(|first| {
            first.content == seen.content
                && first.writing >= seen.writing
                && first
                    .options
                    .iter()
                    .all(|option| seen.options.contains(option))
        });
        shows && !covered
    })
}

/// What of a host path lies below another; nothing where a `..` could lead out of it.
pub(super) fn beneath<'a>(path: &'a str, top: &str) -> Option<&'a str> {
    let climbs = |path: &str| path.split('/').any(|part| part == "..");
    let below = match top {
        "/" => path.strip_prefix('/')?,
        top => path.strip_prefix(top)?.strip_prefix('/')?,
    };
    (!climbs(path) && !climbs(top) && !below.is_empty()).then_some(below)
}

/// Where programs, libraries and their data lie on a host.
const SYSTEM: &[&str] = &[
    "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/gnu",
];

/// Whether a source of the tree may bring something to a path or below it.
fn holds(sources: &[At<TreeSource>], place: &InsidePath) -> bool {
    sources.iter().any(|source| match &source.value {
        TreeSource::Copy { from, to, .. } => {
            let from = from.to_string_lossy();
            let at = to.as_ref().map_or(&*from, InsidePath::as_str);
            touches(at, place.as_str())
        }
        TreeSource::Archive { to, .. } => touches(to.as_str(), place.as_str()),
        TreeSource::File { path, .. } | TreeSource::Symlink { path, .. } => {
            touches(path.as_str(), place.as_str())
        }
        TreeSource::Image(_) => true,
        // Programs, their libraries and what bundles bring lie where systems keep such.
        TreeSource::Programs { .. } | TreeSource::Bundle { .. } => {
            SYSTEM.iter().any(|top| touches(top, place.as_str()))
        }
        TreeSource::Dir { .. } => false,
    })
}

/// Whether one of two paths lies at or below the other.
pub(in crate::review) fn touches(one: &str, other: &str) -> bool {
    let within = |path: &str, top: &str| top == "/" || below(path, top).is_some();
    within(one, other) || within(other, one)
}

fn appears(place: &InsidePath, seen: &Seen<'_>) -> String {
    match (&seen.content, seen.writing) {
        (Content::Socket { path, .. }, _) => {
            format!("the socket `{path}` of the host answers at `{place}`")
        }
        (Content::Memory, _) => {
            let size = seen
                .size
                .map_or_else(String::new, |size| format!(", up to {}", amount(size)));
            format!("`{place}` is writable: memory{size}")
        }
        (Content::Tree, _) => format!("`{place}` shows what the root tree holds there"),
        (_, Writing::Denied) => format!("`{place}` can be read: {}", what(seen)),
        _ => format!("`{place}` can be read and written: {}", writes(seen)),
    }
}

fn what(seen: &Seen<'_>) -> String {
    match &seen.content {
        Content::Tree => "the root tree".to_owned(),
        Content::Host { path, .. } | Content::Socket { path, .. } => {
            format!("the host's `{path}`")
        }
        Content::Kept(name) => format!("the volume `{name}`"),
        Content::Memory => "memory".to_owned(),
        Content::Hidden => "nothing".to_owned(),
    }
}

fn writes(seen: &Seen<'_>) -> String {
    match (&seen.content, seen.writing) {
        (Content::Host { .. }, Writing::Kept) => {
            format!("{}, what is written is kept beside it", what(seen))
        }
        _ => what(seen),
    }
}

fn amount(size: ByteSize) -> String {
    match size.0 {
        u64::MAX => "any size".to_owned(),
        _ => size.to_string(),
    }
}

/// What an option kept back, told where the mount itself is.
fn options(place: &InsidePath, same: &[&Seen<'_>], seen: &Seen<'_>) -> Vec<Power> {
    let all = [
        (MountOption::NoExec, "programs in it can be run"),
        (
            MountOption::NoSymFollow,
            "symbolic links in it are followed",
        ),
    ];
    let opened = all.into_iter().filter(|(option, _)| {
        let kept_back = same.iter().all(|had| had.options.contains(option));
        kept_back && !same.is_empty() && !seen.options.contains(option)
    });
    opened
        .map(|(_, text)| {
            let text = format!("`{place}`: {text}");
            power(topics::MOUNT_OPTION, place, text, seen.origin)
        })
        .collect()
}

fn size(place: &InsidePath, same: &[&Seen<'_>], seen: &Seen<'_>) -> Option<Power> {
    let size = seen.size.filter(|_| *place == seen.top)?;
    let most = same.iter().filter_map(|had| had.size).max()?;
    let text = format!("`{place}` may hold {}", amount(size));
    (most < size).then(|| power(topics::MEMORY_FILES, place, text, seen.origin))
}
