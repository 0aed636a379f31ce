//! Programs with what they need to start.

use std::process::Command;

use sandbox::diag::At;
use sandbox::plan::{TreePlan, TreeSource};

use crate::lab::{Lab, chmod, inside, is_root, plan};

fn programs(names: &[&str], search_path: &[&str]) -> TreePlan {
    let names = names
        .iter()
        .map(|name| At::default_value((*name).to_owned()));
    TreePlan {
        search_path: search_path.iter().map(Into::into).collect(),
        ..plan([TreeSource::Programs {
            programs: names.collect(),
            extra: Vec::new(),
        }])
    }
}

#[test]
fn a_program_starts_in_its_tree() {
    let lab = Lab::new();
    let tree = lab.build(&programs(
        &["bash", "ls"],
        &["/usr/local/bin", "/usr/bin", "/bin"],
    ));
    assert!(inside(&tree, "/usr/bin/ls").is_file());
    let mut chroot = Command::new("unshare");
    if !is_root() {
        chroot.arg("--map-root-user");
    }
    let run = chroot
        .arg("--root")
        .arg(&tree.root)
        .args(["/bin/bash", "-c", "pwd; ls /usr"]);
    let run = run
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(run.stdout.starts_with(b"/\n"), "{:?}", run.stdout);
}

#[test]
fn a_program_that_is_nowhere_is_named_with_the_nearest_that_is() {
    let lab = Lab::new();
    chmod(lab.file("bin/frobnicate", "#!/bin/sh\n"), 0o755);
    let search = lab.host("bin");
    let error = lab.refused(&programs(
        &["frobnicat"],
        &["/nowhere", search.to_str().unwrap()],
    ));
    let said = format!(
        "program `frobnicat` was not found in `/nowhere`, `{}`",
        search.display()
    );
    assert_eq!(error.to_string(), said);
    assert_eq!(error.help().as_deref(), Some("write `frobnicate`"));
}

#[test]
fn a_program_that_appears_earlier_in_the_search_path_is_seen() {
    let lab = Lab::new();
    let late = lab.file("late/tool", "#!/bin/sh\n");
    chmod(&late, 0o755);
    lab.file("early/x", "");
    let (early_dir, late_dir) = (lab.host("early"), lab.host("late"));
    let dirs = [early_dir.to_str().unwrap(), late_dir.to_str().unwrap()];
    let plan = programs(&["tool"], &dirs);
    let first = lab.build(&plan);
    assert!(inside(&first, &late).is_file());
    let early = lab.file("early/tool", "#!/bin/sh\n");
    chmod(&early, 0o755);
    let second = lab.build(&plan);
    assert!(inside(&second, &early).is_file() && !inside(&second, &late).exists());
}
