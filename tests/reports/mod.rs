//! `tests/reports/*.json`: one report for each way to end, in its exact text, all judged by
//! `schemas/report.schema.json`, which is made from the types. `BLESS=1 cargo test` writes all anew.

mod expect;
mod running;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbox::model::{
    Call, Deadly, Ending, Kept, KeptKind, LimitKind, Outcome, Pressure, Protection, RefusedCall,
    Stop, StopAnswer, StopSource, Unprotected, Usage,
};
use sandbox::plan::{Plan, Shortfalls, isolation};
use sandbox::report::footer;
use sandbox::report::outcome::{json, json_schema, summary};
use serde_json::{Value, json as value};

use crate::plans::{compare, plan_with};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema_file() -> PathBuf {
    root().join("schemas/report.schema.json")
}

fn outcome(plan: &Plan, ending: Ending, exit_code: u8) -> Outcome {
    Outcome {
        name: "dev".to_owned(),
        exit_code,
        ending,
        stopped_by: None,
        limits_hit: Vec::new(),
        refused_calls: Some(Vec::new()),
        started_unix: 1_800_000_000,
        wall: Duration::from_millis(1250),
        log_lost_bytes: None,
        usage: Usage {
            user_seconds: Some(Duration::from_micros(900_001)),
            system_seconds: Some(Duration::ZERO),
            memory_peak_bytes: Some(300 << 20),
            max_rss_bytes: Some(299 << 20),
            pids_peak: Some(3),
            pids_refused: Some(0),
            oom_kills: Some(0),
            throttled_periods: Some(2),
            throttled_seconds: Some(Duration::from_millis(120)),
            major_faults: Some(4),
            read_bytes: Some(12 << 20),
            written_bytes: Some(0),
            voluntary_switches: Some(31),
            involuntary_switches: Some(5),
            pressure: Some(Pressure {
                cpu_some_seconds: Some(Duration::from_millis(7)),
                memory_some_seconds: Some(Duration::ZERO),
                memory_full_seconds: Some(Duration::ZERO),
                io_some_seconds: Some(Duration::from_micros(1500)),
                io_full_seconds: None,
            }),
        },
        isolation: isolation(plan, &Shortfalls::default()),
        kept: vec![Kept {
            kind: KeptKind::Volume,
            target: "/data".to_owned(),
        }],
        left_out: Vec::new(),
        unprotected: Vec::new(),
        found: Vec::new(),
    }
}

/// Nothing is known, nothing held, all that may be empty is.
fn bare() -> Outcome {
    Outcome {
        refused_calls: None,
        usage: Usage::default(),
        isolation: Vec::new(),
        kept: Vec::new(),
        ..outcome(&plan_with("least"), Ending::Exited { code: 0 }, 0)
    }
}

fn exited() -> Outcome {
    outcome(&plan_with("capabilities"), Ending::Exited { code: 7 }, 7)
}

fn refused() -> Outcome {
    let call = |name: &str, count| RefusedCall {
        name: name.to_owned(),
        architecture: "x86_64",
        count,
        killed: 0,
    };
    let calls = vec![
        call("ptrace", 70),
        call("keyctl", 2),
        call("bpf", 1),
        call("mount", 1),
    ];
    Outcome {
        refused_calls: Some(calls),
        ..exited()
    }
}

fn bad_call() -> Outcome {
    let ended = Ending::Signalled {
        signal: libc::SIGSYS,
    };
    outcome(&plan_with("least"), ended, 159)
}

/// Killed for a refused call, behind a child that was killed for another one.
fn killed_for_call() -> Outcome {
    let call = Call {
        name: Some("ptrace"),
        number: 101,
        architecture: "x86_64",
    };
    let ended = Ending::Seccomp {
        call,
        reason: Deadly::Refused,
        signal: libc::SIGSYS,
    };
    let calls = ["ptrace", "keyctl"].map(|name| RefusedCall {
        name: name.to_owned(),
        architecture: "x86_64",
        count: 1,
        killed: 1,
    });
    Outcome {
        refused_calls: Some(calls.to_vec()),
        ..outcome(&plan_with("least"), ended, 159)
    }
}

