//! Differences for people: what is wider first, each with its line and what is possible now.

use crate::report::audit::{TIE, tied};
use crate::report::printable::{at_length, printable};
use crate::report::problems::Style;
use crate::report::steps::broken;
use crate::review::diff::{Change, Mark};

use super::Compared;

/// The most columns of a line, however wide the terminal is: mails and reviews show no more.
const WIDEST: usize = 80;

/// Where the texts start: behind the mark.
const INDENT: usize = 9;

/// The differences of each pair of profiles, and below them how many there are.
pub fn human(all: &[Compared], style: Style) -> String {
    let pages = all.iter().map(|compared| page(compared, style));
    pages.collect::<Vec<String>>().join("\n")
}

fn page(compared: &Compared, style: Style) -> String {
    let mut text = String::new();
    for change in &compared.changes {
        text += &entry(compared, change, style);
    }
    if !compared.changes.is_empty() {
        text.push('\n');
    }
    let worst = compared.changes.iter().map(|change| change.mark).min();
    let summary = style.paint(worst.map_or("32", colour), &compared.summary());
    let (title, width) = (printable(&compared.title()), style.width.min(WIDEST));
    let fits = title.chars().count() + compared.summary().len() + 2 <= width;
    text + &match fits {
        true => format!("{title}: {summary}\n"),
        // Each of the names in a line of its own: a path is not broken.
        false => format!("{}:\n{summary}\n", title.replace(" -> ", "\n-> ")),
    }
}

fn entry(compared: &Compared, change: &Change, style: Style) -> String {
    let mark = format!("{:<INDENT$}", change.mark.word().to_uppercase());
    let mark = style.paint(colour(change.mark), &mark);
    let room = style.width.min(WIDEST).saturating_sub(INDENT).max(20);
    let head = format!(
        "{}  {}",
        change.topic.code,
        printable(&compared.place(change))
    );
    let mut text = match head.chars().count() <= room {
        true => format!("{mark}{}\n", style.paint("1", &head)),
        false => {
            // A path is not broken: it is there to be copied.
            let (code, place) = (change.topic.code, printable(&compared.place(change)));
            let pad = " ".repeat(INDENT);
            format!(
                "{mark}{}\n{pad}{}\n",
                style.paint("1", code),
                style.paint("1", &place)
            )
        }
    };
    let message = tied(&at_length(&change.message));
    for line in broken(&message, room, room) {
        text += &format!("{}{}\n", " ".repeat(INDENT), line.replace(TIE, " "));
    }
    text
}

fn colour(mark: Mark) -> &'static str {
    match mark {
        Mark::Wider => "1;31",
        Mark::Narrower => "32",
        Mark::Neutral => "2",
    }
}
