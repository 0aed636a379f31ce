//! `sandbox list`: which profiles are found by name, and where.

use std::path::Path;

use clap::Args;

use crate::plan::Given;
use crate::profile::shelves::{Found, Shelves};
use crate::report::profiles::{self, Listed, Rank};

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, shelves};

/// List the profiles that commands find by name
///
/// A PROFILE with a `/` in it, or that ends with `.toml`, is a path. Any other is a name: NAME.toml is looked for
/// in ./profiles and ./.sandbox, in both at the top of the checkout around, in $XDG_CONFIG_HOME/sandbox/profiles,
/// /etc/sandbox/profiles and /usr/share/sandbox/profiles, and the first one wins. So a checkout can give any name
/// another meaning: commands warn where it hides a profile that is not its own, and here it is marked. A checkout
/// whose .git belongs to somebody else is not looked at.
///
/// NAME.local.toml in /etc/sandbox/profiles and in the user's directory comes on top of a profile of
/// /usr/share/sandbox/profiles or /etc/sandbox/profiles, the host's first: as if it extended it, and under its name.
///
/// What is found by name, and every base, must belong to you or root, and nobody else may be able to write it.
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Names alone, one a line, for completions of a shell
    #[arg(long, hide = true, conflicts_with = "json")]
    names: bool,
}

impl List {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let shelves = shelves();
        let text = match (self.names, self.json) {
            // Without reading any of them.
            (true, _) => shelves
                .names()
                .iter()
                .map(|name| format!("{name}\n"))
                .collect(),
            (false, true) => profiles::json(&listed(&shelves)),
            (false, false) => profiles::text(&listed(&shelves)),
        };
        match output::told(&text) {
            Ok(()) => Exit::DONE,
            Err(_) => Exit::NO,
        }
    }
}

fn listed(shelves: &Shelves) -> Vec<Listed> {
    let names = shelves.names().into_iter();
    let all = names.flat_map(|name| {
        let found = shelves.all(&name).into_iter().enumerate();
        found
            .map(|(place, found)| listed_one(name.as_str(), place, found))
            .collect::<Vec<_>>()
    });
    all.collect()
}

fn listed_one(name: &str, place: usize, found: Found) -> Listed {
    let (rank, asked) = match place {
        // As a command would read it, with what is added to it and what is wrong with it.
        0 => (Rank::Wins, Path::new(name)),
        _ => (Rank::Hidden, found.path.as_path()),
    };
    let loaded = Loaded::read(asked, Given::default());
    let description = loaded.description();
    let problems = loaded.problems.sorted();
    let error = problems.into_iter().find(|problem| problem.is_error());
    Listed {
        name: name.to_owned(),
        from: found.keeper.word(),
        rank,
        path: found.path.to_string_lossy().into_owned(),
        additions: found
            .additions
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect(),
        description,
        error: error.map(|problem| problem.message),
    }
}
