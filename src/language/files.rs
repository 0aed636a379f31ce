//! `extends`, `[params]`, `[remove]`: other files, and the command line.

use super::shape::{Absent, Form, Key, Shape};

pub(super) const EXTENDS: Key = Key {
    name: "extends",
    shape: Shape::List(&Shape::Text(Form::Plain)),
    absent: Absent::Value("[]"),
    example: "[\"base.toml\"]",
    meaning: "Profiles that this one builds on, in order. One that ends with `.toml` is a path, relative to the file that states \
              it; any other is a name, looked up as `sandbox up NAME` does. Each file is taken once, at its first place. Tables \
              merge, lists append, other values replace; `name` and `description` are not inherited. Two entries of two files \
              with one key have to be equal.",
    kernel: "",
};

pub(super) const PARAMS: Key = Key {
    name: "params",
    shape: Shape::Map {
        key: Form::Parameter,
        value: &Shape::Table(PARAM),
    },
    absent: Absent::Means("the command line can set nothing"),
    example: "{ memory = { default = \"512M\", choices = [\"256M\", \"512M\"] } }",
    meaning: "What `--param NAME=VALUE` may set, and nothing else: the value stands wherever the profile says `${param:NAME}`.",
    kernel: "",
};

const PARAM: &[Key] = &[
    Key {
        name: "default",
        shape: VALUE,
        absent: Absent::Means("a start has to give a value"),
        example: "\"512M\"",
        meaning: "The value where the command line gives none.",
        kernel: "",
    },
    Key {
        name: "choices",
        shape: Shape::List(&VALUE),
        absent: Absent::Means("any value"),
        example: "[\"256M\", \"512M\"]",
        meaning: "All values that it may have.",
        kernel: "",
    },
];

const VALUE: Shape = Shape::Either(&[
    Shape::Text(Form::Plain),
    Shape::Number {
        least: 0,
        most: u64::MAX,
    },
]);

pub(super) const REMOVE: Key = Key {
    name: "remove",
    shape: Shape::Removals,
    absent: Absent::Means("everything of the bases stays"),
    example: "{ mount = [\"/tmp\"], env = { inherit = [\"LANG\"] }, limits = [\"pids\"] }",
    meaning: "What the bases give and this profile drops, before its own values are added: below the path of a table its keys, \
              below that of a list its entries, each by its key. What no base gives is an error.",
    kernel: "",
};
