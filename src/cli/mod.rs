//! The commands: clap structures, exit codes, and the only place that prints.

mod apply;
mod audit;
mod build;
mod changes;
mod check;
mod completions;
mod diff;
mod discard;
mod doctor;
mod exit;
mod explain;
mod filter;
mod fmt;
mod generate;
mod guards;
mod init;
mod kept;
mod list;
mod lock;
mod locked;
mod noted;
mod output;
mod profile;
mod refusal;
mod report_file;
mod reset;
mod revision;
mod running;
mod scope;
mod store;
mod test;
mod tree;
mod up;
mod usage;
mod why;
mod wrap;
mod wrapper;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use exit::Exit;

/// Runs programs in sandboxes that a TOML profile describes.
///
/// A profile is a file to keep in git and to review: nothing is granted that it does not say.
#[derive(Debug, Parser)]
#[command(
    name = "sandbox",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
To begin, in a checkout:
  sandbox init                            write a commented profile: .sandbox/dev.toml
  sandbox up dev                          start its program: a shell, with no network
  sandbox doctor                          where nothing starts: what this host lacks

Write a profile:
  sandbox check dev                       every mistake under its line
  sandbox check --host dev                and whether this host has what it names
  sandbox explain dev                     what each value comes to, and which line says so
  sandbox explain --rule CODE             what the code above a message means
  sandbox fmt                             bring all profiles into their layout

Review it:
  sandbox audit dev                       what opens the sandbox, and how far
  sandbox diff --git main...HEAD          what a branch makes possible
  sandbox why dev --path /etc/shadow      may the program read it? which line says so?
  sandbox test dev                        try what the profile promises

Run with it:
  sandbox up dev -- cargo test            another program in the same sandbox
  sandbox up --dry-run dev                every step, and run nothing
  sandbox up --stats --report r.json dev  what it used, and a report for scripts
  sandbox lock dev                        write down what the tree holds, then `up --locked dev`
  sandbox wrap add firefox                let `firefox` always start in its sandbox

What it wrote:
  sandbox changes dev                     what a sandbox wrote and keeps
  sandbox apply dev /work/src             carry it to the host

Profiles: sandbox-profile(5). Recipes: sandbox-recipes(7)."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Fmt(fmt::Fmt),
    Audit(audit::Audit),
    Diff(diff::DiffCommand),
    Why(why::WhyCommand),
    Explain(explain::Explain),
    Doctor(doctor::Doctor),
    Up(up::Up),
    Exec(running::Exec),
    Ps(running::Ps),
    Inspect(running::Inspect),
    Logs(running::Logs),
    Stats(running::Stats),
    Pause(running::Pause),
    Resume(running::Resume),
    Kill(running::Kill),
    Down(running::Down),
    Wait(running::Wait),
    Test(test::Test),
    Build(build::Build),
    Init(init::Init),
    List(list::List),
    Lock(lock::LockCommand),
    Changes(changes::Changes),
    Apply(apply::Apply),
    Discard(discard::Discard),
    Reset(reset::Reset),
    Store(store::ListStore),
    Gc(store::Gc),
    Wrap(wrap::Wrap),
    Generate(generate::Generate),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // The wrapper's arguments are a program's, whatever they say.
    let started = guards::read().or_else(wrapper::read);
    if let Some(exit) = started.or_else(scope::read) {
        return exit.into();
    }
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let exit = match Arguments::try_parse_from(&arguments) {
        Ok(Arguments { command }) => match command {
            Command::Check(check) => check.run(),
            Command::Fmt(fmt) => fmt.run(),
            Command::Audit(audit) => audit.run(),
            Command::Diff(diff) => diff.run(),
            Command::Why(why) => why.run(),
            Command::Explain(explain) => explain.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Up(up) => up.run(),
            Command::Exec(exec) => exec.run(),
            Command::Ps(ps) => ps.run(),
            Command::Inspect(inspect) => inspect.run(),
            Command::Logs(logs) => logs.run(),
            Command::Stats(stats) => stats.run(),
            Command::Pause(pause) => pause.run(),
            Command::Resume(resume) => resume.run(),
            Command::Kill(kill) => kill.run(),
            Command::Down(down) => down.run(),
            Command::Wait(wait) => wait.run(),
            Command::Test(test) => test.run(),
            Command::Build(build) => build.run(),
            Command::Init(init) => init.run(),
            Command::List(list) => list.run(),
            Command::Lock(lock) => lock.run(),
            Command::Changes(changes) => changes.run(),
            Command::Apply(apply) => apply.run(),
            Command::Discard(discard) => discard.run(),
            Command::Reset(reset) => reset.run(),
            Command::Store(store) => store.run(),
            Command::Gc(gc) => gc.run(),
            Command::Wrap(wrap) => wrap.run(),
            Command::Generate(generate) => generate.run(),
        },
        Err(error) => refused(usage::hinted(error, &arguments), &arguments),
    };
    exit.into()
}

/// Wrong usage: 125 where the exit code is a program's, 2 for all others.
fn refused(error: clap::Error, arguments: &[OsString]) -> Exit {
    // A closed standard stream is no reason for another exit code.
    error.print().ok();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::DONE,
        _ if arguments.get(1).is_some_and(runs_a_program) => Exit::NOT_STARTED,
        _ => Exit::USAGE,
    }
}

/// Commands whose exit code is a program's.
fn runs_a_program(command: &OsString) -> bool {
    ["up", "exec", "wait"].iter().any(|name| command == name)
}
