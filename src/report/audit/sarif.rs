//! Findings as SARIF 2.1.0, the format of code scanning (GitHub, GitLab, Azure DevOps).
//!
//! The structures are written out here: a dozen of the standard's hundreds of members are used, and a
//! crate for all of them would bring more than the whole format has use for.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::report::printable::json_escaped;
use crate::review::audit::{Finding, Level, Rule, rules};

use super::Audited;
use super::region::region;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    /// A column of ours is a character, whatever its width.
    column_kind: &'static str,
    results: Vec<ResultItem<'a>>,
    properties: RunProperties,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Message<'static>,
    full_description: Message<'static>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    /// What GitHub sorts by: the most that a finding weighs.
    #[serde(rename = "security-severity")]
    security_severity: String,
    tags: [&'static str; 2],
}

#[derive(Serialize)]
struct Message<'a> {
    text: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultItem<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message<'a>,
    /// From 0 to 100.
    rank: f64,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    properties: ResultProperties<'a>,
}

#[derive(Serialize)]
struct ResultProperties<'a> {
    level: &'static str,
    weight: f64,
    fix: &'a str,
}

#[derive(Serialize)]
struct RunProperties {
    score: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
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

/// The findings as a log of one run, with a line break at its end.
pub fn sarif(audited: Audited<'_>) -> String {
    let known: Vec<&Rule> = rules().collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let findings = audited.audit.findings.iter();
    let results = findings
        .map(|finding| result(finding, audited, &known, &mut seen))
        .collect();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: env!("CARGO_PKG_NAME"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: known.iter().map(|rule| descriptor(rule)).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            results,
            properties: RunProperties {
                score: audited.audit.score().value(),
            },
        }],
    };
    // Texts and numbers: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&log).unwrap_or_default()) + "\n"
}

fn descriptor(rule: &Rule) -> Descriptor {
    Descriptor {
        id: rule.code,
        short_description: message(rule.title),
        full_description: message(rule.why),
        default_configuration: Configuration {
            level: level(rule.weight.level()),
        },
        properties: RuleProperties {
            security_severity: rule.weight.to_string(),
            tags: ["security", rule.dimension.word()],
        },
    }
}

fn message(text: &str) -> Message<'_> {
    Message { text: text.into() }
}

fn result<'a>(
    finding: &'a Finding,
    audited: Audited<'_>,
    known: &[&Rule],
    seen: &mut BTreeMap<String, usize>,
) -> ResultItem<'a> {
    let (code, message) = (finding.rule.code, &finding.message);
    let index = known.iter().position(|rule| rule.code == code);
    let (file, region) = place(finding, audited);
    let key = format!("{code}\0{file}\0{message}");
    let same = seen.entry(key.clone()).or_default();
    let fingerprint = fingerprint(&key, *same);
    *same += 1;
    ResultItem {
        rule_id: code,
        rule_index: index.unwrap_or_default(),
        level: level(finding.level()),
        message: Message {
            text: format!("{message}; fix: {}", finding.fix).into(),
        },
        rank: finding.weight.value() * 10.0,
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: uri(file) },
                region,
            },
        }],
        partial_fingerprints: BTreeMap::from([("sandboxAudit/v1", fingerprint)]),
        properties: ResultProperties {
            level: finding.level().word(),
            weight: finding.weight.value(),
            fix: &finding.fix,
        },
    }
}

/// What no line says stands at the file of the profile: viewers show nothing without a file.
fn place<'a>(finding: &Finding, audited: Audited<'a>) -> (&'a str, Option<RegionItem>) {
    let Some((source, region)) = region(&finding.origin, audited.sources) else {
        return (audited.profile, None);
    };
    let item = RegionItem {
        start_line: region.line,
        start_column: region.column,
        end_line: region.end_line,
        end_column: region.end_column,
    };
    (&source.name, Some(item))
}

/// What stays the same when lines move: the rule, the file and the message, and which of equal ones it is.
fn fingerprint(key: &str, same: usize) -> String {
    let hash = blake3::hash(format!("{key}\0{same}").as_bytes());
    hash.to_hex().chars().take(32).collect()
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Critical | Level::High => "error",
        Level::Medium | Level::Low => "warning",
        Level::Note => "note",
    }
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
