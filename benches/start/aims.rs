//! What the project aims at, and whether it holds here.

use crate::contender::Contender;
use crate::measure::{Pace, Samples};
use crate::rivals::{BWRAP, OURS, UNSHARE};
use crate::table::{ranged, verdict};

/// The highest ratios that the sandbox without limits should reach back to back.
const RATIOS: [(&str, f64); 2] = [(BWRAP, 1.0), (UNSHARE, 1.3)];

/// A line for each aim that this group can speak of.
pub fn judge(group: &[(&Contender, &Samples)], ours: &Samples, pace: Pace) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, aim) in RATIOS {
        let Some((_, rival)) = group.iter().find(|(one, _)| one.name == name) else {
            continue;
        };
        let ratio = ours.ratio(rival);
        // Idle times are wake-ups of processors more than work: the aim is for the other pace.
        let aimed = match pace {
            Pace::Idle(_) => String::new(),
            Pace::BackToBack => format!(", aim at most {aim}: {}", verdict(ratio.middle, aim)),
        };
        let ratio = ranged(&ratio);
        lines.push(format!("{OURS} / {name} = {ratio}{aimed}"));
    }
    lines
}
