//! What a program leaves in a checkout, and what git does with it outside: nothing, under `profiles/dev.toml`.

use std::fs;
use std::path::Path;

use super::support::{Caller, Lab, finish};

fn dev() -> String {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/dev.toml");
    fs::read_to_string(profile).unwrap()
}

/// The profile with other parts of the checkout protected.
fn dev_with(read_only: &str) -> String {
    let own = "read_only = [\"?.git\"]\n";
    let text = dev();
    assert!(text.contains(own));
    text.replace(own, read_only)
}

#[track_caller]
fn git(lab: &Lab, directory: &str, command: &[&str]) {
    let options = [
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.com",
        "-c",
        "protocol.file.allow=always",
    ];
    let mut git = lab.host("git");
    git.args(options).args(command);
    let ended = finish(git.current_dir(lab.path(directory)));
    assert_eq!(ended.code(), 0, "{command:?}: {ended:?}");
}

/// A checkout `work` with a submodule `sub`, and a worktree `tree` of it.
fn checkouts(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    lab.keep_apart();
    lab.directory("other");
    for directory in ["other", "work"] {
        lab.file(&format!("{directory}/README"), "text\n");
        git(&lab, directory, &["init", "--quiet"]);
        git(&lab, directory, &["add", "README"]);
        git(&lab, directory, &["commit", "--quiet", "--message=first"]);
    }
    let other = lab.text("other");
    git(
        &lab,
        "work",
        &["submodule", "--quiet", "add", &other, "sub"],
    );
    git(&lab, "work", &["commit", "--quiet", "--message=second"]);
    git(&lab, "work", &["worktree", "add", "--quiet", "../tree"]);
    lab
}

/// What each leaves; `$evil` is a program that git is made to run, and that leaves `$mark` outside.
const TRICKS: &[(&str, &str)] = &[
    (
        "hook",
        "mkdir -p .git/hooks; cp evil .git/hooks/post-index-change; cp evil .git/hooks/pre-commit",
    ),
    (
        "config",
        "printf '[core]\\n\\tfsmonitor = %s\\n' \"$PWD/evil\" >> .git/config",
    ),
    (
        "commondir",
        "cp -r .git own; printf '[core]\\n\\tfsmonitor = %s\\n' \"$PWD/evil\" >> own/config; echo \"$PWD/own\" > .git/commondir",
    ),
    (
        "config.worktree",
        "printf '[core]\\n\\tfsmonitor = %s\\n' \"$PWD/evil\" > .git/config.worktree",
    ),
    (
        "gitdir",
        "cp -r .git own; printf '[core]\\n\\tfsmonitor = %s\\n' \"$PWD/evil\" >> own/config; rm -rf .git; echo \"gitdir: $PWD/own\" > .git",
    ),
    (
        "moved",
        "cp -r .git own; printf '[core]\\n\\tfsmonitor = %s\\n' \"$PWD/evil\" >> own/config; mv .git away && mv own .git",
    ),
    (
        "module",
        "printf '[core]\\n\\tfsmonitor = %s\\n' \"$PWD/evil\" >> .git/modules/sub/config",
    ),
    (
        "attributes",
        "echo '* filter=x' > .git/info/attributes; printf '[filter \"x\"]\\n\\tclean = %s\\n' \"$PWD/evil\" >> .git/config; echo more >> README",
    ),
];

/// Runs a trick in a sandbox that starts in `directory`, then git outside: whether git ran the program.
fn is_run(lab: &Lab, directory: &str, profile: &str, trick: &str) -> bool {
    let mark = lab.path("mark");
    let script = format!(
        "printf '#!/bin/sh\\ntouch {}\\ncat\\n' > evil; chmod +x evil; ({trick}) 2>/dev/null; true",
        mark.display()
    );
    let mut up = lab.up(profile, &["bash", "-c", &script]);
    let ended = finish(up.current_dir(lab.path(directory)));
    assert_eq!(ended.code(), 0, "{trick}: {ended:?}");
    for command in [
        "status",
        "add --update",
        "commit --message=x --allow-empty",
        "diff",
    ] {
        let mut git = lab.host("git");
        git.args(["-c", "user.name=A", "-c", "user.email=a@example.com"]);
        git.args(command.split(' ')).env("GIT_PAGER", "cat");
        // How it ends is nothing here: a trick may have broken it.
        finish(git.current_dir(lab.path(directory)));
    }
    mark.exists()
}

