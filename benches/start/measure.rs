//! Rounds of runs, and what can be said of their times.

use std::fmt;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::contender::Contender;

/// What passes before each run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Nothing: processors are awake, and so is the kernel's clean-up of the run before.
    BackToBack,
    /// Sleep: what a person at a prompt meets.
    Idle(Duration),
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BackToBack => f.write_str("back to back"),
            Self::Idle(pause) => write!(f, "idle ({} s before each run)", pause.as_secs_f64()),
        }
    }
}

/// SIGINT and SIGTERM, looked for between runs, so that what was made is removed before the end.
pub struct Interrupts(SignalFd);

impl Interrupts {
    /// Blocks both; programs that are started get them unblocked.
    pub fn block() -> Result<Self, String> {
        let mask = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        mask.thread_block().map_err(|errno| errno.to_string())?;
        SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .map(Self)
            .map_err(|errno| errno.to_string())
    }

    fn check(&self) -> Result<(), String> {
        match self.0.read_signal() {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err("interrupted".to_owned()),
            Err(errno) => Err(errno.to_string()),
        }
    }
}

/// The times of one contender, in ms, round by round.
pub struct Samples(Vec<f64>);

/// The middle of some numbers, and where their middle half lies.
pub struct Spread {
    /// A quarter is below.
    pub low: f64,
    /// The median.
    pub middle: f64,
    /// A quarter is above.
    pub high: f64,
}

impl Samples {
    /// How many rounds there were.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The times, in ms.
    pub fn spread(&self) -> Spread {
        spread(self.0.clone())
    }

    /// The ratio of the medians, between the quartiles of the ratios of each round.
    pub fn ratio(&self, base: &Self) -> Spread {
        let paired = self.0.iter().zip(&base.0).map(|(own, other)| own / other);
        Spread {
            middle: self.spread().middle / base.spread().middle,
            ..spread(paired.collect())
        }
    }

    /// The difference of the medians in ms, between the quartiles of those of each round.
    pub fn difference(&self, base: &Self) -> Spread {
        let paired = self.0.iter().zip(&base.0).map(|(own, other)| own - other);
        Spread {
            middle: self.spread().middle - base.spread().middle,
            ..spread(paired.collect())
        }
    }
}

fn spread(mut numbers: Vec<f64>) -> Spread {
    numbers.sort_by(f64::total_cmp);
    // Between two numbers where a quarter ends between them.
    let at = |quarters: f64| {
        let place = (numbers.len() - 1) as f64 * quarters / 4.0;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        numbers[below] + (numbers[above] - numbers[below]) * place.fract()
    };
    Spread {
        low: at(1.0),
        middle: at(2.0),
        high: at(3.0),
    }
}

/// Runs every contender once a round. The order is drawn anew each time: the kernel removes a
/// network namespace after its program has ended, and no contender shall always pay for the same one.
pub fn rounds(
    contenders: &[Contender],
    pace: Pace,
    rounds: usize,
    interrupts: &Interrupts,
) -> Result<Vec<Samples>, String> {
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        dice.shuffle(&mut order);
        for &turn in &order {
            interrupts.check()?;
            if let Pace::Idle(pause) = pace {
                std::thread::sleep(pause);
            }
            times[turn].push(time(&contenders[turn])?);
        }
    }
    Ok(times.into_iter().map(Samples).collect())
}

/// One run, in ms; a run that fails is no measurement.
fn time(contender: &Contender) -> Result<f64, String> {
    let (status, elapsed) = contender.run(contender.command())?;
    match status.success() {
        true => Ok(elapsed.as_secs_f64() * 1000.0),
        false => Err(format!("{} ended with {status}", contender.name)),
    }
}

/// Numbers that repeat from run to run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last + 1));
        }
    }
}
