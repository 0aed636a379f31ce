//! `[command]`: what runs, where, and with what.

use crate::diag::{At, Origin, Problem};
use crate::model::{ExtraArguments, Facts, FileMode, InsidePath, TerminalMode};
use crate::plan::{Command, Terminal};
use crate::profile::RawProfile;
use crate::profile::Template;
use crate::profile::raw::{Opt, RawArgs, RawCommand, RawSource};

use super::Purpose;
use super::env::Environment;
use super::or_default;
use super::packed::Offer;
use super::paths::without_dots;
use super::scope::Scope;

/// The program that a source names by [`THE_COMMAND`]: what is run.
pub(super) const THE_COMMAND: &str = "@command";

/// Everything of a command but its environment.
#[derive(Debug)]
pub(super) struct Draft {
    /// None at all only in a symbolic plan, where the command line may bring them.
    pub args: Vec<At<String>>,
    extra: At<ExtraArguments>,
    workdir: At<InsidePath>,
    umask: At<FileMode>,
    pub terminal: At<Terminal>,
    terminal_mode: TerminalMode,
    fds: Vec<At<u32>>,
}

impl Draft {
    pub fn with(self, env: Environment) -> Command {
        Command {
            args: self.args,
            extra: self.extra,
            workdir: self.workdir,
            umask: self.umask,
            terminal: self.terminal,
            terminal_mode: self.terminal_mode,
            fds: self.fds,
            env: env.list,
            path: env.path,
        }
    }
}

pub(super) fn resolve(raw: &RawProfile, offer: &Offer<'_>, scope: &mut Scope<'_>) -> Option<Draft> {
    let RawCommand {
        args,
        extra,
        workdir,
        // Judged with the identity.
        user: _,
        umask,
        terminal,
        // Judged with the program's ids.
        groups: _,
        fds,
    } = &raw.command;
    let extra = or_default(extra, ExtraArguments::Replace);
    let workdir = working_directory(workdir, offer, scope);
    let args = arguments(args, offer, &extra, scope);
    let umask = mask(umask, scope);
    let terminal_mode = or_default(terminal, TerminalMode::Auto).value;
    let terminal = pseudo_terminal(terminal, scope);
    let fds = descriptors(fds, scope);
    let workdir = workdir?;
    let mut args = args?;
    if let Some(program) = args.first_mut() {
        settle_program(program, raw, &workdir.value, scope)?;
    }
    Some(Draft {
        args,
        extra,
        workdir,
        umask: umask?,
        terminal,
        terminal_mode,
        fds,
    })
}

/// The image's where nothing is said, and else the root, as in other container tools: it is the one directory that every
/// tree has.
fn working_directory(
    raw: &Opt<Template>,
    offer: &Offer<'_>,
    scope: &mut Scope<'_>,
) -> Option<At<InsidePath>> {
    let Some(raw) = raw else {
        let offered = offer.workdir(scope)?;
        return Some(offered.unwrap_or_else(|| At::default_value(InsidePath::root())));
    };
    let path = scope.inside_path(raw, "working directory", "command.workdir-relative")?;
    Some(At::new(path, raw.origin.clone()))
}

/// The profile's arguments and the command line's, by `extra`.
fn arguments(
    raw: &Opt<RawArgs>,
    offer: &Offer<'_>,
    extra: &At<ExtraArguments>,
    scope: &mut Scope<'_>,
) -> Option<Vec<At<String>>> {
    let given = scope.given;
    let from_line = given.arguments.iter();
    let mut from_line = from_line.map(|text| At::new(text.clone(), Origin::CommandLine));
    if extra.value == ExtraArguments::Refuse && !given.arguments.is_empty() {
        let message = "the profile takes no command from the command line";
        scope.report(
            extra
                .error("command.extra-refused", message)
                .label("this refuses what stands behind `--`")
                .help("leave out `-- …`, or write `extra = \"append\"` or `extra = \"replace\"`"),
        );
        return None;
    }
    let program = given.program.as_ref();
    let program = program.map(|file| At::new(file.clone(), Origin::CommandLine));
    if extra.value == ExtraArguments::Replace && (program.is_some() || !given.arguments.is_empty())
    {
        return checked(program.into_iter().chain(from_line).collect(), scope);
    }
    let mut list: Vec<Option<At<String>>> = offer.args(scope)?.into_iter().map(Some).collect();
    let written = match raw {
        Some(At {
            value: RawArgs::Words(words),
            ..
        }) => words.as_slice(),
        _ => &[],
    };
    for argument in written {
        let text = scope.text(&argument.value);
        list.push(text.map(|text| At::new(text.value, argument.origin.clone())));
    }
    let list: Option<Vec<At<String>>> = list.into_iter().collect();
    let mut list = list?;
    if let Some(program) = program {
        take_place(&mut list, program);
    }
    list.extend(from_line.by_ref());
    let may_come_later =
        scope.given.purpose == Purpose::Judge && extra.value != ExtraArguments::Refuse;
    if list.is_empty() && !may_come_later {
        // Arguments that could not be read are missing too, and have their mistake already.
        if !scope.read_in_part {
            report_missing(raw, extra, scope);
        }
        return None;
    }
    checked(list, scope)
}

