//! Sizes, times and shares of CPUs, with the units that profiles write.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use super::Invalid;

/// A number of bytes.
///
/// `512M` is MiB as in cgroup files and docker, `512MB` is 10^6 bytes, `512MiB` is 2^20.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ByteSize(pub u64);

/// Suffixes and their factors; a bare letter is binary.
const SIZE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("K", 1 << 10),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("M", 1 << 20),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("G", 1 << 30),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("T", 1 << 40),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
];

impl FromStr for ByteSize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<ByteSize, Invalid> {
        let (number, unit) = split_unit(text);
        if unit.is_empty() {
            return size_without_unit(number);
        }
        let found = SIZE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let (_, factor) = found.ok_or_else(|| unknown_size_unit(number, unit))?;
        scaled(number, *factor).map(ByteSize)
    }
}

fn size_without_unit(number: &str) -> Result<ByteSize, Invalid> {
    let bytes = scaled(number, 1)?;
    if bytes == 0 {
        return Ok(ByteSize(0));
    }
    Err(Invalid::because("has no unit").help(format!(
        "write `\"{number}M\"` for MiB, or the number {number} without quotes for bytes"
    )))
}

fn unknown_size_unit(number: &str, unit: &str) -> Invalid {
    let invalid = Invalid::because(format!("has the unit `{unit}`, which is no unit of size"));
    let letter = unit.chars().next().map(|c| c.to_ascii_uppercase());
    match letter {
        Some(c @ ('K' | 'M' | 'G' | 'T')) => invalid.help(format!("write `{number}{c}`")),
        _ => invalid
            .help("use one of `K`, `M`, `G`, `T` (binary) or `KB`, `MB`, `GB`, `TB` (decimal)"),
    }
}

/// Digits (with an optional fraction) and the letters behind them.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// `number × factor`, exact for whole numbers, rounded down for fractions.
fn scaled(number: &str, factor: u64) -> Result<u64, Invalid> {
    if number.is_empty() {
        return Err(Invalid::because("does not start with a number"));
    }
    let too_large = || Invalid::because("is too large");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(fraction) || (number.ends_with('.')) {
        return Err(Invalid::because("is not a number with a unit"));
    }
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let whole = whole.checked_mul(factor).ok_or_else(too_large)?;
    whole
        .checked_add(fraction_of(fraction, factor))
        .ok_or_else(too_large)
}

