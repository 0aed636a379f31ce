//! What changes between two profiles, in meaning: what becomes possible, and what no longer is.
//!
//! Both sides are symbolic plans, so that the answer is the same on every machine, and a change in a base,
//! a parameter or a variable shows in every profile that is made of it.
//!
//! A side is taken apart into what its program can do (`Power`), and a power that no power of the other side
//! holds is a change: [`Mark::Wider`] where the new side has it, [`Mark::Narrower`] where the old one had.
//! So the two marks mirror each other when the sides change places, and the order of a file, which makes no
//! power, makes no change. Where neither of two values holds the other (another host path at the same place)
//! both marks are given: something is lost, and something that was not there before is possible. What lets
//! the program do neither more nor less is [`Mark::Neutral`].
//!
//! Where the text alone cannot tell, it counts as wider. A mount of its own for a part of what was mounted shows no
//! more, unless that part is a link: a start refuses those that the program could have laid, but who writes a checkout
//! may commit one. A part that is protected where it is there (`?path`) is open where it is not. A number that a
//! variable of the caller's says is more than any that is written, less than none, and not what another variable says.
//! Code that runs in the sandbox may do what any other there may, so a variable like `PATH` is wider only where it
//! names a place that the program can write: what one run leaves there the next one runs.

mod env;
mod files;
mod isolation;
mod limits;
mod neutral;
mod power;
mod promises;
mod syscalls;
mod topics;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{At, Origin};
use crate::model::InsidePath;
use crate::plan::Settings;

use super::view::{Seen, view};

pub use topics::{Topic, topics};

pub(super) use files::touches;
pub(super) use power::matches;
use power::{Power, Reach};
pub(super) use syscalls::origin;

/// One of two profiles.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What it comes to, by its text alone.
    pub settings: &'a Settings,
    /// What the command line may set.
    pub params: &'a [Param],
}

/// One entry of `[params]`.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: At<String>,
    /// What it may be; anything where there is none.
    pub choices: Vec<At<String>>,
}

/// Which way a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Something is possible that was not.
    Wider,
    /// Something is no longer possible.
    Narrower,
    /// Neither.
    Neutral,
}

impl Mark {
    /// All, as they are told.
    pub const ALL: [Mark; 3] = [Mark::Wider, Mark::Narrower, Mark::Neutral];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Mark::Wider => "wider",
            Mark::Narrower => "narrower",
            Mark::Neutral => "neutral",
        }
    }
}

/// In which of the two profiles the line of a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// The old one: what it said is gone.
    Old,
    /// The new one.
    New,
}

/// One difference in meaning.
#[derive(Debug, Clone)]
pub struct Change {
    /// What it is about.
    pub topic: &'static Topic,
    /// Which way it goes.
    pub mark: Mark,
    /// What is possible now, or no longer.
    pub message: String,
    /// Whose line it is.
    pub side: Where,
    /// The line that says so.
    pub origin: Origin,
}

/// All differences, those that are wider first.
pub fn diff(old: Side<'_>, new: Side<'_>) -> Vec<Change> {
    let places = files::places(old, new);
    let (before, now) = (Apart::new(old, new, &places), Apart::new(new, old, &places));
    let mut changes: Vec<Change> = Vec::new();
    for power in gains(&before, &now) {
        changes.push(Change {
            topic: power.topic,
            mark: Mark::Wider,
            message: power.with,
            side: if power.turned { Where::Old } else { Where::New },
            origin: power.origin,
        });
    }
    for power in gains(&now, &before) {
        let message = power
            .without
            .unwrap_or_else(|| format!("no longer: {}", power.with));
        changes.push(Change {
            topic: power.topic,
            mark: Mark::Narrower,
            message,
            side: if power.turned { Where::New } else { Where::Old },
            origin: power.origin,
        });
    }
    changes.extend(neutral::changes(old, new));
    changes
}

/// A side, taken apart once: both ways of a comparison look at it.
struct Apart<'a> {
    side: Side<'a>,
    /// All that does not depend on where in the tree it is.
    powers: Vec<Power>,
    /// What lies at each place where the two may differ, the uppermost first.
    shown: BTreeMap<&'a InsidePath, Vec<Seen<'a>>>,
    /// What the root tree is made of.
    parts: Vec<At<tree::Part>>,
}

impl<'a> Apart<'a> {
    fn new(side: Side<'a>, other: Side<'_>, places: &BTreeSet<&'a InsidePath>) -> Apart<'a> {
        let mut powers = Vec::new();
        isolation::powers(side, &mut powers);
        limits::powers(side, other, &mut powers);
        syscalls::powers(side, &mut powers);
        env::powers(side, &mut powers);
        let shown = places
            .iter()
            .map(|place| (*place, view(side.settings, place)));
        Apart {
            side,
            powers,
            shown: shown.collect(),
            parts: tree::parts(&side.settings.tree),
        }
    }
}

/// What is possible in `to` and not in `from`.
fn gains(from: &Apart<'_>, to: &Apart<'_>) -> Vec<Power> {
    let had = &from.powers;
    let new = |power: &&Power| !had.iter().any(|had| had.reach.covers(&power.reach));
    let mut gains: Vec<Power> = to.powers.iter().filter(new).cloned().collect();
    // Two rules of one call may hold back the same.
    let mut told: Vec<Reach> = Vec::new();
    gains.retain(|gain| {
        let new = !told.contains(&gain.reach);
        told.push(gain.reach.clone());
        new
    });
    for gain in &mut gains {
        gain.point_at(had);
    }
    let mut gains = limits::told_once(gains);
    gains.extend(files::gains(from, to));
    gains.extend(tree::gains(from, to));
    gains.extend(promises::gains(from.side, to.side));
    syscalls::joined(gains)
}
