//! sandbox-profile(5): the language, out of its table.

use super::notes;
use super::prose;
use super::roff::Page;
use crate::cgroup::{Place, ROWS};
use crate::language::{Absent, Key, PROFILE, Shape, Words};

/// The page.
pub fn profile_page() -> String {
    let mut page = Page::new(
        "sandbox-profile",
        5,
        "the language of sandbox(1)'s profiles",
    );
    page.section("Description");
    for words in prose::DESCRIPTION {
        page.paragraph(words);
    }
    page.verbatim(prose::EXAMPLE);
    terms(
        &mut page,
        "Variables",
        prose::ABOUT_VARIABLES,
        prose::VARIABLES,
    );
    terms(&mut page, "Units", "", prose::UNITS);
    page.section("Keys");
    page.paragraph(prose::ABOUT_KEYS);
    keys(&mut page, PROFILE.iter().filter(|key| !is_section(key)));
    for key in PROFILE.iter().filter(|key| is_section(key)) {
        section(&mut page, key);
    }
    control_groups(&mut page);
    terms(&mut page, "Merging", prose::ABOUT_MERGING, prose::MERGING);
    terms(&mut page, "Order", "", prose::ORDER);
    for (title, about, list) in notes::SECTIONS {
        terms(&mut page, title, about, list);
    }
    terms(&mut page, "Exit status", "", prose::EXIT_STATUS);
    terms(&mut page, "Files", "", prose::FILES);
    page.section("See also");
    page.paragraph(prose::SEE_ALSO);
    page.finish()
}

fn terms(page: &mut Page, title: &str, about: &str, terms: &[(&str, &str)]) {
    page.section(title);
    if !about.is_empty() {
        page.paragraph(about);
    }
    for (term, words) in terms {
        page.term(term, words);
    }
}

/// What a profile writes as `[key]` or `[[key]]`.
fn is_section(key: &Key) -> bool {
    matches!(key.shape, Shape::Table(_) | Shape::List(Shape::Kinds(_)))
}

fn section(page: &mut Page, key: &'static Key) {
    match key.shape {
        Shape::Table(inner) => {
            page.section(&format!("[{}]", key.name));
            about(page, key);
            keys(page, inner.iter());
        }
        Shape::List(Shape::Kinds(kinds)) => {
            page.section(&format!("[[{}]]", key.name));
            about(page, key);
            for kind in *kinds {
                let first = kind.keys.first().map_or("", |key| key.name);
                page.part(first);
                keys(page, kind.keys.iter());
            }
        }
        _ => {}
    }
}

fn about(page: &mut Page, key: &Key) {
    page.paragraph(key.meaning);
    if !key.kernel.is_empty() {
        page.paragraph(&format!("Kernel: {}.", key.kernel));
    }
}

fn keys<'a>(page: &mut Page, keys: impl Iterator<Item = &'a Key>) {
    for key in keys {
        page.term(
            &format!("`{}` = {}", key.name, kind(&key.shape)),
            key.meaning,
        );
        for words in words(&key.shape) {
            page.within();
            for (word, meaning) in words.known.iter().zip(words.meanings) {
                page.term(&format!("`\"{word}\"`"), meaning.trim());
            }
            page.out();
        }
        page.further(&facts(key));
        inner(page, &key.shape);
    }
}

/// The default, an example, the kernel.
fn facts(key: &Key) -> String {
    let mut facts = match key.absent {
        Absent::Required => "Required.".to_owned(),
        Absent::Value(value) => format!("Default: `{value}`."),
        Absent::Means(words) => format!("Left out: {}.", words.replace('`', "")),
    };
    if !key.example.is_empty() {
        facts.push_str(&format!(" Example: `{}`.", short(key.example)));
    }
    if !key.kernel.is_empty() {
        facts.push_str(&format!(" Kernel: {}.", key.kernel.replace('`', "")));
    }
    facts
}

/// An example that a line can hold: of a digest the start and the end.
fn short(example: &str) -> String {
    let ends = example
        .get(..9)
        .zip(example.get(example.len().saturating_sub(5)..));
    match ends {
        Some((start, end)) if example.len() > 60 && !example.contains(' ') => {
            format!("{start}…{end}")
        }
        _ => example.to_owned(),
    }
}

/// The keys of a table below a key.
fn inner(page: &mut Page, shape: &Shape) {
    match shape {
        Shape::Table(below) => {
            page.within();
            keys(page, below.iter());
            page.out();
        }
        Shape::Kinds(kinds) => {
            for kind in *kinds {
                let first = kind.keys.first().map_or("", |key| key.name);
                page.further(&format!("With `{first}`:"));
                page.within();
                keys(page, kind.keys.iter());
                page.out();
            }
        }
        Shape::List(entry) => inner(page, entry),
        Shape::Map { value, .. } => inner(page, value),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| inner(page, shape)),
        _ => {}
    }
}

/// The words to choose from, wherever in a shape.
fn words(shape: &Shape) -> Vec<Words> {
    match shape {
        Shape::Words(words) => vec![*words],
        Shape::List(entry) => words(entry),
        Shape::Either(shapes) => shapes.iter().flat_map(words).collect(),
        _ => Vec::new(),
    }
}

/// What may stand under a key, in words.
fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Version => "the number 1".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Number { least, most } if *most == u64::MAX => {
            format!("whole number from {least} on")
        }
        Shape::Number { least, most } => format!("whole number from {least} to {most}"),
        Shape::Text(form) => {
            let look = form.look();
            let number = look.number.map_or("", |_| ", or a number");
            format!("{}{number}", look.noun)
        }
        Shape::Words(_) => "word".to_owned(),
        Shape::List(entry) => format!("list; each: {}", kind(entry)),
        Shape::Table(_) | Shape::Kinds(_) => "table".to_owned(),
        Shape::Map { key, value } => format!("table; {} = {}", key.look().noun, kind(value)),
        Shape::Removals => "table as the profile itself".to_owned(),
        Shape::Either(shapes) => {
            let kinds: Vec<String> = shapes.iter().map(kind).collect();
            kinds.join(", or ")
        }
    }
}

fn control_groups(page: &mut Page) {
    page.section("Control groups");
    page.paragraph(prose::ABOUT_CONTROL_GROUPS);
    let files = |place: Option<&Place>| match place {
        Some(place) if !place.files.is_empty() => place.files.join(", "),
        _ => "none".to_owned(),
    };
    for row in &ROWS {
        page.term(
            &format!("`{}`", row.key),
            &format!("Value: {}.", row.conversion),
        );
        page.further(&format!("v1: {}", files(row.v1.as_ref())));
        page.further(&format!("v2: {}", files(Some(&row.v2))));
        page.further(&format!("unit: {}", row.property.unwrap_or("none")));
    }
}