fn fraction_of(fraction: &str, factor: u64) -> u64 {
    let digits = &fraction[..fraction.len().min(12)];
    let numerator: u128 = digits.parse().unwrap_or(0);
    let part =
        numerator * u128::from(factor) / 10u128.pow(u32::try_from(digits.len()).unwrap_or(0));
    u64::try_from(part).unwrap_or(u64::MAX)
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];
        let whole = units
            .iter()
            .find(|(_, shift)| self.0 >= 1 << shift && self.0.is_multiple_of(1 << shift));
        match whole {
            Some((unit, shift)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A length of time: `10s`, `500ms`, `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Period(pub Duration);

/// Suffixes and their nanoseconds.
const TIME_UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

impl FromStr for Period {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Period, Invalid> {
        nanoseconds(text).map(|nanos| Period(Duration::from_nanos(nanos)))
    }
}

/// A time in nanoseconds; several parts add up, as in `1h30m`.
fn nanoseconds(text: &str) -> Result<u64, Invalid> {
    let mut rest = text.trim();
    let mut total = 0u64;
    if rest.is_empty() {
        return Err(Invalid::because("is empty"));
    }
    while !rest.is_empty() {
        let (number, tail) = split_unit(rest);
        let end = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let part = scaled(number, time_factor(number, unit)?)?;
        total = total
            .checked_add(part)
            .ok_or_else(|| Invalid::because("is too long"))?;
        rest = tail.trim_start();
    }
    Ok(total)
}

fn time_factor(number: &str, unit: &str) -> Result<u64, Invalid> {
    if unit.is_empty() {
        return Err(Invalid::because("has no unit").help(format!("write `{number}s` for seconds")));
    }
    let found = TIME_UNITS.iter().find(|(name, _)| *name == unit);
    found.map(|(_, factor)| *factor).ok_or_else(|| {
        Invalid::because(format!("has the unit `{unit}`, which is no unit of time"))
            .help("use one of `ms`, `s`, `m`, `h`, `d`")
    })
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let units = [
            ("h", 3_600_000_000_000u128),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
        ];
        let whole = units
            .iter()
            .find(|(_, factor)| nanos >= *factor && nanos.is_multiple_of(*factor));
        match whole {
            Some((unit, factor)) => write!(f, "{}{unit}", nanos / factor),
            None if nanos == 0 => f.write_str("0s"),
            None => write!(f, "{nanos}ns"),
        }
    }
}

/// An offset of a clock, which may be negative (time_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TimeOffset {
    /// Nanoseconds to add to the host's clock.
    pub nanoseconds: i64,
}

impl FromStr for TimeOffset {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<TimeOffset, Invalid> {
        let (sign, size) = match text.trim().strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.trim().trim_start_matches('+')),
        };
        let nanos =
            i64::try_from(nanoseconds(size)?).map_err(|_| Invalid::because("is too long"))?;
        Ok(TimeOffset {
            nanoseconds: sign * nanos,
        })
    }
}

impl fmt::Display for TimeOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.nanoseconds < 0 { "-" } else { "" };
        write!(
            f,
            "{sign}{}",
            Period(Duration::from_nanos(self.nanoseconds.unsigned_abs()))
        )
    }
}

/// A share of CPU time, in thousandths of one CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cpus {
    /// 1000 is one whole CPU.
    pub thousandths: u64,
}

impl Cpus {
    /// A number of CPUs as a profile writes it: `1.5`.
    ///
    /// # Errors
    /// When it is not above zero or is beyond any machine.
    pub fn from_number(number: f64) -> Result<Cpus, Invalid> {
        if !(0.001..=100_000.0).contains(&number) {
            let invalid = Invalid::because("is not between 0.001 and 100000 CPUs");
            return Err(
                invalid.help("write a share such as 0.5, or leave the key out for no limit")
            );
        }
        // In range by the check above, so the cast keeps the value.
        Ok(Cpus {
            thousandths: (number * 1000.0).round() as u64,
        })
    }
}

impl FromStr for Cpus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Cpus, Invalid> {
        let text = text.trim();
        let (digits, scale) = text
            .strip_suffix('%')
            .map_or((text, 1.0), |percent| (percent, 100.0));
        let number: f64 = digits.trim().parse().map_err(|_| {
            Invalid::because("is neither a number of CPUs nor a percentage")
                .help("write `1.5` or `\"150%\"`")
        })?;
        Cpus::from_number(number / scale)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.thousandths / 1000, self.thousandths % 1000) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, part) => f.write_str(format!("{whole}.{part:03}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_letter_is_binary_and_b_behind_it_decimal() {
        let bytes = |text: &str| text.parse::<ByteSize>().unwrap().0;
        assert_eq!(bytes("512M"), 512 << 20);
        assert_eq!(bytes("512MB"), 512_000_000);
        assert_eq!(bytes("512mib"), 512 << 20);
        assert_eq!(bytes("1.5G"), 3 << 29);
        assert_eq!(bytes("0"), 0);
    }

    #[test]
    fn what_is_no_size_says_why() {
        let reason = |text: &str| text.parse::<ByteSize>().unwrap_err().reason;
        assert_eq!(reason("512"), "has no unit");
        assert_eq!(reason("M"), "does not start with a number");
        assert_eq!(reason("99999999999T"), "is too large");
        assert!(reason("5X").contains("`X`"));
        assert_eq!(reason("1.M"), "is not a number with a unit");
        assert_eq!(reason("1.2.3M"), "is not a number with a unit");
    }

    #[test]
    fn times_add_up_and_print_back() {
        let period: Period = "1h30m".parse().unwrap();
        assert_eq!(period.0, Duration::from_secs(5400));
        assert_eq!(period.to_string(), "90m");
        assert_eq!("500ms".parse::<Period>().unwrap().to_string(), "500ms");
        assert_eq!("-1h".parse::<TimeOffset>().unwrap().to_string(), "-1h");
        assert_eq!("10".parse::<Period>().unwrap_err().reason, "has no unit");
    }

    #[test]
    fn cpus_are_numbers_or_percentages() {
        assert_eq!("150%".parse::<Cpus>().unwrap().thousandths, 1500);
        assert_eq!("1.5".parse::<Cpus>().unwrap().to_string(), "1.5");
        assert!("0".parse::<Cpus>().is_err());
        assert!("NaN".parse::<Cpus>().is_err());
    }
}
