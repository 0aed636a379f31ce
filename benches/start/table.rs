//! Times as text: aligned, fastest first.

use std::fmt::Write;

use nix::sys::utsname::uname;
use nix::unistd::geteuid;

use crate::contender::Contender;
use crate::measure::{Samples, Spread};

/// Where the figures come from.
pub fn machine() -> String {
    let kernel = uname().map_or_else(
        |errno| format!("kernel unknown ({errno})"),
        |names| format!("Linux {}", names.release().display()),
    );
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let caller = match geteuid().is_root() {
        true => "as root",
        false => "unprivileged",
    };
    format!("{kernel}, {processors} processors, {caller}")
}

/// A table of one group; ratios are against the samples of `base`.
pub fn render(
    title: &str,
    group: &[(&Contender, &Samples)],
    (base, base_samples): (&str, &Samples),
) -> String {
    let mut rows: Vec<_> = group
        .iter()
        .map(|(contender, samples)| {
            (
                &contender.name,
                samples.spread(),
                samples.ratio(base_samples),
            )
        })
        .collect();
    rows.sort_by(|one, other| one.1.middle.total_cmp(&other.1.middle));
    let width = rows.iter().map(|(name, ..)| name.chars().count());
    let width = width.chain([title.chars().count()]).max().unwrap_or(0);
    let mut text = format!("{title:width$}  median ms  quartiles        against {base}");
    for (name, times, ratio) in rows {
        let quartiles = format!("{:.2} .. {:.2}", times.low, times.high);
        let middle = times.middle;
        let ratio = ranged(&ratio);
        // Writing to a string cannot fail.
        write!(
            text,
            "\n{name:width$}  {middle:9.2}  {quartiles:15}  {ratio}"
        )
        .ok();
    }
    text
}

/// `1.23 (1.10 .. 1.40)`.
pub fn ranged(spread: &Spread) -> String {
    let Spread { low, middle, high } = spread;
    format!("{middle:5.2} ({low:.2} .. {high:.2})")
}

/// What is said of a figure that shall not be above `aim`.
pub fn verdict(reached: f64, aim: f64) -> &'static str {
    match reached <= aim {
        true => "held",
        false => "MISSED",
    }
}
