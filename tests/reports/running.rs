//! What is said of sandboxes that run, in its exact text and by its schemas.

use std::time::Duration;

use sandbox::model::{Figures, RunState, RunningSandbox};
use sandbox::report::running::{
    Measured, json, json_schema, stats_json, stats_json_schema, stats_text, text,
};

use super::root;
use crate::plans::compare;

fn sandboxes() -> Vec<RunningSandbox> {
    let running = RunningSandbox {
        name: "dev".to_owned(),
        state: RunState::Running,
        pid: Some(4711),
        supervisor_pid: Some(4709),
        age_seconds: Some(7_384.5),
        started_unix: Some(1_800_000_000),
        detached: Some(false),
        log_lost_bytes: Some(0),
        exit_code: None,
        command: [
            "bash",
            "-c",
            "cargo test --all-targets --workspace --locked",
        ]
        .map(str::to_owned)
        .to_vec(),
        profile: Some("profiles/dev.toml".to_owned()),
    };
    let starting = RunningSandbox {
        name: "dev-2".to_owned(),
        state: RunState::Starting,
        pid: None,
        age_seconds: None,
        started_unix: None,
        detached: None,
        command: Vec::new(),
        profile: None,
        ..running.clone()
    };
    let ended = RunningSandbox {
        name: "web".to_owned(),
        state: RunState::Ended,
        pid: None,
        supervisor_pid: None,
        age_seconds: Some(200_000.0),
        detached: Some(true),
        log_lost_bytes: Some(4096),
        exit_code: Some(137),
        // Nothing that comes from a profile moves a terminal's cursor.
        command: vec!["serve\u{1b}[2J".to_owned()],
        ..running.clone()
    };
    vec![running, starting, ended]
}

fn figures() -> Vec<Measured> {
    let figures = Figures {
        cpu_seconds: Some(12.5),
        memory_peak_bytes: Some(320 << 20),
        throttled_seconds: None,
        memory_bytes: Some(300 << 20),
        memory_limit_bytes: Some(512 << 20),
        pids: Some(7),
        pids_limit: Some(256),
        read_bytes: Some(0),
        written_bytes: Some(4096),
    };
    let measured = |name: &str, figures| Measured {
        name: name.to_owned(),
        figures,
    };
    vec![
        measured("dev", figures),
        measured("web", Figures::default()),
    ]
}

#[test]
fn running_sandboxes_are_told_as_expected() {
    let mut later = figures();
    later[0].figures.cpu_seconds = Some(13.25);
    let before = figures();
    let shown = [
        text(&sandboxes()),
        text(&[]),
        stats_text(&before, None),
        stats_text(&later, Some((&before, Duration::from_secs(1)))),
    ];
    let compared = compare(&root().join("tests/reports/running.txt"), &shown.join("\n"));
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
}

#[test]
fn the_json_of_running_sandboxes_is_that_of_its_schemas() {
    for (name, schema, told) in [
        ("ps", json_schema(), json(&sandboxes())),
        ("stats", stats_json_schema(), stats_json(&figures())),
    ] {
        let file = root().join(format!("schemas/{name}.schema.json"));
        let compared = compare(&file, &schema);
        assert!(compared.is_ok(), "{}", compared.unwrap_err());
        let schema = serde_json::from_str(&schema).unwrap();
        assert!(jsonschema::meta::is_valid(&schema));
        let validator = jsonschema::validator_for(&schema).unwrap();
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert!(validator.is_valid(&told), "{told}");
        assert!(!validator.is_valid(&serde_json::json!([{ "name": 7 }])));
    }
}
