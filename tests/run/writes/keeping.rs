//! Kept roots and volumes across runs, and that one run at a time holds them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::kept::{Store, Volumes};
use sandbox::model::SandboxName;

use super::super::support::{
    Caller, Lab, finish, finish_started, inside, root_only, start, within,
};

fn kept(lab: &Lab) -> String {
    lab.profile("rootfs.writes = \"keep\"\n")
}

fn with_volume(lab: &Lab) -> String {
    lab.profile("[[mount]]\nvolume = \"data\"\ntarget = \"/data\"\n")
}

#[test]
fn a_kept_root_has_what_earlier_runs_wrote_until_it_is_reset() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = kept(&lab);
        lab.script(&profile, "echo one > /file; mkdir /dir; rm /usr/bin/true");
        assert_eq!(lab.script(&profile, "cat /file; ls -d /dir"), "one\n/dir\n");
        let missing = lab.script(&profile, "ls /usr/bin/true 2>/dev/null || echo gone");
        assert_eq!(missing, "gone\n");
        let changes = lab.kept_says(&["changes"]);
        assert!(changes.starts_with("the root tree\n"), "{changes}");
        for line in ["deleted  /usr/bin/true", "added    /dir/", "added    /file"] {
            assert!(changes.contains(line), "{changes}");
        }
        assert_eq!(lab.report()["kept"][0]["kind"], "tree");
        lab.kept_says(&["reset"]);
        assert!(!lab.kept().exists());
        let fresh = lab.script(&profile, "ls /file /dir 2>/dev/null; ls /usr/bin/true");
        assert_eq!(fresh, "/usr/bin/true\n");
    }
}

#[test]
fn other_words_of_writes_keep_nothing() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (word, script) in [
            ("deny", "! echo x 2>/dev/null > /file"),
            ("discard", "echo x > /file && cat /file > /dev/null"),
        ] {
            let profile = lab.profile(&format!("rootfs.writes = \"{word}\"\n"));
            lab.script(&profile, script);
            lab.script(&profile, "! ls /file 2>/dev/null");
            assert!(!lab.kept().exists(), "{word}");
            lab.kept_refuses(&["changes"], "kept.nothing");
        }
        let profile = lab.profile("rootfs.writes = \"discard\"\nrootfs.writes_size = \"1M\"\n");
        let full = lab.run(&profile, &["head", "-c", "3000000", "/dev/zero"]);
        assert_eq!(full.code(), 0);
        let full = lab.run(&profile, &["sh", "-c", "head -c 3000000 /dev/zero > /file"]);
        assert!(full.err.contains("No space left"), "{full:?}");
    }
}

/// The program's id on the host may be another one day; its files may not be.
#[test]
fn what_root_keeps_belongs_to_root_on_the_host() {
    if !root_only("what_root_keeps_belongs_to_root_on_the_host") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let profile =
        lab.profile("rootfs.writes = \"keep\"\n[[mount]]\nvolume = \"data\"\ntarget = \"/data\"\n");
    for user in ["root", "1234:1234"] {
        let profile = format!("command.user = \"{user}\"\n{profile}");
        lab.script(&profile, "echo x >> /file; echo x >> /data/file");
    }
    for file in ["root/layers/upper/file", "volumes/data/file"] {
        let status = fs::metadata(lab.kept().join(file)).unwrap();
        assert_eq!(
            (status.uid(), status.gid(), status.len()),
            (0, 0, 4),
            "{file}"
        );
    }
    for directory in [lab.kept(), lab.kept().parent().unwrap().to_owned()] {
        let mode = fs::metadata(&directory).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700, "{directory:?}");
    }
}

