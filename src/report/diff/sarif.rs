//! What is wider as SARIF 2.1.0: a narrower profile is no finding.

use std::collections::BTreeMap;

use crate::report::sarif::{self, Fingerprints, ResultItem, message};
use crate::review::diff::{Change, Mark, Topic, topics};

use super::Compared;

/// A log of one run, with a line break at its end.
pub fn sarif(all: &[Compared]) -> String {
    let known: Vec<&Topic> = topics().collect();
    let mut prints = Fingerprints::default();
    let mut results = Vec::new();
    for compared in all {
        let wider = compared
            .changes
            .iter()
            .filter(|change| change.mark == Mark::Wider);
        results.extend(wider.map(|change| result(compared, change, &known, &mut prints)));
    }
    let rules = known
        .iter()
        .map(|topic| sarif::descriptor(topic.code, topic.title, topic.why));
    sarif::log::<_, ()>(rules.collect(), results, None)
}

fn result<'a>(
    compared: &'a Compared,
    change: &'a Change,
    known: &[&Topic],
    prints: &mut Fingerprints,
) -> ResultItem<'a> {
    let (code, text) = (change.topic.code, &change.message);
    let sources = compared.sources(change);
    let index = known.iter().position(|topic| topic.code == code);
    let file = sarif::file(&change.origin, sources, &compared.new);
    let fingerprint = prints.of(code, file, text);
    ResultItem {
        rule_id: code,
        rule_index: index.unwrap_or_default(),
        level: "warning",
        message: message(format!("wider: {text}")),
        rank: None,
        locations: [sarif::location(&change.origin, sources, &compared.new, "")],
        related_locations: Vec::new(),
        partial_fingerprints: BTreeMap::from([("sandboxDiff/v1", fingerprint)]),
        properties: None,
    }
}
