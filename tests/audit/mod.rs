//! `tests/audit/*.toml`: for each rule a profile that breaks it, and beside it the exact text;
//! what only a host shows is `--host`; `near.toml` comes near to every rule and breaks none, `open.toml` holds nothing back.
//! `BLESS=1 cargo test` writes them anew.

mod broken;
mod judged;
mod shipped;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sandbox::diag::Sources;
use sandbox::model::{FoundCheckout, SetIdFiles, Switch};
use sandbox::plan::Settings;
use sandbox::report::audit::{Audited, human, json, json_schema, sarif};
use sandbox::report::problems::{Colour, Style, render};
use sandbox::review::audit::{Audit, Level, Subject, Weight, audit, rules};
use serde_json::{Value, json as value};

use crate::errors::resolved::{By, settle};
use crate::errors::{directory, rule_of, stems};
use crate::plans::compare;

/// A profile that was judged, with what messages need.
struct Case {
    name: String,
    settings: Settings,
    sources: Sources,
    by: By,
}

impl Case {
    fn of(name: &str, text: &str, by: By) -> Case {
        let (settings, problems, sources) = settle(name, text, by);
        let settings = settings
            .unwrap_or_else(|| panic!("{name}: {}", render(&problems, &sources, Style::PLAIN)));
        let name = name.to_owned();
        Case {
            name,
            settings,
            sources,
            by,
        }
    }

    fn golden(stem: &str) -> Case {
        let name = format!("tests/audit/{stem}.toml");
        let text = std::fs::read_to_string(root().join(&name)).unwrap();
        let by = match stem.ends_with("--host") {
            true => By::Host,
            false => By::Text,
        };
        Case::of(&name, &text, by)
    }

    fn audit(&self) -> Audit {
        let (variables, profile_dirs) = match self.by {
            By::Text => (vec![], vec![]),
            By::Host => (
                vec![("HOME".to_owned(), "/home/me".to_owned())],
                vec!["/work/profiles".to_owned()],
            ),
        };
        // What a search of `/opt` would find on the hand-written host.
        let searched = |by| match by {
            By::Text => vec![],
            By::Host => vec![SetIdFiles {
                top: "/opt".into(),
                files: vec!["/opt/bin/ping".into(), "/opt/bin/su".into()],
                whole: Switch::On,
            }],
        };
        let set_id_files = searched(self.by);
        let (real_paths, checkouts) = match self.by {
            By::Text => (BTreeMap::new(), vec![]),
            By::Host => (
                BTreeMap::from([("/work/out".into(), "/srv".into())]),
                vec![FoundCheckout {
                    top: "/work".into(),
                    submodules: ["vendor/a", "vendor/b", "vendor/c"]
                        .map(String::from)
                        .to_vec(),
                }],
            ),
        };
        audit(&Subject {
            settings: &self.settings,
            variables: &variables,
            profile_dirs: &profile_dirs,
            set_id_files: &set_id_files,
            real_paths: &real_paths,
            checkouts: &checkouts,
        })
    }