/// Another tree comes below: what the program wrote and deleted stays, the rest is the new tree's.
#[test]
fn a_kept_root_survives_another_tree() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        let profile = |a: &str, b: &str, more: &str| {
            let sources = format!(
                ", {{ file = \"/d/a\", text = \"{a}\" }}, {{ file = \"/d/b\", text = \"{b}\" }}{more}"
            );
            lab.profile_with(&sources, "rootfs.writes = \"keep\"\n")
        };
        let first = profile("a1", "b1", ", { file = \"/d/c\", text = \"c1\" }");
        lab.script(&first, "echo mine > /d/a; rm /d/c; echo new > /d/n");
        let second = profile(
            "a2",
            "b2",
            ", { file = \"/d/c\", text = \"c2\" }, { file = \"/d/e\", text = \"e2\" }",
        );
        let seen = lab.script(&second, "cat /d/a /d/b /d/e /d/n; ls /d");
        assert_eq!(seen, "mine\nb2e2new\na\nb\ne\nn\n");
        let changes = lab.kept_says(&["changes"]);
        for line in ["deleted  /d/c", "changed  /d/a", "added    /d/n"] {
            assert!(changes.contains(line), "{changes}");
        }
        // A directory of the tree becomes a file, and one that was written in.
        let third = lab.profile_with(
            ", { file = \"/d\", text = \"file\" }",
            "rootfs.writes = \"keep\"\n",
        );
        assert_eq!(lab.script(&third, "cat /d/a; ls /d"), "mine\na\nn\n");
    }
}

#[test]
fn a_volume_is_the_sandboxs_own_and_lasts() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = with_volume(&lab);
        lab.script(
            &profile,
            "echo x > /data/file; mkdir /data/dir; stat -c %u /data",
        );
        assert_eq!(lab.script(&profile, "cat /data/file"), "x\n");
        lab.kept_says(&["reset"]);
        assert_eq!(
            lab.script(&profile, "cat /data/file"),
            "x\n",
            "a reset kept it"
        );
        let options = profile.replace(
            "target = \"/data\"",
            "target = \"/x\"\noptions = [\"noexec\"]",
        );
        let noexec = "cat /usr/bin/true > /x/run; ls /x; head -1 /proc/self/mounts > /dev/null; \
                      while read -r _ place _ flags _; do test $place = /x && echo $flags; done < /proc/self/mounts; true";
        let seen = lab.script(&options, noexec);
        for flag in ["noexec", "nosuid", "nodev", "rw"] {
            assert!(seen.contains(flag), "{seen}");
        }
        lab.kept_says(&["reset", "--volumes"]);
        assert!(!lab.kept().exists());
        assert_eq!(lab.script(&profile, "ls /data"), "");
    }
}

#[test]
fn each_name_has_volumes_of_its_own() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = with_volume(&lab);
        lab.script(&profile, "echo x > /data/file");
        let (file, other) = (lab.text("profile.toml"), format!("{}-other", lab.name));
        let mut up = lab.host(super::sandbox());
        let ended = finish(up.args(["up", "--name", &other, &file, "--", "ls", "/data"]));
        assert_eq!((ended.code(), ended.out.as_str()), (0, ""), "{ended:?}");
        let mut reset = lab.host(super::sandbox());
        let ended = finish(reset.args(["reset", "--volumes", &other]));
        assert_eq!(ended.code(), 0, "{ended:?}");
        assert_eq!(lab.script(&profile, "cat /data/file"), "x\n");
    }
}

#[test]
fn what_is_mounted_in_a_volume_has_its_place_made_there() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = with_volume(&lab) + "[[mount]]\ntmpfs = \"/data/a/b\"\n";
        lab.script(&profile, "echo x > /data/a/b/file");
        assert_eq!(lab.script(&profile, "ls /data/a/b; ls /data"), "a\n");
    }
}

