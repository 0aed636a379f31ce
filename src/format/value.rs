//! A value: as its author wrote it, with normal spacing, and in the forms of TOML 1.0.

use toml_edit::{Array, InlineTable, Key, Value};

use super::lines::{Gap, Line, gap, raw, without_first_blank, without_last_blank};
use super::order::Order;

const INDENT: &str = "    ";

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The order of the keys of the table that its key is in.
    pub order: Order,
    /// How deep in arrays that are broken into lines.
    pub depth: usize,
}

/// Prints the value of `name`, without what stands before and behind it.
pub fn print(value: &Value, name: &str, place: Place, out: &mut String) {
    match value {
        Value::Array(array) => print_array(array, name, place, out),
        Value::InlineTable(table) => print_table(table, name, place, out),
        Value::String(text) => out.push_str(&escapes_of_1_0(raw(text
            .as_repr()
            .map(|repr| repr.as_raw())))),
        Value::Integer(number) => out.push_str(raw(number.as_repr().map(|repr| repr.as_raw()))),
        Value::Float(number) => out.push_str(raw(number.as_repr().map(|repr| repr.as_raw()))),
        Value::Boolean(flag) => out.push_str(raw(flag.as_repr().map(|repr| repr.as_raw()))),
        Value::Datetime(time) => out.push_str(raw(time.as_repr().map(|repr| repr.as_raw()))),
    }
}

/// A key as its author wrote it.
pub fn key(key: &Key) -> String {
    match key.as_repr() {
        Some(repr) => escapes_of_1_0(raw(Some(repr.as_raw()))),
        None => key.get().to_owned(),
    }
}

/// TOML 1.1 has `\e` and `\xHH`, which 1.0 writes as `\u00HH`.
fn escapes_of_1_0(text: &str) -> String {
    if !text.starts_with('"') {
        return text.to_owned();
    }
    let mut written = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        written.push(character);
        if character == '\\' {
            match characters.next() {
                Some('e') => written.push_str("u001B"),
                Some('x') => written.push_str("u00"),
                other => written.extend(other),
            }
        }
    }
    written
}

/// The comments within an inline table, which TOML 1.0 has in a single line: they go before it.
pub fn hoisted(value: &Value) -> Vec<Line> {
    let mut comments = Vec::new();
    if let Value::InlineTable(table) = value {
        collect(table, &mut comments);
    }
    comments
}

fn collect(table: &InlineTable, comments: &mut Vec<Line>) {
    let mut note = |text: &str| {
        let Gap { behind, lines, .. } = gap(text);
        comments.extend(behind.map(|text| Line::Comment(text.trim().to_owned())));
        comments.extend(lines.into_iter().filter(|line| *line != Line::Blank));
    };
    for (path, value) in table.get_values() {
        for key in &path {
            note(raw(key.leaf_decor().prefix()));
            note(raw(key.leaf_decor().suffix()));
            note(raw(key.dotted_decor().prefix()));
            note(raw(key.dotted_decor().suffix()));
        }
        note(raw(value.decor().prefix()));
        if let Value::InlineTable(inner) = value {
            let mut within = Vec::new();
            collect(inner, &mut within);
            for line in within {
                if let Line::Comment(text) = line {
                    note(&text);
                }
            }
        }
        note(raw(value.decor().suffix()));
    }
    note(table.trailing().as_str().unwrap_or_default());
}

fn print_table(table: &InlineTable, name: &str, place: Place, out: &mut String) {
    let present: Vec<&str> = table.iter().map(|(name, _)| name).collect();
    let order = place.order.below(name, &present);
    let mut values = table.get_values();
    values.sort_by_key(|(path, _)| ranks(order, path));
    if values.is_empty() {
        out.push_str("{}");
        return;
    }
    out.push('{');
    for (index, (path, value)) in values.into_iter().enumerate() {
        out.push_str(if index == 0 { " " } else { ", " });
        print_entry(&path, value, Place { order, ..place }, out);
    }
    out.push_str(" }");
}

