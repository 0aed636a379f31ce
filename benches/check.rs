//! `cargo bench --bench check`: what a start of the bare binary costs, and how many profiles `check` judges in a second.
//!
//! A start is paired with that of `true`, judging with reading the same files by `cat`: both round by round, so that
//! what else the machine does hits both. One processor does all, as the aims count by core.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The program under test, as Cargo built it for this run.
const SANDBOX: &str = env!("CARGO_BIN_EXE_sandbox");

/// A start of the bare binary takes less than this many times as long as one of `true`.
const START_AIM: f64 = 2.0;

/// Profiles in a second on one core.
const RATE_AIM: f64 = 1000.0;

/// Measure the start of the bare binary, and `check` of many profiles.
#[derive(Parser)]
struct Options {
    /// How many profiles are judged in one run.
    #[arg(long, default_value_t = 1000)]
    profiles: usize,
    /// How often the start is measured.
    #[arg(long, default_value_t = 500)]
    starts: usize,
    /// How often all profiles are judged.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Given by Cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    stay_on_one_processor()?;
    start(options.starts)?;
    println!(
        "\n`check` of {} profiles in one run, on one processor",
        options.profiles
    );
    let place = tempfile::tempdir()?;
    for (name, write) in KINDS {
        let dir = place.path().join(name.replace(' ', "-"));
        fs::create_dir(&dir)?;
        let files = (0..options.profiles).map(|number| write(&dir, number));
        judge(
            name,
            &files.collect::<io::Result<Vec<_>>>()?,
            options.rounds,
        )?;
    }
    Ok(())
}

/// The first processor that this process may use, for it and what it starts.
fn stay_on_one_processor() -> io::Result<()> {
    let allowed = sched_getaffinity(Pid::this())?;
    let mut first = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let mut one = CpuSet::new();
    one.set(first.next().unwrap_or(0))?;
    Ok(sched_setaffinity(Pid::this(), &one)?)
}

fn start(rounds: usize) -> io::Result<()> {
    let mut ours = Vec::new();
    let mut others = Vec::new();
    for _ in 0..rounds {
        ours.push(timed(Command::new(SANDBOX).arg("--version"))?);
        others.push(timed(&mut Command::new("true"))?);
    }
    let (ours, others) = (median(ours), median(others));
    let ratio = ours.as_secs_f64() / others.as_secs_f64();
    println!(
        "`sandbox --version` {:.2} ms, `true` {:.2} ms: {ratio:.2} ×, aim below {START_AIM}: {}",
        ours.as_secs_f64() * 1e3,
        others.as_secs_f64() * 1e3,
        verdict(ratio < START_AIM)
    );
    Ok(())
}

/// Writes the profile of a number, and what it builds on, into a directory.
type Write = fn(&Path, usize) -> io::Result<PathBuf>;

const KINDS: [(&str, Write); 3] = [
    ("shipped", shipped),
    ("extending", extending),
    ("every key", every_key),
];

/// The shipped profile of a developer.
fn shipped(dir: &Path, number: usize) -> io::Result<PathBuf> {
    written(dir, number, include_str!("../profiles/dev.toml"))
}

/// The same as a base, with a limit of its own.
fn extending(dir: &Path, number: usize) -> io::Result<PathBuf> {
    fs::write(dir.join("base.toml"), include_str!("../profiles/dev.toml"))?;
    let text = format!(
        "version = 1\nname = \"p{number}\"\nextends = [\"base.toml\"]\nlimits.memory = \"{}M\"\n",
        number + 1
    );
    written(dir, number, &text)
}

/// Every key of the language once, with warnings to print.
fn every_key(dir: &Path, number: usize) -> io::Result<PathBuf> {
    written(dir, number, include_str!("../tests/profiles/full.toml"))
}

fn written(dir: &Path, number: usize, text: &str) -> io::Result<PathBuf> {
    let path = dir.join(format!("p{number}.toml"));
    fs::write(&path, text)?;
    Ok(path)
}

fn judge(name: &str, files: &[PathBuf], rounds: usize) -> io::Result<()> {
    let mut ours = Vec::new();
    let mut others = Vec::new();
    for _ in 0..rounds {
        ours.push(timed(Command::new(SANDBOX).arg("check").args(files))?);
        others.push(timed(Command::new("cat").args(files))?);
    }
    let (ours, others) = (median(ours), median(others));
    let rate = files.len() as f64 / ours.as_secs_f64();
    println!(
        "{name:<10} {rate:>6.0} a second, aim {RATE_AIM}: {}; {:.0} × `cat` of the same files",
        verdict(rate >= RATE_AIM),
        ours.as_secs_f64() / others.as_secs_f64()
    );
    Ok(())
}

fn verdict(holds: bool) -> &'static str {
    match holds {
        true => "held",
        false => "missed",
    }
}

/// How long a command takes that has to succeed; what it prints goes nowhere.
fn timed(command: &mut Command) -> io::Result<Duration> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status()?;
    let taken = start.elapsed();
    match status.success() {
        true => Ok(taken),
        false => Err(io::Error::other(format!("{command:?}: {status}"))),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
