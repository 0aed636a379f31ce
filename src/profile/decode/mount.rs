//! `[[mount]]`: what of the host, or of memory, shows inside.

use crate::diag::At;
use crate::model::PartPath;
use crate::profile::raw::RawMount;

use super::entries::{Keyed, Kind, Kinds};
use super::path::{MOUNT_TARGET, inside, key_of};
use super::reader::{Decode, Reader, Value};
use super::table::Table;
use super::text::{filled_template, word};

const KINDS: Kinds<RawMount> = Kinds {
    noun: "mount",
    none: "mount.kind",
    several: "mount.kinds",
    foreign: "mount.key",
    all: &[
        Kind::ready("bind", bind),
        Kind::ready("tmpfs", tmpfs),
        Kind::ready("volume", volume),
        Kind::ready("socket", socket),
    ],
};

/// The mounts in file order.
pub(super) fn mounts(table: &mut Table<'_, '_>) -> Vec<At<RawMount>> {
    let mut mounts = Keyed::new("mount.duplicate-target", "two mounts on");
    for value in table.values("mount") {
        if let Some(mount) = KINDS.read(&value, table.reader) {
            let key = target_of(&mount.value);
            mounts.add(Some(key), mount, value, table.reader);
        }
    }
    mounts.finish()
}

/// What keys a mount: its target.
pub(in crate::profile) fn target_of(mount: &RawMount) -> String {
    match mount {
        RawMount::Bind { bind, target, .. } => key_of(target.as_ref().unwrap_or(bind)),
        RawMount::Tmpfs { tmpfs, .. } => key_of(tmpfs),
        RawMount::Socket { socket, target, .. } => key_of(target.as_ref().unwrap_or(socket)),
        RawMount::Volume { target, .. } => key_of(target),
    }
}

fn bind(table: &mut Table<'_, '_>) -> Option<RawMount> {
    let bind = table.required("bind", filled_template);
    let target = table.with("target", inside(&MOUNT_TARGET));
    let access = table.optional("access");
    let options = table.list("options", Decode::decode);
    let optional = table.optional("optional");
    let owner = table.optional("owner");
    let read_only = table.list("read_only", part);
    let hide = table.list("hide", part);
    Some(RawMount::Bind {
        bind: bind?,
        target,
        access,
        options,
        optional,
        owner,
        read_only,
        hide,
    })
}

/// A path below the bind; `?` before it says that it may be missing.
fn part(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<PartPath> {
    let text = word(value, reader)?;
    let parsed = text.parse();
    let result = parsed.map_err(|why| value.invalid("mount.part-path", "path", &text, why));
    reader.problems.take(result)
}

fn socket(table: &mut Table<'_, '_>) -> Option<RawMount> {
    let socket = table.required("socket", filled_template);
    let target = table.with("target", inside(&MOUNT_TARGET));
    let optional = table.optional("optional");
    let owner = table.optional("owner");
    let dangerous = table.with("dangerous", word);
    Some(RawMount::Socket {
        socket: socket?,
        target,
        optional,
        owner,
        dangerous,
    })
}

fn volume(table: &mut Table<'_, '_>) -> Option<RawMount> {
    let volume = table.required("volume", Decode::decode);
    let target = table.required("target", inside(&MOUNT_TARGET));
    let options = table.list("options", Decode::decode);
    Some(RawMount::Volume {
        volume: volume?,
        target: target?,
        options,
    })
}

fn tmpfs(table: &mut Table<'_, '_>) -> Option<RawMount> {
    let tmpfs = table.required("tmpfs", inside(&MOUNT_TARGET));
    let size = table.optional("size");
    let mode = table.optional("mode");
    let options = table.list("options", Decode::decode);
    Some(RawMount::Tmpfs {
        tmpfs: tmpfs?,
        size,
        mode,
        options,
    })
}
