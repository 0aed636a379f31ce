//! Races: what a program swaps while a start looks at it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::super::support::{Caller, Lab};
use super::{Victim, probe, profile, work};

const STARTS: usize = 50;

/// Swaps two names without a pause while `during` runs; how often.
fn swapping(one: &Path, other: &Path, during: impl FnOnce()) -> u32 {
    let (over, swaps) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
                thread::yield_now();
            }
        });
        // A panic must not leave the other thread alone.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(during));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
    swaps.into_inner()
}

/// A directory below a shared bind and a link to the victim change places during many starts that mount
/// below it, and that make a mount point there.
#[test]
fn cve_2021_30465_a_target_that_is_swapped_with_a_link() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mut victim = Victim::new(&lab);
        lab.directory("work/dir/inner");
        lab.link("work/link", &victim.path);
        for target in ["/w/dir/inner", "/w/dir/inner/file"] {
            if target.ends_with("file") {
                lab.file("work/dir/inner/file", "");
            }
            let mount = match target.ends_with("file") {
                true => format!("[[mount]]\nbind = \"{}\"\ntarget = \"{target}\"\n", probe()),
                false => format!("[[mount]]\ntmpfs = \"{target}\"\n"),
            };
            let profile = profile(&lab, &format!("{}{mount}", work(&lab, "rw")));
            let (dir, link) = (lab.path("work/dir"), lab.path("work/link"));
            let swaps = swapping(&dir, &link, || {
                for _ in 0..STARTS / 2 {
                    let ended = lab.run(&profile, &["/probe", "list", "/w"]);
                    assert!([0, 125].contains(&ended.code()), "{ended:?}");
                    assert!(!ended.err.contains("panicked"), "{ended:?}");
                }
            });
            assert!(swaps > 100, "{swaps} swaps are no race");
            victim.is_untouched(target);
            // Which of the two is the directory now is chance.
            if fs::symlink_metadata(&dir).unwrap().is_symlink() {
                renameat2(
                    AT_FDCWD,
                    &dir,
                    AT_FDCWD,
                    &link,
                    RenameFlags::RENAME_EXCHANGE,
                )
                .unwrap();
            }
        }
        // The control: one careless writer meets the link sooner or later.
        victim.would_notice(|| {
            let (dir, link) = (lab.path("work/dir"), lab.path("work/link"));
            swapping(&dir, &link, || {
                let met = (0..100_000).any(|_| {
                    fs::write(dir.join("made"), "").unwrap_or_default();
                    fs::exists(lab.path("victim/made")).unwrap()
                });
                assert!(met);
            });
        });
    }
}

/// The source of a bind and a link to the victim change places: the program sees the one or nothing.
#[test]
fn cve_2021_25741_a_source_that_is_swapped_with_a_link() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let victim = Victim::new(&lab);
        lab.directory("work/dir");
        lab.file("work/dir/mine", "");
        lab.link("work/link", &victim.path);
        let bind = format!(
            "{}[[mount]]\nbind = \"{}\"\ntarget = \"/p\"\naccess = \"rw\"\n",
            work(&lab, "rw"),
            lab.text("work/dir")
        );
        let profile = profile(&lab, &bind);
        let swaps = swapping(&lab.path("work/dir"), &lab.path("work/link"), || {
            for _ in 0..STARTS {
                let ended = lab.run(
                    &profile,
                    &["/probe", "list", "/p", "--", "create", "/p/made"],
                );
                assert!([0, 125].contains(&ended.code()), "{ended:?}");
                assert!(
                    !ended.out.contains("file") && !ended.out.contains("inner"),
                    "{ended:?}"
                );
            }
        });
        assert!(swaps > 100, "{swaps} swaps are no race");
        victim.is_untouched("a source");
    }
}

/// A volume whose directories the program of one sandbox swaps cannot be raced: one run at a time holds it.
#[test]
fn cve_2019_18837_a_volume_is_held_by_one_run_alone() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = profile(&lab, "[[mount]]\nvolume = \"data\"\ntarget = \"/vol\"\n");
        let mut first = super::super::support::start(&mut lab.up(&profile, &["/probe", "stay"]));
        super::super::support::inside(&first);
        let second = lab.run(&profile, &["/probe", "list", "/vol"]);
        assert_eq!(
            (second.code(), second.out.as_str()),
            (125, ""),
            "{second:?}"
        );
        first.kill().unwrap();
        first.wait().unwrap();
        // The control: alone it starts.
        let again = lab.run(&profile, &["/probe", "list", "/vol"]);
        assert_eq!(again.code(), 0, "{again:?}");
    }
}