/// The program of a wrapper is the profile's first word where that is its name, or where there is none. A profile
/// that names a file, or another program, means just that.
fn take_place(list: &mut Vec<At<String>>, program: At<String>) {
    let name = program.value.rsplit('/').next();
    match list.first_mut() {
        Some(first) if Some(first.value.as_str()) == name => *first = program,
        Some(_) => {}
        None => list.push(program),
    }
}

fn report_missing(raw: &Opt<RawArgs>, extra: &At<ExtraArguments>, scope: &mut Scope<'_>) {
    let origin = raw.as_ref().map_or(&extra.origin, |args| &args.origin);
    let problem = Problem::error("command.missing", origin, "there is no command to run");
    scope.report(match extra.value {
        ExtraArguments::Refuse => problem.help("write `args = [\"/bin/sh\"]` under `[command]`"),
        _ => problem.help(
            "write `args = [\"/bin/sh\"]` under `[command]`, or give the command behind `--`",
        ),
    });
}

fn checked(args: Vec<At<String>>, scope: &mut Scope<'_>) -> Option<Vec<At<String>>> {
    let Some(program) = args.first().filter(|program| program.value.is_empty()) else {
        return Some(args);
    };
    let problem = program.error("command.args-empty", "the name of the program is empty");
    scope.report(problem.help("write the program's name or path first"));
    None
}

/// Makes a relative path of a program absolute; a bare name is found in PATH at the start.
///
/// It starts in the working directory inside, as it would for the program itself. Only where the
/// command line names it and the profile copies whatever is run, it is a path of the caller's: from
/// the caller's directory, and at the same place inside.
fn settle_program(
    program: &mut At<String>,
    raw: &RawProfile,
    workdir: &InsidePath,
    scope: &mut Scope<'_>,
) -> Option<()> {
    let path = &program.value;
    let absolute = path.starts_with('/') || (scope.facts().is_none() && path.starts_with("${"));
    if absolute || !path.contains('/') {
        return Some(());
    }
    let callers = program.origin == Origin::CommandLine && copies_command(raw);
    let base = match (callers, scope.facts()) {
        (false, _) => workdir.as_str().to_owned(),
        (true, Some(facts)) => callers_directory(facts, program, scope)?,
        (true, None) => "${CWD}".to_owned(),
    };
    program.value = without_dots(&format!("{base}/{path}"));
    Some(())
}

/// The caller's working directory, which may have been removed.
fn callers_directory(facts: &Facts, program: &At<String>, scope: &mut Scope<'_>) -> Option<String> {
    let directory = facts
        .current_dir
        .to_str()
        .filter(|path| path.starts_with('/'));
    if directory.is_none() {
        let message = format!(
            "program `{}` is relative, and the working directory has no name",
            program.value
        );
        scope.report(
            program
                .error("command.no-directory", message)
                .help("write its absolute path, or start from another directory"),
        );
    }
    directory.map(str::to_owned)
}

fn copies_command(raw: &RawProfile) -> bool {
    raw.rootfs.sources.iter().any(|source| match &source.value {
        RawSource::Programs { programs, .. } => programs
            .iter()
            .any(|program| program.value.as_literal() == Some(THE_COMMAND)),
        _ => false,
    })
}

fn mask(raw: &Opt<FileMode>, scope: &mut Scope<'_>) -> Option<At<FileMode>> {
    let mask = or_default(raw, FileMode(0o022));
    if mask.value.0 <= 0o777 {
        return Some(mask);
    }
    let message = format!("umask `{}` holds more than permission bits", mask.value);
    let help = format!("write `{:03o}`", mask.value.0 & 0o777);
    scope.report(mask.error("command.umask", message).help(help));
    None
}

/// In a symbolic plan `auto` counts as the caller's own descriptors, which let the program do more.
fn pseudo_terminal(raw: &Opt<TerminalMode>, scope: &mut Scope<'_>) -> At<Terminal> {
    or_default(raw, TerminalMode::Auto).map(|mode| match mode {
        TerminalMode::Always => Terminal::Own,
        TerminalMode::Never => Terminal::Inherited,
        TerminalMode::Auto => match scope.facts() {
            Some(facts) => {
                scope.wanted.terminal = true.into();
                if facts.stdin_is_terminal {
                    Terminal::Own
                } else {
                    Terminal::Inherited
                }
            }
            None => Terminal::Inherited,
        },
    })
}

