//! Paths inside the sandbox: absolute and without `..`, whatever a variable in them will be.

use crate::diag::{At, Problem};
use crate::model::InsidePath;
use crate::profile::raw::literal_path;
use crate::profile::template::{Part, Template};

use super::reader::{Reader, Value, shortened};
use super::text::filled_template;

/// What a path inside is for: how messages call it, and the rules that a wrong one breaks.
pub(super) struct Role {
    name: &'static str,
    relative: &'static str,
    parent: &'static str,
    /// Where a relative path rather belongs.
    root: &'static str,
}

pub(super) const MOUNT_TARGET: Role = Role {
    name: "mount target",
    relative: "mount.target-relative",
    parent: "mount.target-parent",
    root: "/",
};
pub(super) const TREE_PATH: Role = Role {
    name: "tree path",
    relative: "rootfs.path-relative",
    parent: "rootfs.path-parent",
    root: "/",
};
pub(super) const DEVICE: Role = Role {
    name: "device",
    relative: "system.dev-relative",
    parent: "system.dev-parent",
    root: "/dev/",
};
pub(super) const WORKDIR: Role = Role {
    name: "working directory",
    relative: "command.workdir-relative",
    parent: "command.workdir-parent",
    root: "/",
};

pub(super) const EXPECTED_PATH: Role = Role {
    name: "path",
    relative: "expect.path-relative",
    parent: "expect.path-parent",
    root: "/",
};

/// A path inside the sandbox.
pub(super) fn inside(
    role: &'static Role,
) -> impl Fn(&Value<'_>, &mut Reader<'_>) -> Option<Template> {
    move |value, reader| {
        let path = filled_template(value, reader)?;
        let checked = check(role, value, &path);
        reader.problems.take(checked).map(|()| path)
    }
}

fn check(role: &Role, value: &Value<'_>, path: &Template) -> Result<(), Problem> {
    let example = with_examples(path);
    let Err(why) = example.parse::<InsidePath>() else {
        return Ok(());
    };
    let code = if example.starts_with('/') {
        role.parent
    } else {
        role.relative
    };
    let spelling = shortened(&path.to_string());
    let problem = value.error(code, format!("{} `{spelling}` {why}", role.name));
    Err(match why.help {
        Some(_) if code == role.relative => {
            problem.help(format!("write `{}{spelling}`", role.root))
        }
        Some(help) => problem.help(help),
        None => problem,
    })
}

/// The path with a name for each variable: one that stands first is an absolute path.
fn with_examples(path: &Template) -> String {
    let parts = path.parts.iter().enumerate();
    parts
        .map(|(place, part)| match part {
            Part::Literal(text) => text.as_str(),
            Part::Variable { .. } if place == 0 => "/x",
            Part::Variable { .. } => "x",
        })
        .collect()
}

/// How equal paths are told: by what they name where that is known, else by their spelling.
pub(in crate::profile) fn key_of(path: &At<Template>) -> String {
    let named = literal_path(path);
    named.map_or_else(|| path.value.to_string(), |path| path.to_string())
}
