//! The findings for people: the verdict, then what is wrong with its cause and its fix, then what works.

use crate::report::audit::{TIE, tied};
use crate::report::printable::whole;
use crate::report::problems::Style;
use crate::report::steps::broken;

use super::{Examined, Finding, Group, Need, State, findings, place, works};

/// Where causes and fixes start: behind the longest word for a state, and two spaces.
const INDENT: usize = 11;

/// How wide the names of what works are at most.
const NAMES: usize = 18;

/// The page.
pub fn human(examined: Examined<'_>, style: Style) -> String {
    let findings = findings(examined);
    let page = Page { examined, style };
    let mut text = page.verdict(&findings);
    let (bad, ok): (Vec<&Finding>, Vec<&Finding>) = findings
        .iter()
        .partition(|finding| finding.state != State::Ok);
    for same in alike(bad) {
        text += "\n";
        text += &page.bad(&same);
    }
    text + &page.works(&ok)
}

/// Neighbours with the same cause and the same fix are told together.
fn alike(bad: Vec<&Finding>) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in bad {
        let same = |group: &&mut Vec<&Finding>| {
            group.first().is_some_and(|first| {
                (first.state, &first.told) == (finding.state, &finding.told)
                    && finding.group != Group::Profile
            })
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

struct Page<'a> {
    examined: Examined<'a>,
    style: Style,
}

impl Page<'_> {
    fn verdict(&self, findings: &[Finding]) -> String {
        let count = |state| findings.iter().filter(|found| found.state == state).count();
        let (missing, degraded) = (count(State::Missing), count(State::Degraded));
        let what = match (self.examined.profile, works(findings)) {
            (None, true) => "sandboxes start on this host".to_owned(),
            (None, false) => "no sandbox starts on this host".to_owned(),
            (Some(profile), true) => format!("{}: it starts on this host", whole(profile)),
            (Some(profile), false) => format!("{}: it does not start on this host", whole(profile)),
        };
        let colour = match (missing, degraded) {
            (0, 0) => "32",
            (0, _) => "33",
            _ => "31",
        };
        let counted = [(missing, State::Missing), (degraded, State::Degraded)];
        let counted = counted.iter().filter(|(count, _)| *count > 0);
        let counted: Vec<String> = counted
            .map(|(count, state)| format!("{count} {}", state.word()))
            .collect();
        let text = match counted.is_empty() {
            true => what,
            false => format!("{what}: {}", counted.join(", ")).replacen("host: ", "host; ", 1),
        };
        self.style.paint(colour, &text) + "\n"
    }

    /// What is wrong: of all of them the first tells cause and fix.
    fn bad(&self, same: &[&Finding]) -> String {
        let Some(first) = same.first() else {
            return String::new();
        };
        let names = joined(same);
        let state = first.state.word();
        let head = format!("{state:<INDENT$}");
        let mut text = String::new();
        for (at, line) in self.broken(&whole(&names)).iter().enumerate() {
            let before = match at {
                0 => self.style.paint(colour(first.state), &head),
                _ => " ".repeat(INDENT),
            };
            text += &format!("{before}{}\n", self.style.paint("1", line));
        }
        let Some(told) = &first.told else {
            return text + &self.lines("", "what it rests on is missing");
        };
        text += &self.lines("", &told.reason);
        let seen: Vec<&str> = same.iter().filter_map(|one| one.found.as_deref()).collect();
        if !seen.is_empty() {
            let mut seen: Vec<String> = seen.iter().map(|place| format!("`{place}`")).collect();
            seen.dedup();
            text += &self.lines("in: ", &seen.join(", "));
        }
        if let Some(help) = &told.help {
            text += &self.lines("fix: ", help);
        }
        if let Need::Wanted(by) = first.need {
            text += &self.lines("for: ", by);
        }
        match place(first, self.examined) {
            Some(place) => text + &self.lines("at: ", &place),
            None => text,
        }
    }

    /// What works: a line for each that has something to say, the others of a group in one.
    fn works(&self, ok: &[&Finding]) -> String {
        let mut groups: Vec<Group> = ok.iter().map(|finding| finding.group).collect();
        groups.dedup();
        let mut text = String::new();
        for group in groups {
            let own = ok.iter().copied().filter(|finding| finding.group == group);
            let (said, silent): (Vec<_>, Vec<_>) = own.partition(|finding| finding.found.is_some());
            if !silent.is_empty() {
                text += &self.row(group.title(), &joined(&silent));
            }
            for finding in said {
                let found = finding.found.as_deref().unwrap_or_default();
                text += &self.row(&finding.name, found);
            }
        }
        match text.is_empty() {
            true => text,
            false => format!("\n{text}"),
        }
    }

    fn row(&self, name: &str, found: &str) -> String {
        let indent = INDENT + NAMES + 1;
        let room = self.style.width.saturating_sub(indent).max(20);
        let mut text = String::new();
        for (at, line) in broken(&whole(found), room, room).iter().enumerate() {
            let before = match at {
                0 => {
                    let ok = format!("{:<INDENT$}", State::Ok.word());
                    format!(
                        "{}{:<NAMES$} ",
                        self.style.paint(colour(State::Ok), &ok),
                        whole(name)
                    )
                }
                _ => " ".repeat(indent),
            };
            text += &format!("{before}{line}\n");
        }
        text
    }

    fn lines(&self, label: &str, words: &str) -> String {
        let room = self
            .style
            .width
            .saturating_sub(INDENT + label.len())
            .max(20);
        let mut text = String::new();
        for (at, line) in broken(&tied(&whole(words)), room, room).iter().enumerate() {
            let label = match at {
                0 => label.to_owned(),
                _ => " ".repeat(label.len()),
            };
            text += &format!("{}{label}{}\n", " ".repeat(INDENT), line.replace(TIE, " "));
        }
        text
    }

    fn broken(&self, text: &str) -> Vec<String> {
        let room = self.style.width.saturating_sub(INDENT).max(20);
        broken(text, room, room)
    }
}

/// `namespaces (user, mount, pid), id maps`.
fn joined(findings: &[&Finding]) -> String {
    let mut names: Vec<&str> = findings
        .iter()
        .map(|finding| finding.name.as_str())
        .collect();
    let kinds = take(&mut names, |name| name.strip_suffix(" namespace"));
    let devices = take(&mut names, |name| name.strip_prefix("/dev/"));
    let lists = [("namespaces", kinds), ("devices", devices)];
    let lists = lists.iter().filter(|(_, list)| !list.is_empty());
    let mut all: Vec<String> = lists
        .map(|(noun, list)| format!("{noun} ({})", list.join(", ")))
        .collect();
    all.extend(names.into_iter().map(str::to_owned));
    all.join(", ")
}

/// Takes out of `names` what is of one kind, by what is left of its name; one alone keeps its name.
fn take<'a>(names: &mut Vec<&'a str>, kind: impl Fn(&'a str) -> Option<&'a str>) -> Vec<&'a str> {
    if names.iter().filter(|name| kind(name).is_some()).count() < 2 {
        return Vec::new();
    }
    let found = names.iter().filter_map(|name| kind(name)).collect();
    names.retain(|name| kind(name).is_none());
    found
}

fn colour(state: State) -> &'static str {
    match state {
        State::Missing => "31",
        State::NotTried => "2",
        State::Degraded => "33",
        State::Ok => "32",
    }
}
