//! Perl: the directories of `@INC`, which are compiled into it.
//!
//! Of them come those of the library itself: each has one of its first modules. The others are for what was installed
//! beside it. Without `libperl`, as on Debian, the directories stand in the program.

use std::path::{Path, PathBuf};

use super::strings;
use super::{Interpreter, Piece};
use crate::rootfs::view::View;

/// Modules of the library: the one that nearly every program uses first, and those of the directory for one machine.
const LANDMARKS: [&str; 3] = ["strict.pm", "Config.pm", "XSLoader.pm"];

/// What Debian's administrators set for the library, first in its `@INC`.
const SETTINGS: &str = "/etc/perl";

/// What extensions are built with. `libperl.so` may lie among it.
const EXCLUDED: &[&str] = &["*.h", "*.a"];

/// What a Perl needs.
pub(super) fn pieces(view: &View, interpreter: &Interpreter<'_>) -> Vec<Piece> {
    let images = interpreter.images("libperl.so");
    let is_own = |dir: &PathBuf| {
        dir == Path::new(SETTINGS) || LANDMARKS.iter().any(|name| view.is_file(&dir.join(name)))
    };
    let dirs = strings::paths(view, &images, "perl");
    let dirs = dirs.into_iter().filter(|dir| view.is_dir(dir));
    let piece = |path| Piece {
        path,
        exclude: EXCLUDED,
    };
    dirs.filter(is_own).map(piece).collect()
}
