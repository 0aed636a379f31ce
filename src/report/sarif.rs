//! What is used of SARIF 2.1.0, the format of code scanning (GitHub, GitLab, Azure DevOps).
//!
//! The structures are written out here: a dozen of the standard's hundreds of members are used, and a
//! crate for all of them would bring more than the whole format has use for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::diag::{Origin, Sources};

use super::place::region;
use super::printable::json_escaped;

#[derive(Serialize)]
struct Log<'a, R, P> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a, R, P>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a, R, P> {
    tool: Tool<R>,
    /// A column of ours is a character, whatever its width.
    column_kind: &'static str,
    results: Vec<ResultItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<P>,
}

#[derive(Serialize)]
struct Tool<R> {
    driver: Driver<R>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<R> {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<R>,
}

/// A text that a viewer shows.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    text: Cow<'a, str>,
}

/// A message of this text.
pub(super) fn message<'a>(text: impl Into<Cow<'a, str>>) -> Message<'a> {
    Message { text: text.into() }
}

/// A rule without settings of its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    id: &'static str,
    short_description: Message<'static>,
    full_description: Message<'static>,
}

/// A rule: its stable name, some words, and why it is there.
pub(super) fn descriptor(id: &'static str, short: &'static str, full: &'static str) -> Descriptor {
    Descriptor {
        id,
        short_description: message(short),
        full_description: message(full),
    }
}

/// One thing that was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultItem<'a> {
    pub rule_id: &'static str,
    pub rule_index: usize,
    pub level: &'static str,
    pub message: Message<'a>,
    /// From 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<f64>,
    pub locations: [Location<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_locations: Vec<Location<'a>>,
    pub partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<ResultProperties<'a>>,
}

/// What other tools have no name for.
#[derive(Serialize)]
pub(super) struct ResultProperties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    pub fix: &'a str,
}

/// A place, and what to say there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location<'a> {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    /// None where no line says it: an empty one would point at what is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<RegionItem>,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegionItem {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// The place of `origin`. What no line says stands at the file of the profile: viewers show nothing without
/// a file.
pub(super) fn location<'a>(
    origin: &Origin,
    sources: &Sources,
    profile: &str,
    text: &'a str,
) -> Location<'a> {
    let found = region(origin, sources);
    let file = found.map_or(profile, |(source, _)| &source.name);
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: uri(file) },
            region: found.map(|(_, region)| RegionItem {
                start_line: region.line,
                start_column: region.column,
                end_line: region.end_line,
                end_column: region.end_column,
            }),
        },
        message: (!text.is_empty()).then(|| message(text)),
    }
}

/// Fingerprints of results: what stays the same when lines move.
#[derive(Default)]
pub(super) struct Fingerprints {
    seen: BTreeMap<String, usize>,
}

impl Fingerprints {
    /// Of the rule, the file and the message, and which of equal ones it is.
    pub fn of(&mut self, code: &str, file: &str, message: &str) -> String {
        let key = format!("{code}\0{file}\0{message}");
        let same = self.seen.entry(key.clone()).or_default();
        let hash = blake3::hash(format!("{key}\0{same}").as_bytes());
        *same += 1;
        hash.to_hex().chars().take(32).collect()
    }
}

/// The file of a place, as it was named.
pub(super) fn file<'a>(origin: &Origin, sources: &'a Sources, profile: &'a str) -> &'a str {
    region(origin, sources).map_or(profile, |(source, _)| &source.name)
}

/// A log of one run, with a line break at its end.
pub(super) fn log<R: Serialize, P: Serialize>(
    rules: Vec<R>,
    results: Vec<ResultItem<'_>>,
    properties: Option<P>,
) -> String {
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: env!("CARGO_PKG_NAME"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules,
                },
            },
            column_kind: "unicodeCodePoints",
            results,
            properties,
        }],
    };
    // Texts and numbers: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&log).unwrap_or_default()) + "\n"
}

/// A path as a URI reference (RFC 3986): a relative one stays relative, to the root of the checkout.
fn uri(path: &str) -> String {
    let relative = path.trim_start_matches("./");
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in relative.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            // Writing to a text cannot fail.
            _ => write!(uri, "%{byte:02X}").unwrap_or_default(),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("./profiles/dev.toml"), "profiles/dev.toml");
        assert_eq!(uri("/work/a b%.toml"), "file:///work/a%20b%25.toml");
        assert_eq!(uri("é:x.toml"), "%C3%A9%3Ax.toml");
    }
}
