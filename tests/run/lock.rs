//! `sandbox lock`, and what `--locked` lets through: the real program, as every caller.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::support::{Caller, Ended, Lab, finish, sandbox};

/// A lab with a profile `dev.toml` that copies a directory of the lab.
fn lab(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    lab.keep_apart();
    lab.directory("tools");
    lab.file("tools/tool", "one\n");
    lab.file("tools/other", "other\n");
    write_profile(&lab, "");
    lab
}

fn write_profile(lab: &Lab, rest: &str) {
    let tools = lab.text("tools");
    let text = format!(
        "version = 1\ncommand.args = [\"true\"]\nenv.set.PATH = \"/usr/bin:/bin\"\n\
         rootfs.source = [{{ programs = [\"true\"] }}, {{ copy = \"{tools}\", to = \"/tools\" }}]\n{rest}\n"
    );
    lab.file("dev.toml", &text);
}

fn run(lab: &Lab, arguments: &[&str]) -> Ended {
    let mut command = lab.host(sandbox());
    finish(command.args(arguments).arg(lab.path("dev.toml")))
}

#[track_caller]
fn passes(lab: &Lab, arguments: &[&str]) -> Ended {
    let ended = run(lab, arguments);
    assert_eq!(ended.code(), 0, "{arguments:?}: {ended:?}");
    ended
}

/// Whether it ends with this code and says this, wherever a line is broken: in a long path also between letters.
#[track_caller]
fn refused(lab: &Lab, arguments: &[&str], code: i32, says: &str) {
    let ended = run(lab, arguments);
    assert_eq!(ended.code(), code, "{arguments:?}: {ended:?}");
    let unbroken = |text: &str| text.replace([' ', '\n', '│'], "");
    let said = unbroken(&ended.err);
    assert!(
        said.contains(&unbroken(says)),
        "{arguments:?}: {says}\n{}",
        ended.err
    );
}

fn text(lab: &Lab) -> String {
    fs::read_to_string(lab.path("dev.lock")).unwrap()
}

