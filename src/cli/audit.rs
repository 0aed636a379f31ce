//! `sandbox audit`: how far does this profile open its sandbox?

use std::io;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::host::set_id::set_id_files;
use crate::model::{Access, Facts};
use crate::plan::{Given, MountKind, Settings};
use crate::report::audit::{Audited, human, json, sarif};
use crate::review::audit::{Level, Subject, audit};

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, Params};

/// Find what opens the sandbox of a profile: each with its line, what it allows, and the fix
///
/// The text alone is judged, with the same answer on every machine; --host judges what it comes to on
/// this one, in this directory and environment.
///
/// Each finding has a weight from 0 to 10: how much of the way to the host is open through it alone. It
/// makes the level: note 0, low from 0.1, medium from 1, high from 3, critical from 6. The score is
/// 10 × (1 − (1 − w₁/10) × (1 − w₂/10) × …) over the rules that fired, each by its heaviest finding: 0.0
/// is sealed, 10.0 is as the host. Up to 2.0 it is called tight, to 4.0 fair, below 6.0 loose, below 9.5
/// open.
///
/// Exits with 0; with 1 when --fail-on finds what it names, and when the profile has an error; with 2 for
/// wrong usage.
#[derive(Debug, Args)]
pub struct Audit {
    /// Exit with 1 when there is a finding of this level or of a worse one
    #[arg(long, value_name = "LEVEL", value_parser = level())]
    fail_on: Option<Level>,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
    /// Judge what the profile comes to on this host
    #[arg(long)]
    host: bool,
    #[command(flatten)]
    params: Params,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For scripts, by schemas/audit.schema.json
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
}

fn level() -> impl TypedValueParser<Value = Level> {
    let mut words = Level::ALL.map(Level::word);
    words.reverse();
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Level>().map_err(|why| why.reason))
}

impl Audit {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let given = match self.params.read() {
            Ok(params) => Given {
                params,
                ..Given::default()
            },
            Err(exit) => return exit,
        };
        let mut loaded = Loaded::read(&self.profile, given);
        let judged = match self.host {
            true => loaded
                .judge_for_host()
                .map(|(settings, facts)| (settings, variables(&facts))),
            false => loaded.judge_text().map(|settings| (settings, Vec::new())),
        };
        let Some((settings, variables)) = judged else {
            output::problems(loaded.problems, &loaded.sources);
            return Exit::NO;
        };
        self.judge(&settings, &variables, &loaded)
    }

    fn judge(&self, settings: &Settings, variables: &[(String, String)], loaded: &Loaded) -> Exit {
        let profile_dirs = match self.host {
            true => loaded.directories(),
            false => loaded.directories_below(),
        };
        let set_id_files = match self.host {
            true => set_id_files(written(settings)),
            false => Vec::new(),
        };
        let audit = audit(&Subject {
            settings,
            variables,
            profile_dirs: &profile_dirs,
            set_id_files: &set_id_files,
        });
        let profile = loaded.path.to_string_lossy();
        let audited = Audited {
            profile: &profile,
            audit: &audit,
            sources: &loaded.sources,
        };
        let text = match self.format {
            Format::Human => human(audited, output::style(&io::stdout())),
            Format::Json => json(audited),
            Format::Sarif => sarif(audited),
        };
        let failed = self
            .fail_on
            .is_some_and(|level| audit.worst() >= Some(level));
        match output::text(&text) {
            Ok(()) if !failed => Exit::DONE,
            _ => Exit::NO,
        }
    }
}

/// The host paths that the program may write.
fn written(settings: &Settings) -> impl Iterator<Item = PathBuf> {
    let mounts = settings.mounts.iter();
    mounts.filter_map(|mount| match &mount.value.kind {
        MountKind::Bind {
            source,
            access: Access::ReadWrite,
            ..
        } => Some(PathBuf::from(source)),
        _ => None,
    })
}

/// What stands for variables in the settings, the longest first: a checkout lies in a home.
fn variables(facts: &Facts) -> Vec<(String, String)> {
    let known = facts
        .variables
        .iter()
        .filter(|(_, value)| value.starts_with('/'));
    let mut list: Vec<(String, String)> = known
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    list.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    list
}
