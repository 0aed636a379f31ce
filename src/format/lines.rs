//! What stands between values: blank lines and comments.

use toml_edit::RawString;

/// A line without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An empty one.
    Blank,
    /// A comment, from its `#` on.
    Comment(String),
}

/// What stands between two values.
#[derive(Debug, Clone, Default)]
pub struct Gap {
    /// What follows in the same line: blanks, then a comment.
    pub behind: Option<String>,
    /// Whether another line begins.
    pub breaks: bool,
    /// The lines of their own.
    pub lines: Vec<Line>,
}

/// The text of a decoration; one that was made has none.
pub fn raw(text: Option<&RawString>) -> &str {
    text.and_then(RawString::as_str).unwrap_or_default()
}

/// The lines of a text that starts at the beginning of a line; several blank ones are one.
pub fn lines(text: &str) -> Vec<Line> {
    let whole = match text.rsplit_once('\n') {
        // What is behind the last end of a line is the indentation of what follows, unless it is a comment.
        Some((before, last)) if last.trim().is_empty() => before,
        _ if text.trim().is_empty() => return Vec::new(),
        _ => text,
    };
    let mut lines: Vec<Line> = Vec::new();
    for line in whole.split('\n').map(str::trim) {
        match line {
            "" if lines.last() == Some(&Line::Blank) => {}
            "" => lines.push(Line::Blank),
            comment => lines.push(Line::Comment(comment.to_owned())),
        }
    }
    lines
}

/// What a text between two values holds.
pub fn gap(text: &str) -> Gap {
    let (first, rest) = match text.split_once('\n') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    };
    Gap {
        behind: behind(first),
        breaks: rest.is_some(),
        lines: rest.map(lines).unwrap_or_default(),
    }
}

/// A comment behind a value, with the distance that its author gave it.
pub fn behind(text: &str) -> Option<String> {
    let comment = text.trim();
    if comment.is_empty() {
        return None;
    }
    let distance = text.len() - text.trim_start().len();
    let distance = text.get(..distance).filter(|blanks| !blanks.is_empty());
    Some(format!("{}{comment}", distance.unwrap_or(" ")))
}

/// Without a blank line at the start.
pub fn without_first_blank(lines: &[Line]) -> &[Line] {
    match lines {
        [Line::Blank, rest @ ..] => rest,
        lines => lines,
    }
}

/// Without a blank line at the end.
pub fn without_last_blank(lines: &[Line]) -> &[Line] {
    match lines {
        [rest @ .., Line::Blank] => rest,
        lines => lines,
    }
}

/// All comments of a document.
pub fn comments_of(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['#', '"', '\'']) {
        let (_, from) = rest.split_at(at);
        let length = match from.as_bytes().first() {
            Some(b'#') => {
                let comment = from.split('\n').next().unwrap_or_default();
                found.push(comment.trim_end().to_owned());
                comment.len()
            }
            _ => string_length(from),
        };
        rest = from.get(length..).unwrap_or_default();
    }
    found
}

/// How long the string is at whose quote a sound document stands.
fn string_length(from: &str) -> usize {
    let quote = from.get(..1).unwrap_or_default();
    let triple = quote.repeat(3);
    let (open, escapes) = match from.starts_with(&triple) {
        true => (3, quote == "\""),
        false => (1, quote == "\""),
    };
    let end = if open == 3 { triple.as_str() } else { quote };
    let mut at = open;
    while let Some(rest) = from.get(at..).filter(|rest| !rest.is_empty()) {
        if escapes && rest.starts_with('\\') {
            at += 1 + rest.chars().nth(1).map_or(0, char::len_utf8);
        } else if rest.starts_with(end) {
            // Up to two quotes may stand before the closing three.
            let more = rest.bytes().skip(end.len());
            let more = more.take_while(|byte| open == 3 && quote.as_bytes().first() == Some(byte));
            return at + end.len() + more.take(2).count();
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    from.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_told_from_strings() {
        let text = "a = \"# no \\\" # no\" # one\nb = '# no' #two \nc = \"\"\"x\"# no\\\"\"\" # no\n\"\"\"\"# three\n\
                    d = '''# ' no'''' # four\n\"#\" = 1\n";
        assert_eq!(comments_of(text), ["# one", "#two", "# three", "# four"]);
    }

    #[test]
    fn a_gap_is_a_comment_behind_and_lines() {
        let found = gap("   # behind\n\n\n  # own\n  ");
        assert_eq!(found.behind.as_deref(), Some("   # behind"));
        let own = Line::Comment("# own".to_owned());
        assert_eq!(found.lines, [Line::Blank, own]);
        assert!(gap("\n").breaks && gap("\n").lines.is_empty());
        assert!(!gap(" ").breaks && gap(" ").behind.is_none());
    }
}
