//! Overlays over binds, and how `changes` tells what was written.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use super::super::support::{Caller, Lab, Lack, finish, root_only, skip};
use super::picture;

#[test]
fn an_overlay_leaves_the_host_untouched_and_shows_its_writes_again() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        let before = picture(&lab.path("project"));
        let script = "cd /desk; echo two >> README; rm -r old; mkdir old; echo new > old/new; \
                      chmod 755 src/main; mv src/main src/moved; touch empty";
        lab.script(&profile, script);
        assert_eq!(picture(&lab.path("project")), before, "{caller:?}");
        let seen = lab.script(
            &profile,
            "cd /desk; cat README; ls old src; stat -c %a src/moved",
        );
        assert_eq!(seen, "one\ntwo\nold:\nnew\n\nsrc:\nmoved\n755\n");
        let changes = lab.kept_says(&["changes"]);
        let expected = format!(
            "/desk, over {} of the host\n  \
             deleted  /desk/old/a\n  deleted  /desk/old/deep/\n  deleted  /desk/src/main\n  \
             changed  /desk/README\n  \
             added    /desk/empty\n  added    /desk/old/new\n  added    /desk/src/moved\n",
            lab.text("project")
        );
        assert_eq!(changes, expected);
    }
}

#[test]
fn each_difference_is_told_in_its_own_words() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        lab.link("project/link", "README");
        lab.file("project/same", "same\n");
        lab.file("project/binary", "a");
        let script = "cd /desk; chmod 700 src; chmod 755 README; ln -sf src link; touch same; \
                      echo same > same; printf 'a\\0b' > binary; rm old/a; mkdir old/a; \
                      rm -r old/deep; echo > old/deep; mkfifo pipe; mkdir \"new\u{1b}[31m\"; \
                      ln -s \"/etc/\u{1b}c\" out";
        lab.script(&profile, script);
        let changes = lab.kept_says(&["changes"]);
        for line in [
            "  deleted  /desk/old/a\n",
            "  deleted  /desk/old/deep/\n",
            "  changed  /desk/README  mode 0644 -> 0755\n",
            "  changed  /desk/link  (link to src)\n",
            "  added    /desk/out  (link to /etc/\\u{1b}c)\n",
            "  changed  /desk/src/  mode 0755 -> 0700\n",
            "  changed  /desk/binary\n",
            "  added    /desk/old/a/\n",
            "  added    /desk/old/deep\n",
            "  added    /desk/pipe  (named pipe)\n",
            "  added    /desk/new\\u{1b}[31m/\n",
        ] {
            assert!(changes.contains(line), "{line:?}: {changes}");
        }
        assert!(!changes.contains("same"), "{changes}");
        let places: Vec<_> = ["deleted", "changed", "added"]
            .iter()
            .map(|word| (changes.find(word).unwrap(), changes.rfind(word).unwrap()))
            .collect();
        assert!(
            places.windows(2).all(|pair| pair[0].1 < pair[1].0),
            "{changes}"
        );
        let diff = lab.kept_says(&["changes", "--diff"]);
        for text in [
            "-README\n+src\n",
            "# binary files differ\n",
            "--- a/desk/old/a\n+++ /dev/null\n",
        ] {
            assert!(diff.contains(text), "{text:?}: {diff}");
        }
        let json = lab.kept_says(&["changes", "--json"]);
        crate::schemas::judge("changes", &json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["version"], 1);
        let layer = &json["layers"][0];
        assert_eq!(layer["source"], lab.text("project"));
        let changes = layer["changes"].as_array().unwrap();
        let out = changes.iter().find(|change| change["path"] == "/desk/out");
        assert_eq!(out.unwrap()["target"], "/etc/\u{1b}c");
        let first = &layer["changes"][0];
        assert_eq!(first["act"], "deleted");
        assert_eq!(
            first["host_path"],
            lab.text("project/binary").replace("binary", "old/a")
        );
    }
}

#[test]
fn a_diff_is_what_patch_takes() {
    if finish(
        Lab::new(Caller::Unprivileged)
            .host("sh")
            .args(["-c", "command -v patch"]),
    )
    .code()
        != 0
    {
        return skip("a_diff_is_what_patch_takes", &Lack::Tool("no patch"));
    }
    let lab = Lab::new(Caller::all()[0]);
    let profile = lab.project();
    lab.script(
        &profile,
        "cd /desk; echo two >> README; rm old/a; echo x > added",
    );
    let patch = lab.kept_says(&["changes", "--diff"]);
    let file = lab.file("patch", &patch);
    let project = lab.path("project");
    let ended = finish(
        lab.host("patch")
            .args(["-p2", "-i"])
            .arg(file)
            .current_dir(&project),
    );
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(
        fs::read_to_string(project.join("README")).unwrap(),
        "one\ntwo\n"
    );
    assert!(!project.join("old/a").exists() && project.join("added").exists());
}

