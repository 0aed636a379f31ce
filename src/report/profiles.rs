//! The profiles that are found by name, as text and JSON.

use schemars::JsonSchema;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::printable::{json_escaped, printable};
use super::schema::schema_of;

/// One profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Profile")]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Whose directory it is in: `project`, `user`, `host`, `package`.
    pub from: &'static str,
    /// Whether its name means it.
    pub rank: Rank,
    /// Its file.
    pub path: String,
    /// Files that come on top of it.
    pub additions: Vec<String>,
    /// What it says of itself.
    pub description: Option<String>,
    /// Why it cannot be used; nothing where it can.
    pub error: Option<String>,
}

/// Whether a name means this profile, or one that is looked for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// The name means it.
    Wins,
    /// Another one wins.
    Hidden,
}

/// A JSON array with one object for each.
pub fn json(listed: &[Listed]) -> String {
    // Texts and lists of them always have a form in JSON.
    json_escaped(&serde_json::to_string_pretty(listed).unwrap_or_default()) + "\n"
}

/// The JSON Schema of [`json`], with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<Vec<Listed>>()
}

/// Columns: name, whose it is, file, description. What is hidden stands below what wins.
pub fn text(listed: &[Listed]) -> String {
    if listed.is_empty() {
        return "no profiles are found by name\n".to_owned();
    }
    let rows: Vec<[String; 4]> = listed.iter().map(row).collect();
    let head = ["NAME", "FROM", "FILE", "DESCRIPTION"].map(str::to_owned);
    let all: Vec<&[String; 4]> = std::iter::once(&head).chain(&rows).collect();
    let width = |column: usize| {
        let widths = all.iter().filter_map(|row| row.get(column));
        widths.map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), 0];
    let lines = all.iter().map(|row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let rest = " ".repeat(width.saturating_sub(cell.width()));
            format!("{cell}{rest}")
        });
        let cells: Vec<String> = cells.collect();
        format!("{}\n", cells.join("  ").trim_end())
    });
    lines.collect()
}

fn row(listed: &Listed) -> [String; 4] {
    let name = match listed.rank {
        Rank::Wins => listed.name.clone(),
        Rank::Hidden => format!("  {} (hidden)", listed.name),
    };
    let mut file = printable(&listed.path);
    for addition in &listed.additions {
        file.push_str(&format!(" + {}", printable(addition)));
    }
    let said = match (&listed.error, &listed.description) {
        (Some(error), _) => format!("error: {}", printable(error)),
        (None, Some(description)) => printable(description.lines().next().unwrap_or_default()),
        (None, None) => String::new(),
    };
    [name, listed.from.to_owned(), file, said]
}
