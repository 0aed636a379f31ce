//! The reference of the language is true: its keys are those that the decoder takes, its defaults are those that hold,
//! its examples are sound, and the schema made of it accepts what is sound.

mod agree;
mod broken;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jsonschema::Validator;
use sandbox::diag::{Problems, Sources};
use sandbox::language::{Absent, Key, Kind, PROFILE, Shape, schema};
use sandbox::plan::{Knowledge, Plan, Purpose, resolve};
use sandbox::profile;
use sandbox::report::plan_text;
use sandbox::report::problems::{Style, render};
use serde_json::Value;

use crate::errors::directory;
use crate::errors::resolved::{hand_written, nothing_given};

const FULL: &str = include_str!("../profiles/full.toml");

/// Sets of keys by the path of their table: one set for a table, one for each kind of an entry.
type Sets = BTreeMap<String, BTreeSet<BTreeSet<&'static str>>>;

fn names(keys: &'static [Key]) -> BTreeSet<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

fn collect(path: &str, keys: &'static [Key], sets: &mut Sets) {
    sets.entry(path.to_owned()).or_default().insert(names(keys));
    for key in keys {
        let below = match path {
            "" => key.name.to_owned(),
            path => format!("{path}.{}", key.name),
        };
        shape(&below, &key.shape, sets);
    }
}

fn shape(path: &str, found: &'static Shape, sets: &mut Sets) {
    match found {
        Shape::Table(keys) => collect(path, keys, sets),
        Shape::List(entry) => shape(path, entry, sets),
        Shape::Kinds(kinds) => {
            for Kind { keys } in *kinds {
                collect(path, keys, sets);
            }
        }
        Shape::Either(shapes) => shapes.iter().for_each(|found| shape(path, found, sets)),
        _ => {}
    }
}

/// Every key, with the path of its table; `each` is told of those of kinds too.
fn every_key(each: &mut dyn FnMut(&str, &'static Key)) {
    fn keys(path: &str, all: &'static [Key], each: &mut dyn FnMut(&str, &'static Key)) {
        for key in all {
            each(path, key);
            let below = match path {
                "" => key.name.to_owned(),
                path => format!("{path}.{}", key.name),
            };
            inner(&below, &key.shape, each);
        }
    }
    fn inner(path: &str, found: &'static Shape, each: &mut dyn FnMut(&str, &'static Key)) {
        match found {
            Shape::Table(all) => keys(path, all, each),
            Shape::List(entry) => inner(path, entry, each),
            Shape::Kinds(kinds) => kinds.iter().for_each(|kind| keys(path, kind.keys, each)),
            Shape::Either(shapes) => shapes.iter().for_each(|found| inner(path, found, each)),
            _ => {}
        }
    }
    keys("", PROFILE, each);
}

#[test]
fn the_keys_are_those_that_the_decoder_takes() {
    let mut described = Sets::new();
    collect("", PROFILE, &mut described);
    // Entries that `full.toml` leaves out.
    let more = "[namespaces.map_users]\nusers = [{ inside = 0, outside = 1, count = 1 }]\n\
                groups = [{ inside = 0, outside = 1, count = 1 }]\n\
                [security.seccomp]\nbase = \"default\"";
    let every = |key: &str| format!("{key} = {{ soft = 1, hard = 1 }}\n");
    let rlimits = sandbox::model::Resource::ALL.iter();
    let rlimits: String = rlimits.map(|resource| every(resource.key)).collect();
    let more = format!("version = 1\n{more}\n[limits.process]\n{rlimits}");
    let mut taken = Sets::new();
    for text in [FULL, &more] {
        for (path, keys) in profile::keys(text) {
            // Their keys are free.
            if !["env.set", "limits.hugetlb", "params"].contains(&path.as_str()) {
                taken
                    .entry(path)
                    .or_default()
                    .insert(keys.into_iter().collect());
            }
        }
    }
    assert_eq!(described, taken);
}

#[test]
fn every_word_has_its_meaning() {
    fn look(path: &str, found: &Shape) {
        match found {
            Shape::Words(words) => assert_eq!(words.known.len(), words.meanings.len(), "{path}"),
            Shape::List(entry) => look(path, entry),
            Shape::Either(shapes) => shapes.iter().for_each(|found| look(path, found)),
            _ => {}
        }
    }
    every_key(&mut |path, key| look(&format!("{path}.{}", key.name), &key.shape));
}

