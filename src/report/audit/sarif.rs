//! Findings as SARIF 2.1.0.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::sarif::{self, Fingerprints, Message, ResultItem, ResultProperties, message};
use crate::review::audit::{Finding, Level, Rule, rules};

use super::Audited;

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
struct RunProperties {
    score: f64,
}

/// The findings as a log of one run, with a line break at its end.
pub fn sarif(audited: Audited<'_>) -> String {
    let known: Vec<&Rule> = rules().collect();
    let mut prints = Fingerprints::default();
    let findings = audited.audit.findings.iter();
    let results = findings
        .map(|finding| result(finding, audited, &known, &mut prints))
        .collect();
    let properties = RunProperties {
        score: audited.audit.score().value(),
    };
    let rules = known.iter().map(|rule| descriptor(rule)).collect();
    sarif::log(rules, results, Some(properties))
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

fn result<'a>(
    finding: &'a Finding,
    audited: Audited<'_>,
    known: &[&Rule],
    prints: &mut Fingerprints,
) -> ResultItem<'a> {
    let (code, text) = (finding.rule.code, &finding.message);
    let (sources, profile) = (audited.sources, audited.profile);
    let index = known.iter().position(|rule| rule.code == code);
    let file = sarif::file(&finding.origin, sources, profile);
    let fingerprint = prints.of(code, file, text);
    ResultItem {
        rule_id: code,
        rule_index: index.unwrap_or_default(),
        level: level(finding.level()),
        message: message(format!("{text}; fix: {}", finding.fix)),
        rank: Some(finding.weight.value() * 10.0),
        locations: [sarif::location(&finding.origin, sources, profile, "")],
        related_locations: Vec::new(),
        partial_fingerprints: BTreeMap::from([("sandboxAudit/v1", fingerprint)]),
        properties: Some(ResultProperties {
            level: Some(finding.level().word()),
            weight: Some(finding.weight.value()),
            fix: &finding.fix,
        }),
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Critical | Level::High => "error",
        Level::Medium | Level::Low => "warning",
        Level::Note => "note",
    }
}
