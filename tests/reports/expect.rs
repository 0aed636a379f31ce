//! `tests/reports/expect.*`: what `sandbox test` writes, in its exact text; the JSON is judged by
//! `schemas/test.schema.json`, which is made from the types.

use sandbox::model::Verdict;
use sandbox::report::expect::{Answer, human, json, json_schema, tap};
use serde_json::Value;

use super::{closed, is_valid_by, root};
use crate::plans::compare;

fn answer(key: &'static str, value: &str, verdict: Verdict, found: &str) -> Answer {
    Answer {
        key,
        value: value.to_owned(),
        verdict,
        found: found.to_owned(),
        place: "dev.toml:12".to_owned(),
        why: None,
    }
}

fn answers() -> Vec<Answer> {
    let shadow = "`/etc/shadow` was opened for reading";
    vec![
        answer(
            "max_pids",
            "40",
            Verdict::Holds,
            "no more than 40 processes could be made",
        ),
        Answer {
            why: Some("passwords: #1".to_owned()),
            ..answer("deny_read", "\"/etc/shadow\"", Verdict::Fails, shadow)
        },
        answer(
            "deny_exec",
            "\"/a#TODO \\\\x\"",
            Verdict::Fails,
            "`x` can be executed",
        ),
    ]
}

#[test]
fn every_format_has_its_exact_text() {
    for (name, text) in [
        ("expect.txt", human(&answers())),
        ("expect.tap", tap(&answers())),
        ("expect.json", json("dev", &answers())),
    ] {
        let compared = compare(&root().join("tests/reports").join(name), &text);
        assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }
}

#[test]
fn the_schema_of_tests_is_that_of_the_types_and_judges_them() {
    let compared = compare(&root().join("schemas/test.schema.json"), &json_schema());
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let schema = closed(schema);
    let good: Value = serde_json::from_str(&json("dev", &answers())).unwrap();
    assert!(is_valid_by(&schema, &good));
    for (place, other) in [
        ("/version", 2.into()),
        ("/results/0/holds", "no".into()),
        ("/failed", Value::Null),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(place).unwrap() = other;
        assert!(!is_valid_by(&schema, &wrong), "{place}");
    }
}

#[test]
fn counts_are_said_in_words() {
    let last = |answers: &[Answer]| human(answers).lines().last().unwrap().to_owned();
    let all = answers();
    assert_eq!(last(&all[..1]), "1 expectation: it holds");
    assert_eq!(last(&all[1..2]), "1 expectation: it fails");
    assert_eq!(last(&all[1..]), "2 expectations: all fail");
    assert_eq!(
        last(&[all[0].clone(), all[0].clone()]),
        "2 expectations: all hold"
    );
}

#[test]
fn no_name_breaks_the_json() {
    let hostile = "a\"b\\\u{1b}[31m\n\u{9b}\u{202e}";
    let mut answers = vec![answer("deny_read", hostile, Verdict::Fails, hostile)];
    answers[0].place = hostile.to_owned();
    answers[0].why = Some(hostile.to_owned());
    let text = json(hostile, &answers);
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(acts), "{text}");
    let found: Value = serde_json::from_str(&text).unwrap();
    for place in [
        "/name",
        "/results/0/value",
        "/results/0/at",
        "/results/0/why",
    ] {
        assert_eq!(found.pointer(place).unwrap(), hostile, "{place}");
    }
}
