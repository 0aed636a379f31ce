//! Weights, levels, and what they come to.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::model::Invalid;

/// How much of the way from sealed to the host something opens: tenths, from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u8);

impl Weight {
    /// Nothing.
    pub const NONE: Weight = Weight(0);

    /// A weight of so many tenths.
    pub(super) const fn tenths(tenths: u8) -> Weight {
        Weight(tenths)
    }

    /// From 0.0 to 10.0.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// How bad that is.
    pub fn level(self) -> Level {
        match self.0 {
            0 => Level::Note,
            1..10 => Level::Low,
            10..30 => Level::Medium,
            30..60 => Level::High,
            _ => Level::Critical,
        }
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing; it does not count.
    Note,
    /// Much luck, or harm without coming out.
    Low,
    /// Help from the user, or one secret.
    Medium,
    /// Secrets at once, or one mistake of the kernel.
    High,
    /// The host, with the rights of its user.
    Critical,
}

impl Level {
    /// All, the worst first.
    pub const ALL: [Level; 5] = [
        Level::Critical,
        Level::High,
        Level::Medium,
        Level::Low,
        Level::Note,
    ];

    /// Its name on the command line and in every format.
    pub fn word(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Level {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Level, Invalid> {
        let found = Level::ALL.into_iter().find(|level| level.word() == text);
        found.ok_or_else(|| Invalid::unknown(text, &Level::ALL.map(Level::word)))
    }
}

/// A part of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Files of the host, and what stays behind.
    Files,
    /// Sockets of the host's services.
    Sockets,
    /// The network.
    Network,
    /// Users, namespaces and what else parts processes.
    Isolation,
    /// System calls, capabilities, devices, the kernel's file systems.
    Kernel,
    /// Secrets in the environment and on the command line.
    Secrets,
    /// How much may be used.
    Limits,
}

impl Dimension {
    /// All, in the order of the output.
    pub const ALL: &'static [Dimension] = &[
        Dimension::Files,
        Dimension::Sockets,
        Dimension::Network,
        Dimension::Isolation,
        Dimension::Kernel,
        Dimension::Secrets,
        Dimension::Limits,
    ];

    /// Its name in every format.
    pub fn word(self) -> &'static str {
        match self {
            Dimension::Files => "files",
            Dimension::Sockets => "sockets",
            Dimension::Network => "network",
            Dimension::Isolation => "isolation",
            Dimension::Kernel => "kernel",
            Dimension::Secrets => "secrets",
            Dimension::Limits => "limits",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What weights come to together: tenths, rounded, from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(u8);

impl Score {
    /// Each weight leaves its part of what was closed before it.
    pub(super) fn of(mut weights: Vec<Weight>) -> Score {
        // Products of fractions depend on their order in the last bits, and rounding on those.
        weights.sort();
        let closed = weights.iter().fold(1.0, |closed, weight| {
            closed * (100.0 - f64::from(weight.0)) / 100.0
        });
        let tenths = (100.0 * (1.0 - closed)).round();
        // Within 0 and 100 by what it is made from.
        Score(tenths as u8)
    }

    /// From 0.0 to 10.0.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// The score in a word; from `open` on it is that of something critical.
    pub fn word(self) -> &'static str {
        match self.0 {
            0 => "sealed",
            1..=20 => "tight",
            21..=40 => "fair",
            41..60 => "loose",
            60..95 => "open",
            _ => "as the host",
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(tenths: &[u8]) -> String {
        let weights = tenths.iter().map(|tenths| Weight(*tenths));
        Score::of(weights.collect()).to_string()
    }

    #[test]
    fn a_weight_takes_its_part_of_what_is_closed() {
        assert_eq!(score(&[]), "0.0");
        assert_eq!(score(&[50]), "5.0");
        assert_eq!(score(&[50, 50]), "7.5");
        assert_eq!(score(&[50, 50, 20]), score(&[20, 50, 50]));
        assert_eq!(score(&[100, 3]), "10.0");
        assert_eq!(score(&[60; 9]), "10.0");
    }

    #[test]
    fn levels_follow_weights() {
        let levels = [0, 1, 9, 10, 29, 30, 59, 60, 100].map(|tenths| Weight(tenths).level().word());
        let expected = "note low low medium medium high high critical critical";
        assert_eq!(levels.join(" "), expected);
        assert_eq!("high".parse(), Ok(Level::High));
        assert!("highest".parse::<Level>().is_err());
    }
}
