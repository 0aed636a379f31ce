//! The shipped profiles beside each other, and the start of the bare binary.

use std::path::Path;

use crate::SANDBOX;
use crate::contender::Contender;
use crate::measure::{Interrupts, Pace, rounds};
use crate::table::{ranged, render, verdict};

const MINIMAL: &str = "minimal.toml";
const CLASSIC: &str = "classic-chroot.toml";
const VERSION: &str = "sandbox --version";

/// Most that a second `up` of the tree with copies may add to one of the small tree, in ms.
const ADDED: f64 = 1.0;

/// Most that the binary may need to start, in ms.
const START: f64 = 1.0;

/// Runs both profiles with the same command, and prints what the large tree adds.
pub fn compare(count: usize, interrupts: &Interrupts) -> Result<(), String> {
    println!("\nshipped profiles: trees that are not in the store yet are built now");
    let all = [
        up(MINIMAL),
        up(CLASSIC),
        Contender::new(VERSION, [SANDBOX, "--version"]),
    ];
    for one in &all {
        (0..3)
            .try_for_each(|_| one.attempt())
            .map_err(|reason| format!("{}: {reason}", one.name))?;
    }
    let samples = rounds(&all, Pace::BackToBack, count, interrupts)?;
    let group: Vec<(&Contender, _)> = all.iter().zip(&samples).collect();
    let title = format!("back to back, {count} rounds");
    println!("{}", render(&title, &group, (MINIMAL, &samples[0])));
    let added = samples[1].difference(&samples[0]);
    let judged = verdict(added.middle, ADDED);
    println!(
        "{CLASSIC} adds {} ms, aim at most {ADDED:.1}: {judged}",
        ranged(&added)
    );
    let start = samples[2].spread();
    let judged = verdict(start.middle, START);
    println!(
        "{VERSION} takes {} ms, aim at most {START:.1}: {judged}",
        ranged(&start)
    );
    Ok(())
}

/// A second `up`, so short that the tree is what differs.
fn up(profile: &str) -> Contender {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("profiles")
        .join(profile);
    let command = ["--", "/bin/bash", "-c", ":"].map(Into::into);
    let args = [SANDBOX.into(), "up".into(), path.into_os_string()];
    Contender::new(profile, args.into_iter().chain(command))
}
