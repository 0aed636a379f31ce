//! Builders that are killed, disks that are full, sources that do not hold still.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sandbox::rootfs::{Built, Refresh, Silent};

use crate::lab::{Lab, copy_to, inside, plan};
use crate::stores::{builder, builder_plan, said};

fn count(dir: &Path) -> usize {
    fs::read_dir(dir).map_or(0, |entries| entries.count())
}

/// Waits until a builder has made some of its copy.
fn half_built(lab: &Lab) -> bool {
    let building = lab.store_dir().join("building");
    let entries = fs::read_dir(building).into_iter().flatten().flatten();
    entries
        .map(|entry| count(&entry.path().join("root/d")))
        .any(|made| made > 50)
}

#[test]
fn a_killed_builder_leaves_no_tree_and_its_rest_is_swept() {
    let lab = Lab::new();
    for index in 0..5000 {
        lab.file(&format!("d/{index}"), "some text");
    }
    let mut killed = 0;
    for _ in 0..3 {
        let mut child = builder(&lab).spawn().unwrap();
        let start = Instant::now();
        while !half_built(&lab) && start.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_micros(200));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += usize::from(lab.list("trees").is_empty());
        assert_eq!(lab.list("trees").len(), lab.list("recipes").len());
    }
    assert!(killed > 0, "no builder was killed in time");
    assert!(
        !lab.list("building").is_empty(),
        "nothing was left to sweep"
    );
    let tree = lab.build(&builder_plan(lab.host("d")));
    assert_eq!(tree.built, Built::Now);
    assert_eq!(count(&inside(&tree, "/d")), 5000);
    assert!(
        lab.list("building").is_empty(),
        "{:?}",
        lab.list("building")
    );
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let lab = Lab::new();
    lab.file("d/small", "x");
    fs::write(lab.host("d/large"), vec![1; 4 << 20]).unwrap();
    let Some(text) = built_on_tmpfs(&lab, "size=2m", "") else {
        return;
    };
    let large = lab.host("d/large");
    let wanted = format!(
        "cannot copy `{}`: the store's file system is full",
        large.display()
    );
    assert_eq!(said(text.as_bytes()), wanted);
    nothing_is_left(&text);
}

/// Runs the builder with a store that is a tmpfs of its own, then `after`, then lists what it left; nothing
/// where there are no mount namespaces.
fn built_on_tmpfs(lab: &Lab, options: &str, after: &str) -> Option<String> {
    let builder = builder(lab);
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!(
        r#"mount -t tmpfs -o {options},mode=0700 none "$BUILDER_STORE" || {{ echo "builder: no tmpfs"; exit; }}
        "$0" "$@"; ls "$BUILDER_STORE/building" "$BUILDER_STORE/trees" 2>/dev/null; echo listed; {after}"#
    ));
    command.arg(builder.get_program()).args(builder.get_args());
    for (name, value) in builder.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("no tmpfs") || text.is_empty() {
        println!(
            "not tested: no mount namespace here: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return None;
    }
    Some(text)
}

fn nothing_is_left(text: &str) {
    let listing = text.lines().skip_while(|line| !line.ends_with("building:"));
    let listing = listing.take_while(|line| *line != "listed");
    let names: Vec<&str> = listing
        .filter(|line| !line.is_empty() && !line.ends_with(':'))
        .collect();
    assert_eq!(names, [""; 0], "{text}");
}

#[test]
fn a_disk_that_is_full_at_any_step_leaves_nothing_and_the_next_build_works() {
    let lab = Lab::new();
    for index in 0..60 {
        lab.file(
            &format!("d/{}/{index}", index % 6),
            &"x".repeat(index * 100),
        );
    }
    let again = r#"mount --options-mode ignore -t tmpfs -o remount,size=8m,nr_inodes=4k none "$BUILDER_STORE"; "$0" "$@""#;
    let mut full = 0;
    // From too small for the store's own folders to nearly enough.
    let limits = (1..16)
        .map(|pages| format!("size={}k", pages * 24))
        .chain((2..14).map(|inodes| format!("size=8m,nr_inodes={}", inodes * 7)));
    for limit in limits {
        let Some(text) = built_on_tmpfs(&lab, &limit, again) else {
            return;
        };
        let mut words = text
            .lines()
            .filter_map(|line| line.strip_prefix("builder: "));
        let first = words.next().unwrap_or_default();
        if first.ends_with("the store's file system is full") {
            full += 1;
            nothing_is_left(&text);
        } else {
            assert!(first.starts_with("Now"), "{limit}: {text}");
        }
        let second = words.next().unwrap_or_default();
        let builds = second.starts_with("Now") || second.starts_with("Before");
        assert!(builds, "{limit}: {text}");
    }
    assert!(full > 5, "only {full} disks were full");
}

