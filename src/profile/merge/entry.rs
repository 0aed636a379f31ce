//! Entries of lists: when two of two files are the same, and which one `[remove]` names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::diag::{At, FileId, Origin};
use crate::model::{Architecture, Bundle, Capability, Degradable, GroupSpec, IdExtent, InsidePath};
use crate::profile::decode;
use crate::profile::raw::{RawDevice, RawExpect, RawExpectation, RawIo, RawMount, RawSource};
use crate::profile::template::{Part, Template};
use crate::profile::walk::{Visitor, Walk};

use super::Merging;

/// What no two entries of a list may share, and how messages speak of two that do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The rule that two unequal ones break.
    pub code: &'static str,
    /// What the two are: "two mounts on".
    pub pair: &'static str,
    /// The list's path.
    pub list: &'static str,
    /// The key itself.
    pub text: String,
}

/// An entry of a list.
pub(super) trait Entry: Walk + Clone + PartialEq + fmt::Debug {
    /// Its key; nothing where two of them are either equal or have nothing to do with each other.
    fn key(&self) -> Option<Key> {
        None
    }

    /// Whether it stays when `word` is removed; what `word` names in it is gone.
    fn without(&mut self, word: &str) -> bool;
}

/// A copy that is equal to that of any other file which means the same.
pub(super) fn settled<T: Entry>(entry: &At<T>, merging: &Merging<'_>) -> T {
    let mut copy = entry.value.clone();
    copy.walk(&mut Settle::of(merging));
    copy
}

/// Takes places away, and puts the directory of a file where its own paths start.
pub(super) struct Settle<'a> {
    directories: &'a BTreeMap<FileId, PathBuf>,
}

impl<'a> Settle<'a> {
    pub fn of(merging: &Merging<'a>) -> Settle<'a> {
        Settle {
            directories: merging.directories,
        }
    }

    fn directory(&self, origin: &Origin) -> Option<String> {
        let Origin::Profile { file, .. } = origin else {
            return None;
        };
        let directory = self.directories.get(file)?;
        Some(directory.to_string_lossy().into_owned())
    }
}

impl Visitor for Settle<'_> {
    fn origin(&mut self, origin: &mut Origin) {
        *origin = Origin::Default;
    }

    fn template(&mut self, template: &mut Template) {
        for part in &mut template.parts {
            let Part::Variable {
                name,
                default,
                origin,
            } = part
            else {
                continue;
            };
            if name == "PROFILE_DIR"
                && let Some(directory) = self.directory(origin)
            {
                *name = format!("PROFILE_DIR {directory}");
            }
            if let Some(default) = default {
                self.template(default);
            }
            *origin = Origin::Default;
        }
    }

    fn host_path(&mut self, path: &mut At<Template>) {
        let At { value, origin } = path;
        let relative = match value.parts.first() {
            Some(Part::Literal(text)) => !text.starts_with('/'),
            Some(Part::Variable { .. }) | None => false,
        };
        if let (true, Some(directory)) = (relative, self.directory(origin)) {
            value
                .parts
                .insert(0, Part::Literal(format!("{directory}/")));
        }
    }
}

/// Whether a profile spells an entry so.
fn is_spelt(entry: &impl fmt::Display, word: &str) -> bool {
    entry.to_string() == word
}

/// Entries that are words: the list's own spelling names them.
macro_rules! words {
    ($($type:ty),+ $(,)?) => {
        $(impl Entry for $type {
            fn without(&mut self, word: &str) -> bool {
                !is_spelt(self, word)
            }
        })+
    };
}

words!(
    String,
    u32,
    Architecture,
    Bundle,
    Capability,
    Degradable,
    GroupSpec
);

impl Entry for IdExtent {
    /// By the first id inside.
    fn without(&mut self, word: &str) -> bool {
        self.inside.to_string() != word
    }
}

/// Whether a path as it is written is the one that `word` names.
fn is_path(path: &str, word: &str) -> bool {
    let plain = word.parse::<InsidePath>().map(|path| path.to_string());
    path == word || plain.is_ok_and(|plain| plain == path)
}

impl Entry for RawMount {
    fn key(&self) -> Option<Key> {
        Some(Key {
            code: "mount.duplicate-target",
            pair: "two mounts on",
            list: "mount",
            text: decode::target_of(self),
        })
    }

    fn without(&mut self, word: &str) -> bool {
        !is_path(&decode::target_of(self), word)
    }
}

impl Entry for RawSource {
    fn key(&self) -> Option<Key> {
        Some(Key {
            code: "rootfs.duplicate-path",
            pair: "two sources for",
            list: "rootfs.source",
            text: decode::path_of(self)?,
        })
    }

    /// By its path inside; a source that has none by what it names: an archive, an image, and each
    /// program and bundle by itself.
    fn without(&mut self, word: &str) -> bool {
        let named = |path: &At<Template>| path.value.to_string() == word;
        match self {
            RawSource::Archive { archive, .. } => !named(archive),
            RawSource::Image { image, .. } => !named(image),
            RawSource::Programs { programs, extra } => {
                programs.retain(|program| !named(program));
                extra.retain(|path| !named(path));
                !programs.is_empty() || !extra.is_empty()
            }
            RawSource::Bundle { bundles } => {
                bundles.retain(|bundle| bundle.value.word() != word);
                !bundles.is_empty()
            }
            RawSource::Copy { .. }
            | RawSource::Host { .. }
            | RawSource::File { .. }
            | RawSource::Dir { .. }
            | RawSource::Symlink { .. } => {
                decode::path_of(self).is_none_or(|path| !is_path(&path, word))
            }
        }
    }
}

impl Entry for RawDevice {
    fn key(&self) -> Option<Key> {
        Some(Key {
            code: "system.dev-duplicate",
            pair: "two entries for",
            list: "system.dev",
            text: decode::key_of(&self.path),
        })
    }

    fn without(&mut self, word: &str) -> bool {
        !is_path(&decode::key_of(&self.path), word)
    }
}

impl Entry for RawIo {
    fn key(&self) -> Option<Key> {
        Some(Key {
            code: "limits.io-duplicate",
            pair: "two entries for",
            list: "limits.io",
            text: self.device.value.to_string(),
        })
    }

    fn without(&mut self, word: &str) -> bool {
        self.device.value.to_string() != word
    }
}

impl Entry for RawExpect {
    /// By what it is about: a path, an address, a name; a number by its key.
    fn without(&mut self, word: &str) -> bool {
        let about = match &self.what {
            RawExpectation::Path { path, .. } => path.value.to_string(),
            RawExpectation::Connect { to, .. } => to.value.to_string(),
            RawExpectation::SystemCall { name, .. } | RawExpectation::EnvAbsent(name) => {
                name.value.clone()
            }
            RawExpectation::MaxMemory(_) => "max_memory".to_owned(),
            RawExpectation::MaxPids(_) => "max_pids".to_owned(),
            RawExpectation::MaxOpenFiles(_) => "max_open_files".to_owned(),
        };
        about != word
    }
}
