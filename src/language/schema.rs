//! The JSON Schema of profiles, for editors (Taplo and whatever uses it) and other tools.

use serde_json::{Map, Value, json};

use super::shape::{Absent, Form, Key, Kind, Look, Shape, Variable, Words};
use super::top::PROFILE;

const DIALECT: &str = "http://json-schema.org/draft-07/schema#";
const WHOLE_VARIABLE: &str = "^\\$\\{.+\\}$";

/// The schema of the whole language, in the draft that editors of TOML know.
///
/// It says what keys there are and how values look. What it cannot say (that a path exists, that two entries
/// go together) only `sandbox check` knows.
pub fn schema() -> Value {
    let mut schema = table(PROFILE);
    let top = json!({
        "$schema": DIALECT,
        "title": "A profile of `sandbox`, version 1",
    });
    merge(&mut schema, top);
    schema
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| key.absent == Absent::Required)
        .map(|key| key.name)
        .collect();
    let mut table = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        merge(&mut table, json!({ "required": required }));
    }
    table
}

fn property(key: &Key) -> Value {
    let mut property = shape(&key.shape);
    let mut description = key.meaning.to_owned();
    if let Absent::Means(words) = key.absent {
        description.push_str(&format!("\n\nLeft out: {words}."));
    }
    if !key.kernel.is_empty() {
        description.push_str(&format!("\n\nKernel: {}.", key.kernel));
    }
    merge(&mut property, json!({ "description": description }));
    if let Absent::Value(text) = key.absent {
        merge(&mut property, json!({ "default": from_toml(text) }));
    }
    if !key.example.is_empty() {
        merge(
            &mut property,
            json!({ "examples": [from_toml(key.example)] }),
        );
    }
    property
}

/// A value of the tables above, which a test reads all of.
fn from_toml(text: &str) -> Value {
    let read: Result<Map<String, Value>, _> = toml::from_str(&format!("value = {text}"));
    let value = read.ok().and_then(|mut table| table.remove("value"));
    value.unwrap_or_default()
}

fn shape(shape_: &Shape) -> Value {
    match shape_ {
        Shape::Version => json!({ "type": "integer", "const": 1 }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Number { least, most } => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Text(form) => text(*form),
        Shape::Words(choice) => words(choice),
        Shape::List(entry) => json!({ "type": "array", "items": shape(entry) }),
        Shape::Table(keys) => table(keys),
        Shape::Map { key, value } => json!({
            "type": "object",
            "propertyNames": { "pattern": key.look().pattern },
            "additionalProperties": shape(value),
        }),
        Shape::Removals => json!({
            "type": "object",
            "additionalProperties": { "anyOf": [
                { "type": "array", "items": { "type": ["string", "integer"] } },
                { "type": "object" },
            ] },
        }),
        Shape::Kinds(kinds) => one_of(kinds),
        Shape::Either(shapes) => {
            let shapes: Vec<Value> = shapes.iter().map(shape).collect();
            json!({ "anyOf": shapes })
        }
    }
}

fn one_of(kinds: &[Kind]) -> Value {
    let kinds: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            let mut entry = table(kind.keys);
            if let Some(first) = kind.keys.first() {
                merge(&mut entry, json!({ "title": first.name }));
            }
            entry
        })
        .collect();
    json!({ "oneOf": kinds })
}

fn words(words: &Words) -> Value {
    let meanings: Vec<&str> = words
        .meanings
        .iter()
        .map(|meaning| meaning.trim())
        .collect();
    json!({
        "type": "string",
        "enum": words.known,
        "x-taplo": { "docs": { "enumValues": meanings } },
    })
}

fn text(form: Form) -> Value {
    let Look {
        pattern,
        number,
        variable,
        ..
    } = form.look();
    let mut forms = vec![match pattern {
        "" => json!({ "type": "string" }),
        pattern => json!({ "type": "string", "pattern": pattern }),
    }];
    if let Some(least) = number {
        let kind = match form {
            Form::Cpus => "number",
            _ => "integer",
        };
        forms.push(json!({ "type": kind, "minimum": least }));
    }
    if variable == Variable::May {
        forms.push(json!({ "type": "string", "pattern": WHOLE_VARIABLE }));
    }
    match forms.as_slice() {
        [only] => only.clone(),
        _ => json!({ "anyOf": forms }),
    }
}
