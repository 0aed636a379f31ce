//! `programs` sources: names to find in PATH, paths, and the program that is run.

use std::path::PathBuf;

use crate::diag::{At, Problem};
use crate::model::{PathKind, ProgramFact};
use crate::plan::{Missing, Privacy, TreeSource};
use crate::profile::Template;

use super::command::{Draft, THE_COMMAND};
use super::env::Environment;
use super::host_object::Role;
use super::packed::{Offer, THE_IMAGE};
use super::scope::Scope;

/// What programs are looked for by.
pub(super) struct Finder<'a> {
    /// What is run; nothing when that is not known.
    pub command: Option<&'a Draft>,
    pub env: &'a Environment,
    /// What an image offers for its program.
    pub offer: &'a Offer<'a>,
}

const PROGRAM: Role = Role {
    noun: "program",
    missing: "rootfs.program-missing",
    hidden: "rootfs.program-hidden",
    fix: "correct the path, or write the name alone to have it looked for in `PATH`",
};

const EXTRA: Role = Role {
    noun: "file",
    missing: "rootfs.source-missing",
    hidden: "rootfs.source-hidden",
    fix: "correct the path, or leave it out",
};

impl Finder<'_> {
    /// A source of these programs and files.
    pub fn source(
        &self,
        programs: &[At<Template>],
        extra: &[At<Template>],
        scope: &mut Scope<'_>,
    ) -> TreeSource {
        let programs = programs.iter().filter_map(|name| self.program(name, scope));
        let programs = programs.collect();
        let extra = extra.iter().filter_map(|path| library(path, scope));
        TreeSource::Programs {
            programs,
            extra: extra.collect(),
        }
    }

    fn program(&self, written: &At<Template>, scope: &mut Scope<'_>) -> Option<At<String>> {
        let text = scope.text(&written.value)?.value;
        let name = match text == THE_COMMAND {
            true => self.command_name(written, scope)?,
            false => At::new(text, written.origin.clone()),
        };
        if scope.facts().is_none() {
            return Some(name);
        }
        if name.value.contains('/') {
            judge_path(&name, scope)?;
        } else {
            self.judge_name(&name, scope)?;
        }
        Some(name)
    }

    /// What is run, at the place of `@command`. A symbolic plan keeps the word where the command
    /// line decides.
    fn command_name(&self, written: &At<Template>, scope: &mut Scope<'_>) -> Option<At<String>> {
        let run = self.command.and_then(|command| command.args.first());
        match (run, scope.facts()) {
            (Some(run), Some(_)) if self.is_of_image(run) => {
                let message =
                    format!("`{THE_COMMAND}` is a program of the image, which has it already");
                let problem = written.error("rootfs.program-of-image", message);
                scope.report(problem.help(format!("remove `{THE_COMMAND}`")));
                None
            }
            (Some(run), Some(_)) => Some(run.clone()),
            (Some(run), None) if run.value != THE_IMAGE => Some(run.clone()),
            (Some(_) | None, None) => Some(At::new(THE_COMMAND.to_owned(), written.origin.clone())),
            // That there is none is an error already.
            (None, Some(_)) => None,
        }
    }

    /// Whether an image says what is run, and not the command line.
    fn is_of_image(&self, run: &At<String>) -> bool {
        matches!(self.offer, Offer::Unknown(origin) | Offer::Known(_, origin) if *origin == run.origin)
    }

    fn judge_name(&self, name: &At<String>, scope: &mut Scope<'_>) -> Option<()> {
        let facts = scope.facts()?;
        scope.wanted.programs.insert(name.value.clone());
        scope.wanted.search_path = self.env.path.iter().map(PathBuf::from).collect();
        let Some(ProgramFact::Missing { nearest }) = facts.programs.get(&name.value) else {
            return Some(());
        };
        let mut message = format!("the host has no program `{}`", name.value);
        if self.env.path_privacy == Privacy::Shown {
            message.push_str(&format!(" in `{}`", self.env.path.join(":")));
        }
        let problem = Problem::error("rootfs.program-missing", &name.origin, message);
        scope.report(match nearest {
            Some(near) => problem.help(format!("write `{near}`, or set `PATH` under `[env.set]`")),
            None => problem.help("write its path, or set `PATH` under `[env.set]`"),
        });
        None
    }
}

fn judge_path(path: &At<String>, scope: &mut Scope<'_>) -> Option<()> {
    let offence = (!path.value.starts_with('/')).then(|| {
        let message = format!(
            "program `{}` is neither a name nor an absolute path",
            path.value
        );
        path.error("rootfs.program-relative", message).help(format!(
            "write `${{PROFILE_DIR}}/{}`",
            path.value.trim_start_matches("./")
        ))
    });
    scope.sound(offence)?;
    let found = scope.host_object(&PROGRAM, &path.value, &path.origin, Missing::Refused)?;
    let offence = match found.kind {
        None | Some(PathKind::File) => None,
        Some(_) => {
            let message = format!("program `{}` is no file", path.value);
            Some(
                path.error("rootfs.program-no-file", message)
                    .help("name the program itself"),
            )
        }
    };
    scope.sound(offence)
}

/// A file that is opened at run time.
fn library(written: &At<Template>, scope: &mut Scope<'_>) -> Option<At<PathBuf>> {
    let path = scope.host_path(written)?;
    scope.host_object(&EXTRA, &path, &written.origin, Missing::Refused)?;
    Some(At::new(PathBuf::from(path), written.origin.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PathFact;
    use crate::plan::resolve::testing::{Bench, at, codes, no_environment, present};

    fn resolved(names: &[&str], bench: &Bench) -> (Vec<String>, Vec<&'static str>) {
        let mut scope = bench.scope();
        let env = no_environment(&mut scope);
        let finder = Finder {
            command: None,
            env: &env,
            offer: &Offer::None,
        };
        let names: Vec<_> = names.iter().map(|name| at(name)).collect();
        let TreeSource::Programs { programs, .. } = finder.source(&names, &[], &mut scope) else {
            panic!("another source");
        };
        let programs = programs.into_iter().map(|program| program.value).collect();
        (programs, codes(scope))
    }

    #[test]
    fn programs_are_names_or_absolute_paths_that_the_host_has() {
        let mut bench = Bench::host()
            .with("/opt/a", present(PathKind::File))
            .with("/opt", present(PathKind::Directory))
            .with("/opt/b", PathFact::Missing);
        let programs = &mut bench.facts.as_mut().unwrap().programs;
        programs.insert("sh".to_owned(), ProgramFact::Found("/bin/sh".into()));
        let nearest = Some("bash".to_owned());
        programs.insert("bsh".to_owned(), ProgramFact::Missing { nearest });
        let names = ["sh", "bsh", "/opt/a", "/opt/b", "/opt", "./x"];
        let (found, codes) = resolved(&names, &bench);
        assert_eq!(found, ["sh", "/opt/a"]);
        let expected = [
            "rootfs.program-missing",
            "rootfs.program-missing",
            "rootfs.program-no-file",
            "rootfs.program-relative",
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_symbolic_plan_keeps_the_word_for_what_is_run() {
        assert_eq!(
            resolved(&[THE_COMMAND], &Bench::symbolic()).0,
            [THE_COMMAND]
        );
    }
}