/// What lies beside the profile, but for the places of the test.
fn beside(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.path("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.contains("dev")).collect();
    names.sort();
    names
}

#[test]
fn only_the_tree_of_the_lock_starts() {
    for caller in Caller::all() {
        let lab = lab(caller);
        let written = passes(&lab, &["lock"]);
        assert!(written.out.contains("dev.lock: written, "), "{written:?}");
        assert!(text(&lab).contains("\n/tools/tool file 0644 4 sha256="));
        assert!(text(&lab).contains("\n/usr/bin/true file 0755 "));
        passes(&lab, &["up", "--locked"]);
        passes(&lab, &["check", "--locked"]);

        lab.file("tools/tool", "two and more\n");
        let differs = "dev.lock` locks: `/tools/tool` changed (4 to 13 bytes)";
        refused(&lab, &["up", "--locked"], 125, differs);
        refused(&lab, &["check", "--locked"], 1, differs);
        passes(&lab, &["up"]);

        lab.file("tools/tool", "one\n");
        passes(&lab, &["up", "--locked"]);
        passes(&lab, &["check", "--locked"]);
    }
}

#[test]
fn a_difference_is_shown_and_nothing_is_written() {
    for caller in Caller::all() {
        let lab = lab(caller);
        passes(&lab, &["lock"]);
        let before = text(&lab);
        assert_eq!(passes(&lab, &["lock", "--diff"]).out, "");

        fs::remove_file(lab.path("tools/other")).unwrap();
        lab.file("tools/tool", "two\n");
        let shown = run(&lab, &["lock", "--diff"]);
        assert_eq!(shown.code(), 1, "{shown:?}");
        let differences = "`/tools/other` is gone\n`/tools/tool` changed\n";
        assert_eq!(shown.out, differences);
        assert_eq!(text(&lab), before);

        let written = passes(&lab, &["lock"]);
        assert!(written.out.ends_with(differences), "{written:?}");
        assert_ne!(text(&lab), before);
        let again = passes(&lab, &["lock"]);
        assert!(again.out.contains("dev.lock: is up to date, "), "{again:?}");
        assert_eq!(beside(&lab), ["dev.lock", "dev.toml"]);
    }
}

#[test]
fn without_a_sound_lock_nothing_starts() {
    for caller in Caller::all() {
        let lab = lab(caller);
        let missing = format!("there is no lock `{}`", lab.text("dev.lock"));
        refused(&lab, &["up", "--locked"], 125, &missing);
        refused(
            &lab,
            &["up", "--locked"],
            125,
            "write it with `sandbox lock ",
        );
        refused(&lab, &["check", "--locked"], 1, &missing);
        refused(&lab, &["lock", "--diff"], 1, &missing);

        passes(&lab, &["lock"]);
        let sound = text(&lab);
        let conflict = sound.replace("/tools dir", "<<<<<<< ours\n/tools dir");
        lab.file("dev.lock", &conflict);
        let line = conflict
            .lines()
            .position(|line| line.starts_with('<'))
            .unwrap()
            + 1;
        let place = format!(
            "a merge left its conflict here ╭─[{}:{line}:1]",
            lab.text("dev.lock")
        );
        refused(&lab, &["up", "--locked"], 125, &place);
        refused(&lab, &["check", "--locked"], 1, &place);
        fs::write(lab.path("dev.lock"), b"sandbox lock 1\nprofile caf\xe9\n").unwrap();
        refused(&lab, &["up", "--locked"], 125, "is not UTF-8");

        let written = passes(&lab, &["lock"]);
        assert!(written.err.contains("was not a sound lock"), "{written:?}");
        assert_eq!(text(&lab), sound);
    }
}

#[test]
fn what_cannot_be_known_without_a_run_is_not_asked() {
    let lab = lab(Caller::Unprivileged);
    passes(&lab, &["lock"]);
    refused(
        &lab,
        &["up", "--locked", "--dry-run"],
        125,
        "cannot be used with",
    );
    fs::rename(lab.path("dev.toml"), lab.path("dev.lock")).unwrap();
    let mut command = lab.host(sandbox());
    let ended = finish(command.arg("lock").arg(lab.path("dev.lock")));
    assert_eq!(ended.code(), 1);
    assert!(ended.err.starts_with("lock.name\n"), "{ended:?}");
    assert!(text(&lab).starts_with("version = 1"));
}

#[test]
fn a_link_in_the_place_of_the_lock_is_not_followed() {
    for caller in Caller::all() {
        let lab = lab(caller);
        lab.file("victim", "mine\n");
        lab.link("dev.lock", lab.path("victim"));
        passes(&lab, &["lock"]);
        assert_eq!(fs::read_to_string(lab.path("victim")).unwrap(), "mine\n");
        assert!(
            fs::symlink_metadata(lab.path("dev.lock"))
                .unwrap()
                .is_file()
        );
        passes(&lab, &["up", "--locked"]);
    }
}

#[test]
fn a_lock_that_cannot_be_written_leaves_the_old_one() {
    let lab = lab(Caller::Unprivileged);
    passes(&lab, &["lock"]);
    lab.file("tools/tool", "two\n");
    passes(&lab, &["up"]);
    let before = text(&lab);

    // No file may grow beyond a block: as on a disk that is full.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    let mut command = lab.host("sh");
    command.args(["-c", script, "sh"]).arg(sandbox());
    let ended = finish(command.arg("lock").arg(lab.path("dev.toml")));
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.err.contains("cannot write the lock"), "{ended:?}");
    assert_eq!(text(&lab), before);
    assert_eq!(beside(&lab), ["dev.lock", "dev.toml"]);

    fs::set_permissions(lab.path(""), Permissions::from_mode(0o555)).unwrap();
    refused(&lab, &["lock"], 1, "dev.lock`: permission denied");
    fs::set_permissions(lab.path(""), Permissions::from_mode(0o755)).unwrap();
    passes(&lab, &["lock"]);
    assert!(text(&lab) != before);
}

