//! `sandbox lock`: write down what the root tree of a profile holds.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::diag::{Problem, Problems, Severity, Sources};
use crate::lock::{Detail, LiveKind, Lock, compare, render};
use crate::plan::{Given, Plan, Purpose};
use crate::rootfs::{Store, Tree};

use super::exit::Exit;
use super::locked::{self, Held, Known, Place};
use super::output;
use super::profile::{Loaded, Params};
use super::tree;

/// Write down what the root tree holds: NAME.lock beside the profile, to keep in git
///
/// Each path with its mode, size and SHA-256, the package of the host that owns it with its version, and the
/// build-id. `up --locked` and `check --locked` fail on every difference. Exits with 0 when it is written, with
/// 1 when not, with 2 for wrong usage.
#[derive(Debug, Args)]
pub struct LockCommand {
    /// Show what differs from the lock, and write nothing: exits with 0 when nothing does, with 1 when something does
    #[arg(long)]
    diff: bool,
    #[command(flatten)]
    params: Params,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
}

impl LockCommand {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let params = match self.params.read() {
            Ok(params) => params,
            Err(exit) => return exit,
        };
        let given = Given {
            purpose: Purpose::Start,
            params,
            ..Given::default()
        };
        let mut loaded = Loaded::read(&self.profile, given);
        let judged = loaded.judge_for_host();
        let Loaded {
            mut sources,
            problems,
            path,
            ..
        } = loaded;
        let judged = judged.filter(|_| problems.count(Severity::Error) == 0);
        output::problems(problems, &sources);
        let Some((settings, _)) = judged else {
            return Exit::NO;
        };
        match self.perform(&path, &Plan::new(settings), &mut sources) {
            Ok(exit) => exit,
            Err(problems) => {
                output::problems(problems, &sources);
                Exit::NO
            }
        }
    }

    fn perform(
        &self,
        profile: &Path,
        plan: &Plan,
        sources: &mut Sources,
    ) -> Result<Exit, Problems> {
        match self.diff {
            true => {
                let place = Place::filled(profile)?;
                let (lock, ..) = lock(profile, plan)?;
                diff(&place, &lock, sources)
            }
            false => {
                let place = Place::beside(profile)?;
                let (lock, store, tree) = lock(profile, plan)?;
                let exit = write(&place, &lock)?;
                // Without the note garbage collection knows of the profile alone.
                store.note_user(&tree, &place.file).ok();
                Ok(exit)
            }
        }
    }
}

/// The lock that the profile has now, and the tree that it is of.
fn lock(profile: &Path, plan: &Plan) -> Result<(Lock, Store, Tree), Problems> {
    let (store, tree) = locked::look(profile, plan)?;
    let lock = locked::lock(plan, &tree, Known::Nothing)?;
    tree::keep(&store, &tree);
    for (path, kind) in &lock.live {
        let path = path.display();
        let what = match kind {
            LiveKind::Bind => "the host's own",
            LiveKind::Volume => "a volume",
        };
        output::error_text(&format!(
            "sandbox: note: `{path}` is {what} and not locked\n"
        ));
    }
    Ok((lock, store, tree))
}

fn diff(place: &Place<'_>, is: &Lock, sources: &mut Sources) -> Result<Exit, Problems> {
    let was = locked::read(place, sources)?.lock;
    let text = render(&compare(&was, is), Detail::Whole);
    let exit = if text.is_empty() {
        Exit::DONE
    } else {
        Exit::NO
    };
    print(&text)?;
    Ok(exit)
}

fn write(place: &Place<'_>, is: &Lock) -> Result<Exit, Problems> {
    let text = is.to_string();
    let before = before(place);
    let same = matches!(&before, Before::Lock(held) if held.text == text);
    if !same {
        locked::write(&place.file, &text)?;
    }
    let (name, entries) = (place.file.display(), is.tree.entries.len());
    let packages = is.tree.packages.len();
    let done = if same { "is up to date" } else { "written" };
    let mut told = format!("{name}: {done}, {entries} paths, {packages} packages\n");
    if let Before::Lock(Held { lock: was, .. }) = before {
        let differences = compare(&was, is);
        told.push_str(&render(&differences, Detail::Lines(locked::MOST_LINES)));
    }
    print(&told)?;
    Ok(Exit::DONE)
}

/// What was there before.
enum Before {
    Nothing,
    Lock(Held),
}

/// A lock that cannot be read is replaced, which is how it is repaired; that is told.
fn before(place: &Place<'_>) -> Before {
    let mut aside = Sources::default();
    match locked::read(place, &mut aside) {
        Ok(held) => Before::Lock(held),
        Err(_) if place.file.symlink_metadata().is_err() => Before::Nothing,
        Err(_) => {
            let file = place.file.display();
            output::error_text(&format!(
                "sandbox: note: `{file}` was not a sound lock, so nothing is compared with it\n"
            ));
            Before::Nothing
        }
    }
}

fn print(text: &str) -> Result<(), Problem> {
    output::text(text).map_err(|error| {
        let message = format!("cannot write to standard output: {error}");
        super::profile::general("command-line.output", message)
    })
}