#[test]
fn git_outside_runs_nothing_that_was_left_in_the_checkout() {
    for caller in Caller::all() {
        let lab = checkouts(caller);
        for directory in ["work", "tree"] {
            for (name, trick) in TRICKS {
                assert!(
                    !is_run(&lab, directory, &dev(), trick),
                    "{directory}: {name}"
                );
            }
        }
    }
}

/// Each trick is one: where nothing is protected git runs the program. To protect the hooks and the
/// configuration alone, as was once advised, is not enough.
#[test]
fn what_is_left_in_an_open_checkout_is_run() {
    let caller = Caller::all()[0];
    for (name, trick) in TRICKS.iter().filter(|(name, _)| *name != "config.worktree") {
        let lab = checkouts(caller);
        assert!(is_run(&lab, "work", &dev_with(""), trick), "{name}");
    }
    let lab = checkouts(caller);
    let parts = dev_with("read_only = [\"?.git/hooks\", \"?.git/config\"]\n");
    let (_, commondir) = TRICKS
        .iter()
        .find(|(name, _)| *name == "commondir")
        .unwrap();
    assert!(is_run(&lab, "work", &parts, commondir));
    let (_, gitdir) = TRICKS.iter().find(|(name, _)| *name == "gitdir").unwrap();
    let lab = checkouts(caller);
    let copy = lab.text("work/.git");
    let worktree = gitdir.replace(
        "cp -r .git own",
        &format!("cp -r {copy} own || git init -q x; mv x/.git own; true"),
    );
    assert!(is_run(&lab, "tree", &parts, &worktree));
}

/// A submodule's `.git` lies in the checkout: `git status` above it obeys what stands there.
#[test]
fn the_git_of_a_submodule_is_protected_by_its_path() {
    let trick = "cp -r .git/modules/sub own; \
        printf '[core]\\n\\tworktree = %s\\n\\tfsmonitor = %s\\n' \"$PWD/sub\" \"$PWD/evil\" >> own/config; \
        echo \"gitdir: $PWD/own\" > sub/.git";
    let caller = Caller::all()[0];
    let lab = checkouts(caller);
    assert!(is_run(&lab, "work", &dev(), trick), "the trick is one");
    let lab = checkouts(caller);
    let parts = dev_with("read_only = [\"?.git\", \"sub/.git\"]\n");
    assert!(!is_run(&lab, "work", &parts, trick));
}

#[test]
fn a_part_that_is_missing_is_told_in_one_line() {
    let lab = Lab::new(Caller::all()[0]);
    let work = lab.text("work");
    let mount = format!(
        "[[mount]]\nbind = \"{work}\"\naccess = \"rw\"\nread_only = [\"?.git\"]\nhide = [\"?.env\"]\n"
    );
    let profile = lab.profile(&mount);
    let ended = lab.run(&profile, &["true"]);
    let line = format!(
        "sandbox: warning: not protected, as it is missing: `{work}/.env`, `{work}/.git`\n"
    );
    assert!(ended.err.contains(&line), "{ended:?}");
    let checked = finish(
        lab.host(super::support::sandbox())
            .args(["check", "--host"])
            .arg(lab.path("profile.toml")),
    );
    assert!(checked.err.contains(&line), "{checked:?}");
    lab.directory("work/.git");
    lab.file("work/.env", "");
    let ended = lab.run(&profile, &["true"]);
    assert!(!ended.err.contains("missing"), "{ended:?}");
}
