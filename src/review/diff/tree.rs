//! What the root tree is made of.

use crate::diag::At;
use crate::model::InsidePath;
use crate::plan::{Existing, TreePlan, TreeSource};

use super::env::has_variable;
use super::files::{beneath, of_strangers, touches};
use super::power::{Power, Reach};
use super::{Apart, topics};

/// What the tree of `to` may hold and that of `from` does not.
pub(super) fn gains(from: &Apart<'_>, to: &Apart<'_>) -> Vec<Power> {
    let (had, has) = (&from.parts, &to.parts);
    let mut gains: Vec<Power> = Vec::new();
    for part in has {
        // The words of a profile alone give nothing of the host.
        if !part.value.is_plain() && !had.iter().any(|had| had.value.covers(&part.value)) {
            let text = format!("the root tree holds {}", part.value.text());
            let reach = Reach::plain(part.value.text());
            gains.push(Power::new(topics::TREE, reach, text, &part.origin));
        }
    }
    gains.extend(reordered(had, has));
    let trees = (&from.side.settings.tree, &to.side.settings.tree);
    gains.extend(searched(trees.0, trees.1));
    gains
}

/// One thing of a source.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Copy {
        from: String,
        to: String,
        exclude: Vec<String>,
        existing: Existing,
    },
    /// Where it lies is not known.
    Anywhere(String),
    /// What the profile itself says; `at` is where.
    Written { at: String, what: String },
}

pub(super) fn parts(tree: &TreePlan) -> Vec<At<Part>> {
    let mut parts = Vec::new();
    for At { value, origin } in &tree.sources {
        let mut add = |part, origin| parts.push(At::new(part, origin));
        match value {
            TreeSource::Copy {
                from,
                to,
                exclude,
                existing,
                missing: _,
            } => {
                let from = from.to_string_lossy().into_owned();
                let to = to
                    .as_ref()
                    .map_or_else(|| from.clone(), ToString::to_string);
                let (exclude, existing) = (exclude.clone(), *existing);
                add(
                    Part::Copy {
                        from,
                        to,
                        exclude,
                        existing,
                    },
                    origin.clone(),
                );
            }
            TreeSource::Programs { programs, extra } => {
                for name in programs {
                    let text = format!("the program `{}`", name.value);
                    add(Part::Anywhere(text), name.origin.clone());
                }
                for file in extra {
                    let text = format!("`{}` with its libraries", file.value.display());
                    add(Part::Anywhere(text), file.origin.clone());
                }
            }
            TreeSource::Bundle { bundles } => {
                for bundle in bundles {
                    let text = format!("the bundle `{}`", bundle.value);
                    add(Part::Anywhere(text), bundle.origin.clone());
                }
            }
            TreeSource::Archive { path, sha256, to } => {
                let sum = match sha256 {
                    Some(sum) => format!("with the SHA-256 {sum}"),
                    None => "whatever it holds".to_owned(),
                };
                let text = format!("the archive `{}` in `{to}`, {sum}", path.display());
                add(Part::Anywhere(text), origin.clone());
            }
            TreeSource::Image(name) => {
                let reference = name.reference.as_deref().unwrap_or("its only one");
                let (path, platform) = (name.path.display(), &name.platform);
                let text = format!("the image `{path}`, {reference}, for {platform}");
                add(Part::Anywhere(text), origin.clone());
            }
            TreeSource::File {
                path,
                text,
                mode,
                existing: _,
            } => {
                let what = format!("a file of mode {mode} with the text {text:?}");
                add(written(path, what), origin.clone());
            }
            TreeSource::Dir { path, mode } => {
                add(
                    written(path, format!("a directory of mode {mode}")),
                    origin.clone(),
                );
            }
            TreeSource::Symlink {
                path,
                target,
                existing: _,
            } => {
                add(
                    written(path, format!("a link to `{target}`")),
                    origin.clone(),
                );
            }
        }
    }
    parts
}

