//! A document: sections in order, each with its comments.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, Key, Table, Value};

use super::lines::{Line, behind, lines, raw, without_first_blank, without_last_blank};
use super::order::Order;
use super::value::{self, Place, hoisted};

/// Where a section stood; the top stands before all.
type Position = isize;
const TOP: Position = -1;

/// The comments between sections: those that end one and those that introduce one.
#[derive(Debug, Default)]
struct Between {
    before: BTreeMap<Position, Vec<Line>>,
    end_of: BTreeMap<Position, Vec<Line>>,
}

struct Printer {
    out: String,
    between: Between,
}

/// Prints a document in its layout.
pub fn print(document: &DocumentMut) -> String {
    let root = document.as_table();
    let mut sections = Vec::new();
    headers(root, &mut sections);
    sections.sort_by_key(|(position, _)| *position);
    let mut between = Between::default();
    let mut last = TOP;
    for (position, text) in sections {
        let (end, before) = split(lines(&text), Rest::Section);
        between.end_of.insert(last, end);
        between.before.insert(position, before);
        last = position;
    }
    let (end, footer) = split(
        lines(document.trailing().as_str().unwrap_or_default()),
        Rest::End,
    );
    between.end_of.insert(last, end);
    let mut printer = Printer {
        out: String::new(),
        between,
    };
    printer.top(root);
    printer.sections(root, Order::TOP, &mut Vec::new());
    let footer = without_last_blank(&footer);
    if !without_first_blank(footer).is_empty() {
        printer.paragraph(footer);
    }
    printer.out
}

/// The positions of all headers, and what stands before each.
fn headers(table: &Table, found: &mut Vec<(Position, String)>) {
    for (_, item) in table.iter() {
        match item {
            Item::Table(inner) => {
                if has_header(inner) {
                    found.push(header(inner));
                }
                headers(inner, found);
            }
            Item::ArrayOfTables(list) => {
                for inner in list.iter() {
                    found.push(header(inner));
                    headers(inner, found);
                }
            }
            Item::None | Item::Value(_) => {}
        }
    }
}

fn has_header(table: &Table) -> bool {
    !table.is_dotted() && !table.is_implicit()
}

fn position(table: &Table) -> Position {
    table.position().unwrap_or(Position::MAX)
}

fn header(table: &Table) -> (Position, String) {
    (position(table), raw(table.decor().prefix()).to_owned())
}

/// What follows lines between sections.
#[derive(PartialEq, Eq)]
enum Rest {
    Section,
    End,
}

/// Comments right below a section's last line, with a blank line behind them, belong to that section.
fn split(lines: Vec<Line>, rest: Rest) -> (Vec<Line>, Vec<Line>) {
    let blank = lines.iter().position(|line| *line == Line::Blank);
    let at = match (blank, rest) {
        (Some(at), _) => at,
        (None, Rest::End) => lines.len(),
        (None, Rest::Section) => 0,
    };
    let (end, before) = lines.split_at(at);
    (end.to_vec(), before.to_vec())
}

/// A key and its value, with the keys of dotted tables before it.
type Entry<'a> = (Vec<&'a Key>, &'a Value);

impl Printer {
    /// The keys before the first section. What introduces the file stays at its top.
    fn top(&mut self, root: &Table) {
        let entries = root.get_values();
        let first = entries.first();
        let mut own: Vec<Line> = first.map(|entry| comments(entry)).unwrap_or_default();
        let cut = introduction(&own);
        let rest = own.split_off(cut);
        match without_first_blank(&own) {
            [Line::Blank] | [] => {}
            own => self.lines(own),
        }
        self.entries(entries, Order::TOP, Some(rest));
        self.end_of(TOP);
    }

    /// The sections of a table.
    fn sections<'a>(&mut self, table: &'a Table, order: Order, path: &mut Vec<&'a Key>) {
        let mut items: Vec<(&Key, &Item)> = table
            .iter()
            .filter_map(|(name, _)| table.get_key_value(name))
            .collect();
        items.sort_by_key(|(key, _)| order.rank(key.get()));
        for (key, item) in items {
            path.push(key);
            match item {
                Item::Table(inner) => {
                    let order = order.below(key.get(), &[]);
                    if has_header(inner) {
                        self.section(inner, order, path, ["[", "]"]);
                    }
                    self.sections(inner, order, path);
                }
                Item::ArrayOfTables(list) => {
                    for inner in list.iter() {
                        let present: Vec<&str> = inner.iter().map(|(name, _)| name).collect();
                        let order = order.below(key.get(), &present);
                        self.section(inner, order, path, ["[[", "]]"]);
                        self.sections(inner, order, path);
                    }
                }
                Item::None | Item::Value(_) => {}
            }
            path.pop();
        }
    }

    fn section(&mut self, table: &Table, order: Order, path: &[&Key], around: [&str; 2]) {
        let before = self.between.before.remove(&position(table));
        self.paragraph(&before.unwrap_or_default());
        let [open, close] = around;
        let names: Vec<String> = path.iter().map(|part| value::key(part)).collect();
        self.out.push_str(open);
        self.out.push_str(&names.join("."));
        self.out.push_str(close);
        let comment = behind(raw(table.decor().suffix()));
        self.out.push_str(&comment.unwrap_or_default());
        self.out.push('\n');
        self.entries(table.get_values(), order, None);
        self.end_of(position(table));
    }

    /// Key by key; `first` are the lines of the one that stood first, where it has not all of them.
    fn entries(&mut self, entries: Vec<Entry<'_>>, order: Order, first: Option<Vec<Line>>) {
        let mut first = first;
        let mut entries: Vec<(Vec<Line>, Entry<'_>)> = entries
            .into_iter()
            .map(|entry| (first.take().unwrap_or_else(|| comments(&entry)), entry))
            .collect();
        entries.sort_by_key(|(_, (path, _))| value::ranks(order, path));
        for (index, (own, (path, value))) in entries.into_iter().enumerate() {
            match index {
                0 => self.lines(without_first_blank(&own)),
                _ => self.lines(&own),
            }
            self.lines(&hoisted(value));
            let place = Place { order, depth: 0 };
            value::print_entry(&path, value, place, &mut self.out);
            let comment = behind(raw(value.decor().suffix()));
            self.out.push_str(&comment.unwrap_or_default());
            self.out.push('\n');
        }
    }

    fn end_of(&mut self, position: Position) {
        let end = self.between.end_of.remove(&position);
        self.lines(&end.unwrap_or_default());
    }

    /// A blank line, then these.
    fn paragraph(&mut self, lines: &[Line]) {
        let lines = without_first_blank(lines);
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
        self.lines(lines);
    }

    fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            if let Line::Comment(comment) = line {
                self.out.push_str(comment);
            }
            self.out.push('\n');
        }
    }
}

fn comments((path, _): &Entry<'_>) -> Vec<Line> {
    let leaf = path.last().map(|key| key.leaf_decor());
    lines(raw(leaf.and_then(|decor| decor.prefix())))
}

/// How many of the first lines speak of the file: up to the last blank line, and what editors read.
fn introduction(lines: &[Line]) -> usize {
    let of_file = |line: &Line| match line {
        Line::Blank => true,
        Line::Comment(text) => text.starts_with("#:"),
    };
    lines.iter().rposition(of_file).map_or(0, |at| at + 1)
}
