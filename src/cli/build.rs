//! `sandbox build`: the root tree alone.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::diag::Problem;
use crate::model::{ImageConfig, UserSpec};
use crate::plan::{Privacy, Settings, UserIds};
use crate::report;
use crate::rootfs::{StoreError, Tree};

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, Params, general};
use super::tree::{self, Wanted};

/// Build the root tree of a profile, and run nothing
///
/// Prints where the tree is, how many files and bytes it has, and how many of them were in the store already.
/// A tree that is there and has not changed is found. Exits with 0 when it is built, 1 when not.
#[derive(Debug, Args)]
pub struct Build {
    /// Also copy the tree to DIR, which must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// As what: the plain directory, or an OCI image layout that runs the profile's command
    #[arg(long, value_enum, default_value_t = Format::Directory, requires = "output")]
    format: Format,
    /// Look again at every file that the tree was made of
    #[arg(long, conflicts_with = "verify")]
    refresh: bool,
    /// Read everything again, on the host and in the store; what was altered is named and built again
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    params: Params,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
}

/// What an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The tree as it is.
    Directory,
    /// An image layout of one layer (image-spec, image-layout.md), the same bytes for the same tree.
    Oci,
}

impl Build {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let given = match self.params.alone() {
            Ok(given) => given,
            Err(exit) => return exit,
        };
        let mut loaded = Loaded::read(&self.profile, given);
        let judged = loaded.judge_for_host();
        let Loaded {
            sources,
            problems,
            path,
            ..
        } = loaded;
        output::problems(problems, &sources);
        let Some((settings, _)) = judged else {
            return Exit::NO;
        };
        let wanted = Wanted {
            plan: &settings.tree,
            profile: &path,
            refresh: tree::refresh(self.refresh, self.verify),
        };
        match self.build(&wanted, &settings) {
            Ok(text) if output::told(&text).is_ok() => Exit::DONE,
            Ok(_) => Exit::NO,
            Err(problem) => {
                output::problems(problem.into(), &sources);
                Exit::NO
            }
        }
    }

    fn build(&self, wanted: &Wanted<'_>, settings: &Settings) -> Result<String, Box<Problem>> {
        let start = Instant::now();
        let store = tree::open_store()?;
        let tree = tree::obtain(&store, wanted)?;
        let took = start.elapsed();
        if let Some(output) = &self.output {
            self.export(output, &tree, settings)
                .map_err(|error| not_exported(&error))?;
        }
        tree::keep(&store, &tree);
        let Tree {
            root, notes, built, ..
        } = &tree;
        Ok(report::tree_text(root, notes, *built, took))
    }

    fn export(&self, output: &Path, tree: &Tree, settings: &Settings) -> Result<(), StoreError> {
        match self.format {
            Format::Directory => tree.export(output),
            Format::Oci => {
                let name = settings.name.value.as_str();
                tree.export_image(output, name, &image_config(settings))
            }
        }
    }
}

/// What of a profile an image says too. Values of the caller's environment stay behind, and are named.
fn image_config(settings: &Settings) -> ImageConfig {
    let (shown, private): (Vec<_>, Vec<_>) = settings
        .command
        .env
        .iter()
        .map(|variable| &variable.value)
        .partition(|variable| variable.privacy == Privacy::Shown);
    for variable in private {
        let name = report::printable(&variable.name);
        output::error_text(&format!(
            "sandbox: note: `{name}` is of your environment and not in the image\n"
        ));
    }
    let args = settings.command.args.iter();
    let user = match &settings.identity.asked.value {
        UserSpec::Caller => None,
        UserSpec::Root | UserSpec::Ids { .. } | UserSpec::Name(_) => {
            let UserIds { uid, gid } = settings.identity.user.value;
            Some(format!("{uid}:{gid}"))
        }
    };
    ImageConfig {
        env: shown
            .into_iter()
            .map(|variable| {
                (
                    variable.name.clone(),
                    settings.private.hide(&variable.value),
                )
            })
            .collect(),
        entrypoint: Vec::new(),
        cmd: args.map(|arg| settings.private.hide(&arg.value)).collect(),
        user,
        workdir: Some(settings.command.workdir.value.to_string()),
    }
}

fn not_exported(error: &StoreError) -> Problem {
    let problem = general("tree.output", error.to_string());
    match error.help() {
        Some(help) => problem.help(help),
        None => problem,
    }
}