#[test]
fn one_run_at_a_time_holds_what_is_kept() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = kept(&lab);
        let up = start(&mut lab.up(&profile, &["sleep", "30"]));
        let processes = inside(&up);
        let second = lab.run(&profile, &["true"]);
        assert_eq!(second.code(), 125, "{second:?}");
        for text in ["kept.in-use", &lab.name, "rootfs.writes", "--name"] {
            assert!(second.err.contains(text), "{text}: {second:?}");
        }
        let looked = lab.about_kept(&["changes"]);
        let told = format!("note: `{}` runs, and may still change this", lab.name);
        assert!(
            looked.code() == 0 && looked.err.contains(&told),
            "{looked:?}"
        );
        for command in [&["reset"][..], &["apply"], &["discard"]] {
            lab.kept_refuses(command, "kept.in-use");
        }
        lab.kept_says(&["changes"]);
        // Whoever keeps nothing runs beside it, with a number.
        assert_eq!(lab.script(&lab.profile(""), "echo fine"), "fine\n");
        assert_eq!(lab.report()["name"], format!("{}-2", lab.name));
        kill(Pid::from_raw(processes[1]), Signal::SIGKILL).unwrap();
        finish_started(up);
        lab.script(&profile, "true");
    }
}

#[test]
fn a_killed_supervisor_leaves_what_was_written_and_no_lock() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = kept(&lab);
        let mut up = start(&mut lab.up(&profile, &["sh", "-c", "echo x > /file; sleep 30"]));
        let processes = inside(&up);
        let file = lab.kept().join("root/layers/upper/file");
        assert!(within(Duration::from_secs(10), || {
            fs::read_to_string(&file).is_ok_and(|text| text == "x\n")
        }));
        up.kill().unwrap();
        up.wait().unwrap();
        assert_eq!(lab.script(&profile, "cat /file"), "x\n");
        let gone = |pid: &i32| kill(Pid::from_raw(*pid), None).is_err();
        assert!(within(Duration::from_secs(5), || processes
            .iter()
            .all(gone)));
    }
}

/// What a start that was killed left half made is made anew, and what it was removing is removed.
#[test]
fn half_made_layers_are_made_anew() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = kept(&lab);
        lab.script(&profile, "echo x > /file");
        let root = lab.kept().join("root");
        fs::rename(root.join("layers"), root.join(".layers")).unwrap();
        fs::rename(root.join(".layers/upper"), lab.kept().join("trash/3")).unwrap();
        assert_eq!(lab.kept_says(&["changes"]), "no changes\n");
        assert_eq!(
            lab.script(&profile, "ls /file 2>/dev/null || echo new"),
            "new\n"
        );
        assert!(!root.join(".layers").exists());
        assert_eq!(fs::read_dir(lab.kept().join("trash")).unwrap().count(), 0);
    }
}

#[test]
fn a_start_that_is_killed_stands_in_nobodys_way() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project() + "[[mount]]\nvolume = \"data\"\ntarget = \"/data\"\n";
        let profile = profile.replacen("\n[[mount]]", "\nrootfs.writes = \"keep\"\n[[mount]]", 1);
        lab.script(&profile, "true");
        lab.kept_says(&["reset", "--volumes"]);
        for milliseconds in 0..24 {
            let mut up =
                start(&mut lab.up(&profile, &["sh", "-c", "echo x >> /desk/new; sleep 9"]));
            std::thread::sleep(Duration::from_millis(milliseconds));
            up.kill().unwrap();
            finish_started(up);
        }
        let seen = lab.script(
            &profile,
            "echo x >> /desk/new; echo x > /data/x; head -n 1 /desk/new",
        );
        assert_eq!(seen, "x\n");
        lab.kept_says(&["apply"]);
        lab.kept_says(&["reset", "--volumes"]);
        assert!(!lab.kept().exists());
    }
}

#[test]
fn a_record_that_is_damaged_or_newer_is_told() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        lab.script(&profile, "echo x > /desk/new");
        let overlays = fs::read_dir(lab.kept().join("overlays")).unwrap();
        let record = overlays.last().unwrap().unwrap().path().join("record.json");
        for (text, word) in [("{\"version\": 9}", "newer"), ("{", "damaged")] {
            fs::write(&record, text).unwrap();
            let ended = lab.run(&profile, &["true"]);
            assert!(
                ended.code() == 125 && ended.err.contains("kept.record"),
                "{ended:?}"
            );
            let refused = lab.kept_refuses(&["changes"], "kept.record");
            assert!(refused.err.contains(word), "{refused:?}");
        }
        lab.kept_says(&["discard"]);
        assert_eq!(
            lab.script(&profile, "ls /desk/new 2>/dev/null || echo gone"),
            "gone\n"
        );
    }
}