/// The owner map shows the checkout's files as the program's, and new ones belong to its owner.
#[test]
fn an_overlay_of_roots_belongs_to_the_owner_of_the_directory() {
    if !root_only("an_overlay_of_roots_belongs_to_the_owner_of_the_directory") {
        return;
    }
    for owner in [0, 4242] {
        let lab = Lab::new(Caller::Root);
        let profile = lab.project();
        for path in picture(&lab.path("project")).keys() {
            chown(lab.path("project").join(path), Some(owner), Some(owner)).unwrap();
        }
        for user in ["root", "1234:1234"] {
            let profile = format!("command.user = \"{user}\"\n{profile}");
            let script = "cd /desk; stat -c %u README; id -u; echo x >> README; echo x >> src/main; \
                          echo x >> src/new; ln -sf x link";
            let seen = lab.script(&profile, script);
            let (owner, own) = seen.trim().split_once('\n').unwrap();
            assert_eq!(owner, own, "shown as the program's");
        }
        lab.kept_says(&["apply"]);
        for (path, text) in picture(&lab.path("project")) {
            assert_eq!(
                text.split(' ').nth(1),
                Some(owner.to_string().as_str()),
                "{path:?}"
            );
        }
        let link = fs::symlink_metadata(lab.path("project/link")).unwrap();
        assert_eq!((link.uid(), link.gid()), (owner, owner));
        assert_eq!(
            fs::read_to_string(lab.path("project/src/new")).unwrap(),
            "x\nx\n"
        );
    }
}

#[test]
fn another_owner_of_the_directory_is_told() {
    if !root_only("another_owner_of_the_directory_is_told") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let profile = lab.project();
    lab.script(&profile, "echo x > /desk/new");
    chown(lab.path("project"), Some(4242), Some(4242)).unwrap();
    let ended = lab.run(&profile, &["true"]);
    assert!(
        ended.code() == 125 && ended.err.contains("kept.other-owner"),
        "{ended:?}"
    );
}

/// What is another's cannot be changed inside, and nothing can be put beside it on the host.
#[test]
fn a_directory_of_others_is_read_and_not_applied_to() {
    let lab = Lab::new(Caller::Unprivileged);
    let profile = lab.overlaid().replace(&lab.text("project"), "/usr/share");
    let seen = lab.script(&profile, "echo x > /desk/new; ls -d /desk/doc");
    assert_eq!(seen, "/desk/doc\n");
    let refused = lab.kept_refuses(&["apply"], "kept.conflict");
    assert!(refused.err.contains("you may not write"), "{refused:?}");
    lab.kept_says(&["discard"]);
}

#[test]
fn a_directory_with_mounts_below_it_is_refused_by_name() {
    if !root_only("a_directory_with_mounts_below_it_is_refused_by_name") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let profile = lab.project();
    let file = lab.file("profile.toml", &profile);
    let below = lab.text("project/old");
    let script = format!(
        "mount -t tmpfs none {below} && exec {} up --name {} {} -- true",
        super::sandbox().display(),
        lab.name,
        file.display()
    );
    let mut command = lab.host("unshare");
    let ended = finish(command.args(["--mount", "--propagation", "private", "sh", "-c", &script]));
    assert_eq!(ended.code(), 125, "{ended:?}");
    assert!(
        ended.err.contains("mount.overlay-mounts") && ended.err.contains(&below),
        "{ended:?}"
    );
}

#[test]
fn a_directory_that_was_replaced_is_not_written_over() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        lab.script(&profile, "echo two >> /desk/README");
        fs::rename(lab.path("project"), lab.path("moved")).unwrap();
        lab.project();
        let ended = lab.run(&profile, &["true"]);
        assert!(
            ended.code() == 125 && ended.err.contains("kept.other-directory"),
            "{ended:?}"
        );
        let changes = lab.kept_says(&["changes"]);
        assert!(changes.contains("is another directory"), "{changes}");
        assert!(changes.contains("changed  /desk/README"), "{changes}");
        let before = picture(&lab.path("project"));
        lab.kept_refuses(&["apply"], "kept.no-directory");
        assert_eq!(picture(&lab.path("project")), before);
        lab.kept_says(&["discard"]);
        assert_eq!(lab.script(&profile, "cat /desk/README"), "one\n");
    }
}

/// One profile in two checkouts keeps two sets of writes.
#[test]
fn each_host_directory_has_writes_of_its_own() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let first = lab.project();
        lab.directory("other");
        lab.file("other/README", "other\n");
        let second = first.replace(&lab.text("project"), &lab.text("other"));
        lab.script(&first, "echo first >> /desk/README");
        assert_eq!(lab.script(&second, "cat /desk/README"), "other\n");
        lab.script(&second, "echo second >> /desk/README");
        assert_eq!(lab.script(&first, "cat /desk/README"), "one\nfirst\n");
        lab.kept_refuses(&["apply", "/desk/README"], "kept.several-overlays");
        lab.kept_says(&["apply", &lab.text("other/README")]);
        assert_eq!(
            fs::read_to_string(lab.path("other/README")).unwrap(),
            "other\nsecond\n"
        );
        assert_eq!(
            fs::read_to_string(lab.path("project/README")).unwrap(),
            "one\n"
        );
    }
}

#[test]
fn an_optional_overlay_over_nothing_is_left_out() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.overlaid() + "optional = true\n";
        lab.script(&profile, "true");
        assert_eq!(lab.report()["left_out"].as_array().unwrap().len(), 1);
    }
}
