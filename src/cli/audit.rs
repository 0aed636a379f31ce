//! `sandbox audit`: how far does this profile open its sandbox?

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::host::checkouts::checkouts;
use crate::host::set_id::set_id_files;
use crate::model::{Access, Facts, FoundCheckout, PathFact, SetIdFiles};
use crate::plan::{MountKind, Settings};
use crate::report::audit::{Audited, human, json, sarif};
use crate::report::problems;
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
    /// For scripts, by schemas/audit.schema.json; by schemas/problems.schema.json where the profile has errors
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
        let given = match self.params.alone() {
            Ok(given) => given,
            Err(exit) => return exit,
        };
        let mut loaded = Loaded::read(&self.profile, given);
        let judged = match self.host {
            true => loaded.judge_for_host().map(|(settings, facts)| {
                let seen = Seen::of(&settings, &facts, &loaded);
                (settings, seen)
            }),
            false => {
                let seen = Seen {
                    profile_dirs: loaded.directories_below(),
                    ..Seen::default()
                };
                loaded.judge_text().map(|settings| (settings, seen))
            }
        };
        let Some((settings, seen)) = judged else {
            self.refuse(loaded);
            return Exit::NO;
        };
        self.judge(&settings, &seen, &loaded)
    }

    /// Who reads documents gets one, and the exit code tells that it is of problems.
    fn refuse(&self, loaded: Loaded) {
        let write = match self.format {
            Format::Human => return output::problems(loaded.problems, &loaded.sources),
            Format::Json => problems::json,
            Format::Sarif => problems::sarif,
        };
        // The exit code is the same where it cannot be written.
        output::refusal(&self.profile, loaded.problems, loaded.sources, write).ok();
    }

    fn judge(&self, settings: &Settings, seen: &Seen, loaded: &Loaded) -> Exit {
        let audit = audit(&Subject {
            settings,
            variables: &seen.variables,
            profile_dirs: &seen.profile_dirs,
            set_id_files: &seen.set_id_files,
            real_paths: &seen.real_paths,
            checkouts: &seen.checkouts,
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
        match output::told(&text) {
            Ok(()) if !failed => Exit::DONE,
            _ => Exit::NO,
        }
    }
}

/// What the host shows of a profile beside its settings; nothing where the text alone is judged.
#[derive(Default)]
struct Seen {
    variables: Vec<(String, String)>,
    profile_dirs: Vec<String>,
    set_id_files: Vec<SetIdFiles>,
    real_paths: BTreeMap<PathBuf, PathBuf>,
    checkouts: Vec<FoundCheckout>,
}

impl Seen {
    fn of(settings: &Settings, facts: &Facts, loaded: &Loaded) -> Seen {
        let paths = facts.paths.iter();
        let linked = paths.filter_map(|(path, fact)| match fact {
            PathFact::Present {
                real: Some(real), ..
            } => Some((path.clone(), real.clone())),
            PathFact::Present { real: None, .. } | PathFact::Missing | PathFact::Hidden(_) => None,
        });
        let written: Vec<PathBuf> = written(settings).collect();
        Seen {
            variables: variables(facts),
            profile_dirs: loaded.directories(),
            set_id_files: set_id_files(written.iter().cloned()),
            real_paths: linked.collect(),
            checkouts: checkouts(written.iter().map(PathBuf::as_path)),
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

/// Directories of the caller that are known whether the profile names them or not.
const ALWAYS: [&str; 2] = ["HOME", "XDG_RUNTIME_DIR"];

/// What stands for variables in the settings, the longest first: a checkout lies in a home. A link leads to
/// a home by its real path, which on some systems is another one (`/var/home`).
fn variables(facts: &Facts) -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> = facts.variables.clone().into_iter().collect();
    let environment = ALWAYS.iter().filter_map(|name| {
        let value = std::env::var(name).ok()?;
        Some(((*name).to_owned(), value))
    });
    list.extend(environment);
    list.retain(|(_, value)| value.starts_with('/') && value != "/");
    let real: Vec<(String, String)> = list
        .iter()
        .filter_map(|(name, value)| {
            let real = std::fs::canonicalize(value).ok()?;
            Some((name.clone(), real.to_str()?.to_owned()))
        })
        .collect();
    list.extend(real);
    list.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    list.dedup();
    list
}
