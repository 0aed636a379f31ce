//! What a profile asks about the host, so that nothing else is looked at.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{ImageName, Resource, Switch};

/// The questions that a profile raises; `host` answers them in [`Facts`](super::Facts).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Variables, by their spelling without `${}`.
    pub variables: BTreeSet<String>,
    /// Host paths, absolute.
    pub paths: BTreeSet<PathBuf>,
    /// Paths below host directories, as (directory, relative path), at which no link is followed.
    pub parts: BTreeSet<(PathBuf, PathBuf)>,
    /// Host paths of which it counts where in their file systems they lie.
    pub placed: BTreeSet<PathBuf>,
    /// Host paths whose last name holds `*`.
    pub patterns: BTreeSet<PathBuf>,
    /// Images whose configuration counts.
    pub images: BTreeSet<ImageName>,
    /// Programs, by name, to find in `search_path`.
    pub programs: BTreeSet<String>,
    /// The directories that programs are looked for in.
    pub search_path: Vec<PathBuf>,
    /// The host's users and the ids that are taken.
    pub accounts: Switch,
    /// The caller's own limits.
    pub rlimits: BTreeSet<Resource>,
    /// Descriptors that should be open.
    pub descriptors: BTreeSet<u32>,
    /// The control groups.
    pub cgroups: Switch,
    /// Whether standard input is a terminal.
    pub terminal: Switch,
    /// The directories of `sandbox` itself.
    pub own_directories: Switch,
}

impl Wanted {
    /// The questions that `answered` does not hold.
    #[must_use]
    pub fn without(self, answered: &Wanted) -> Wanted {
        let new = |wanted: Switch, answered: Switch| match answered {
            Switch::On => Switch::Off,
            Switch::Off => wanted,
        };
        // Where programs are looked for is no question of its own: the answer is to each name.
        let moved = self.search_path != answered.search_path;
        let programs = match moved {
            true => self.programs,
            false => &self.programs - &answered.programs,
        };
        Wanted {
            variables: &self.variables - &answered.variables,
            paths: &self.paths - &answered.paths,
            parts: &self.parts - &answered.parts,
            placed: &self.placed - &answered.placed,
            patterns: &self.patterns - &answered.patterns,
            images: &self.images - &answered.images,
            search_path: match programs.is_empty() {
                true => Vec::new(),
                false => self.search_path,
            },
            programs,
            accounts: new(self.accounts, answered.accounts),
            rlimits: &self.rlimits - &answered.rlimits,
            descriptors: &self.descriptors - &answered.descriptors,
            cgroups: new(self.cgroups, answered.cgroups),
            terminal: new(self.terminal, answered.terminal),
            own_directories: new(self.own_directories, answered.own_directories),
        }
    }

    /// Takes in the questions of `more`, by whose search path all programs are then looked for.
    pub fn add(&mut self, more: Wanted) {
        let Wanted {
            variables,
            paths,
            parts,
            placed,
            patterns,
            images,
            programs,
            search_path,
            accounts,
            rlimits,
            descriptors,
            cgroups,
            terminal,
            own_directories,
        } = more;
        self.variables.extend(variables);
        self.paths.extend(paths);
        self.parts.extend(parts);
        self.placed.extend(placed);
        self.patterns.extend(patterns);
        self.images.extend(images);
        if !programs.is_empty() {
            self.search_path = search_path;
        }
        self.programs.extend(programs);
        self.accounts = (self.accounts.is_on() || accounts.is_on()).into();
        self.rlimits.extend(rlimits);
        self.descriptors.extend(descriptors);
        self.cgroups = (self.cgroups.is_on() || cgroups.is_on()).into();
        self.terminal = (self.terminal.is_on() || terminal.is_on()).into();
        let own = self.own_directories.is_on() || own_directories.is_on();
        self.own_directories = own.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_not_asked_again() {
        let mut first = Wanted {
            accounts: Switch::On,
            search_path: vec![PathBuf::from("/bin")],
            ..Wanted::default()
        };
        first.programs.insert("sh".to_owned());
        let mut answered = Wanted::default();
        answered.add(first.clone());
        assert_eq!(first.clone().without(&answered), Wanted::default());
        first.programs.insert("ls".to_owned());
        let new = first.clone().without(&answered);
        assert_eq!(new.programs.len(), 1);
        assert_eq!(new.search_path, first.search_path);
        // Another search path makes every program a new question.
        first.search_path = vec![PathBuf::from("/opt")];
        assert_eq!(first.without(&answered).programs.len(), 2);
    }
}
