//! Booleans, numbers, quantities, modes.

use std::str::FromStr;

use toml::de::{DeInteger, DeValue};

use crate::diag::Problem;
use crate::model::{
    ByteSize, Capability, Cpus, FileMode, Invalid, NumberList, OnDeny, Period, PlatformSpec,
    SandboxName, Sha256, Signal, TimeOffset, UserSpec, VolumeName, Weight,
};
use crate::profile::raw::Setting;

use super::reader::{Decode, Reader, Value};
use super::text;

/// A value that a whole variable may stand for, and that may be a number as well as a text.
pub(super) trait Quantity: Sized {
    /// What a message calls it.
    const NAME: &'static str;
    /// The rule that a wrong one breaks.
    const CODE: &'static str;
    /// What is expected, with an example.
    const EXPECTED: &'static str;

    /// What a text stands for.
    fn from_text(text: &str) -> Result<Self, Invalid>;

    /// What a number stands for; nothing where a number makes no sense.
    fn from_number(number: Number) -> Option<Result<Self, Invalid>>;
}

/// A number of the document.
#[derive(Clone, Copy)]
pub(super) enum Number {
    /// Without a fraction.
    Whole(i128),
    /// With one, or in scientific notation.
    Fraction(f64),
}

impl<T: Quantity> Decode for Setting<T> {
    fn decode(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if let Some(template) = text::whole_variable(value, reader) {
            return template.map(Setting::Variable);
        }
        let literal = quantity(value);
        reader.problems.take(literal).map(Setting::Literal)
    }
}

/// A quantity that is written out.
fn quantity<T: Quantity>(value: &Value<'_>) -> Result<T, Problem> {
    if let Some(word) = value.node.get_ref().as_str() {
        return T::from_text(word).map_err(|why| value.invalid(T::CODE, T::NAME, word, why));
    }
    let number = number(value).and_then(|number| Some((T::from_number(number)?, number)));
    let (result, number) = number.ok_or_else(|| value.wrong_type(T::EXPECTED))?;
    result.map_err(|why| value.invalid(T::CODE, T::NAME, &number.to_string(), why))
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Number::Whole(number) => number.fmt(f),
            Number::Fraction(number) => number.fmt(f),
        }
    }
}

fn number(value: &Value<'_>) -> Option<Number> {
    match value.node.get_ref() {
        DeValue::Integer(integer) => Some(Number::Whole(whole(integer))),
        DeValue::Float(float) => float.as_str().parse().ok().map(Number::Fraction),
        _ => None,
    }
}

/// A whole number, whatever its range.
pub(super) fn number_of(value: &Value<'_>) -> Option<i128> {
    match number(value)? {
        Number::Whole(number) => Some(number),
        Number::Fraction(_) => None,
    }
}

/// The number; beyond 128 bits the largest one, which every range refuses.
fn whole(integer: &DeInteger<'_>) -> i128 {
    i128::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(i128::MAX)
}

/// A number from zero on.
pub(super) fn unsigned(number: i128) -> Result<u64, Invalid> {
    u64::try_from(number).map_err(|_| match number {
        ..0 => Invalid::because("is negative").help("write 0 or more"),
        _ => Invalid::because("is too large"),
    })
}

impl Quantity for ByteSize {
    const NAME: &'static str = "size";
    const CODE: &'static str = "value.size";
    const EXPECTED: &'static str = "a size such as \"512M\" or a number of bytes";

    fn from_text(text: &str) -> Result<ByteSize, Invalid> {
        text.parse()
    }

    fn from_number(number: Number) -> Option<Result<ByteSize, Invalid>> {
        match number {
            Number::Whole(bytes) => {
                Some(unsigned(bytes).map(ByteSize).map_err(|why| {
                    why.help("write a size such as `\"64M\"`, or leave the key out")
                }))
            }
            Number::Fraction(_) => None,
        }
    }
}

impl Quantity for Period {
    const NAME: &'static str = "time";
    const CODE: &'static str = "value.time";
    const EXPECTED: &'static str = "a time such as \"10s\"";

    fn from_text(text: &str) -> Result<Period, Invalid> {
        text.parse()
    }

    fn from_number(number: Number) -> Option<Result<Period, Invalid>> {
        let help = format!("write `\"{number}s\"` for seconds");
        Some(Err(Invalid::because("has no unit").help(help)))
    }
}

impl Quantity for Cpus {
    const NAME: &'static str = "share";
    const CODE: &'static str = "limits.cpus";
    const EXPECTED: &'static str = "a number of CPUs such as 1.5 or \"150%\"";

    fn from_text(text: &str) -> Result<Cpus, Invalid> {
        text.parse()
    }

    fn from_number(number: Number) -> Option<Result<Cpus, Invalid>> {
        Some(Cpus::from_number(match number {
            Number::Whole(count) => count as f64,
            Number::Fraction(count) => count,
        }))
    }
}

impl Quantity for Weight {
    const NAME: &'static str = "weight";
    const CODE: &'static str = "value.weight";
    const EXPECTED: &'static str = "a whole number from 1 to 10000";

    fn from_text(text: &str) -> Result<Weight, Invalid> {
        u64::from_text(text).and_then(Weight::from_number)
    }

    fn from_number(number: Number) -> Option<Result<Weight, Invalid>> {
        match number {
            Number::Whole(weight) => Some(unsigned(weight).and_then(Weight::from_number)),
            Number::Fraction(_) => None,
        }
    }
}

