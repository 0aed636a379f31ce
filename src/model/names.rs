//! Names, and the nearest of a list to a word that is in none.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A text that is no value of its type: what is wrong with it, and the corrected text where one can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, as a clause: "has no unit".
    pub reason: String,
    /// An imperative with the corrected text.
    pub help: Option<String>,
}

impl Invalid {
    /// A reason without a correction.
    pub fn because(reason: impl Into<String>) -> Invalid {
        Invalid {
            reason: reason.into(),
            help: None,
        }
    }

    /// The correction.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Invalid {
        self.help = Some(help.into());
        self
    }

    /// A word that is in no list, with the nearest one that is.
    pub fn unknown(word: &str, known: &[&str]) -> Invalid {
        let invalid = Invalid::because(format!("is none of {}", quoted(known)));
        match nearest(word, known.iter().copied()) {
            Some(near) => invalid.help(format!("write `{near}`")),
            None => invalid,
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// A longer word is no misspelling, and to compare one of a whole file takes seconds.
const LONGEST_WORD: usize = 64;

/// The word of `known` that is most like `word`, if any is like it at all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let word = word.to_lowercase();
    let scored = known.into_iter().map(|candidate| {
        let score = strsim::jaro_winkler(&word, &candidate.to_lowercase());
        (candidate, score)
    });
    let (best, score) = scored.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (score > 0.8).then_some(best)
}

/// A sandbox's name: `[a-z0-9][a-z0-9._-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SandboxName(String);

impl SandboxName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SandboxName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<SandboxName, Invalid> {
        let first = text
            .bytes()
            .next()
            .ok_or_else(|| Invalid::because("is empty"))?;
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = lower(first)
            && text
                .bytes()
                .all(|byte| lower(byte) || b"._-".contains(&byte));
        if text.len() > 63 {
            return Err(Invalid::because("is longer than 63 characters"));
        }
        if fits {
            Ok(SandboxName(text.to_owned()))
        } else {
            Err(misspelt_name(text))
        }
    }
}

/// A volume's name, spelt by the rules of [`SandboxName`]: it is the name of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct VolumeName(SandboxName);

impl VolumeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for VolumeName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<VolumeName, Invalid> {
        text.parse().map(VolumeName)
    }
}

impl fmt::Display for VolumeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn misspelt_name(text: &str) -> Invalid {
    let kept: String = text
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    let kept = kept.trim_start_matches(['.', '_', '-']);
    let invalid = Invalid::because(
        "holds a character outside `a-z`, `0-9`, `.`, `_`, `-`, or starts with a mark",
    );
    if kept.is_empty() {
        invalid
    } else {
        invalid.help(format!("write `{kept}`"))
    }
}

impl fmt::Display for SandboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
