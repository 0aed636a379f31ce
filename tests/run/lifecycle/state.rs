//! The state directory: whose it is, what is full, what is foreign, what a later version wrote.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::super::mounts::in_own_namespace;
use super::super::support::{Caller, Ended, Lab, finish, sandbox};

/// `sandbox` with a state directory that is a file system of its own.
fn with_state(lab: &Lab, options: &str, before: &str, arguments: &[&str]) -> Ended {
    let state = match lab.caller {
        Caller::Root => "/run/sandbox".to_owned(),
        Caller::Unprivileged => lab.text("runtime/sandbox"),
    };
    let script = format!(
        "set -e; mkdir -p -m 700 {state}; mount -t tmpfs -o mode=700,{options} none {state}; cd {state}; \
         {before}; cd /; exec \"$@\""
    );
    let mut shell = in_own_namespace(lab);
    shell.args(["sh", "-c", &script, "sh"]).arg(sandbox());
    finish(shell.args(arguments))
}

#[test]
fn a_full_or_read_only_state_directory_starts_nothing_and_says_why() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let arguments = lab.up_arguments(&lab.profile(""), &["true"]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(with_state(&lab, "size=64k", "true", &arguments).code(), 0);
        for (options, before, text) in [
            ("nr_inodes=1", "true", "No space left"),
            ("nr_inodes=2", "true", "No space left"),
            (
                "size=8k",
                "head -c 8192 /dev/zero > ballast",
                "No space left",
            ),
            (
                "size=64k",
                "mount -o remount,ro,bind . .",
                "Read-only file system",
            ),
        ] {
            let before = match before.starts_with("mount") {
                true => "mount --bind . . && mount -o remount,bind,ro .",
                false => before,
            };
            let ended = with_state(&lab, options, before, &arguments);
            assert_eq!(ended.code(), 125, "{options}: {ended:?}");
            assert!(ended.err.contains("state."), "{options}: {ended:?}");
            assert!(
                ended.err.to_lowercase().contains(&text.to_lowercase()),
                "{options}: {ended:?}"
            );
        }
    }
}

#[test]
fn what_is_foreign_in_the_directory_is_neither_taken_nor_followed() {
    let lab = Lab::new(Caller::Unprivileged);
    let state = lab.directory("runtime/sandbox");
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let victim = lab.directory("victim");
    lab.file("victim/lock", "as it was");
    lab.link(&format!("runtime/sandbox/{}", lab.name), &victim);
    lab.file("runtime/sandbox/file", "no sandbox");
    lab.directory("runtime/sandbox/open");
    let refused = lab.run(&lab.profile(""), &["true"]);
    assert_eq!(refused.code(), 125, "{refused:?}");
    assert!(
        refused.err.contains("not a directory of yours alone"),
        "{refused:?}"
    );
    // All other commands pass over it.
    assert_eq!(lab.done(&["ps", "--all"]), "no sandboxes\n");
    lab.done(&["down", "--all"]);
    assert_eq!(
        fs::read_to_string(lab.path("victim/lock")).unwrap(),
        "as it was"
    );
    assert!(lab.path("runtime/sandbox/file").exists());
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    let open = lab.finished(&["ps"]);
    assert_eq!(open.code(), 1, "{open:?}");
}

/// What every command tries in vain to remove is shown, and its name is not given to another.
#[test]
fn what_a_killed_supervisor_left_for_good_is_not_hidden() {
    let lab = Lab::new(Caller::Unprivileged);
    let state = lab.directory(&format!("runtime/sandbox/{}", lab.name));
    for private in [state.parent().unwrap(), &state] {
        fs::set_permissions(private, Permissions::from_mode(0o700)).unwrap();
    }
    lab.file(&format!("runtime/sandbox/{}/lock", lab.name), "1 7 7\n");
    let group = lab.directory(&format!("sandbox-{}-1", lab.name));
    let groups = format!("{}\n", group.display());
    lab.file(&format!("runtime/sandbox/{}/groups", lab.name), &groups);
    let shown = lab.done(&["ps"]);
    assert!(
        shown.contains(&lab.name) && shown.contains("lost"),
        "{shown}"
    );
    for command in [
        vec!["down", &lab.name],
        vec!["down", "--all"],
        vec!["kill", &lab.name],
    ] {
        let refused = lab.finished(&command);
        assert_eq!(
            (refused.code(), refused.out.as_str()),
            (1, ""),
            "{refused:?}"
        );
        assert!(refused.err.contains("cannot be removed"), "{refused:?}");
    }
    assert!(group.exists());
    let other = lab.detach(&lab.profile(""), &["true"]);
    assert_eq!(other.name, format!("{}-2", lab.name));
    lab.done(&["wait", &other.name]);
    // As soon as it can be removed it is.
    fs::remove_dir(&group).unwrap();
    assert_eq!(lab.done(&["ps", "--all"]), "no sandboxes\n");
    assert!(!state.exists());
}

/// What a later version may write beside what this one knows.
#[test]
fn a_later_version_of_the_files_is_lived_with() {
    let lab = Lab::new(Caller::Unprivileged);
    let run = lab.detach(&lab.profile(""), &["sleep", "1000"]);
    let file = lab.state(&run.name).join("run");
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(record["version"], 1);
    record["version"] = 2.into();
    record["later"] = "more".into();
    fs::write(&file, record.to_string()).unwrap();
    assert_eq!(run.told()["state"], "running");
    // One that tells this version nothing is a sandbox all the same, and can be ended.
    let (first, supervisor) = (run.first(), run.supervisor());
    fs::write(&file, "{\"version\": 3}").unwrap();
    assert_eq!(run.told()["state"], "starting");
    fs::write(
        file.with_file_name("later"),
        "of a file that this one does not know",
    )
    .unwrap();
    lab.done(&["down", "--time", "5", &run.name]);
    super::leaves_nothing(&lab, &run.name, &[first, supervisor]);
}
