//! What the mounts show, and what may be written: both views of the tree, place by place.

use std::collections::BTreeSet;

use crate::diag::{At, Origin};
use crate::model::host_sockets::below;
use crate::model::{Access, ByteSize, InsidePath, MountOption};
use crate::plan::{MountKind, OwnerMap, Settings, TreeSource};
use crate::review::view::{Content, Seen, When, Writing, joined, rest, view};

use super::power::{Power, Reach};
use super::{Apart, Side, Topic, topics};

/// What is possible by the mounts of `to` and not by those of `from`.
pub(super) fn gains(from: &Apart<'_>, to: &Apart<'_>) -> Vec<Power> {
    let mut gains: Vec<Gain<'_>> = Vec::new();
    for (place, now) in &to.shown {
        let before = from.shown.get(place).map_or(&[][..], Vec::as_slice);
        for seen in now {
            for power in gained(from.side.settings, to.side.settings, place, before, seen) {
                let gain = Gain { place, seen, power };
                if !gains.iter().any(|above| gain.follows_from(above)) {
                    gains.push(gain);
                }
            }
        }
    }
    gains.into_iter().map(|gain| gain.power).collect()
}

/// What becomes possible at a place.
struct Gain<'a> {
    place: &'a InsidePath,
    seen: &'a Seen<'a>,
    power: Power,
}

impl Gain<'_> {
    /// Whether it was told where the same mount is seen further up, or with it.
    fn follows_from(&self, above: &Gain<'_>) -> bool {
        if !self.place.is_within(above.place) {
            return false;
        }
        let topics = (above.power.topic.code, self.power.topic.code);
        let (read, write) = (topics::FILE_READ.code, topics::FILE_WRITE.code);
        if topics == (topics::MOUNT_OPTION.code, topics::MOUNT_OPTION.code) {
            let what = |power: &Power| {
                power
                    .with
                    .split_once("`: ")
                    .map(|(_, what)| what.to_owned())
            };
            return above.seen.top == self.seen.top && what(&above.power) == what(&self.power);
        }
        (topics.0 == topics.1 && above.power.origin == self.power.origin)
            || ([(write, write), (write, read), (read, read)].contains(&topics)
                && self.lies_in(above))
    }

    /// Whether what is shown is what lies there in what is shown above.
    fn lies_in(&self, above: &Gain<'_>) -> bool {
        match (&above.seen.content, &self.seen.content) {
            (Content::Host { path: top, owner }, Content::Host { path, owner: own }) => {
                owner == own && *path == joined(top, rest(self.place, above.place))
            }
            (Content::Kept(top), Content::Kept(path)) => {
                *path == joined(top, rest(self.place, above.place))
            }
            _ => false,
        }
    }
}

/// Where the two may differ, parents before children.
pub(super) fn places<'a>(old: Side<'a>, new: Side<'a>) -> BTreeSet<&'a InsidePath> {
    let mounts = old.settings.mounts.iter().chain(&new.settings.mounts);
    mounts.map(|mount| &mount.value.target).collect()
}

fn gained(
    from: &Settings,
    to: &Settings,
    place: &InsidePath,
    before: &[Seen<'_>],
    seen: &Seen<'_>,
) -> Vec<Power> {
    let shown = |topic, text: String| vec![power(topic, place, text, seen.origin)];
    // What was reached through a mount further up was no mount of its own, whose source may be a link.
    let passed = |had: &Seen<'_>| seen.top == *place && had.top != *place;
    let led = leads_out(from, to, seen);
    let (walked, same): (Vec<&Seen<'_>>, Vec<&Seen<'_>>) = before
        .iter()
        .filter(|had| had.content == seen.content && had.shows_as_often(seen))
        .partition(|had| passed(had) && led);
    let below = below_before(from, place, seen);
    if same.is_empty() && led && !(walked.is_empty() && below.is_none()) {
        let topic = match seen.writing {
            Writing::Denied => topics::FILE_READ,
            _ => topics::FILE_WRITE,
        };
        let elsewhere = ", also where that is a link to elsewhere";
        return shown(topic, appears(place, seen) + elsewhere);
    }
    if same.is_empty() && below.is_none() {
        return match &seen.content {
            Content::Hidden => Vec::new(),
            Content::Tree if !holds(&to.tree.sources, place) => Vec::new(),
            // What may be written there is told with the tree.
            Content::Tree => shown(topics::FILE_READ, appears(place, seen)),
            Content::Memory if *place != seen.top => Vec::new(),
            Content::Memory => shown(topics::MEMORY_FILES, appears(place, seen)),
            Content::Socket { .. } => shown(topics::SOCKET, appears(place, seen)),
            Content::Host { .. } | Content::Kept(_) if seen.writing > Writing::Denied => {
                shown(topics::FILE_WRITE, appears(place, seen))
            }
            Content::Host { .. } | Content::Kept(_) => {
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

/// The mount in which what is shown now lay at the same place before, where it may not be written now if it could not
/// be then. Nothing may have lain over it: it could have been hidden.
fn below_before<'a>(from: &'a Settings, place: &InsidePath, seen: &Seen<'_>) -> Option<Seen<'a>> {
    let Content::Host { path, owner } = &seen.content else {
        return None;
    };
    view(from, place).into_iter().find(|had| {
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

/// Whether a path of the host may be a link that a stranger laid, which a mount would follow to anywhere: below a
/// directory of the checkout whoever may commit, and where the program could write, the program.
///
/// Where the program still can, a start refuses such a link.
fn leads_out(from: &Settings, to: &Settings, seen: &Seen<'_>) -> bool {
    let Content::Host { path, .. } = &seen.content else {
        return false;
    };
    let writes = |settings: &Settings| {
        let mut mounts = settings.mounts.iter();
        mounts.any(|mount| match &mount.value.kind {
            MountKind::Bind {
                source,
                access: Access::ReadWrite,
                ..
            } => beneath(path, source).is_some(),
            _ => false,
        })
    };
    !writes(to) && (writes(from) || of_strangers(path))
}

/// Whether a host path lies where a checkout does: what is there anybody may have committed.
pub(super) fn of_strangers(path: &str) -> bool {
    let of_checkout = [
        "${GIT_ROOT}",
        "${GIT_COMMON_DIR}",
        "${CWD}",
        "${PROFILE_DIR}",
    ];
    of_checkout
        .iter()
        .any(|variable| path.starts_with(variable))
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
pub(super) fn holds(sources: &[At<TreeSource>], place: &InsidePath) -> bool {
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
        Content::Host { path, owner } | Content::Socket { path, owner } => {
            let owners = match owner {
                OwnerMap::KeptByWish => ", with the owners of the host",
                OwnerMap::Kept | OwnerMap::Mapped(_) | OwnerMap::Ranged => "",
            };
            let when = match seen.when {
                When::Always => "",
                When::Unguarded => ", where it is missing at the start",
            };
            format!("the host's `{path}`{owners}{when}")
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
    // What a variable says is told with the limits.
    let size = seen
        .size
        .filter(|size| *place == seen.top && size.0 < u64::MAX)?;
    let most = same.iter().filter_map(|had| had.size).max()?;
    let text = format!("`{place}` may hold {}", amount(size));
    (most < size).then(|| power(topics::MEMORY_FILES, place, text, seen.origin))
}
