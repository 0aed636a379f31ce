//! Findings for people: by level, each with its line, what it lets the program do, and the fix.

use unicode_width::UnicodeWidthStr;

use crate::report::printable::printable;
use crate::report::problems::Style;
use crate::report::steps::broken;
use crate::review::audit::{Finding, Level};

use super::Audited;

/// The most columns of a line, however wide the terminal is: mails and reviews show no more.
const WIDEST: usize = 80;

/// Where the texts of a finding start: behind its weight.
const INDENT: usize = 6;

/// The findings of one profile, the worst first, and last of all its score.
pub fn human(audited: Audited<'_>, style: Style) -> String {
    let width = style.width.min(WIDEST);
    let style = Style { width, ..style };
    let page = Page { audited, style };
    let mut text = String::new();
    for level in Level::ALL {
        text += &page.level(level);
    }
    text + &page.score()
}

struct Page<'a> {
    audited: Audited<'a>,
    style: Style,
}

impl Page<'_> {
    fn level(&self, level: Level) -> String {
        let all = self.audited.audit.findings.iter();
        let mut told: Vec<&str> = Vec::new();
        let mut text = String::new();
        for finding in all.filter(|finding| finding.level() == level) {
            if text.is_empty() {
                text = format!("{}\n", self.style.paint(colour(level), level.word()));
            }
            // What a rule is about is said once.
            let first = !told.contains(&finding.rule.code);
            told.push(finding.rule.code);
            text += &self.finding(finding, first);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    fn finding(&self, finding: &Finding, first: bool) -> String {
        let place = self.audited.sources.locate(&finding.origin);
        let (code, place) = (finding.rule.code, printable(&place));
        let weight = format!("{:>5} ", finding.weight.to_string());
        let mut text = match self.fits(&[&weight, code, "  ", &place]) {
            true => format!(
                "{weight}{}\n",
                self.style.paint("1", &format!("{code}  {place}"))
            ),
            // A path is not broken: it is there to be copied.
            false => format!(
                "{weight}{}\n{}{}\n",
                self.style.paint("1", code),
                " ".repeat(INDENT),
                self.style.paint("1", &place)
            ),
        };
        text += &self.lines("", &printable(&finding.message), None);
        if first {
            text += &self.lines("why: ", finding.rule.why, Some("2"));
        }
        text + &self.lines("fix: ", &printable(&finding.fix), None)
    }

    /// Whether these parts stand in one line.
    fn fits(&self, parts: &[&str]) -> bool {
        parts.iter().map(|part| part.width()).sum::<usize>() <= self.style.width
    }

    /// A text below the head of its finding, broken at the width of the page.
    fn lines(&self, label: &str, text: &str, code: Option<&str>) -> String {
        let room = self
            .style
            .width
            .saturating_sub(INDENT + label.len())
            .max(20);
        let mut shown = String::new();
        let lines = broken(&tied(text), room, room);
        for (at, line) in lines.iter().map(|line| line.replace(TIE, " ")).enumerate() {
            let label = if at == 0 {
                label
            } else {
                &" ".repeat(label.len())
            };
            let line = match code {
                Some(code) => self.style.paint(code, &line),
                None => line,
            };
            shown += &format!("{}{label}{line}\n", " ".repeat(INDENT));
        }
        shown
    }

    fn score(&self) -> String {
        let audit = self.audited.audit;
        let score = audit.score();
        let exposures = audit.exposures();
        let parts: Vec<String> = exposures
            .iter()
            .map(|(part, score)| format!("{part} {score}"))
            .collect();
        let counted: Vec<String> = Level::ALL
            .into_iter()
            .filter(|level| audit.count(*level) > 0)
            .map(|level| counted(audit.count(level), level))
            .collect();
        let worst = audit.worst().map_or("32", colour);
        let head = format!("score {score} of 10, {}", score.word());
        let profile = printable(self.audited.profile);
        let between = match self.fits(&[&profile, ": ", &head]) {
            true => " ".to_owned(),
            false => format!("\n{}", " ".repeat(INDENT)),
        };
        let mut text = format!("{profile}:{between}{}\n", self.style.paint(worst, &head));
        for line in [counted.join(", "), parts.join(", ")] {
            if !line.is_empty() {
                text += &self.lines("", &line, None);
            }
        }
        text
    }
}

/// Stands for a space at which no line is broken; what comes from outside holds none, as a terminal would
/// act upon it.
pub(in crate::report) const TIE: char = '\u{1}';

/// The text with the words in backticks tied together: they are there to be copied.
pub(in crate::report) fn tied(text: &str) -> String {
    let mut parts = text.split('`').enumerate();
    let first = parts
        .next()
        .map_or(String::new(), |(_, part)| part.to_owned());
    parts.fold(first, |text, (at, part)| match at % 2 {
        1 => format!("{text}`{}", part.replace(' ', &TIE.to_string())),
        _ => format!("{text}`{part}"),
    })
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::Critical => "1;31",
        Level::High => "31",
        Level::Medium => "33",
        Level::Low => "36",
        Level::Note => "2",
    }
}

fn counted(count: usize, level: Level) -> String {
    match (level, count) {
        (Level::Note, 2..) => format!("{count} notes"),
        _ => format!("{count} {level}"),
    }
}
