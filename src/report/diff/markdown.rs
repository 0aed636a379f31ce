//! Differences as Markdown, for a comment on a pull request.

use crate::report::printable::printable;
use crate::review::diff::Mark;

use super::Compared;

/// A section for each pair of profiles, what is wider first.
pub fn markdown(all: &[Compared]) -> String {
    let sections = all.iter().map(section);
    sections.collect::<Vec<String>>().join("\n")
}

fn section(compared: &Compared) -> String {
    let title = code(&compared.title());
    let mut text = format!("### {title}: {}\n", compared.summary());
    for mark in Mark::ALL {
        let mut changes = compared
            .changes
            .iter()
            .filter(|change| change.mark == mark)
            .peekable();
        if changes.peek().is_some() {
            text += &format!("\n**{}**\n\n", mark.word().to_uppercase());
        }
        for change in changes {
            let place = code(&compared.place(change));
            text += &format!(
                "- {} ({}, {place})\n",
                inline(&change.message),
                code(change.topic.code)
            );
        }
    }
    text
}

/// A text of a profile as code: whatever it holds, it is shown and does nothing.
fn code(text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let edge = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{edge}{text}{edge}{fence}")
}

/// A message, whose parts in backticks are code; the rest can be no mark-up, link, mention or tag.
fn inline(message: &str) -> String {
    let message = printable(message);
    let balanced = message.matches('`').count().is_multiple_of(2);
    if !balanced {
        return code(&message);
    }
    let parts = message.split('`').enumerate();
    let parts = parts.map(|(at, part)| match at % 2 {
        1 if part.is_empty() => "``".to_owned(),
        1 => format!("`{part}`"),
        _ => escaped(part),
    });
    parts.collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            // A word joiner behind it: no mention.
            '@' => escaped += "@\u{2060}",
            '\\' | '*' | '_' | '[' | ']' | '#' | '!' | '|' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_profile_says_is_no_markup() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(
            inline("x <b> [y](z) `<b>` @me"),
            "x &lt;b&gt; \\[y\\](z) `<b>` @\u{2060}me"
        );
        assert_eq!(inline("a`<b>"), "``a`<b>``");
    }
}
