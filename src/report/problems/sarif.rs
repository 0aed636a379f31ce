//! Problems as SARIF 2.1.0.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Label, Problem, Severity};
use crate::report::sarif::{self, Fingerprints, ResultItem, ResultProperties, message};

use super::Judged;

/// Problems of all profiles as a log of one run, with a line break at its end.
pub fn sarif(judged: &[Judged]) -> String {
    let found = judged.iter().flat_map(|judged| &judged.problems);
    let codes: BTreeSet<&'static str> = found.map(|problem| problem.code).collect();
    let codes: Vec<&'static str> = codes.into_iter().collect();
    let mut prints = Fingerprints::default();
    let mut results = Vec::new();
    for judged in judged {
        let problems = judged.problems.iter();
        results.extend(problems.map(|problem| result(problem, judged, &codes, &mut prints)));
    }
    // A rule has a name and no text of its own: each message says what is wrong.
    let rules = codes
        .iter()
        .map(|code| sarif::descriptor(code, code, "a mistake in a profile of `sandbox`"));
    sarif::log(rules.collect(), results, None::<()>)
}

fn result<'a>(
    problem: &'a Problem,
    judged: &'a Judged,
    codes: &[&'static str],
    prints: &mut Fingerprints,
) -> ResultItem<'a> {
    let Problem {
        code,
        severity,
        message: text,
        label,
        related,
        help,
    } = problem;
    let (sources, profile) = (&judged.sources, judged.profile.as_str());
    let location =
        |Label { origin, text }: &'a Label| sarif::location(origin, sources, profile, text);
    let index = codes.iter().position(|known| known == code);
    let file = sarif::file(&label.origin, sources, profile);
    let fingerprint = prints.of(code, file, text);
    ResultItem {
        rule_id: code,
        rule_index: index.unwrap_or_default(),
        level: match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: match help {
            Some(help) => message(format!("{text}; help: {help}")),
            None => message(text.as_str()),
        },
        rank: None,
        locations: [location(label)],
        related_locations: related.iter().map(location).collect(),
        partial_fingerprints: BTreeMap::from([("sandboxCheck/v1", fingerprint)]),
        properties: help.as_deref().map(|fix| ResultProperties {
            level: None,
            weight: None,
            fix,
        }),
    }
}
