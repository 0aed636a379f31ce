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
Examples:
  sandbox init                                write a profile for this checkout: .sandbox/dev.toml
  sandbox check profiles/dev.toml             judge the text of a profile
  sandbox check --host profiles/dev.toml      and whether this host has what it names
  sandbox audit profiles/dev.toml             find what opens its sandbox, and how far
  sandbox diff old.toml profiles/dev.toml     tell what a change makes possible
  sandbox doctor                              tell what of this host keeps sandboxes from starting
  sandbox up profiles/dev.toml                start the program of the profile
  sandbox up dev                              the same, looked up by name (`sandbox list`)
  sandbox up profiles/dev.toml -- cargo test  start another one in the same sandbox
  sandbox up --dry-run profiles/dev.toml      print every step, and run nothing
  sandbox test profiles/dev.toml              try what the profile expects of its sandbox
  sandbox lock profiles/dev.toml              write down what its root tree holds
  sandbox up --locked profiles/dev.toml       start it in that very tree only
  sandbox changes dev                         show what the sandbox `dev` wrote and keeps
  sandbox apply dev /work/src                 carry what it wrote there to the host"
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