fn written(path: &InsidePath, what: String) -> Part {
    Part::Written {
        at: path.to_string(),
        what,
    }
}

impl Part {
    /// Whether a tree with this holds all of `other`.
    fn covers(&self, other: &Part) -> bool {
        match (self, other) {
            (
                Part::Copy {
                    from, to, exclude, ..
                },
                Part::Copy {
                    from: path,
                    to: place,
                    exclude: left_out,
                    ..
                },
            ) => {
                let same = from == path && to == place;
                let kept = |pattern| left_out.contains(pattern);
                (same && exclude.iter().all(kept))
                    || (exclude.is_empty() && brings(from, to, path, place))
            }
            _ => self == other,
        }
    }

    /// Whether it holds nothing but what the profile says: a text, or a directory. A link leads elsewhere,
    /// and a text with a variable in it tells of the host.
    fn is_plain(&self) -> bool {
        match self {
            Part::Written { at, what } => {
                !what.starts_with("a link") && !has_variable(what) && !has_variable(at)
            }
            Part::Copy { .. } | Part::Anywhere(_) => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Part::Copy {
                from,
                to,
                exclude,
                existing: _,
            } => {
                let place = if from == to {
                    String::new()
                } else {
                    format!(" at `{to}`")
                };
                let without = match exclude.as_slice() {
                    [] => String::new(),
                    exclude => format!(" without `{}`", exclude.join("`, `")),
                };
                format!("a copy of the host's `{from}`{place}{without}")
            }
            Part::Anywhere(text) => text.clone(),
            Part::Written { at, what } => format!("`{at}`: {what}"),
        }
    }

    /// Whether one of both may hide something of the other.
    fn meets(&self, other: &Part) -> bool {
        let place = |part: &Part| match part {
            Part::Copy { to, .. } => Some(to.clone()),
            Part::Written { at, .. } => Some(at.clone()),
            Part::Anywhere(_) => None,
        };
        match (place(self), place(other)) {
            (Some(one), Some(other)) => touches(&one, &other),
            _ => true,
        }
    }
}

/// Whether a copy of `from` at `to` holds `path` at `place`.
fn brings(from: &str, to: &str, path: &str, place: &str) -> bool {
    let inner = beneath(path, from);
    // A link that somebody committed would be followed.
    inner.is_some() && !of_strangers(from) && inner == beneath(place, to)
}

/// Of two sources that both trees have, the other one shows now.
fn reordered(had: &[At<Part>], has: &[At<Part>]) -> Vec<Power> {
    let at = |part: &At<Part>| had.iter().position(|had| had.value == part.value);
    let mut gains = Vec::new();
    for (index, lower) in has.iter().enumerate() {
        for upper in has.iter().skip(index + 1) {
            let turned = matches!((at(lower), at(upper)), (Some(low), Some(up)) if up < low);
            if turned && lower.value != upper.value && lower.value.meets(&upper.value) {
                let (over, under) = (upper.value.text(), lower.value.text());
                let text = format!("{over} lies over {under}, in the root tree");
                let reach = Reach::plain(&text);
                gains.push(Power::new(topics::TREE_ORDER, reach, text, &upper.origin));
            }
        }
    }
    gains
}

/// Another search path finds other programs of the host by the same names.
fn searched(had: &TreePlan, has: &TreePlan) -> Option<Power> {
    let is_named = |source: &&At<TreeSource>| matches!(source.value, TreeSource::Programs { .. });
    let source = has.sources.iter().find(is_named)?;
    let paths = |tree: &TreePlan| {
        let all = tree.search_path.iter().chain(&tree.library_path);
        let all: Vec<String> = all.map(|path| path.display().to_string()).collect();
        all
    };
    let (before, now) = (paths(had), paths(has));
    let text = format!(
        "programs and libraries for the root tree are found in `{}`",
        now.join(":")
    );
    (before != now).then(|| Power::new(topics::TREE, Reach::plain(&text), text, &source.origin))
}
