//! Texts: which characters they may hold, and the places of variables in them.

use std::ops::Range;

use crate::diag::{Origin, Problem};
use crate::profile::template::Template;

use super::reader::{Reader, Value, shortened};

/// Which characters a text may hold.
///
/// What becomes a line of a file, a path or a host name holds no control character: a line break in
/// one of them has been configuration for somebody else (CVE-2022-4318, CVE-2022-0811).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// The content of a file.
    Any,
    /// A C string: no NUL.
    NoNul,
    /// Prose: line breaks and tabs, no other control character.
    Prose,
    /// No control character at all.
    OneLine,
}

impl Content {
    /// The first character that may not be there.
    fn offence(self, text: &str) -> Option<char> {
        text.chars().find(|c| match self {
            Content::Any => false,
            Content::NoNul => *c == '\0',
            Content::Prose => c.is_control() && !"\n\t".contains(*c),
            Content::OneLine => c.is_control(),
        })
    }
}

/// A text without variables.
pub(super) fn plain(content: Content) -> impl Fn(&Value<'_>, &mut Reader<'_>) -> Option<String> {
    move |value, reader| {
        let result = checked(value, content).map(str::to_owned);
        reader.problems.take(result)
    }
}

/// A text that has something in it, without variables.
pub(super) fn word(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<String> {
    let result = checked(value, Content::OneLine).and_then(|text| {
        refuse_empty(value, text)?;
        refuse_variable(value, text)?;
        Ok(text.to_owned())
    });
    reader.problems.take(result)
}

/// A text that may hold variables.
pub(super) fn template(
    content: Content,
) -> impl Fn(&Value<'_>, &mut Reader<'_>) -> Option<Template> {
    move |value, reader| {
        let result = checked(value, content);
        let text = reader.problems.take(result)?;
        with_variables(value, reader, text)
    }
}

/// A text that has something in it and may hold variables.
pub(super) fn filled_template(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Template> {
    let result =
        checked(value, Content::OneLine).and_then(|text| refuse_empty(value, text).map(|()| text));
    let text = reader.problems.take(result)?;
    with_variables(value, reader, text)
}

/// The one variable that is all of a value; the outer `None` when the value names no variable.
pub(super) fn whole_variable(
    value: &Value<'_>,
    reader: &mut Reader<'_>,
) -> Option<Option<Template>> {
    let text = value.node.get_ref().as_str()?;
    if !text.contains("${") {
        return None;
    }
    let template = with_variables(value, reader, text);
    let whole = template.filter(|template| {
        let whole = template.parts.len() == 1 && template.as_literal().is_none();
        if !whole {
            let message = format!("{} holds a variable and more", value.subject());
            let problem = value.error("variable.not-whole", message);
            reader.problems.push(
                problem.help("write the value itself, or one variable and nothing beside it"),
            );
        }
        whole
    });
    Some(whole)
}

/// Refuses a variable where only words of the language are known.
pub(super) fn refuse_variable(value: &Value<'_>, text: &str) -> Result<(), Problem> {
    if !text.contains("${") {
        return Ok(());
    }
    let message = format!("{} cannot hold a variable", value.subject());
    Err(value
        .error("variable.not-here", message)
        .help("write the value itself"))
}

pub(super) fn refuse_empty(value: &Value<'_>, text: &str) -> Result<(), Problem> {
    match text {
        "" => Err(value.error("value.empty", format!("{} is empty", value.subject()))),
        _ => Ok(()),
    }
}

fn checked<'d>(value: &Value<'d>, content: Content) -> Result<&'d str, Problem> {
    let text = value.text("a string")?;
    match content.offence(text) {
        None => Ok(text),
        Some(c) => Err(control_character(value, c)),
    }
}

/// The error of a control character in a text.
pub(super) fn control_character(value: &Value<'_>, c: char) -> Problem {
    let name = match c {
        '\0' => " (NUL)",
        '\n' => " (a line break)",
        '\t' => " (a tab)",
        '\r' => " (a carriage return)",
        '\u{1b}' => " (escape)",
        _ => "",
    };
    let code = u32::from(c);
    let message = format!(
        "{} holds the control character U+{code:04X}{name}",
        value.subject()
    );
    value
        .error("value.control-character", message)
        .help("remove it")
}

fn with_variables(value: &Value<'_>, reader: &mut Reader<'_>, text: &str) -> Option<Template> {
    let span = value.node.span();
    let start = content_start(reader.source(span.clone()), text);
    let mut problems = std::mem::take(&mut reader.problems);
    let place = |range: Range<usize>| -> Origin {
        reader.origin(match start {
            Some(start) => {
                let base = span.start + start;
                base + range.start..base + range.end
            }
            None => span.clone(),
        })
    };
    let template = Template::parse(text, &place, &mut problems);
    reader.problems = problems;
    template
}

/// How many bytes of quotes stand before the content of a TOML string, when the content stands
/// there as it is: an escape or a folded line break moves what follows it.
fn content_start(source: &str, content: &str) -> Option<usize> {
    let quote = match source.bytes().next() {
        Some(b'"') => "\"",
        Some(b'\'') => "'",
        _ => return None,
    };
    let long = quote.repeat(3);
    let delimiter = if source.starts_with(&long) && source.len() >= 6 {
        long.as_str()
    } else {
        quote
    };
    let inner = source.strip_prefix(delimiter)?.strip_suffix(delimiter)?;
    // A line break directly behind the opening quotes is not part of the content.
    let trimmed = match delimiter.len() {
        1 => inner,
        _ => inner
            .strip_prefix('\n')
            .or_else(|| inner.strip_prefix("\r\n"))
            .unwrap_or(inner),
    };
    (trimmed == content).then_some(delimiter.len() + inner.len() - trimmed.len())
}

/// A host name, by RFC 1123 and sethostname(2).
pub(super) fn hostname(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Template> {
    let template = filled_template(value, reader)?;
    let reason = match template.as_literal() {
        Some(name) => hostname_offence(name),
        None => {
            let mut texts = template.literals().into_iter();
            texts.find_map(|text| (!text.chars().all(is_hostname_letter)).then_some(HOSTNAME))
        }
    };
    let Some(reason) = reason else {
        return Some(template);
    };
    let name = shortened(&template.to_string());
    let message = format!("host name `{name}` {reason}");
    reader
        .problems
        .push(value.error("namespaces.hostname", message));
    None
}

const HOSTNAME: &str = "holds a character that is no letter, digit, `.` or `-`";

fn is_hostname_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '.' || c == '-'
}

fn hostname_offence(name: &str) -> Option<&'static str> {
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !name.chars().all(is_hostname_letter) {
        Some(HOSTNAME)
    } else if name.len() > 64 {
        // __NEW_UTS_LEN of include/uapi/linux/utsname.h
        Some("is longer than 64 bytes")
    } else if !outer(name.chars().next()) || !outer(name.chars().next_back()) {
        Some("does not start and end with a letter or a digit")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::content_start;

    #[test]
    fn content_is_found_behind_every_kind_of_quotes() {
        assert_eq!(content_start("\"abc\"", "abc"), Some(1));
        assert_eq!(content_start("''", ""), Some(1));
        assert_eq!(content_start("'''abc'''", "abc"), Some(3));
        assert_eq!(content_start("\"\"\"\nabc\"\"\"", "abc"), Some(4));
        assert_eq!(content_start("\"\"\"\r\nabc\"\"\"", "abc"), Some(5));
        assert_eq!(content_start("\"a\\tc\"", "a\tc"), None);
    }
}
