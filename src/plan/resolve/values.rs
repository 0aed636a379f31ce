//! Numbers that a variable may stand for.

use crate::diag::{At, Problem};
use crate::model::{ByteSize, Cpus, Invalid, NumberList, Period, RlimitValue, Weight};
use crate::plan::{ByVariable, Privacy, StandIn};
use crate::profile::raw::{Opt, Setting};
use crate::profile::{Part, Template};

use super::paths::invalid;
use super::scope::{Scope, Text};

/// A type that a whole variable may stand for.
pub(super) trait FromVariable: Clone {
    /// What a reviewer has to assume where the value is not known.
    const WIDEST: Self;

    /// Reads the variable's value.
    fn read(text: &str) -> Result<Self, Invalid>;
}

impl FromVariable for ByteSize {
    const WIDEST: ByteSize = ByteSize(u64::MAX);

    /// A number without a unit is bytes, as it would be without quotes in a profile.
    fn read(text: &str) -> Result<ByteSize, Invalid> {
        text.parse().map(ByteSize).or_else(|_| text.parse())
    }
}

impl FromVariable for Cpus {
    const WIDEST: Cpus = Cpus {
        thousandths: 100_000_000,
    };

    fn read(text: &str) -> Result<Cpus, Invalid> {
        text.parse()
    }
}

impl FromVariable for Period {
    const WIDEST: Period = Period(std::time::Duration::from_nanos(u64::MAX));

    fn read(text: &str) -> Result<Period, Invalid> {
        text.parse()
    }
}

impl FromVariable for u64 {
    const WIDEST: u64 = u64::MAX;

    fn read(text: &str) -> Result<u64, Invalid> {
        text.parse()
            .map_err(|_| Invalid::because("is not a whole number"))
    }
}

impl FromVariable for Weight {
    const WIDEST: Weight = Weight::MOST;

    fn read(text: &str) -> Result<Weight, Invalid> {
        u64::read(text).and_then(Weight::from_number)
    }
}

impl FromVariable for NumberList {
    const WIDEST: NumberList = NumberList::ALL;

    fn read(text: &str) -> Result<NumberList, Invalid> {
        text.parse()
    }
}

impl Scope<'_> {
    /// The value of a setting; `key` is what messages call it.
    pub fn setting<T: FromVariable>(
        &mut self,
        written: &At<Setting<T>>,
        key: &str,
    ) -> Option<At<T>> {
        self.setting_of(written, key, key)
    }

    /// The same for one of several settings of one key, such as the size of a mount: `of` tells them apart.
    pub fn setting_of<T: FromVariable>(
        &mut self,
        written: &At<Setting<T>>,
        key: &str,
        of: &str,
    ) -> Option<At<T>> {
        self.setting_by(written, (key, of), T::WIDEST, T::read)
    }

    /// A setting that may be left out: nothing inside when it is, nothing at all when it is wrong.
    pub fn setting_or<T: FromVariable>(
        &mut self,
        written: &Opt<Setting<T>>,
        key: &str,
        default: T,
    ) -> Option<At<T>> {
        match written {
            Some(written) => self.setting(written, key),
            None => Some(At::default_value(default)),
        }
    }

    /// The value of a limit of setrlimit(2), whose `unit` is bytes, seconds, microseconds or a count.
    pub fn rlimit(
        &mut self,
        written: &At<Setting<RlimitValue>>,
        (key, of): (&str, &str),
        unit: &'static str,
    ) -> Option<At<RlimitValue>> {
        self.setting_by(written, (key, of), RlimitValue::Unlimited, |text| {
            read_rlimit(text, unit)
        })
    }

    fn setting_by<T: Clone>(
        &mut self,
        written: &At<Setting<T>>,
        (key, of): (&str, &str),
        widest: T,
        read: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<At<T>> {
        let template = match &written.value {
            Setting::Literal(value) => return Some(At::new(value.clone(), written.origin.clone())),
            Setting::Variable(template) => template,
        };
        let text = match self.facts() {
            Some(_) => self.text(template)?,
            None => {
                self.note_variable(written, template, of);
                match literal_default(template) {
                    Some(text) => Text::shown(text),
                    None => return Some(At::new(widest, written.origin.clone())),
                }
            }
        };
        match read(&text.value) {
            Ok(value) => Some(At::new(value, written.origin.clone())),
            Err(why) => {
                self.report(unreadable(&text, template, written, key, why));
                None
            }
        }
    }

    fn note_variable<T>(&mut self, written: &At<T>, template: &Template, of: &str) {
        if template.as_literal().is_none() {
            let by = ByVariable {
                key: of.to_owned(),
                text: template.to_string(),
                stand_in: match literal_default(template) {
                    Some(_) => StandIn::Default,
                    None => StandIn::Widest,
                },
            };
            self.by_variable.push(At::new(by, written.origin.clone()));
        }
    }

    /// Notes that a size of 0 was written where the kernel takes 0 for "no limit" (tmpfs(5)).
    pub fn refuse_zero(&mut self, size: At<ByteSize>, key: &str) -> Option<At<ByteSize>> {
        if size.value.0 > 0 {
            return Some(size);
        }
        let message = format!("`{key}` is 0, which the kernel takes for no limit at all");
        self.report(
            Problem::error("value.size-zero", &size.origin, message)
                .help("write the most that it may hold, such as `\"64M\"`"),
        );
        None
    }
}

/// The text that stands for a template's only variable when it is not set.
fn literal_default(template: &Template) -> Option<&str> {
    match template.parts.as_slice() {
        [
            Part::Variable {
                default: Some(default),
                ..
            },
        ] => default.as_literal(),
        _ => template.as_literal(),
    }
}

/// The error of a variable that stands for no value of this kind. The reason quotes from the value,
/// so it is left out of one that may not be shown.
fn unreadable<T>(
    text: &Text,
    template: &Template,
    written: &At<Setting<T>>,
    key: &str,
    why: Invalid,
) -> Problem {
    let key = format!("`{key}`");
    let problem = match text.privacy {
        Privacy::Shown => invalid("value.invalid", &written.origin, &key, &text.value, why),
        Privacy::Private => {
            let message = format!("{key} cannot be what `{template}` holds in this environment");
            Problem::error("value.invalid", &written.origin, message)
        }
    };
    problem.label("this variable stands for it")
}

fn read_rlimit(text: &str, unit: &str) -> Result<RlimitValue, Invalid> {
    if text == "unlimited" {
        return Ok(RlimitValue::Unlimited);
    }
    let value = match unit {
        "bytes" => ByteSize::read(text)?.0,
        "seconds" => match text.parse() {
            Ok(seconds) => seconds,
            Err(_) => Period::read(text)?.0.as_secs(),
        },
        _ => u64::read(text)?,
    };
    Ok(RlimitValue::Value(value))
}
