//! What a program wrote: as a list, as JSON, and line by line.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use similar::TextDiff;

use crate::diag::Problem;
use crate::kept::{Act, Applied, Change, Kind, Layer, LayerKind, Side, Sides, sides};

use super::printable::{json_escaped, same_length, whole};
use super::schema::schema_of;

/// The version of the JSON form: it changes as that of a run's report does.
const VERSION: u8 = 1;

/// Line by line comparison ends here and gives a coarser answer: its worst case is quadratic.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// To a person: nothing may act on the terminal.
    Terminal,
    /// To a file or a program such as patch(1): bytes as they are.
    File,
}

/// The layers and what changed in each.
pub type Found<'a> = [(&'a Layer, Vec<Change>)];

/// A list with the deletions first, as paths inside.
pub fn text(found: &Found<'_>) -> String {
    let mut text = String::new();
    for (layer, changes) in found {
        let title = title(layer);
        if !text.is_empty() {
            text.push('\n');
        }
        text += &match changes.as_slice() {
            [] => format!("{title}: no changes\n"),
            _ => format!("{title}\n"),
        };
        if let Some(missing) = &layer.missing {
            text += &format!("  ({})\n", whole(missing));
        }
        for change in sorted(changes) {
            text += &format!("  {}\n", line(&layer.target, change));
        }
    }
    if text.is_empty() {
        text.push_str("no changes\n");
    }
    text
}

fn title(layer: &Layer) -> String {
    match &layer.kind {
        LayerKind::Tree => "the root tree".to_owned(),
        LayerKind::Overlay { source } => {
            let (target, source) = (shown(&layer.target), shown(source));
            format!("{target}, over {source} of the host")
        }
    }
}

/// Deletions first, then by path.
pub fn sorted(changes: &[Change]) -> Vec<&Change> {
    let mut list: Vec<&Change> = changes.iter().collect();
    list.sort_by(|a, b| (a.act, &a.path).cmp(&(b.act, &b.path)));
    list
}

fn line(top: &Path, change: &Change) -> String {
    let Change {
        path,
        act,
        kind,
        mode,
        target,
        ..
    } = change;
    let word = word(*act);
    let path = shown(&top.join(path));
    let slash = match kind {
        Kind::Directory if !path.ends_with('/') => "/",
        _ => "",
    };
    let mut line = format!("{word:<8} {path}{slash}");
    match act {
        Act::Unseen(why) => line += &format!("  ({why})"),
        _ if !matches!(kind, Kind::File | Kind::Directory) => {
            // A link is the way by which a program gets others to write elsewhere.
            let target = target
                .as_ref()
                .map(|target| whole(&target.to_string_lossy()));
            let target = target.map_or(String::new(), |target| format!(" to {target}"));
            line += &format!("  ({}{target})", kind.noun())
        }
        _ => {}
    }
    if let Some((before, after)) = mode {
        line += &format!("  mode {before:04o} -> {after:04o}");
    }
    line
}

fn word(act: Act) -> &'static str {
    match act {
        Act::Deleted => "deleted",
        Act::Changed => "changed",
        Act::Added => "added",
        Act::Unseen(_) => "unseen",
    }
}

/// A path of the program's choice, safe to show.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    // A path that ends with a slash names the directory itself.
    match text.trim_end_matches('/') {
        "" => "/".to_owned(),
        text => whole(text),
    }
}

/// What a sandbox wrote and keeps.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Changes")]
struct Document<'a> {
    /// The version of this format.
    version: u8,
    /// Under which name it is kept.
    name: &'a str,
    /// The root tree and each overlay.
    layers: Vec<WrittenLayer<'a>>,
}

/// A root tree or an overlay.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Layer")]
struct WrittenLayer<'a> {
    /// `tree` or `overlay`.
    #[schemars(extend("enum" = ["tree", "overlay"]))]
    kind: &'static str,
    /// Its path inside.
    target: String,
    /// The host's directory below an overlay.
    source: Option<String>,
    /// Why what lies below cannot be seen; null where it can.
    missing: Option<&'a str>,
    /// What changed, deletions first.
    changes: Vec<WrittenChange>,
}

