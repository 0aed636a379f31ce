//! Node: its library is compiled into it, but for parts that Debian keeps as files of other packages.

use std::path::Path;

use super::strings;
use super::{Interpreter, Piece};
use crate::rootfs::view::View;

/// Where these are: acorn, cjs-module-lexer, undici.
const SHARED: &str = "/usr/share/nodejs";

/// What a Node needs.
pub(super) fn pieces(view: &View, interpreter: &Interpreter<'_>) -> Vec<Piece> {
    if !view.is_dir(Path::new(SHARED)) {
        return Vec::new();
    }
    let images = interpreter.images("libnode.so");
    let parts = strings::paths(view, &images, SHARED);
    let parts = parts.into_iter().filter(|path| view.is_file(path));
    parts.map(Piece::whole).collect()
}
