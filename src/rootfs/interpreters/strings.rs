//! Paths that are compiled into a program.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::rootfs::view::View;

/// Beyond any interpreter; the largest, Node's, has 100 MiB.
const LARGEST: u64 = 256 << 20;

/// The absolute paths among the strings of some files that hold `word`.
pub(super) fn paths(view: &View, files: &[&Path], word: &str) -> BTreeSet<PathBuf> {
    let images = files.iter().map(|file| view.read(file, LARGEST));
    let mut found = BTreeSet::new();
    for image in images {
        // A string ends with a zero byte; something else may stand right before it.
        let texts = image.split(|byte| *byte == 0);
        let texts = texts.filter_map(|text| text.rsplit(|byte| !byte.is_ascii_graphic()).next());
        let word = word.as_bytes();
        let holds = |text: &&[u8]| {
            text.starts_with(b"/") && text.windows(word.len()).any(|part| part == word)
        };
        let paths = texts.filter(holds);
        found.extend(paths.map(|text| PathBuf::from(OsStr::from_bytes(text))));
    }
    found
}
