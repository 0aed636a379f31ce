//! Failed steps: for each known cause a golden report, and for everything else at least a message.
//!
//! `BLESS=1 cargo test` writes the reports anew.

mod cases;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sandbox::diag::Problem;
use sandbox::model::HostState;
use sandbox::plan::Plan;
use sandbox::report::failure::{
    explain, explain_early_end, explain_no_interpreter, explain_nul, explain_setup,
};
use sandbox::report::problems::{Style, render};

use crate::plans::settings::{FEATURES, sources};
use crate::plans::{compare, plan, plan_with};
use cases::{Case, cases, every_host};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failures")
}

fn problem(case: &Case) -> Problem {
    let numbered = case.plan.steps.iter().enumerate();
    let (index, _) = numbered
        .rev()
        .find(|(_, step)| (case.step)(&step.action))
        .unwrap_or_else(|| panic!("{}: no such step", case.name));
    explain(&case.plan, index, case.errno as i32, &case.host)
}

#[test]
fn every_cause_has_its_exact_report() {
    let mut goldens = BTreeSet::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let problem = problem(&case);
        let code = case.name.split("--").next().unwrap();
        assert_eq!(problem.code, code, "{}: {}", case.name, problem.message);
        assert!(goldens.insert(case.name.to_owned()), "{} twice", case.name);
        let found = render(&[problem], &sources(), Style::PLAIN);
        let golden = directory().join(format!("{}.txt", case.name));
        wrong.extend(compare(&golden, &found).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files = std::fs::read_dir(directory()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<String> = names
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    assert_eq!(found, goldens, "a golden report without a case");
}

/// Any step with any errno on any host has a message that names what was refused, and no panic.
#[test]
fn whatever_fails_is_explained() {
    for feature in FEATURES {
        let plan = plan(feature);
        for host in every_host() {
            for step in 0..=plan.steps.len() {
                for errno in 0..140 {
                    judge(&explain(&plan, step, errno, &host));
                }
            }
        }
    }
}

fn judge(problem: &Problem) {
    let (section, rule) = problem.code.split_once('.').unwrap();
    let fits =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    assert!(fits(section) && fits(rule), "{}", problem.code);
    let texts = [Some(&problem.message), problem.help.as_ref()];
    for text in texts.into_iter().flatten() {
        assert!(
            !text.ends_with('.') && !text.contains(char::is_control),
            "{text:?}"
        );
        assert!(!text.contains("hunter2") && !text.contains("  "), "{text}");
        assert_eq!(text.matches('`').count() % 2, 0, "{text}");
    }
}

#[test]
fn a_program_without_its_interpreter_is_told_from_a_missing_one() {
    let plan = plan_with("least");
    let problem = explain_no_interpreter(&plan, plan.steps.len() - 1);
    assert_eq!(problem.code, "program.no-interpreter");
    assert!(
        problem.message.contains("`/bin/bash`"),
        "{}",
        problem.message
    );
    judge(&problem);
}

#[test]
fn an_early_end_is_laid_on_the_memory_limit_only_where_there_is_one() {
    let killed = explain_early_end(&plan_with("limits"), libc::SIGKILL);
    assert!(killed.message.ends_with("by SIGKILL"), "{}", killed.message);
    assert!(killed.help.unwrap().contains("512M"));
    let without = explain_early_end(&plan_with("least"), libc::SIGKILL);
    assert_eq!(without.help, None);
    let exited = explain_early_end(&plan_with("limits"), 7 << 8);
    assert_eq!(exited.help, None);
    assert!(exited.message.ends_with("with status 7"));
}

#[test]
fn what_no_step_did_is_told_too() {
    let plan = plan_with("least");
    judge(&explain_nul(&plan, plan.steps.len() - 1));
    judge(&explain_nul(&plan, 9999));
    let full = explain_setup("make a pipe", libc::EMFILE);
    judge(&full);
    assert!(full.help.unwrap().contains("ulimit -n"));
    let beyond = explain(&plan, 9999, libc::EPERM, &HostState::default());
    assert_eq!(beyond.code, "host.refused");
}

/// What is unknown of the host must not be taken for a known cause.
#[test]
fn nothing_is_guessed_of_a_host_that_says_nothing() {
    let plan: Plan = plan_with("least");
    let problem = explain(&plan, 0, libc::EPERM, &HostState::default());
    assert_eq!(problem.code, "host.refused");
    assert_eq!(problem.help, None);
    assert!(problem.message.contains("EPERM, operation not permitted"));
}
