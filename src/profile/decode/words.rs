//! Keys that choose from a list of words.

use std::str::FromStr;

use toml::de::DeValue;

use crate::diag::Problem;
use crate::model::{
    Access, Architecture, Bundle, CgroupMount, Degradable, EtcFile, ExtraArguments, Invalid,
    MountOption, NetworkMode, Owner, ProcMount, SeccompPolicy, SysMount, TerminalMode, Writes,
};

use super::reader::{Decode, Part, Reader, Value};
use super::{table, text};

/// Declares the words of the language that are not built yet, beside those that a type knows.
macro_rules! words {
    ($($name:ident $(later [$($later:literal),+])?;)+) => {$(
        impl Decode for $name {
            fn decode(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<$name> {
                let result = word(value, $name::WORDS, &[$($($later),+)?]);
                reader.problems.take(result)
            }
        }
    )+};
}

words! {
    Access;
    Architecture;
    Bundle;
    CgroupMount;
    EtcFile;
    ExtraArguments;
    MountOption;
    NetworkMode later ["allow"];
    Owner;
    ProcMount;
    SeccompPolicy;
    SysMount;
    TerminalMode;
    Writes;
}

/// What no sandbox starts without, by its table or its key.
const NEVER_DEGRADED: &[&str] = &[
    "namespaces",
    "seccomp",
    "capabilities",
    "no_new_privs",
    "nested_userns",
    "architectures",
    "rootfs",
    "mount",
    "system",
    "network",
    "terminal",
    "limits.wall_time",
    "limits.process",
];

impl Decode for Degradable {
    fn decode(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Degradable> {
        let result = match value.node.get_ref().as_str() {
            Some(text) if never_degraded(text) => Err(Problem::error(
                "security.allow-degraded-never",
                &value.origin,
                format!("`{text}` can never be missing: without it nothing starts"),
            )
            .help(format!(
                "leave it out; what may be missing is `{}`",
                Degradable::WORDS.join("`, `")
            ))),
            _ => word(value, Degradable::WORDS, &[]),
        };
        reader.problems.take(result)
    }
}

fn never_degraded(text: &str) -> bool {
    let text = text.strip_prefix("security.").unwrap_or(text);
    NEVER_DEGRADED.iter().any(|never| {
        let rest = text.strip_prefix(never);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn word<T: FromStr<Err = Invalid>>(
    value: &Value<'_>,
    words: &[&str],
    later: &[&str],
) -> Result<T, Problem> {
    let known = words.join("`, `");
    let Some(text) = value.node.get_ref().as_str() else {
        return Err(no_word(value, words, &known));
    };
    if later.contains(&text) {
        let what = match value.part {
            Part::Whole => format!("`{} = \"{text}\"`", value.path),
            Part::Entry => format!("`{text}` in `{}`", value.path),
        };
        let problem = table::not_yet(&value.origin, &what);
        return Err(match words {
            [only] => problem.help(format!("write `{only}`")),
            _ => problem.help(format!("use one of `{known}`")),
        });
    }
    text::refuse_variable(value, text)?;
    text.parse()
        .map_err(|why| value.invalid("value.word", "value", text, why))
}

/// The error of a word that is no string: `proc = false` rather means `proc = "none"`.
fn no_word(value: &Value<'_>, words: &[&str], known: &str) -> Problem {
    let problem = value.wrong_type("a string");
    let off = ["none", "never", "deny", "refuse"];
    let off = off.iter().find(|word| words.contains(word));
    match (value.node.get_ref(), off) {
        (DeValue::Boolean(false), Some(word)) => {
            problem.help(format!("write `{} = \"{word}\"`", value.key()))
        }
        _ => problem.help(format!("use one of `{known}`")),
    }
}