/// Prints `a.b = value`.
pub fn print_entry(path: &[&Key], value: &Value, place: Place, out: &mut String) {
    let names: Vec<String> = path.iter().map(|part| key(part)).collect();
    out.push_str(&names.join("."));
    out.push_str(" = ");
    let Some((last, above)) = path.split_last() else {
        return;
    };
    let order = above
        .iter()
        .fold(place.order, |order, part| order.below(part.get(), &[]));
    print(value, last.get(), Place { order, ..place }, out);
}

/// Where a dotted key stands: by its first part, then by those that follow.
pub fn ranks(order: Order, path: &[&Key]) -> Vec<usize> {
    let mut order = order;
    let mut ranks = Vec::with_capacity(path.len());
    for part in path {
        ranks.push(order.rank(part.get()));
        order = order.below(part.get(), &[]);
    }
    ranks
}

fn print_array(array: &Array, name: &str, place: Place, out: &mut String) {
    let gaps = gaps(array);
    let comments_within = array.iter().any(|value| !hoisted(value).is_empty());
    let broken = |gap: &Gap| match array.is_empty() {
        true => gap.behind.is_some() || gap.lines.iter().any(|line| *line != Line::Blank),
        false => gap.breaks,
    };
    match comments_within || gaps.iter().any(broken) {
        true => print_lines(array, &gaps, name, place, out),
        false => print_line(array, name, place, out),
    }
}

fn print_line(array: &Array, name: &str, place: Place, out: &mut String) {
    out.push('[');
    for (index, value) in array.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        print(value, name, place, out);
    }
    out.push(']');
}

/// Prints an array with the breaks of its author, and one before its end.
fn print_lines(array: &Array, gaps: &[Gap], name: &str, place: Place, out: &mut String) {
    let inside = Place {
        depth: place.depth + 1,
        ..place
    };
    let indent = INDENT.repeat(inside.depth);
    let mut gaps = gaps.iter();
    out.push('[');
    for (index, value) in array.iter().enumerate() {
        let Some(gap) = gaps.next() else { return };
        if index > 0 {
            out.push(',');
        }
        out.push_str(gap.behind.as_deref().unwrap_or_default());
        let comments = hoisted(value);
        if index == 0 || gap.breaks || !comments.is_empty() {
            let own = match index {
                0 => without_first_blank(&gap.lines),
                _ => &gap.lines,
            };
            print_own(own, &indent, out);
            print_own(&comments, &indent, out);
            out.push('\n');
            out.push_str(&indent);
        } else {
            out.push(' ');
        }
        print(value, name, inside, out);
    }
    if let Some(last) = gaps.next() {
        if !array.is_empty() {
            out.push(',');
        }
        out.push_str(last.behind.as_deref().unwrap_or_default());
        let own = match array.is_empty() {
            true => without_first_blank(&last.lines),
            false => &last.lines,
        };
        print_own(without_last_blank(own), &indent, out);
    }
    out.push('\n');
    out.push_str(&INDENT.repeat(place.depth));
    out.push(']');
}

/// Lines of their own within an array, each with the end of the line before it.
fn print_own(lines: &[Line], indent: &str, out: &mut String) {
    for line in lines {
        out.push('\n');
        if let Line::Comment(comment) = line {
            out.push_str(indent);
            out.push_str(comment);
        }
    }
}

/// What stands before each entry, and behind the last.
fn gaps(array: &Array) -> Vec<Gap> {
    let mut gaps = Vec::with_capacity(array.len() + 1);
    let mut before = String::new();
    for value in array {
        before.push_str(raw(value.decor().prefix()));
        gaps.push(gap(&before));
        raw(value.decor().suffix()).clone_into(&mut before);
    }
    before.push_str(array.trailing().as_str().unwrap_or_default());
    gaps.push(gap(&before));
    gaps
}
