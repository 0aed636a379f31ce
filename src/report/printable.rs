//! Text of a profile that is safe to show: it cannot move the cursor, nor turn the line around.

use crate::model::guard::{self, Guard};

/// The longest text that a message shows.
const LONGEST: usize = 600;

/// More is no sentence any more.
const MOST_AT_LENGTH: usize = 8000;

/// `text` in one line, with escapes for what a terminal would act upon, and without end no further
/// than a message may go.
pub fn printable(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => whole(&text[..end]) + "…",
        None => whole(text),
    }
}

/// The same for what is there to be read in full, such as a list of system calls.
pub(super) fn at_length(text: &str) -> String {
    match text.len() <= MOST_AT_LENGTH {
        true => whole(text),
        false => printable(text),
    }
}

/// All of `text` in one line, with escapes for what a terminal would act upon.
pub(super) fn whole(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// `text` with as many bytes and the same lines, and marks in place of what a terminal acts upon.
pub(super) fn same_length(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 1);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, c.len_utf8()) {
            ('\n' | '\t', _) => shown.push(c),
            // The end of a line in files of other systems.
            ('\r', _) if rest.peek() == Some(&'\n') => shown.push(' '),
            (c, 1) if acts(c) => shown.push('?'),
            (c, 2) if acts(c) => shown.push('·'),
            (c, 3) if acts(c) => shown.push('\u{fffd}'),
            (c, 4) if acts(c) => shown.push_str("????"),
            (c, _) => shown.push(c),
        }
    }
    shown
}

/// The same JSON with escapes for what a terminal would act upon; all of it stands in strings but the ends
/// of lines.
pub(super) fn json_escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            c if acts(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    shown.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a terminal does something else with `c` than to show it: control characters, and those
/// without a width that change the order or the look of others (CVE-2021-42574).
fn acts(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}');
    (c.is_control() || invisible) && guard::holds(Guard::Printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_acts_there() {
        let hostile = "a\u{1b}[31m\r\n\u{9b}x\u{202e}\u{e0041}é\0\u{7f}";
        let shown = printable(hostile);
        assert!(!shown.chars().any(acts), "{shown:?}");
        assert!(shown.starts_with("a\\u{1b}[31m\\r\\n"));
        let json = serde_json::to_string(&[hostile]).unwrap();
        let escaped = json_escaped(&json);
        assert!(!escaped.chars().any(acts), "{escaped:?}");
        let back: Vec<String> = serde_json::from_str(&escaped).unwrap();
        assert_eq!(back, [hostile]);
        let kept = same_length(hostile);
        assert_eq!(kept.len(), hostile.len());
        assert!(!kept.chars().any(|c| acts(c) && c != '\n'), "{kept:?}");
    }

    #[test]
    fn a_text_without_end_is_cut() {
        assert_eq!(printable(&"a".repeat(9999)).chars().count(), LONGEST + 1);
    }
}
