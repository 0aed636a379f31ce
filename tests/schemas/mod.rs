//! `schemas/`: what `sandbox generate schema` writes. Each is valid by the meta-schema, and what the program prints is
//! valid by it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::errors::directory;

fn run(place: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(words)
        .current_dir(place)
        .env("HOME", place)
        .env("XDG_CACHE_HOME", place.join(".cache"))
        .env("XDG_DATA_HOME", place.join(".data"))
        .env("XDG_STATE_HOME", place.join(".state"))
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

fn schema(name: &str) -> Value {
    let file = directory("../schemas").join(format!("{name}.schema.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn the_shipped_schemas_are_those_of_the_program() {
    let place = TempDir::new().unwrap();
    assert_eq!(run(place.path(), &["generate", "schema"]).0, Some(0));
    let shipped = directory("../schemas");
    let names = |folder: &Path| -> BTreeSet<String> {
        let files = std::fs::read_dir(folder).unwrap();
        files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".json"))
            .collect()
    };
    let made = names(place.path());
    assert!(made.len() >= 15, "{made:?}");
    for name in &made {
        let text = std::fs::read_to_string(place.path().join(name)).unwrap();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(shipped.join(name), &text).unwrap();
        }
        let kept = std::fs::read_to_string(shipped.join(name)).unwrap_or_default();
        assert_eq!(text, kept, "{name}: BLESS=1 cargo test");
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
    }
    assert_eq!(made, names(&shipped));
}

#[test]
fn one_schema_is_written_by_its_name() {
    let place = TempDir::new().unwrap();
    assert_eq!(run(place.path(), &["generate", "schema", "ps"]).0, Some(0));
    let made: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(made.len(), 1);
    assert!(place.path().join("ps.schema.json").exists());
    assert_eq!(
        run(place.path(), &["generate", "schema", "nothing"]).0,
        Some(2)
    );
    assert_eq!(run(place.path(), &["generate", "man", "ps"]).0, Some(2));
}

/// Every object of the schema as one that has no other members: none is written that it does not name.
fn closed(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(closed);
        }
        Value::Array(list) => list.iter_mut().for_each(closed),
        _ => {}
    }
}

/// What the program prints is valid by its schema, and something else is not.
pub fn judge(name: &str, printed: &str) {
    let told: Value =
        serde_json::from_str(printed).unwrap_or_else(|why| panic!("{why}: {printed}"));
    let mut schema = schema(name);
    // What is flattened into a report is closed by its own test.
    if name != "report" {
        closed(&mut schema);
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&told)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:?}\n{printed}");
    for wrong in [
        serde_json::json!(7),
        serde_json::json!([7]),
        serde_json::json!({ "x": 7 }),
    ] {
        assert!(!validator.is_valid(&wrong), "{name} takes {wrong}");
    }
}

#[test]
fn explanations_are_those_of_their_schema() {
    let folder = directory("profiles");
    for words in [
        &["explain", "--json", "full.toml"][..],
        &["explain", "--json", "full.toml", "limits"],
        &["explain", "--json", "full.toml", "limits.rttime"],
        &["explain", "--json", "full.toml", "seccomp"],
        &["explain", "--json", "../explain/strict.toml", "seccomp"],
        &["explain", "--json", "../explain/none.toml", "seccomp"],
        &["explain", "--json", "../explain/none.toml", "params"],
    ] {
        let (code, printed) = run(&folder, words);
        if code == Some(0) {
            judge("explain", &printed);
        }
    }
}

#[test]
fn the_list_is_that_of_its_schema() {
    let place = TempDir::new().unwrap();
    let shelf = place.path().join("profiles");
    std::fs::create_dir(&shelf).unwrap();
    std::fs::write(
        shelf.join("dev.toml"),
        "version = 1\ndescription = \"a shell\"\n",
    )
    .unwrap();
    std::fs::write(shelf.join("broken.toml"), "version = \n").unwrap();
    let (code, printed) = run(place.path(), &["list", "--json"]);
    assert_eq!(code, Some(0));
    assert!(
        printed.contains("\"a shell\"") && printed.contains("\"broken\""),
        "{printed}"
    );
    judge("list", &printed);
}

#[test]
fn the_store_is_that_of_its_schema() {
    let place = TempDir::new().unwrap();
    let profile =
        "version = 1\ncommand.args = [\"x\"]\nrootfs.source = [{ file = \"/a\", text = \"x\" }]\n";
    std::fs::write(place.path().join("dev.toml"), profile).unwrap();
    assert_eq!(run(place.path(), &["build", "dev.toml"]).0, Some(0));
    let (code, printed) = run(place.path(), &["store", "--json"]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("\"own_bytes\""), "{printed}");
    judge("store", &printed);
}
