//! What a later value does to an earlier one, by the type of its field.

use std::collections::{HashMap, HashSet};

use crate::diag::At;

use super::entry::{Entry, Key, settled};
use super::{Merging, conflict};

/// What a word of `[remove]` did to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// It named an entry, which is gone.
    Yes,
    /// The list has no such entry.
    No,
    /// There is no list here.
    NoList,
}

/// A place of a profile that several files may write to.
pub(super) trait Field {
    /// Lays what a later file says over this.
    fn take_over(&mut self, later: Self, merging: &mut Merging<'_>)
    where
        Self: Sized;

    /// The place at a dotted path below this one; itself at the empty one.
    fn at(&mut self, path: &str) -> Option<&mut dyn Field>;

    /// Drops all of it; whether something was there.
    fn drop_all(&mut self) -> bool;

    /// Drops the entries that `word` names.
    fn drop_entry(&mut self, _word: &str) -> Dropped {
        Dropped::NoList
    }

    /// The paths of all places below this one; the empty one for itself.
    fn keys(&self) -> Vec<String> {
        vec![String::new()]
    }
}

/// One value: the later one replaces.
impl<T> Field for Option<At<T>> {
    fn take_over(&mut self, later: Self, _merging: &mut Merging<'_>) {
        if later.is_some() {
            *self = later;
        }
    }

    fn at(&mut self, path: &str) -> Option<&mut dyn Field> {
        path.is_empty().then_some(self as &mut dyn Field)
    }

    fn drop_all(&mut self) -> bool {
        self.take().is_some()
    }
}

/// A list: the later entries come behind. Of two equal ones the first stays; two that differ and
/// have one key are an error.
impl<T: Entry> Field for Vec<At<T>> {
    fn take_over(&mut self, later: Self, merging: &mut Merging<'_>) {
        if self.is_empty() {
            *self = later;
            return;
        }
        let mut known = Known::of(self, merging);
        for entry in later {
            let new = settled(&entry, merging);
            let (identity, key) = (identity(&new), new.key());
            if known.identities.contains(&identity) {
                continue;
            }
            let first = key.as_ref().and_then(|key| known.keys.get(&key.text));
            if let (Some(first), Some(key)) = (first, &key) {
                let problem = conflict(key, &self[*first].origin, &entry.origin);
                merging.problems.push(problem);
                continue;
            }
            known.note(self.len(), identity, key);
            self.push(entry);
        }
    }

    fn at(&mut self, path: &str) -> Option<&mut dyn Field> {
        path.is_empty().then_some(self as &mut dyn Field)
    }

    fn drop_all(&mut self) -> bool {
        let filled = !self.is_empty();
        self.truncate(0);
        filled
    }

    fn drop_entry(&mut self, word: &str) -> Dropped {
        let mut dropped = Dropped::No;
        self.retain_mut(|entry| {
            let before = entry.value.clone();
            let stays = entry.value.without(word);
            if !stays || entry.value != before {
                dropped = Dropped::Yes;
            }
            stays
        });
        dropped
    }
}

/// What entries of a list are, to find equal ones in files of a hundred thousand.
#[derive(Default)]
struct Known {
    identities: HashSet<String>,
    keys: HashMap<String, usize>,
}

impl Known {
    fn of<T: Entry>(list: &[At<T>], merging: &Merging<'_>) -> Known {
        let mut known = Known::default();
        for (at, entry) in list.iter().enumerate() {
            let settled = settled(entry, merging);
            known.note(at, identity(&settled), settled.key());
        }
        known
    }

    fn note(&mut self, at: usize, identity: String, key: Option<Key>) {
        self.identities.insert(identity);
        if let Some(key) = key {
            self.keys.insert(key.text, at);
        }
    }
}

/// Equal for equal entries: without their places, all that they hold is in it.
fn identity<T: Entry>(settled: &T) -> String {
    format!("{settled:?}")
}

/// A table: each of its keys by itself.
macro_rules! table {
    ($type:ident { $($name:literal => $field:ident),+ $(,)? }) => {
        impl Field for $type {
            fn take_over(&mut self, later: Self, merging: &mut Merging<'_>) {
                let $type { $($field),+ } = later;
                $(Field::take_over(&mut self.$field, $field, merging);)+
            }

            fn at(&mut self, path: &str) -> Option<&mut dyn Field> {
                if path.is_empty() {
                    return Some(self);
                }
                $(if let Some(rest) = $crate::profile::merge::field::below($name, path) {
                    if self.$field.at(rest).is_some() {
                        return self.$field.at(rest);
                    }
                })+
                None
            }

            fn drop_all(&mut self) -> bool {
                let mut filled = false;
                $(filled |= self.$field.drop_all();)+
                filled
            }

            fn keys(&self) -> Vec<String> {
                let mut keys = Vec::new();
                $(keys.extend($crate::profile::merge::field::prefixed($name, self.$field.keys()));)+
                keys
            }
        }
    };
}

pub(super) use table;

/// What of `path` is left below `name`.
pub(super) fn below<'a>(name: &str, path: &'a str) -> Option<&'a str> {
    if name.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(name)? {
        "" => Some(""),
        rest => rest.strip_prefix('.'),
    }
}

/// `keys` with `name` before them.
pub(super) fn prefixed(name: &str, keys: Vec<String>) -> Vec<String> {
    let joined = keys.into_iter().map(|key| match (name, key.as_str()) {
        ("", _) => key,
        (_, "") => name.to_owned(),
        _ => format!("{name}.{key}"),
    });
    joined.collect()
}