#[test]
fn every_key_is_told_in_full() {
    every_key(&mut |path, key| {
        let key_path = format!("{path}.{}", key.name);
        assert!(key.meaning.ends_with('.'), "{key_path}: {}", key.meaning);
        assert!(!key.kernel.ends_with('.'), "{key_path}: {}", key.kernel);
        let table =
            matches!(key.shape, Shape::Table(_)) || key.name == "mount" || key.name == "expect";
        assert_eq!(
            key.example.is_empty(),
            table && key.name != "time",
            "{key_path}"
        );
    });
}

/// The plan without what tells where each of its values is from.
fn plan_of(text: &str) -> String {
    let mut sources = Sources::default();
    let mut problems = Problems::new();
    let file = sources.add("p.toml", text);
    let mut given = nothing_given();
    given.purpose = Purpose::Start;
    let raw = profile::parse(file, text, &mut problems);
    let settings = raw.and_then(|raw| {
        let facts = hand_written(&raw, &given);
        resolve(&raw, &given, Knowledge::Host(&facts), &mut problems)
    });
    let problems = problems.sorted();
    let settings = settings.unwrap_or_else(|| {
        let told = render(&problems, &sources, Style::PLAIN);
        panic!("{text}\n{told}")
    });
    let plan = plan_text(&Plan::new(settings), &sources, Style::PLAIN);
    let words = plan.split_whitespace();
    let words = words.filter(|word| *word != "default" && !word.starts_with("p.toml:"));
    words.collect::<Vec<_>>().join(" ")
}

const LEAST: &str = "version = 1\nname = \"p\"\ncommand.args = [\"sh\"]\n";

#[test]
fn the_defaults_are_those_that_hold() {
    let without = plan_of(LEAST);
    let mut seen = 0;
    every_key(&mut |path, key| {
        let alone = [
            "",
            "command",
            "env",
            "rootfs",
            "rootfs.etc",
            "system",
            "namespaces",
        ];
        let alone = alone.contains(&path) || ["network", "security", "supervise"].contains(&path);
        let Absent::Value(value) = key.absent else {
            return;
        };
        // Written out, a wish of the caller's: the words differ, the meaning does not.
        if !alone || key.name == "map_users" {
            return;
        }
        let name = [path, key.name].join(".");
        let text = format!("{LEAST}{} = {value}\n", name.trim_start_matches('.'));
        assert_eq!(plan_of(&text), without, "{name} = {value}");
        seen += 1;
    });
    assert!(seen > 25, "{seen}");
}

/// A profile that holds the example of a key.
fn example_of(path: &str, key: &Key) -> String {
    let line = format!("{} = {}\n", key.name, key.example);
    let base = LEAST.replace("name = \"p\"\n", "");
    match (path, key.name) {
        ("", "extends" | "params" | "remove") => format!("{base}{line}"),
        ("", "version" | "name" | "description") => {
            let rest = base.replace(&format!("{} = 1\n", key.name), "");
            format!("{line}{rest}")
        }
        ("command", "args") => format!("version = 1\ncommand.{line}"),
        _ => format!("{base}{path}.{line}"),
    }
}

#[test]
fn the_examples_are_sound() {
    let validator = validator();
    every_key(&mut |path, key| {
        // Entries of lists are in `full.toml`, and tables have no example.
        let entry = [
            "mount",
            "expect",
            "rootfs.source",
            "system.dev",
            "limits.io",
        ]
        .contains(&path)
            || path.starts_with("namespaces.map_users");
        if entry || key.example.is_empty() || path.starts_with("limits.process.") {
            return;
        }
        let text = example_of(path, key);
        let mut problems = Problems::new();
        let mut sources = Sources::default();
        let file = sources.add("p.toml", &text);
        let raw = profile::parse(file, &text, &mut problems);
        // The bases are other files, which this text does not have.
        let alone = ["extends.no-file", "remove.absent"];
        let mut problems = problems.sorted();
        problems.retain(|problem| !alone.contains(&problem.code));
        let told = render(&problems, &sources, Style::PLAIN);
        assert!(raw.is_some() && problems.is_empty(), "{text}\n{told}");
        assert_valid(&validator, &text, &text);
    });
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

fn document(text: &str) -> Option<Value> {
    toml::from_str(text).ok()
}

fn assert_valid(validator: &Validator, name: &str, text: &str) {
    let document = document(text).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

#[test]
fn the_schema_is_one() {
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn the_shipped_schema_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/profile.schema.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_schema_accepts_every_sound_profile() {
    let validator = validator();
    let mut seen = 0;
    for folder in ["../profiles", "profiles", "audit"] {
        let folder = directory(folder);
        for stem in crate::errors::stems(&folder, "toml") {
            let text = std::fs::read_to_string(folder.join(format!("{stem}.toml"))).unwrap();
            assert_valid(&validator, &stem, &text);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}