#[test]
fn what_is_live_is_named_and_not_locked() {
    for caller in Caller::all() {
        let lab = lab(caller);
        passes(&lab, &["lock"]);
        lab.directory("project");
        let bind = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/project\"",
            lab.text("project")
        );
        write_profile(&lab, &bind);
        refused(
            &lab,
            &["up", "--locked"],
            125,
            "`/project` is a new directory, and 1 more difference",
        );
        let written = passes(&lab, &["lock"]);
        let note = "note: `/project` is the host's own and not locked\n";
        assert!(written.err.contains(note), "{written:?}");
        assert!(text(&lab).contains("\nnot-locked bind /project\n"));
        lab.file("project/any", "thing");
        passes(&lab, &["up", "--locked"]);
    }
}

#[test]
fn another_name_of_the_run_is_no_other_tree() {
    let lab = lab(Caller::Unprivileged);
    write_profile(&lab, "namespaces.hostname = \"dev\"");
    passes(&lab, &["lock"]);
    passes(&lab, &["up", "--locked", "--name", &lab.name]);
    let sound = text(&lab);
    lab.file(
        "dev.lock",
        &sound.replace("profile dev\n", "profile other\n"),
    );
    refused(
        &lab,
        &["up", "--locked"],
        125,
        "the sandbox is named `dev`, was named `other`",
    );
}

/// A lock is kept in git, for all who start the sandbox and for CI.
#[test]
fn a_lock_is_good_for_everybody() {
    let labs: Vec<Lab> = Caller::all().into_iter().map(lab).collect();
    let mut locks = Vec::new();
    for lab in &labs {
        passes(lab, &["lock"]);
        assert!(text(lab).contains("\n/etc/passwd generated 0644\n"));
        locks.push(text(lab));
    }
    locks.dedup();
    assert_eq!(locks.len(), 1, "{locks:#?}");
    // What the profile itself states is locked.
    let lab = &labs[0];
    let profile = fs::read_to_string(lab.path("dev.toml")).unwrap();
    let own = "rootfs.source = [{ file = \"/etc/passwd\", text = \"x:x:1:1:x:/:/bin/sh\\n\" },";
    lab.file("dev.toml", &profile.replace("rootfs.source = [", own));
    refused(
        lab,
        &["up", "--locked"],
        125,
        "`/etc/passwd`, which the profile gives, is a file, was a generated file",
    );
}

#[test]
fn what_nobody_can_read_is_not_locked() {
    let lab = lab(Caller::Unprivileged);
    let profile = fs::read_to_string(lab.path("dev.toml")).unwrap();
    let closed = "rootfs.source = [{ file = \"/closed\", text = \"x\", mode = \"0200\" },";
    lab.file("dev.toml", &profile.replace("rootfs.source = [", closed));
    refused(
        &lab,
        &["lock"],
        1,
        "`/closed` in the root tree cannot be read: permission denied",
    );
    assert_eq!(beside(&lab), ["dev.toml"]);
}

/// A start rests on what was read when the tree was new; a check reads everything again.
#[test]
fn a_tree_that_was_altered_does_not_pass_a_check() {
    for caller in Caller::all() {
        let lab = lab(caller);
        passes(&lab, &["lock"]);
        let mut trees = fs::read_dir(lab.path("cache/sandbox/trees")).unwrap();
        let tree = trees.next().unwrap().unwrap().path().join("root");
        let tool = tree.join("tools/tool");
        fs::set_permissions(&tool, Permissions::from_mode(0o644)).unwrap();
        fs::write(&tool, "evil\n").unwrap();
        passes(&lab, &["up", "--locked"]);
        refused(
            &lab,
            &["check", "--locked"],
            1,
            "`/tools/tool` changed (4 to 5 bytes)",
        );
        // And so it is known at the next start.
        refused(
            &lab,
            &["up", "--locked"],
            125,
            "`/tools/tool` changed (4 to 5 bytes)",
        );
    }
}