/// A change.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Change")]
struct WrittenChange {
    /// What was done.
    act: &'static str,
    /// The kind of file: `file`, `directory`, `link` and so on.
    #[schemars(with = "String")]
    kind: Kind,
    /// Its path inside.
    path: String,
    /// Where it lies on the host, in an overlay.
    host_path: Option<String>,
    /// Whether the content differs, and not only the mode.
    content: bool,
    /// Where a link leads.
    target: Option<String>,
    /// The mode before, in octal, where it differs.
    mode_before: Option<String>,
    /// The mode after.
    mode_after: Option<String>,
}

/// The JSON Schema of [`json`], made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<Document<'_>>()
}

/// The same as JSON; bytes of names that are not UTF-8 are replaced.
pub fn json(name: &str, found: &Found<'_>) -> String {
    let layers = found.iter().map(|(layer, changes)| WrittenLayer {
        kind: match layer.kind {
            LayerKind::Tree => "tree",
            LayerKind::Overlay { .. } => "overlay",
        },
        target: layer.target.to_string_lossy().into_owned(),
        source: layer
            .source()
            .map(|path| path.to_string_lossy().into_owned()),
        missing: layer.missing.as_deref(),
        changes: sorted(changes)
            .into_iter()
            .map(|change| written(layer, change))
            .collect(),
    });
    let document = Document {
        version: VERSION,
        name,
        layers: layers.collect(),
    };
    // Plain data with texts as keys: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

fn written(layer: &Layer, change: &Change) -> WrittenChange {
    let join = |top: &Path| top.join(&change.path).to_string_lossy().into_owned();
    let octal = |mode: u32| format!("{mode:04o}");
    WrittenChange {
        act: word(change.act),
        kind: change.kind,
        path: join(&layer.target),
        host_path: layer.source().map(join),
        content: change.content,
        target: change
            .target
            .as_ref()
            .map(|target| target.to_string_lossy().into_owned()),
        mode_before: change.mode.map(|(before, _)| octal(before)),
        mode_after: change.mode.map(|(_, after)| octal(after)),
    }
}

/// A unified diff of one file, as patch(1) takes it below the top of the layer, behind a line that says
/// what happened.
///
/// # Errors
/// When a file cannot be read.
pub fn diff(layer: &Layer, change: &Change, output: Output) -> Result<String, Problem> {
    let mut text = format!("# {}\n", line(&layer.target, change));
    if change.content && change.kind != Kind::Directory {
        let sides = sides(layer, change)?;
        text += &file_diff(&layer.target.join(&change.path), &sides, output);
    }
    Ok(text)
}

fn file_diff(path: &Path, sides: &Sides, output: Output) -> String {
    let Sides { before, after } = sides;
    let (Some(old), Some(new)) = (lines(before), lines(after)) else {
        return match (before, after) {
            (Side::TooLarge(size), _) | (_, Side::TooLarge(size)) => {
                format!("# not compared: a file of {size} bytes\n")
            }
            _ => "# binary files differ\n".to_owned(),
        };
    };
    let path = shown(path);
    let path = path.trim_start_matches('/');
    let name = |side: &Side, prefix: &str| match side {
        Side::Nothing => "/dev/null".to_owned(),
        _ => format!("{prefix}/{path}"),
    };
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let diff = diff
        .unified_diff()
        .header(&name(before, "a"), &name(after, "b"))
        .to_string();
    match output {
        Output::File => diff,
        Output::Terminal => same_length(&diff),
    }
}

/// The text of a side; nothing for what is no text.
fn lines(side: &Side) -> Option<&str> {
    match side {
        Side::Nothing => Some(""),
        Side::Bytes(bytes) if bytes.contains(&0) => None,
        Side::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        Side::TooLarge(_) => None,
    }
}

/// What was carried to the host, and what was not.
pub fn applied(applied: &[Applied]) -> (String, String) {
    let (mut done, mut left_out) = (String::new(), String::new());
    for Applied {
        source,
        carried,
        left_out: left,
    } in applied
    {
        for change in sorted(carried) {
            // Writing to a String cannot fail.
            writeln!(done, "{}", line(source, change)).ok();
        }
        for change in left {
            let path = shown(&source.join(&change.path));
            let noun = change.kind.noun();
            writeln!(left_out, "sandbox: left out: `{path}`, a {noun}").ok();
        }
    }
    (done, left_out)
}