#[test]
fn a_tree_that_no_recipe_can_lead_to_does_not_stay() {
    let lab = Lab::new();
    let plan = plan([crate::lab::file("/a", "")]);
    drop(lab.build(&plan));
    let recipe = lab
        .store_dir()
        .join("recipes")
        .join(&lab.list("recipes")[0]);
    fs::remove_file(&recipe).unwrap();
    fs::remove_dir_all(lab.store_dir().join("trees")).unwrap();
    // In the way of the recipe.
    fs::create_dir(&recipe).unwrap();
    let error = lab.refused(&plan).to_string();
    assert!(error.starts_with("cannot write"), "{error}");
}

#[test]
fn a_source_that_never_holds_still_is_an_error_that_names_it() {
    let lab = Lab::new();
    let path = lab.file("log", "");
    fs::write(&path, vec![b'x'; 48 << 20]).unwrap();
    let stop = AtomicBool::new(false);
    let plan = plan([copy_to(&path, "/log")]);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            let log = fs::OpenOptions::new().write(true).open(&path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                log.write_all_at(b"x", 0).unwrap();
            }
        });
        // On a busy machine the writer may sleep during a whole copy.
        let tries = (0..30).map(|_| lab.store.tree(&plan, Refresh::Rebuild, &mut Silent));
        let error = tries.filter_map(Result::err).next();
        stop.store(true, Ordering::Relaxed);
        error.unwrap()
    });
    let said = format!("`{}` changed while it was copied", path.display());
    assert_eq!(error.to_string(), said);
    assert!(lab.list("building").is_empty());
    let tree = lab.build(&plan);
    assert_eq!(fs::metadata(inside(&tree, "/log")).unwrap().len(), 48 << 20);
}

#[test]
fn a_store_that_cannot_be_written_is_told() {
    if crate::lab::is_root() {
        println!("not tested: root writes everywhere");
        return;
    }
    let lab = Lab::new();
    drop(lab.build(&plan([crate::lab::file("/a", "")])));
    crate::lab::chmod(lab.store_dir().join("building"), 0o500);
    let error = lab
        .try_build(&plan([crate::lab::file("/b", "")]))
        .unwrap_err();
    crate::lab::chmod(lab.store_dir().join("building"), 0o700);
    assert!(error.to_string().ends_with("permission denied"), "{error}");
    assert!(
        error.to_string().starts_with("cannot make the directory"),
        "{error}"
    );
}

#[test]
fn a_file_is_not_taken_for_one_of_another_file_system_with_the_same_numbers() {
    let lab = Lab::new();
    let builder = builder(&lab);
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c"])
        .arg(
            r#"mkdir -p "$BUILDER_FROM/a" "$BUILDER_FROM/b"; cd "$BUILDER_FROM"
        mount -t tmpfs none a && mount -t tmpfs none b || { echo "no tmpfs"; exit; }
        # Both in one tick of the kernel's clock.
        for try in $(seq 1000); do
            printf x >a/f; printf y >b/f
            [ "$(stat -c %i%y%z a/f)" = "$(stat -c %i%y%z b/f)" ] && break
            rm a/f b/f
        done
        [ -e a/f ] || { echo "no equal times"; exit; }
        for dir in a b; do BUILDER_FROM=$PWD/$dir "$0" "$@"; done
        cat "$BUILDER_STORE"/trees/*/root/d/f"#,
        );
    command.arg(builder.get_program()).args(builder.get_args());
    for (name, value) in builder.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() || text.contains("no tmpfs") || text.contains("no equal times") {
        let errors = String::from_utf8_lossy(&output.stderr);
        println!("not tested: {text} {errors}");
        return;
    }
    let last = text.lines().last().unwrap_or_default();
    assert!(matches!(last, "xy" | "yx"), "{text}");
}
