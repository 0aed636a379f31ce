//! `rootfs.source`: one table for each thing that goes into the tree.

use crate::diag::At;
use crate::model::Bundle;
use crate::profile::raw::RawSource;
use crate::profile::template::Template;

use super::entries::{Keyed, Kind, Kinds};
use super::path::{TREE_PATH, inside, key_of};
use super::reader::{Decode, Reader, Value, shortened};
use super::table::Table;
use super::text::{Content, filled_template, template, word};

const KINDS: Kinds<RawSource> = Kinds {
    noun: "source",
    none: "rootfs.source-kind",
    several: "rootfs.source-kinds",
    foreign: "rootfs.source-key",
    all: &[
        Kind::ready("copy", copy),
        Kind::ready("programs", programs),
        Kind::ready("bundle", bundle),
        Kind::ready("archive", archive),
        Kind::ready("image", image),
        Kind::ready("host", host),
        Kind::ready("file", file),
        Kind::ready("dir", dir),
        Kind::ready("symlink", symlink),
    ],
};

/// The sources in order.
pub(super) fn sources(table: &mut Table<'_, '_>) -> Vec<At<RawSource>> {
    let mut sources = Keyed::new("rootfs.duplicate-path", "two sources for");
    for value in table.values("source") {
        if let Some(source) = KINDS.read(&value, table.reader) {
            sources.add(path_of(&source.value), source, value, table.reader);
        }
    }
    sources.finish()
}

/// What keys a source: its path inside.
pub(in crate::profile) fn path_of(source: &RawSource) -> Option<String> {
    let path = match source {
        RawSource::Copy { from, to, .. } => to.as_ref().unwrap_or(from),
        // Trees, which may lie over each other.
        RawSource::Programs { .. }
        | RawSource::Bundle { .. }
        | RawSource::Archive { .. }
        | RawSource::Image { .. } => {
            return None;
        }
        RawSource::Host { path }
        | RawSource::File { path, .. }
        | RawSource::Dir { path, .. }
        | RawSource::Symlink { path, .. } => path,
    };
    Some(key_of(path))
}

fn copy(table: &mut Table<'_, '_>) -> Option<RawSource> {
    let from = table.required("copy", filled_template);
    let to = table.with("to", inside(&TREE_PATH));
    let exclude = table.list("exclude", name_pattern);
    let optional = table.optional("optional");
    Some(RawSource::Copy {
        from: from?,
        to,
        exclude,
        optional,
    })
}

fn programs(table: &mut Table<'_, '_>) -> Option<RawSource> {
    Some(RawSource::Programs {
        programs: table.list("programs", program),
        extra: table.list("extra", filled_template),
    })
}

fn bundle(table: &mut Table<'_, '_>) -> Option<RawSource> {
    Some(RawSource::Bundle {
        bundles: table.list("bundle", Bundle::decode),
    })
}

fn archive(table: &mut Table<'_, '_>) -> Option<RawSource> {
    let archive = table.required("archive", filled_template);
    let sha256 = table.optional("sha256");
    let to = table.with("to", inside(&TREE_PATH));
    Some(RawSource::Archive {
        archive: archive?,
        sha256,
        to,
    })
}

fn image(table: &mut Table<'_, '_>) -> Option<RawSource> {
    let written = table.required("image", image_name);
    let platform = table.optional("platform");
    let At {
        value: (path, reference),
        origin,
    } = written?;
    Some(RawSource::Image {
        image: At::new(path, origin.clone()),
        reference: reference.map(|reference| At::new(reference, origin)),
        platform,
    })
}

/// `PATH` or `PATH:NAME`, parted at the first colon that is no variable's.
fn image_name(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<(Template, Option<Template>)> {
    let template = filled_template(value, reader)?;
    let (path, reference) = template.split_once(':');
    let empty = |template: &Template| template.parts.is_empty();
    if empty(&path) || reference.as_ref().is_some_and(empty) {
        let message = format!(
            "image `{}` has nothing on one side of its `:`",
            shortened(&template.to_string())
        );
        let problem = value.error("rootfs.image-name", message);
        let help = "write the path, and behind a `:` the name of one of several images in it";
        reader.problems.push(problem.help(help));
        return None;
    }
    Some((path, reference))
}

fn host(table: &mut Table<'_, '_>) -> Option<RawSource> {
    let path = table.required("host", inside(&TREE_PATH));
    Some(RawSource::Host { path: path? })
}

fn file(table: &mut Table<'_, '_>) -> Option<RawSource> {
    let path = table.required("file", inside(&TREE_PATH));
    let text = table.required("text", template(Content::Any));
    let mode = table.optional("mode");
    Some(RawSource::File {
        path: path?,
        text: text?,
        mode,
    })
}

fn dir(table: &mut Table<'_, '_>) -> Option<RawSource> {
    let path = table.required("dir", inside(&TREE_PATH));
    let mode = table.optional("mode");
    Some(RawSource::Dir { path: path?, mode })
}

fn symlink(table: &mut Table<'_, '_>) -> Option<RawSource> {
    let path = table.required("symlink", inside(&TREE_PATH));
    let target = table.required("target", filled_template);
    Some(RawSource::Symlink {
        path: path?,
        target: target?,
    })
}

/// A pattern of single names: one with a slash would match none.
fn name_pattern(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<String> {
    let pattern = word(value, reader)?;
    let Some((_, last)) = pattern.rsplit_once('/') else {
        return Some(pattern);
    };
    let message = format!("pattern `{}` holds a `/`", shortened(&pattern));
    let problem = value
        .error("rootfs.exclude-slash", message)
        .label("patterns are compared with single names");
    reader.problems.push(match last {
        "" => problem,
        last => problem.help(format!("write `{}`", shortened(last))),
    });
    None
}

/// A program's name or path, or `@command`.
fn program(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Template> {
    let program = filled_template(value, reader)?;
    match program.as_literal() {
        Some(text) if text.starts_with('@') && text != "@command" => {
            let message = format!("`{}` stands for no program", shortened(text));
            let problem = value.error("rootfs.programs-at", message);
            let help = "write `@command` for the program that is run, or a name";
            reader.problems.push(problem.help(help));
            None
        }
        _ => Some(program),
    }
}