/// A program of 32-bit x86 that does not take SIGSYS.
fn killed_for_architecture() -> Outcome {
    let call = Call {
        name: None,
        number: 7777,
        architecture: "x86",
    };
    let ended = Ending::Seccomp {
        call,
        reason: Deadly::Architecture,
        signal: libc::SIGKILL,
    };
    outcome(&plan_with("least"), ended, 159)
}

fn signalled() -> Outcome {
    outcome(&plan_with("least"), Ending::Signalled { signal: 15 }, 143)
}

/// Asked by a signal, it ended in time.
fn stopped() -> Outcome {
    let stop = Stop {
        by: StopSource::Signal,
        signal: Some(15),
        signal_name: Some("TERM".to_owned()),
        sender_pid: Some(4711),
        sender_uid: Some(1000),
        answer: StopAnswer::Ended,
    };
    Outcome {
        stopped_by: Some(stop),
        ..signalled()
    }
}

/// Nobody sent anything, and it did not end in time.
fn stopped_late() -> Outcome {
    let stop = Stop {
        by: StopSource::CallerEnded,
        signal: None,
        signal_name: None,
        sender_pid: None,
        sender_uid: None,
        answer: StopAnswer::Killed,
    };
    let ending = Ending::Signalled { signal: 9 };
    Outcome {
        stopped_by: Some(stop),
        ..outcome(&plan_with("least"), ending, 137)
    }
}

fn out_of_memory() -> Outcome {
    let (limit, signal) = (LimitKind::Memory, 9);
    let mut outcome = outcome(&plan_with("limits"), Ending::Limit { limit, signal }, 137);
    outcome.limits_hit = vec![LimitKind::Memory, LimitKind::Pids];
    outcome.usage.oom_kills = Some(1);
    outcome.usage.pids_refused = Some(12);
    outcome
}

fn out_of_time() -> Outcome {
    let (limit, signal) = (LimitKind::WallTime, 9);
    let mut outcome = outcome(&plan_with("limits"), Ending::Limit { limit, signal }, 124);
    outcome.limits_hit = vec![LimitKind::WallTime];
    outcome
}

fn degraded() -> Outcome {
    let plan = plan_with("limits");
    let reason = "the controller `cpu` is not handed on to this group".to_owned();
    let shortfalls = Shortfalls {
        limits: vec![("limits.cpus", reason)],
        devices: Some("only root may say which devices a group opens".to_owned()),
    };
    Outcome {
        isolation: isolation(&plan, &shortfalls),
        left_out: vec!["mount `/opt/other`".to_owned()],
        unprotected: vec![Unprotected {
            path: "/work/.env".to_owned(),
            protection: Protection::Hide,
            reason: "it is missing; what is made there is shown".to_owned(),
        }],
        ..outcome(&plan, Ending::Exited { code: 0 }, 0)
    }
}

type Sample = (&'static str, fn() -> Outcome, Option<&'static str>);

/// Each with the line for people.
const SAMPLES: [Sample; 12] = [
    ("bare", bare, None),
    ("exited", exited, None),
    ("signalled", signalled, Some("killed by SIGTERM")),
    (
        "stopped",
        stopped,
        Some("killed by SIGTERM after SIGTERM to `sandbox`"),
    ),
    (
        "stopped-late",
        stopped_late,
        Some(
            "killed: it did not end within `supervise.stop_timeout` after the end of the process that started it",
        ),
    ),
    (
        "memory",
        out_of_memory,
        Some(
            "killed: `limits.memory` 512M was used up (peak 300M); `limits.pids` 256 refused 12 processes",
        ),
    ),
    (
        "wall-time",
        out_of_time,
        Some("killed: `limits.wall_time` 10m was over"),
    ),
    ("degraded", degraded, None),
    (
        "refused",
        refused,
        Some("`security.seccomp` refused `ptrace`, `keyctl`, `bpf`, 1 more"),
    ),
    (
        "bad-call",
        bad_call,
        Some("killed by SIGSYS: it made a system call that `security.seccomp` does not let run"),
    ),
    (
        "killed-for-call",
        killed_for_call,
        Some(
            "killed for calling `ptrace`, which `security.seccomp` refuses; `security.seccomp` killed who called `keyctl`",
        ),
    ),
    (
        "killed-for-architecture",
        killed_for_architecture,
        Some("killed for calling `7777` of x86, which `security.architectures` leaves out"),
    ),
];

