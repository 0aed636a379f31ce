//! JSON Schemas, made from the types that are written.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// The schema of what is written of a `T`, with a line break at its end.
pub(super) fn schema_of<T: JsonSchema>() -> String {
    // As it is written: every member is there, those that are not known with null.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<T>();
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
