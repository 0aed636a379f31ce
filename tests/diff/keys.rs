//! `tests/profiles/full.toml` with each of its keys changed, one at a time: none is passed over.
//!
//! `keys.txt` has the exact differences; `BLESS=1 cargo test` writes it anew.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::diag::{At, Problems, Sources};
use sandbox::language::{Key, Kind, PROFILE, Shape};
use sandbox::plan::{Knowledge, Settings, resolve};
use sandbox::profile;
use sandbox::report::problems::{Style, render};
use sandbox::review::diff::{Change, Mark, Param, Side, diff};

use super::keys_table::EDITS;
use crate::errors::resolved::nothing_given;
use crate::plans::compare;

const FULL: &str = include_str!("../profiles/full.toml");

/// For what does not go with the rest of the other one.
const SMALL: &str = include_str!("small.toml");

/// Which way a change of a key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Something becomes possible, and nothing impossible.
    Looser,
    /// The other way.
    Tighter,
    /// Another value, and neither holds the other: wider, to be safe, and narrower.
    Another,
    /// It lets the program do neither more nor less, which is told.
    Neutral,
}

/// A key, the way of the change, the text that stands there and what takes its place.
pub type Edit = (&'static str, Way, &'static str, &'static str);

/// What has no meaning of its own: the files that make a profile are merged before, which the pull requests show.
const ELSEWHERE: &[&str] = &["version", "extends"];

fn settings(text: &str) -> Settings {
    let mut sources = Sources::default();
    let mut problems = Problems::new();
    let file = sources.add("full.toml", text);
    let raw = profile::parse(file, text, &mut problems);
    let given = nothing_given();
    let settings = raw.and_then(|raw| resolve(&raw, &given, Knowledge::Symbolic, &mut problems));
    let told = render(&problems.sorted(), &sources, Style::PLAIN);
    settings.unwrap_or_else(|| panic!("{told}"))
}

fn changes(old: &str, new: &str) -> Vec<Change> {
    let (old, new) = (settings(old), settings(new));
    let side = |settings| Side {
        settings,
        params: &[],
    };
    diff(side(&old), side(&new))
}

/// The profile that has the text, and what becomes of it.
fn edited((key, _, old, new): &Edit) -> (&'static str, String) {
    let base = [FULL, SMALL].into_iter().find(|base| base.contains(old));
    let base = base.unwrap_or_else(|| panic!("{key}: {old}"));
    (base, base.replacen(old, new, 1))
}

fn way(changes: &[Change]) -> Option<Way> {
    let any = |mark| changes.iter().any(|change| change.mark == mark);
    match (any(Mark::Wider), any(Mark::Narrower), any(Mark::Neutral)) {
        (true, true, _) => Some(Way::Another),
        (true, false, _) => Some(Way::Looser),
        (false, true, _) => Some(Way::Tighter),
        (false, false, true) => Some(Way::Neutral),
        (false, false, false) => None,
    }
}

/// The way of the same change seen from the other side.
fn mirrored(way: Way) -> Way {
    match way {
        Way::Looser => Way::Tighter,
        Way::Tighter => Way::Looser,
        Way::Another | Way::Neutral => way,
    }
}

#[test]
fn every_key_makes_a_difference() {
    let mut text = String::new();
    let mut wrong = Vec::new();
    for edit in EDITS {
        let (key, expected, old, new) = edit;
        let (base, profile) = edited(edit);
        let (there, back) = (changes(base, &profile), changes(&profile, base));
        let shown = |text: &str| text.trim().replace('\n', " ; ");
        text += &format!("{key}: `{}` -> `{}`\n", shown(old), shown(new));
        for change in &there {
            text += &format!(
                "    {} {}: {}\n",
                change.mark.word(),
                change.topic.code,
                change.message
            );
        }
        if way(&there) != Some(*expected) || way(&back) != Some(mirrored(*expected)) {
            wrong.push(format!(
                "{key} `{}` -> `{}`: {:?}",
                shown(old),
                shown(new),
                way(&there)
            ));
        }
        let counted =
            |changes: &[Change], mark| changes.iter().filter(|one| one.mark == mark).count();
        assert_eq!(
            counted(&there, Mark::Wider),
            counted(&back, Mark::Narrower),
            "{key}"
        );
        assert_eq!(
            counted(&there, Mark::Narrower),
            counted(&back, Mark::Wider),
            "{key}"
        );
        assert_eq!(
            counted(&there, Mark::Neutral),
            counted(&back, Mark::Neutral),
            "{key}"
        );
    }
    let golden = super::root().join("tests/diff/keys.txt");
    wrong.extend(compare(&golden, &text).err());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every key of the language is changed, those of tables of the kinds of a list too.
#[test]
fn no_key_is_left_out() {
    let mut known = BTreeSet::new();
    collect("", PROFILE, &mut known);
    let mut changed: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, ..) in EDITS {
        *changed.entry(key).or_default() += 1;
    }
    let left_out: Vec<&String> = known
        .iter()
        .filter(|key| !changed.contains_key(key.as_str()) && !ELSEWHERE.contains(&key.as_str()))
        .collect();
    assert!(left_out.is_empty(), "{left_out:#?}");
    let unknown: Vec<&&str> = changed
        .keys()
        .filter(|key| !known.contains(**key))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// The paths of what has a value. What a base gave and `[remove]` drops is the base's, and each resource has the same
/// two limits.
fn collect(path: &str, keys: &'static [Key], known: &mut BTreeSet<String>) {
    for key in keys {
        let below = match path {
            "" => key.name.to_owned(),
            path => format!("{path}.{}", key.name),
        };
        if ["remove", "params"].contains(&below.as_str()) {
            continue;
        }
        let mut tables = BTreeSet::new();
        inner(&below, &key.shape, &mut tables);
        let is_value = tables.is_empty() || matches!(key.shape, Shape::Either(_));
        if is_value || below == "limits.process" {
            known.insert(below.clone());
        }
        if below != "limits.process" {
            known.extend(tables);
        }
    }
}

fn inner(path: &str, found: &'static Shape, known: &mut BTreeSet<String>) {
    match found {
        Shape::Table(keys) => collect(path, keys, known),
        Shape::List(entry) => inner(path, entry, known),
        Shape::Kinds(kinds) => {
            for Kind { keys } in *kinds {
                collect(path, keys, known);
            }
        }
        Shape::Either(shapes) => shapes.iter().for_each(|found| inner(path, found, known)),
        _ => {}
    }
}

/// Values of parameters are the command line's to choose.
#[test]
fn a_parameter_is_as_wide_as_its_choices() {
    let param = |choices: &[&str]| Param {
        name: At::default_value("memory".to_owned()),
        choices: choices
            .iter()
            .map(|text| At::default_value((*text).to_owned()))
            .collect(),
    };
    let settings = settings(FULL);
    let compared = |old: &[&str], new: &[&str]| {
        let (old, new) = ([param(old)], [param(new)]);
        let side = |params| Side {
            settings: &settings,
            params,
        };
        way(&diff(side(&old), side(&new)))
    };
    assert_eq!(compared(&["1"], &["1", "2"]), Some(Way::Looser));
    assert_eq!(compared(&["1", "2"], &[]), Some(Way::Looser));
    assert_eq!(compared(&["1"], &["2"]), Some(Way::Another));
    assert_eq!(compared(&["1"], &["1"]), None);
}

/// What is wider stays told beside something that is narrower.
#[test]
fn nothing_narrower_hides_what_is_wider() {
    let of = |way: Way| {
        EDITS
            .iter()
            .filter(move |edit| edit.1 == way && FULL.contains(edit.2))
    };
    let section = |edit: &Edit| edit.0.split('.').next().unwrap_or_default();
    let tighter: Vec<&Edit> = of(Way::Tighter).collect();
    let mut seen = 0;
    for (at, wide) in of(Way::Looser).enumerate() {
        let alone = changes(FULL, &edited(wide).1);
        let wider = |changes: &[Change]| -> BTreeSet<String> {
            let wider = changes.iter().filter(|change| change.mark == Mark::Wider);
            wider.map(|change| change.message.clone()).collect()
        };
        for step in [0, 7, 19] {
            let tight = tighter[(at + step) % tighter.len()];
            let both = edited(wide).1;
            if section(tight) == section(wide) || !both.contains(tight.2) {
                continue;
            }
            let both = both.replacen(tight.2, tight.3, 1);
            let (told, found) = (wider(&alone), wider(&changes(FULL, &both)));
            assert!(
                told.is_subset(&found),
                "{wide:?} {tight:?}: {told:?} {found:?}"
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}
