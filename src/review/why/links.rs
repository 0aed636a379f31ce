//! Links of the root tree, which lead a question to another path.

use crate::diag::Origin;
use crate::model::InsidePath;
use crate::plan::{Settings, TreeSource};
use crate::review::view::{Content, rest, view};

use super::{Reason, rules};

/// As many the kernel follows (MAXSYMLINKS).
const MOST: usize = 40;

/// Links that `/dev` and `/proc` have in every sandbox.
const KERNEL: [(&str, &str); 7] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
    ("/proc/mounts", "self/mounts"),
    ("/proc/net", "self/net"),
];

/// Where a path leads, and by which links; nothing where they lead in a circle.
pub(super) fn followed(
    settings: &Settings,
    path: &InsidePath,
) -> (Option<InsidePath>, Vec<Reason>) {
    let mut path = path.clone();
    let mut reasons = Vec::new();
    while let Some(link) = first_link(settings, &path) {
        let message = format!("`{}` is a link to `{}`", link.place, link.target);
        reasons.push(Reason {
            rule: rules::LINK,
            message,
            origin: link.origin,
        });
        if reasons.len() > MOST {
            reasons.truncate(2);
            return (None, reasons);
        }
        path = led(&link.place, &link.target, rest(&path, &link.place));
    }
    (Some(path), reasons)
}

struct Link {
    place: InsidePath,
    target: String,
    origin: Origin,
}

/// The first link on the way to a path. What is mounted over one hides it.
fn first_link(settings: &Settings, path: &InsidePath) -> Option<Link> {
    let sources = settings.tree.sources.iter().rev();
    let of_tree = sources.filter_map(|at| match &at.value {
        TreeSource::Symlink {
            path: place,
            target,
            ..
        } => {
            let shown = view(settings, place).into_iter().next();
            let is_tree = shown.is_some_and(|seen| seen.content == Content::Tree);
            (path.is_within(place) && is_tree).then(|| Link {
                place: place.clone(),
                target: target.clone(),
                origin: at.origin.clone(),
            })
        }
        _ => None,
    });
    let of_kernel = KERNEL.iter().filter_map(|(place, target)| {
        let place: InsidePath = place.parse().ok()?;
        path.is_within(&place).then(|| Link {
            place,
            target: (*target).to_owned(),
            origin: Origin::Default,
        })
    });
    of_tree
        .chain(of_kernel)
        .min_by_key(|link| link.place.depth())
}

/// What lies at `rest` behind a link. A `..` at the root stays there.
fn led(link: &InsidePath, target: &str, rest: &str) -> InsidePath {
    let start = match target.starts_with('/') || target.starts_with("${") {
        true => String::new(),
        false => link
            .parent()
            .map_or_else(String::new, |parent| parent.to_string()),
    };
    let mut names: Vec<&str> = Vec::new();
    for name in [start.as_str(), target, rest]
        .into_iter()
        .flat_map(|part| part.split('/'))
    {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    let text = names.join("/");
    match text.starts_with("${") {
        true => InsidePath::symbolic(&text),
        false => format!("/{text}")
            .parse()
            .unwrap_or_else(|_| InsidePath::root()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_from_where_it_lies() {
        let led = |link: &str, target: &str, rest: &str| {
            led(&link.parse().unwrap(), target, rest).to_string()
        };
        assert_eq!(led("/etc/mtab", "../proc/mounts", ""), "/proc/mounts");
        assert_eq!(led("/bin", "usr/bin", "sh"), "/usr/bin/sh");
        assert_eq!(led("/a", "../../../b", "c"), "/b/c");
        assert_eq!(led("/a", "${HOME}/b", "c"), "${HOME}/b/c");
    }
}
