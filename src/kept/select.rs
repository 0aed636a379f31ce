//! Which changes a command is about: all of them, or those at the paths that it names.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::diag::{Origin, Problem};

use super::compare::{Act, Change};
use super::conflict::lies_in;
use super::entry::{Kind, is_opaque, look};
use super::layer::Layer;
use super::name::Name;
use super::place::{failed, open_below, split, writable};

/// The changes of one layer that a command is about.
#[derive(Debug)]
pub struct Selection<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// Paths from its top; all of it where there is none.
    pub paths: Vec<PathBuf>,
}

/// What `paths`, absolute and inside or on the host, name among the overlays; all without any.
///
/// # Errors
/// When a path lies in no overlay, or in several.
pub fn select<'a>(layers: &'a [Layer], paths: &[PathBuf]) -> Result<Vec<Selection<'a>>, Problem> {
    let overlays = layers.iter().filter(|layer| layer.source().is_some());
    if paths.is_empty() {
        let all = |layer| Selection {
            layer,
            paths: Vec::new(),
        };
        return Ok(overlays.map(all).collect());
    }
    let mut list: Vec<Selection<'a>> = Vec::new();
    for path in paths {
        let (layer, path) = find(layers, path)?;
        match list
            .iter_mut()
            .find(|known| std::ptr::eq(known.layer, layer))
        {
            Some(known) => known.paths.push(path),
            None => list.push(Selection {
                layer,
                paths: vec![path],
            }),
        }
    }
    Ok(list)
}

fn find<'a>(layers: &'a [Layer], path: &Path) -> Result<(&'a Layer, PathBuf), Problem> {
    let tops = |layer: &'a Layer| {
        let inside = Some(layer.target.as_path());
        [inside, layer.source()]
            .into_iter()
            .flatten()
            .map(move |top| (layer, top))
    };
    let overlays = layers.iter().filter(|layer| layer.source().is_some());
    let fitting = overlays
        .flat_map(tops)
        .filter(|(_, top)| path.starts_with(top));
    let fitting: Vec<(&Layer, &Path)> = fitting.collect();
    // Of overlays in each other the innermost.
    let longest = fitting.iter().map(|(_, top)| top.as_os_str().len()).max();
    let mut best = fitting
        .iter()
        .filter(|(_, top)| Some(top.as_os_str().len()) == longest);
    let shown = path.display();
    let problem = |code, message| Problem::error(code, &Origin::Default, message);
    let Some((layer, top)) = best.next() else {
        let message = format!("`{shown}` lies in no overlay that is kept under this name");
        return Err(problem("kept.no-overlay", message).help(
            "give a path inside below the target of an overlay, as `sandbox changes` shows it",
        ));
    };
    if let Some((other, _)) = best.find(|(other, _)| !std::ptr::eq(*other, *layer)) {
        let sources = [layer, other].map(|layer| layer.source().unwrap_or(Path::new("")).display());
        let [first, second] = sources;
        let message = format!("`{shown}` lies in the overlays over `{first}` and over `{second}`");
        return Err(problem("kept.several-overlays", message).help("give the path on the host"));
    }
    let rest = path.strip_prefix(top).unwrap_or(Path::new(""));
    Ok((layer, rest.to_owned()))
}

impl Selection<'_> {
    /// The changes that are meant, with the new directories that they lie in.
    ///
    /// # Errors
    /// When a path names no change, or the layer cannot be read.
    pub fn changes(&self) -> Result<Vec<Change>, Problem> {
        let mut changes = self.layer.changes()?;
        if self.paths.is_empty() {
            return Ok(changes);
        }
        for path in &self.paths {
            if !changes.iter().any(|change| lies_in(&change.path, path)) {
                return Err(no_change(&self.layer.target.join(path)));
            }
        }
        let leads = |change: &Change, path: &Path| {
            change.kind == Kind::Directory
                && change.act == Act::Added
                && path.starts_with(&change.path)
        };
        let new: Vec<PathBuf> = changes
            .iter()
            .filter(|change| self.paths.iter().any(|path| leads(change, path)))
            .map(|change| change.path.clone())
            .collect();
        changes.retain(|change| {
            let meant = self.paths.iter().any(|path| lies_in(&change.path, path));
            meant || new.contains(&change.path)
        });
        Ok(changes)
    }
}

fn no_change(path: &Path) -> Problem {
    let message = format!("nothing was changed at `{}`", path.display());
    Problem::error("kept.no-change", &Origin::Default, message)
}

/// Drops the selected writes: what lies below shows again.
///
/// # Errors
/// When a path names no change, or lies in a directory that was replaced as a whole: without the
/// replacement, everything of the old one would show again.
pub fn discard(name: &Name, selections: &[Selection<'_>]) -> Result<(), Problem> {
    for selection in selections {
        selection.changes()?;
        for path in &selection.paths {
            refuse_within_opaque(selection.layer, path)?;
        }
    }
    let mut trash = name.trash()?;
    for Selection { layer, paths } in selections {
        for path in paths {
            let fail = failed("drop", &layer.target.join(path));
            let Some((parent, last)) = split(path) else {
                name.drop_overlay(layer, &mut trash)?;
                continue;
            };
            let dir = match open_below(layer.upper.as_fd(), parent) {
                // Dropped with what it lay in.
                Err(Errno::ENOENT) => continue,
                dir => dir.map_err(&fail)?,
            };
            let taken = writable(dir.as_fd(), || trash.take(dir.as_fd(), last));
            taken.map_err(&fail)?;
        }
    }
    Ok(())
}

fn refuse_within_opaque(layer: &Layer, path: &Path) -> Result<(), Problem> {
    let above = path
        .ancestors()
        .skip(1)
        .filter(|path| !path.as_os_str().is_empty());
    for path in above {
        let dir = open_below(layer.upper.as_fd(), path);
        if dir.is_ok_and(|dir| is_opaque(dir.as_fd())) {
            let path = layer.target.join(path);
            let path = path.display();
            let message = format!("`{path}` was replaced as a whole");
            return Err(Problem::error("kept.replaced", &Origin::Default, message)
                .help(format!("drop all of it: `{path}`")));
        }
    }
    let here = split(path).map(|(parent, name)| (open_below(layer.upper.as_fd(), parent), name));
    match here {
        // A file that nothing but its directory's replacement has deleted.
        Some((Ok(parent), name)) if matches!(look(parent.as_fd(), name), Ok(None)) => {
            Err(no_change(&layer.target.join(path)))
        }
        _ => Ok(()),
    }
}