impl Quantity for NumberList {
    const NAME: &'static str = "list";
    const CODE: &'static str = "value.number-list";
    const EXPECTED: &'static str = "a list such as \"0-3,7\"";

    fn from_text(text: &str) -> Result<NumberList, Invalid> {
        text.parse()
    }

    /// `cpuset = 2` may mean two CPUs or the third one.
    fn from_number(number: Number) -> Option<Result<NumberList, Invalid>> {
        let help = format!("write `\"{number}\"` for the one with this number");
        Some(Err(Invalid::because("is a number, not a list").help(help)))
    }
}

/// A count: of processes.
impl Quantity for u64 {
    const NAME: &'static str = "count";
    const CODE: &'static str = "value.count";
    const EXPECTED: &'static str = "a whole number";

    fn from_text(text: &str) -> Result<u64, Invalid> {
        let invalid = Invalid::because("is a string, not a number");
        Err(match text.trim().parse::<u64>() {
            Ok(number) => invalid.help(format!("write {number} without quotes")),
            Err(_) => invalid,
        })
    }

    fn from_number(number: Number) -> Option<Result<u64, Invalid>> {
        match number {
            Number::Whole(0) => Some(Err(Invalid::because("allows none at all")
                .help("write 1 or more, or leave the key out for no limit"))),
            Number::Whole(count) => Some(unsigned(count)),
            Number::Fraction(_) => None,
        }
    }
}

impl Decode for bool {
    fn decode(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<bool> {
        if let Some(on) = value.node.get_ref().as_bool() {
            return Some(on);
        }
        let problem = value.wrong_type("`true` or `false`");
        let meant = value.node.get_ref().as_str().map(str::to_lowercase);
        let word = match meant.as_deref() {
            Some("true" | "yes" | "on") => Some("true"),
            Some("false" | "no" | "off" | "none") => Some("false"),
            _ => None,
        };
        reader.problems.push(match word {
            Some(word) => problem.help(format!("write `{} = {word}`", value.key())),
            None => problem,
        });
        None
    }
}

/// A text that `FromStr` reads; `what` and `code` name it where it cannot.
fn parsed<T: FromStr<Err = Invalid>>(
    value: &Value<'_>,
    code: &'static str,
    what: &str,
    expected: &str,
) -> Result<T, Problem> {
    let text = value.text(expected)?;
    text::refuse_variable(value, text)?;
    text.parse()
        .map_err(|why| value.invalid(code, what, text, why))
}

/// Types that are a text with a `FromStr` and nothing else.
macro_rules! parsed {
    ($($name:ident: $code:literal, $what:literal, $expected:literal;)+) => {$(
        impl Decode for $name {
            fn decode(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<$name> {
                let result = parsed(value, $code, $what, $expected);
                reader.problems.take(result)
            }
        }
    )+};
}

parsed! {
    SandboxName: "profile.name", "name", "a string";
    VolumeName: "mount.volume", "volume", "a string such as \"data\"";
    UserSpec: "command.user", "user", "a string such as \"caller\" or \"1000:1000\"";
    Sha256: "value.sha256", "sha256", "a string of 64 hexadecimal digits";
    PlatformSpec: "value.platform", "platform", "a string such as \"linux/amd64\"";
    Capability: "security.capability", "capability", "a string such as \"CAP_NET_RAW\"";
    OnDeny: "security.seccomp-on-deny", "answer", "a string such as \"errno:EPERM\"";
    Signal: "supervise.signal", "signal", "a string such as \"TERM\"";
    TimeOffset: "namespaces.time", "offset", "a time such as \"-1h\"";
}

impl Decode for FileMode {
    fn decode(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<FileMode> {
        let expected = "a mode in octal such as \"0755\"";
        let result = parsed(value, "value.mode", "mode", expected);
        let result = result.map_err(|problem| match value.node.get_ref() {
            DeValue::Integer(number) => problem.help(quoted_mode(value.key(), number)),
            _ => problem,
        });
        reader.problems.take(result)
    }
}

/// `755` and `0o755` both mean what the user would write for chmod(1).
fn quoted_mode(key: &str, number: &DeInteger<'_>) -> String {
    match FileMode::from_str(number.as_str()) {
        Ok(mode) if matches!(number.radix(), 8 | 10) => {
            format!("write `{key} = \"{mode}\"`, quoted and in octal")
        }
        _ => format!("write it quoted and in octal, as in `{key} = \"0755\"`"),
    }
}

/// The greatest descriptor number that any kernel gives (sysctl fs.nr_open, proc(5)).
const HIGHEST_FD: i128 = 0x3fff_ffc0;

/// A descriptor above those of standard input, output and error.
pub(super) fn descriptor(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<u32> {
    let Some(number) = number_of(value) else {
        let problem = value.wrong_type("a whole number");
        reader.problems.push(problem);
        return None;
    };
    let reason = match number {
        0..=2 => Some("passes always: it is standard input, output or error"),
        3..=HIGHEST_FD => None,
        _ => Some("is no number of a file descriptor"),
    };
    if let Some(reason) = reason {
        let message = format!("descriptor `{number}` of `{}` {reason}", value.path);
        let problem = value.error("command.fd", message);
        reader
            .problems
            .push(problem.help("name descriptors above 2 only"));
        return None;
    }
    u32::try_from(number).ok()
}