/// Sorted, each once: two equal entries are one.
fn descriptors(raw: &[At<u32>], scope: &mut Scope<'_>) -> Vec<At<u32>> {
    let mut list: Vec<At<u32>> = Vec::new();
    for fd in raw {
        let number = fd.value;
        if let Some(facts) = scope.facts() {
            scope.wanted.descriptors.insert(number);
            if !facts.open_descriptors.contains(&number) {
                let message = format!("descriptor {number} is not open in the caller");
                scope.report(
                    fd.error("command.fd-closed", message)
                        .help(format!("open it, as in `sandbox up … {number}<file`")),
                );
            }
        }
        if list.iter().all(|known| known.value != number) {
            list.push(fd.clone());
        }
    }
    list.sort_by_key(|fd| fd.value);
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, at, codes, here, variable};

    fn raw(args: &[&str]) -> RawProfile {
        let mut raw = RawProfile::default();
        let words = args.iter().map(|text| at(text)).collect();
        raw.command.args = Some(here(RawArgs::Words(words)));
        raw
    }

    fn args(raw: &RawProfile, bench: &Bench) -> Vec<String> {
        let draft = resolve(raw, &Offer::None, &mut bench.scope()).unwrap();
        draft.args.into_iter().map(|arg| arg.value).collect()
    }

    fn given(words: &[&str]) -> Bench {
        let mut bench = Bench::host();
        bench.given.arguments = words.iter().map(|word| (*word).to_owned()).collect();
        bench
    }

    #[test]
    fn the_command_line_replaces_appends_or_is_refused() {
        let mut raw = raw(&["/bin/a", "x"]);
        assert_eq!(args(&raw, &given(&["b"])), ["b"]);
        raw.command.extra = Some(here(ExtraArguments::Append));
        assert_eq!(args(&raw, &given(&["b"])), ["/bin/a", "x", "b"]);
        raw.command.extra = Some(here(ExtraArguments::Refuse));
        assert_eq!(args(&raw, &given(&[])), ["/bin/a", "x"]);
        let bench = given(&["b"]);
        let mut scope = bench.scope();
        assert!(resolve(&raw, &Offer::None, &mut scope).is_none());
        assert_eq!(codes(scope), ["command.extra-refused"]);
    }

    #[test]
    fn no_command_at_all_is_an_error_where_none_can_follow() {
        let empty = RawProfile::default();
        let found = |raw: &RawProfile, bench: &Bench| {
            let mut scope = bench.scope();
            resolve(raw, &Offer::None, &mut scope);
            codes(scope)
        };
        let mut start = Bench::host();
        start.given.purpose = Purpose::Start;
        assert_eq!(found(&empty, &start), ["command.missing"]);
        assert!(found(&empty, &Bench::host()).is_empty());
        assert!(found(&empty, &Bench::symbolic()).is_empty());
        assert_eq!(found(&raw(&[""]), &Bench::host()), ["command.args-empty"]);
    }

    #[test]
    fn a_relative_program_starts_in_the_working_directory() {
        let mut raw = raw(&["./run", "./x"]);
        raw.command.workdir = Some(at("/src"));
        assert_eq!(args(&raw, &given(&[])), ["/src/run", "./x"]);
        assert_eq!(args(&raw, &given(&["../run"])), ["/run"]);
    }

    #[test]
    fn a_command_that_is_copied_starts_where_the_caller_is() {
        let mut raw = raw(&["sh"]);
        raw.rootfs.sources = vec![here(RawSource::Programs {
            programs: vec![at(THE_COMMAND)],
            extra: vec![],
        })];
        assert_eq!(args(&raw, &given(&["./a.out"])), ["/work/src/a.out"]);
        assert_eq!(args(&raw, &given(&["ls"])), ["ls"]);
    }

    #[test]
    fn a_caller_in_a_removed_directory_names_no_relative_program() {
        let mut bench = given(&["./a.out"]);
        bench.facts.as_mut().unwrap().current_dir = "".into();
        let mut raw = raw(&["sh"]);
        raw.rootfs.sources = vec![here(RawSource::Programs {
            programs: vec![at(THE_COMMAND)],
            extra: vec![],
        })];
        let mut scope = bench.scope();
        assert!(resolve(&raw, &Offer::None, &mut scope).is_none());
        assert_eq!(codes(scope), ["command.no-directory"]);
    }

    #[test]
    fn arguments_that_are_replaced_need_no_variables() {
        let mut raw = raw(&[]);
        raw.command.args = Some(here(RawArgs::Words(vec![variable("env:ABSENT", "")])));
        assert_eq!(args(&raw, &given(&["ls"])), ["ls"]);
    }

    #[test]
    fn descriptors_are_open_and_named_once() {
        let mut bench = Bench::host();
        bench.facts.as_mut().unwrap().open_descriptors = vec![7, 9];
        let mut raw = raw(&["sh"]);
        raw.command.fds = [9, 7, 9, 8].map(here).to_vec();
        let mut scope = bench.scope();
        let draft = resolve(&raw, &Offer::None, &mut scope).unwrap();
        let fds: Vec<u32> = draft.fds.iter().map(|fd| fd.value).collect();
        assert_eq!(fds, [7, 8, 9]);
        assert_eq!(codes(scope), ["command.fd-closed"]);
    }
}