#[test]
fn every_ending_has_its_exact_report_and_line() {
    for (name, sample, line) in SAMPLES {
        let outcome = sample();
        let golden = root().join(format!("tests/reports/{name}.json"));
        let compared = compare(&golden, &json(&outcome));
        assert!(compared.is_ok(), "{}", compared.unwrap_err());
        assert_eq!(summary(&outcome).as_deref(), line, "{name}");
    }
}

#[test]
fn the_shipped_schema_is_that_of_the_types() {
    let compared = compare(&schema_file(), &json_schema());
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
}

fn is_valid(report: &Value) -> bool {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    is_valid_by(&schema, report)
}

fn is_valid_by(schema: &Value, report: &Value) -> bool {
    let validator = jsonschema::validator_for(schema).unwrap();
    validator.is_valid(report)
}

/// The schema without room for members that it does not name: readers of a later version need that
/// room, what this version writes must not.
fn closed(schema: Value) -> Value {
    match schema {
        Value::Array(list) => list.into_iter().map(closed).collect(),
        Value::Object(members) => {
            let is_struct = members.contains_key("properties");
            let members = members.into_iter().map(|(key, value)| (key, closed(value)));
            let closing =
                is_struct.then(|| ("additionalProperties".to_owned(), Value::Bool(false)));
            members.chain(closing).collect()
        }
        other => other,
    }
}

fn parsed(outcome: &Outcome) -> Value {
    serde_json::from_str(&json(outcome)).unwrap()
}

#[test]
fn every_report_is_valid() {
    for (name, sample, _) in SAMPLES {
        let report = parsed(&sample());
        assert!(is_valid(&report), "{name}: {report}");
        let schema = closed(serde_json::from_str(&json_schema()).unwrap());
        assert!(
            is_valid_by(&schema, &report),
            "{name} has members without a description"
        );
        assert_eq!(report["version"], 1);
    }
}

/// A schema that lets everything through would pass the test above.
#[test]
fn what_is_no_report_is_not_valid() {
    let good = parsed(&out_of_memory());
    let wrong = [
        ("/version", value!(2)),
        ("/exit_code", value!(256)),
        ("/exit_code", Value::Null),
        ("/wall_seconds", value!("1s")),
        ("/wall_seconds", value!(-1.0)),
        ("/limits_hit/0", value!("disk")),
        ("/ending/kind", value!("vanished")),
        ("/ending/signal", Value::Null),
        ("/ending/limit", value!("swap")),
        ("/usage/oom_kills", value!(-1)),
        ("/usage/user_seconds", value!("0")),
        ("/usage/pressure/cpu_some_seconds", value!(-1)),
        ("/stopped_by", value!("somebody")),
        ("/started_unix", Value::Null),
        ("/isolation/0/value", value!(1)),
        ("/isolation/0/state", value!("on")),
        ("/isolation", Value::Null),
    ];
    for (place, other) in wrong {
        let mut report = good.clone();
        *report.pointer_mut(place).unwrap() = other;
        assert!(!is_valid(&report), "{place}");
    }
    for place in members() {
        let mut report = good.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = report.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        assert!(parent.remove(key).is_some(), "{place}");
        assert!(!is_valid(&report), "without {place}");
    }
}

