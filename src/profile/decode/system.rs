//! `[system]`: the kernel's file systems.

use crate::diag::{At, Problem};
use crate::profile::raw::{RawDevice, RawSystem};
use crate::profile::template::Template;

use super::entries::Keyed;
use super::path::{DEVICE, inside, key_of};
use super::reader::{Reader, Value, shortened};
use super::table::Table;

pub(super) fn system(table: &mut Table<'_, '_>) -> RawSystem {
    RawSystem {
        proc: table.optional("proc"),
        sys: table.optional("sys"),
        dev: devices(table),
        shm: table.optional("shm"),
        mqueue: table.optional("mqueue"),
        cgroup: table.optional("cgroup"),
    }
}

fn devices(table: &mut Table<'_, '_>) -> Vec<At<RawDevice>> {
    let mut devices = Keyed::new("system.dev-duplicate", "two entries for");
    for value in table.values("dev") {
        if let Some(device) = device(&value, table.reader) {
            let key = key_of(&device.path);
            devices.add(Some(key), value.at(device), value, table.reader);
        }
    }
    devices.finish()
}

/// A path, or a table with a path.
fn device<'d>(value: &Value<'d>, reader: &mut Reader<'d>) -> Option<RawDevice> {
    if !value.node.get_ref().is_table() {
        let path = device_path(value, reader)?;
        return Some(RawDevice {
            path: value.at(path),
            optional: None,
        });
    }
    let title = "an entry of `system.dev`".to_owned();
    Table::read(value, reader, title, |table| {
        let path = table.required("path", device_path);
        let optional = table.optional("optional");
        Some(RawDevice {
            path: path?,
            optional,
        })
    })?
}

fn device_path(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Template> {
    let path = inside(&DEVICE)(value, reader)?;
    let Some(problem) = path.as_literal().and_then(|text| offence(value, text)) else {
        return Some(path);
    };
    reader.problems.push(problem);
    None
}

/// Nothing but devices: what lies elsewhere is a mount, and a `*` chooses among names of one directory.
fn offence(value: &Value<'_>, path: &str) -> Option<Problem> {
    let shown = shortened(path);
    let below = path
        .strip_prefix("/dev/")
        .map(|name| name.trim_matches('/'));
    match below {
        None | Some("") => {
            let message = format!("device `{shown}` does not lie below `/dev`");
            let problem = value.error("system.dev-outside", message);
            Some(problem.help("name a path such as `/dev/dri`, or use a `[[mount]]`"))
        }
        Some(name) => {
            let (directory, _) = name.rsplit_once('/')?;
            directory.contains('*').then(|| {
                let message = format!("device `{shown}` holds a `*` before its last name");
                value
                    .error("system.dev-wildcard", message)
                    .help("use `*` in the last name only")
            })
        }
    }
}
