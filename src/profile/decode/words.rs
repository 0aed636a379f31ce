//! Keys that choose from a list of words.

use std::str::FromStr;

use toml::de::DeValue;

use crate::diag::Problem;
use crate::model::{
    Access, Architecture, Bundle, CgroupMount, Degradable, EtcFile, ExtraArguments, Invalid,
    MapUsers, MountOption, NetworkMode, Owner, ProcMount, SeccompPolicy, SysMount, TerminalMode,
    Writes,
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
    Degradable later ["landlock", "limits.memory_high", "limits.cpu_weight", "limits.cpuset",
        "limits.memory_nodes", "limits.io", "limits.io_weight", "limits.hugetlb"];
    EtcFile;
    ExtraArguments;
    MapUsers later ["subordinate"];
    MountOption;
    NetworkMode later ["allow"];
    Owner;
    ProcMount;
    SeccompPolicy;
    SysMount;
    TerminalMode;
    Writes;
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

/// `decode`, but a table here is something that is not built yet.
pub(super) fn or_table_later<T: Decode>(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<T> {
    if !value.node.get_ref().is_table() {
        return T::decode(value, reader);
    }
    let what = format!("a table for `{}`", value.path);
    reader.problems.push(table::not_yet(&value.origin, &what));
    None
}
