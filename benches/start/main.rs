//! How long a finished sandbox takes to start and end, beside other tools that do the same.
//!
//! Absolute times say little on a machine that others use. So every contender runs once in each
//! round, in an order drawn anew, and what counts are the ratios of times of one round.
//! `benches/README.md` says how to read the tables.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod aims;
mod contender;
mod measure;
mod oci;
mod place;
mod profiles;
mod rivals;
mod scratch;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use contender::{Contender, Limits, Prepared};
use measure::{Interrupts, Pace, Samples};
use scratch::Scratch;

/// The program under test, as Cargo built it for this run.
const SANDBOX: &str = env!("CARGO_BIN_EXE_sandbox");

/// Measure warm starts of sandboxes, and print ratios.
#[derive(Parser)]
#[command(name = "start")]
struct Options {
    /// Rounds without a pause; each runs every contender once.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// Rounds with 0.3 s of sleep before each run; 0 leaves them out.
    #[arg(long, default_value_t = 12)]
    idle_rounds: usize,
    /// Leave out the shipped profiles; their trees are built in your own store, as `up` does.
    #[arg(long)]
    no_profiles: bool,
    /// Measure only contenders whose name contains one of these words; `sandbox` always runs.
    only: Vec<String>,
    /// Given by Cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let interrupts = Interrupts::block()?;
    let scratch = Scratch::create()?;
    println!("{}", table::machine());
    let Prepared { ready, absent } = contender::prepare(rivals::all(&scratch)?, &options.only)?;
    for absence in &absent {
        println!("not measured: {absence}");
    }
    let paces = [
        (Pace::BackToBack, options.rounds),
        (Pace::Idle(Duration::from_millis(300)), options.idle_rounds),
    ];
    for (pace, rounds) in paces {
        if rounds > 0 {
            let samples = measure::rounds(&ready, pace, rounds, &interrupts)?;
            report(&ready, pace, &samples);
        }
    }
    if !options.no_profiles && options.rounds > 0 {
        profiles::compare(options.rounds, &interrupts)?;
    }
    Ok(())
}

/// One table for the contenders without limits and one for those with, each with its aims.
fn report(ready: &[Contender], pace: Pace, samples: &[Samples]) {
    for limits in [Limits::Without, Limits::With] {
        let group: Vec<(&Contender, &Samples)> = ready
            .iter()
            .zip(samples)
            .filter(|(contender, _)| contender.limits == limits)
            .collect();
        let Some((_, base)) = group.iter().find(|(one, _)| one.name == rivals::OURS) else {
            continue;
        };
        let title = format!("{pace}, {limits}, {} rounds", base.len());
        println!("\n{}", table::render(&title, &group, (rivals::OURS, base)));
        for line in aims::judge(&group, base, pace) {
            println!("{line}");
        }
    }
}
