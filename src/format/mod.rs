//! The layout of a profile: keys and sections in the order of [`crate::language`], normal spacing, every comment kept.
//!
//! Where lines break in an array, and how strings are quoted, stays the author's choice. What comes out is read again
//! before it is given away: a text that says something else, or has lost a comment, never leaves this module.

mod document;
mod lines;
mod order;
mod value;

use toml_edit::Document;

/// Why a text has no layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unformatted {
    /// It is no TOML.
    Syntax,
    /// What came out says something else: a mistake of this module.
    Changed,
}

/// The text in its layout; the same text where it is in it already.
///
/// # Errors
/// See [`Unformatted`].
pub fn format(text: &str) -> Result<String, Unformatted> {
    let document = Document::parse(text).map_err(|_| Unformatted::Syntax)?;
    let formatted = document::print(&document.into_mut());
    match same_meaning(text, &formatted) && same_comments(text, &formatted) {
        true => Ok(formatted),
        false => Err(Unformatted::Changed),
    }
}

/// Tables have no order in TOML, arrays have: equal values are equal profiles.
fn same_meaning(before: &str, after: &str) -> bool {
    let value = |text: &str| toml::from_str::<serde_json::Value>(text).ok();
    match (value(before), value(after)) {
        (Some(before), Some(after)) => before == after,
        _ => false,
    }
}

/// Comments may move, none is lost or made.
fn same_comments(before: &str, after: &str) -> bool {
    let sorted = |text: &str| {
        let mut comments = lines::comments_of(text);
        comments.sort();
        comments
    };
    sorted(before) == sorted(after)
}