    fn shown<T>(&self, show: impl FnOnce(Audited<'_>) -> T) -> T {
        show(Audited {
            profile: &self.name,
            audit: &self.audit(),
            sources: &self.sources,
        })
    }

    fn text(&self) -> String {
        self.shown(|audited| human(audited, Style::PLAIN))
    }

    fn codes(&self) -> BTreeSet<&'static str> {
        let audit = self.audit();
        let findings = audit.findings.iter();
        findings.map(|finding| finding.rule.code).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn goldens() -> BTreeSet<String> {
    stems(&directory("audit"), "toml")
}

#[test]
fn every_profile_has_its_exact_findings() {
    let found = goldens().into_iter().map(|stem| {
        let golden = directory("audit").join(format!("{stem}.txt"));
        compare(&golden, &Case::golden(&stem).text())
    });
    let wrong: Vec<String> = found.filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(goldens(), stems(&directory("audit"), "txt"));
}

#[test]
fn every_rule_has_a_profile_that_breaks_it() {
    let codes: Vec<&str> = rules().map(|rule| rule.code).collect();
    let known: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(codes.len(), known.len(), "two rules of one code");
    let goldens = goldens();
    for code in &codes {
        let of_rule = |stem: &&String| rule_of(stem) == *code;
        let stems: Vec<&String> = goldens.iter().filter(of_rule).collect();
        assert!(!stems.is_empty(), "no profile breaks {code}");
        for stem in stems {
            assert!(Case::golden(stem).codes().contains(code), "{stem}");
        }
    }
    let named = goldens.iter().filter(|stem| stem.starts_with("audit."));
    for stem in named {
        let code = rule_of(stem);
        assert!(known.contains(code), "{stem} is of no rule");
    }
}

#[test]
fn what_comes_near_breaks_no_rule() {
    let near = Case::golden("near");
    assert_eq!(near.codes(), BTreeSet::new());
    assert_eq!(near.audit().score().to_string(), "0.0");
}

#[test]
fn no_finding_outweighs_its_rule() {
    for stem in goldens() {
        for finding in Case::golden(&stem).audit().findings {
            assert!(finding.weight <= finding.rule.weight, "{stem}");
        }
    }
    for rule in rules() {
        let text = [rule.title, rule.why].join(" ");
        assert!(
            !text.contains("  ") && !text.ends_with('.'),
            "{}",
            rule.code
        );
    }
}

#[test]
fn what_holds_nothing_back_is_as_the_host() {
    let score = Case::golden("open").audit().score();
    assert_eq!(
        (score.to_string().as_str(), score.word()),
        ("10.0", "as the host")
    );
}

#[test]
fn one_open_thing_is_not_diluted_and_each_fix_lowers_the_score() {
    let score = |codes: &[&str]| {
        let text = |code: &&str| {
            std::fs::read_to_string(directory("audit").join(format!("audit.{code}.toml")))
        };
        let audits = codes
            .iter()
            .map(|code| Case::of("x.toml", &text(code).unwrap(), By::Text));
        let scores: Vec<String> = audits
            .map(|case| case.audit().score().to_string())
            .collect();
        scores.join(" ")
    };
    // Alone, each is worth its weight.
    assert_eq!(
        score(&["network-host", "sys-shown", "no-time-limit"]),
        "5.0 0.3 0.0"
    );
    // Of several findings of one rule the heaviest counts.
    assert_eq!(score(&["capability", "descriptors"]), "5.0 1.0");
    let audit = Case::golden("open").audit();
    for (_, part) in audit.exposures() {
        assert!(part <= audit.score());
    }
}

#[test]
fn a_host_gives_values_and_no_other_judgement() {
    let profile = |bind: &str| {
        format!(
            "version = 1\n[command]\nargs = [\"bash\"]\n[[mount]]\nbind = \"{bind}\"\naccess = \"rw\"\n"
        )
    };
    let case = |bind: &str| Case::of("test.toml", &profile(bind), By::Host);
    let home = case("${HOME}");
    assert!(
        home.codes().contains("audit.writable-home"),
        "{}",
        home.text()
    );
    assert!(home.text().contains("`/home/me`"), "{}", home.text());
    // Only here it is known that the profile lies below.
    assert!(case("/work").codes().contains("audit.writable-profile"));
    assert!(
        case("/work/profiles")
            .codes()
            .contains("audit.writable-profile")
    );
    assert!(!case("/opt").codes().contains("audit.writable-profile"));
}

#[test]
fn nothing_private_is_shown() {
    let text = "version = 1\n[command]\nargs = [\"bash\", \"${env:TOKEN}\"]\n[env]\ninherit = [\"TOKEN\"]\nset = { B_TOKEN = \"x${env:TOKEN}\" }\n[[mount]]\nbind = \"/opt/${env:TOKEN}\"\noptional = true\n[[mount]]\ntmpfs = \"/${env:TOKEN}\"\n";
    let case = Case::of("test.toml", text, By::Host);
    for code in ["inherited-secret", "set-secret", "secret-in-arguments"] {
        let code = format!("audit.{code}");
        assert!(case.codes().contains(code.as_str()), "{}", case.text());
    }
    for shown in [case.text(), case.shown(json), case.shown(sarif)] {
        assert!(shown.contains("the tmpfs at `/${env:TOKEN}`"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn nothing_of_a_profile_acts_on_the_terminal() {
    let text = "version = 1\n[command]\nargs = [\"bash\"]\n[[mount]]\nbind = \"/etc/x\\u202Ey\"\naccess = \"rw\"\n";
    let case = Case::of("a\u{1b}[2J.toml", text, By::Text);
    for shown in [case.text(), case.shown(json), case.shown(sarif)] {
        let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(acts), "{shown}");
        assert!(shown.contains("writable-system"), "{shown}");
    }
}

#[test]
fn colours_change_nothing_but_colours_and_lines_fit() {
    let case = Case::golden("open");
    let ansi = Style {
        colour: Colour::Ansi,
        ..Style::PLAIN
    };
    let mut coloured = case.shown(|audited| human(audited, ansi));
    assert!(coloured.contains("\u{1b}[1;31m"));
    for code in ["0", "1;31", "31", "33", "36", "32", "1", "2"] {
        coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(coloured, case.text());
    for stem in goldens() {
        for line in Case::golden(&stem).text().lines() {
            assert!(line.chars().count() <= 80, "{stem}: {line}");
            assert_eq!(line, line.trim_end(), "{stem}");
        }
    }
}

#[test]
fn the_json_is_that_of_its_schema() {
    let file = root().join("schemas/audit.schema.json");
    let compared = compare(&file, &json_schema());
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for stem in goldens() {
        let document = Case::golden(&stem).shown(json);
        let document: Value = serde_json::from_str(&document).unwrap();
        assert!(validator.is_valid(&document), "{stem}");
        let mut wrong = document.clone();
        wrong["score"] = value!(10.5);
        assert!(!validator.is_valid(&wrong));
    }
    let golden = directory("audit").join("formats/open.json");
    let compared = compare(&golden, &Case::golden("open").shown(json));
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
}

/// What the schema of SARIF 2.1.0 asks of the members that are used, and what GitHub needs beside.
fn sarif_schema() -> Value {
    let message = value!({ "type": "object", "required": ["text"] });
    let level = value!({ "enum": ["none", "note", "warning", "error"] });
    let number = value!({ "type": "integer", "minimum": 1 });
    let region = value!({ "required": ["startLine"], "properties": {
        "startLine": number, "startColumn": number, "endLine": number, "endColumn": number } });
    let place = value!({ "required": ["artifactLocation"], "properties": {
        "artifactLocation": { "required": ["uri"], "properties": {
            "uri": { "type": "string", "format": "uri-reference" } } },
        "region": region } });
    let result = value!({ "required": ["message", "ruleId", "locations", "partialFingerprints"], "properties": {
        "message": message, "level": level, "ruleIndex": { "type": "integer", "minimum": 0 },
        "rank": { "minimum": 0, "maximum": 100 },
        "locations": { "minItems": 1, "items": { "required": ["physicalLocation"],
            "properties": { "physicalLocation": place } } },
        "partialFingerprints": { "additionalProperties": { "type": "string" } } } });
    let rule = value!({ "required": ["id", "shortDescription", "fullDescription"], "properties": {
        "shortDescription": message, "fullDescription": message,
        "defaultConfiguration": { "properties": { "level": level } } } });
    value!({ "type": "object", "required": ["version", "runs"], "properties": {
        "version": { "const": "2.1.0" },
        "runs": { "items": { "required": ["tool", "results"], "properties": {
            "columnKind": { "enum": ["utf16CodeUnits", "unicodeCodePoints"] },
            "tool": { "required": ["driver"], "properties": { "driver": { "required": ["name"], "properties": {
                "rules": { "items": rule, "uniqueItems": true } } } } },
            "results": { "items": result } } } } } })
}

#[test]
fn the_sarif_is_what_code_scanning_takes() {
    let validator = jsonschema::validator_for(&sarif_schema()).unwrap();
    for stem in goldens() {
        let text = Case::golden(&stem).shown(sarif);
        let log: Value = serde_json::from_str(&text).unwrap();
        assert!(validator.is_valid(&log), "{stem}: {text}");
        let run = &log["runs"][0];
        let mut prints = BTreeSet::new();
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(
                run["tool"]["driver"]["rules"][index]["id"],
                result["ruleId"]
            );
            prints.insert(
                result["partialFingerprints"]["sandboxAudit/v1"]
                    .as_str()
                    .unwrap(),
            );
        }
        assert_eq!(
            prints.len(),
            run["results"].as_array().unwrap().len(),
            "{stem}"
        );
    }
    let golden = directory("audit").join("formats/no-swap-limit.sarif");
    let compared = compare(&golden, &Case::golden("audit.no-swap-limit").shown(sarif));
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
}

#[test]
fn a_finding_keeps_its_fingerprint_when_lines_move() {
    let text = std::fs::read_to_string(directory("audit").join("audit.network-host.toml")).unwrap();
    let prints = |text: &str| {
        let log: Value =
            serde_json::from_str(&Case::of("a.toml", text, By::Text).shown(sarif)).unwrap();
        let result = log["runs"][0]["results"][0].clone();
        let line = result["locations"][0]["physicalLocation"]["region"]["startLine"].clone();
        (result["partialFingerprints"].clone(), line)
    };
    let (before, line) = prints(&text);
    let (after, moved) = prints(&format!("# one more line\n{text}"));
    assert_eq!(before, after);
    assert_eq!(moved.as_u64().unwrap(), line.as_u64().unwrap() + 1);
}

fn sandbox(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.arg("audit").args(arguments).current_dir(root());
    command.output().unwrap()
}

fn golden_path(stem: &str) -> PathBuf {
    PathBuf::from(format!("tests/audit/{stem}.toml"))
}

#[test]
fn the_exit_code_answers_the_question() {
    let code = |level: &str, stem: &str| {
        let path = golden_path(stem);
        sandbox(&["--fail-on", level, path.to_str().unwrap()])
            .status
            .code()
    };
    let medium = "audit.writable-checkout";
    let codes = ["note", "low", "medium", "high", "critical"].map(|level| code(level, medium));
    assert_eq!(codes, [Some(1), Some(1), Some(1), Some(0), Some(0)]);
    assert_eq!(code("note", "near"), Some(0));
    assert_eq!(code("highest", "near"), Some(2));
    assert_eq!(sandbox(&["tests/audit/open.toml"]).status.code(), Some(0));
    assert_eq!(sandbox(&[]).status.code(), Some(2));
    assert_eq!(
        sandbox(&["--format", "xml", "tests/audit/near.toml"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn the_program_prints_what_the_library_says() {
    let ended = sandbox(&["tests/audit/open.toml"]);
    assert_eq!(
        String::from_utf8(ended.stdout).unwrap(),
        Case::golden("open").text()
    );
    assert!(ended.stderr.is_empty());
    let ended = sandbox(&[
        "--format",
        "json",
        "--host",
        "tests/audit/audit.network-host.toml",
    ]);
    let found: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(found["findings"][0]["code"], "audit.network-host");
}

#[test]
fn levels_are_words_in_order() {
    assert!(Level::Critical > Level::High && Level::Low > Level::Note);
    assert_eq!(Weight::NONE.level(), Level::Note);
}