#[test]
fn a_directory_that_others_reach_is_not_used() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = kept(&lab);
        lab.script(&profile, "true");
        fs::set_permissions(lab.kept(), fs::Permissions::from_mode(0o755)).unwrap();
        let ended = lab.run(&profile, &["true"]);
        assert!(
            ended.code() == 125 && ended.err.contains("kept.not-private"),
            "{ended:?}"
        );
        lab.kept_refuses(&["changes"], "kept.not-private");
        fs::remove_dir_all(lab.kept()).unwrap_or_default();
        if lab.kept().exists() {
            // The overlay's own directory is closed to its owner.
            continue;
        }
        let elsewhere = lab.directory("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, lab.kept()).unwrap();
        let ended = lab.run(&profile, &["true"]);
        assert!(
            ended.code() == 125 && ended.err.contains("kept.not-private"),
            "{ended:?}"
        );
        lab.kept_refuses(&["reset"], "kept.not-private");
        assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
        fs::remove_file(lab.kept()).unwrap();
    }
}

/// The first process lets the lock go before the kernel has ended all others.
#[test]
fn nobody_writes_any_more_when_the_lock_of_a_killed_run_is_had() {
    let lab = Lab::new(Caller::all()[0]);
    let profile = with_volume(&lab);
    let name: SandboxName = lab.name.parse().unwrap();
    for _ in 0..5 {
        let writers = "for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do \
                       (while :; do echo x >> /data/f$i; done) & done; sleep 60";
        let child = start(&mut lab.up(&profile, &["sh", "-c", writers]));
        let size = |number| {
            let file = lab.kept().join(format!("volumes/data/f{number}"));
            fs::metadata(file).map_or(0, |found| found.len())
        };
        let written = || (0..20).map(size).sum::<u64>();
        assert!(within(Duration::from_secs(20), || (0..20)
            .all(|number| size(number) > 0)));
        kill(
            Pid::from_raw(child.id().try_into().unwrap()),
            Signal::SIGKILL,
        )
        .unwrap();
        let store = Store::find(lab.kept().parent().unwrap()).unwrap().unwrap();
        let held = store.lock(&name).unwrap();
        let before = written();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(written(), before);
        held.reset(Volumes::Dropped).unwrap();
        finish_started(child);
    }
}

/// A program that is shown the user's home must not lay its own data for other sandboxes there.
#[test]
fn a_bind_of_the_home_does_not_show_what_is_kept() {
    let lab = Lab::new(Caller::Unprivileged);
    let bind = format!(
        "[[mount]]\nbind = \"{}\"\naccess = \"rw\"\n",
        lab.text("home")
    );
    let profile = lab.profile(&bind);
    let place = lab.text("home/.local/share/sandbox");
    let script = format!("ls {place}; mkdir {place}/x 2>/dev/null || echo closed");
    assert_eq!(lab.script(&profile, &script), "closed\n");
    assert!(lab.path("home/.local/share/sandbox").is_dir());
}

#[test]
fn a_name_that_keeps_nothing_is_told_with_one_that_does() {
    let lab = Lab::new(Caller::all()[0]);
    lab.script(&kept(&lab), "true");
    let mut wrong = lab.host(super::sandbox());
    let near = format!("{}x", lab.name);
    let ended = finish(wrong.args(["changes", &near]));
    assert!(
        ended.code() == 1 && ended.err.contains("kept.nothing"),
        "{ended:?}"
    );
    assert!(ended.err.contains(&format!("`{near}`")), "{ended:?}");
    let ended = finish(lab.host(super::sandbox()).args(["reset", "../x"]));
    assert_eq!(ended.code(), 2, "{ended:?}");
    let ended = finish(lab.host(super::sandbox()).args(["apply", &lab.name, "x"]));
    assert_eq!(ended.code(), 2, "{ended:?}");
}
