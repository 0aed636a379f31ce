//! Ruby: the directories of `$LOAD_PATH`, which are compiled into it or into `libruby`.
//!
//! The library has one directory for all machines and one for this; `rubygems`, without which Ruby complains at each start,
//! lies in the first or, on Debian and Fedora, apart among other things. With `--enable-load-relative` the paths are meant
//! from the prefix of the program.

use std::path::{Path, PathBuf};

use super::strings;
use super::{Interpreter, Piece};
use crate::rootfs::view::View;

/// Of the library for all machines, and of that for one.
const LANDMARKS: [&str; 2] = ["English.rb", "rbconfig.rb"];

/// What a Ruby needs.
pub(super) fn pieces(view: &View, interpreter: &Interpreter<'_>) -> Vec<Piece> {
    let images = interpreter.images("libruby");
    let prefix = interpreter.file.parent().and_then(Path::parent);
    let mut pieces = Vec::new();
    for path in strings::paths(view, &images, "ruby") {
        let moved = prefix.zip(path.strip_prefix("/").ok());
        let moved = moved.map(|(prefix, path)| prefix.join(path));
        for dir in [Some(path), moved].into_iter().flatten() {
            if view.is_dir(&dir) {
                pieces.extend(of_directory(view, &dir));
            }
        }
    }
    pieces
}

/// What of one directory of `$LOAD_PATH` is the library's.
fn of_directory(view: &View, dir: &Path) -> Vec<Piece> {
    if LANDMARKS.iter().any(|name| view.is_file(&dir.join(name))) {
        let own = std::iter::once(dir.to_owned());
        return own
            .chain(default_gems(view, dir))
            .map(Piece::whole)
            .collect();
    }
    let parts = ["rubygems.rb", "rubygems"].map(|name| dir.join(name));
    match view.is_file(&parts[0]) {
        true => parts.map(Piece::whole).into(),
        false => Vec::new(),
    }
}

/// The list of the gems that are the library: `gems/X.Y.0` beside it, on Fedora `gems`.
fn default_gems(view: &View, dir: &Path) -> Option<PathBuf> {
    let gems = dir.parent()?.join("gems");
    let mut homes = [gems.join(dir.file_name()?), gems].into_iter();
    homes.find_map(|gems| {
        let list = gems.join("specifications/default");
        view.is_dir(&list).then_some(list)
    })
}