/// Every member of a report, each of which has to be there.
fn members() -> Vec<String> {
    let report = parsed(&out_of_memory());
    let mut members = Vec::new();
    for (parent, object) in [
        ("", &report),
        ("/usage", &report["usage"]),
        ("/usage/pressure", &report["usage"]["pressure"]),
        ("/ending", &report["ending"]),
        ("/isolation/0", &report["isolation"][0]),
    ] {
        let keys = object.as_object().unwrap().keys();
        members.extend(keys.map(|key| format!("{parent}/{key}")));
    }
    members
}

#[test]
fn what_the_host_cannot_say_is_null() {
    let report = parsed(&bare());
    let usage = report["usage"].as_object().unwrap();
    assert_eq!(usage.len(), 15);
    assert!(usage.values().all(Value::is_null), "{report}");
}

/// With `stopped_by`, whose members have to be there too.
#[test]
fn what_stopped_it_is_whole() {
    let good = parsed(&stopped());
    for key in good["stopped_by"].as_object().unwrap().keys() {
        let mut report = good.clone();
        let stop = report["stopped_by"].as_object_mut().unwrap();
        stop.remove(key);
        assert!(!is_valid(&report), "without {key}");
    }
}

#[test]
fn the_footer_has_aligned_columns_within_a_line() {
    let known = "\
time        1.25 s  wall            0.90 s  user       0.00 s  system
cpu           72 %  of one CPU      0.12 s  throttled       3  processes
memory  300.00 MiB  peak        299.00 MiB  largest
disk     12.00 MiB  read               0 B  written
";
    assert_eq!(footer(&exited()), known);
    let unknown = "\
time    1.25 s  wall        -  user       -  system
cpu          -  of one CPU  -  throttled  -  processes
memory       -  peak        -  largest
disk         -  read        -  written
";
    assert_eq!(footer(&bare()), unknown);
    let mut most = exited();
    most.wall = Duration::from_secs(99_999_999);
    most.usage.user_seconds = Some(most.wall);
    most.usage.system_seconds = Some(most.wall);
    most.usage.memory_peak_bytes = Some((1 << 50) - 1);
    most.usage.max_rss_bytes = Some((1 << 50) - 1);
    for line in footer(&most).lines() {
        assert!(line.len() <= 80, "{line}");
    }
}

#[test]
fn keys_stand_in_the_order_of_the_documentation() {
    let text = json(&out_of_memory());
    let keys = [
        "version",
        "name",
        "exit_code",
        "ending",
        "stopped_by",
        "limits_hit",
        "started_unix",
        "wall_seconds",
        "usage",
        "isolation",
        "kept",
        "left_out",
        "unprotected",
    ];
    let places = keys.map(|key| text.find(&format!("\n  \"{key}\"")).unwrap());
    assert!(places.is_sorted());
    assert!(text.ends_with("}\n"));
}

#[test]
fn a_limit_that_only_hurt_is_told_where_the_program_failed() {
    let mut outcome = exited();
    outcome.limits_hit = vec![LimitKind::Memory];
    outcome.usage.oom_kills = Some(1);
    let line = "`limits.memory` ended 1 process";
    assert_eq!(summary(&outcome).as_deref(), Some(line));
    outcome.exit_code = 0;
    assert_eq!(summary(&outcome), None);
}

#[test]
fn a_signal_without_a_name_keeps_its_number() {
    let mut outcome = signalled();
    outcome.ending = Ending::Signalled { signal: 40 };
    assert_eq!(summary(&outcome).as_deref(), Some("killed by signal 40"));
    for quiet in [libc::SIGINT, libc::SIGPIPE] {
        outcome.ending = Ending::Signalled { signal: quiet };
        assert_eq!(summary(&outcome), None);
    }
    outcome.ending = Ending::Signalled { signal: 40 };
    assert_eq!(parsed(&outcome)["ending"]["signal_name"], "40");
    assert!(is_valid(&parsed(&outcome)));
}
