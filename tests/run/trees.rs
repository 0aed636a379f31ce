//! `sandbox build`, `store` and `gc`: the real program, as every caller.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::process::Command;

use super::support::{Caller, Ended, Lab, Lack, finish, sandbox, skip, start, within};

/// A lab with a store of its own and two profiles, which share all files but one.
fn lab(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    lab.keep_apart();
    lab.file("own", "only the second has this\n");
    profile(&lab, "one", "");
    let own = lab.text("own");
    profile(
        &lab,
        "two",
        &format!(", {{ copy = \"{own}\", to = \"/own\" }}"),
    );
    lab
}

fn profile(lab: &Lab, name: &str, sources: &str) {
    let text = format!(
        "version = 1\nname = \"same\"\ncommand.args = [\"sh\"]\nenv.set.PATH = \"/usr/bin:/bin\"\nrootfs.writes = \"deny\"\n\
         rootfs.source = [{{ programs = [\"sh\", \"sleep\"] }}{sources}]\n"
    );
    lab.file(&format!("{name}.toml"), &text);
}

fn run(lab: &Lab, arguments: &[&str]) -> Ended {
    let mut command = lab.host(sandbox());
    finish(command.args(arguments).current_dir(lab.path("")))
}

#[track_caller]
fn says(lab: &Lab, arguments: &[&str]) -> String {
    let ended = run(lab, arguments);
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{ended:?}");
    ended.out
}

fn trees(lab: &Lab) -> Vec<serde_json::Value> {
    let listed = says(lab, &["store", "--json"]);
    serde_json::from_str(&listed).unwrap()
}

/// The root directory that `build` names.
fn root(said: &str) -> PathBuf {
    said.lines().next().unwrap().into()
}

#[test]
fn a_build_says_where_it_is_and_what_was_shared() {
    for caller in Caller::all() {
        let lab = lab(caller);
        let first = says(&lab, &["build", "one.toml"]);
        assert!(root(&first).join("usr/bin/sleep").exists(), "{first}");
        assert!(
            first.contains(" files, ") && first.contains(" written in "),
            "{first}"
        );
        let again = says(&lab, &["build", "one.toml"]);
        assert_eq!(root(&again), root(&first));
        assert!(again.contains("found as it was built before"), "{again}");
        let second = says(&lab, &["build", "two.toml"]);
        let sleep = |said: &str| fs::metadata(root(said).join("usr/bin/sleep")).unwrap();
        assert_eq!(sleep(&first).ino(), sleep(&second).ino());
        assert!(second.contains("25 B written"), "{second}");
        let host = fs::canonicalize("/usr/bin/sleep").unwrap();
        assert_ne!(sleep(&first).ino(), fs::metadata(host).unwrap().ino());
    }
}

#[test]
fn an_output_is_a_tree_to_take_away() {
    for caller in Caller::all() {
        let lab = lab(caller);
        lab.directory("place");
        let output = lab.text("place/tree");
        says(&lab, &["build", "two.toml", "--output", &output]);
        assert_eq!(
            fs::read_to_string(lab.path("place/tree/own")).unwrap(),
            "only the second has this\n"
        );
        let file = fs::metadata(lab.path("place/tree/own")).unwrap();
        assert_eq!((file.uid(), file.nlink()), (caller.uid(), 1));
        let ended = run(&lab, &["build", "two.toml", "--output", &output]);
        assert_eq!(ended.code(), 1);
        assert!(ended.err.contains("directory not empty"), "{ended:?}");
    }
}

#[test]
fn what_was_altered_is_named_and_no_sandbox_sees_it_after_a_verification() {
    for caller in Caller::all() {
        let lab = lab(caller);
        let built = root(&says(&lab, &["build", "two.toml"]));
        let file = fs::File::options()
            .write(true)
            .open(built.join("own"))
            .unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.write_all_at(b"XXXX", 0).unwrap();
        file.set_modified(modified).unwrap();
        drop(file);
        let ended = run(
            &lab,
            &[
                "up",
                "--verify",
                "two.toml",
                "--",
                "sh",
                "-c",
                "read a < /own; echo $a",
            ],
        );
        assert_eq!(
            (ended.code(), ended.out.as_str()),
            (0, "only the second has this\n")
        );
        assert!(ended.err.contains("was altered in the store"), "{ended:?}");
        let named = built.join("own");
        assert!(ended.err.contains(named.to_str().unwrap()), "{ended:?}");
        let again = run(
            &lab,
            &["up", "--verify", "two.toml", "--", "sh", "-c", "exit 0"],
        );
        assert_eq!((again.code(), again.err.as_str()), (0, ""));
    }
}

#[test]
fn garbage_is_what_no_profile_lock_or_sandbox_uses() {
    for caller in Caller::all() {
        let lab = lab(caller);
        assert_eq!(says(&lab, &["store"]), "no trees\n");
        for name in ["one.toml", "two.toml"] {
            says(&lab, &["build", name]);
        }
        let gc = || says(&lab, &["gc"]);
        assert_eq!(gc(), "removed 0 trees and 0 files that no tree has, 0 B\n");
        let users = |tree: &serde_json::Value| tree["users"].as_array().unwrap().len();
        assert_eq!(trees(&lab).iter().map(users).collect::<Vec<_>>(), [1, 1]);
        // A lock holds the tree when its profile is gone.
        says(&lab, &["lock", "two.toml"]);
        fs::remove_file(lab.path("two.toml")).unwrap();
        assert_eq!(gc(), "removed 0 trees and 0 files that no tree has, 0 B\n");
        fs::remove_file(lab.path("two.lock")).unwrap();
        let would = says(&lab, &["gc", "--dry-run"]);
        assert_eq!(
            would,
            "would remove 1 tree and 1 file that no tree would have, 25 B\n"
        );
        assert_eq!(gc(), "removed 1 tree and 1 file that no tree has, 25 B\n");
        // So does a sandbox.
        let mut command = lab.host(sandbox());
        command
            .args(["up", "one.toml", "--", "sleep", "60"])
            .current_dir(lab.path(""));
        let mut running = start(&mut command);
        let in_use = || trees(&lab).iter().any(|tree| tree["in_use"] == true);
        assert!(within(std::time::Duration::from_secs(20), in_use));
        fs::remove_file(lab.path("one.toml")).unwrap();
        assert_eq!(gc(), "removed 0 trees and 0 files that no tree has, 0 B\n");
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(within(std::time::Duration::from_secs(20), || !in_use()));
        assert!(gc().starts_with("removed 1 tree and "));
        assert_eq!(says(&lab, &["store"]), "no trees\n");
    }
}

/// Names of every length and kind, several names of one file, attributes, and what an image says of its command.
#[test]
fn an_image_of_a_tree_is_read_by_others_and_by_us() {
    for caller in Caller::all() {
        let lab = lab(caller);
        let long = "n".repeat(200);
        lab.file(&format!("own-{long}"), "long\n");
        let source = |name: &str| {
            format!(
                ", {{ copy = \"{}\", to = \"/o/{name}\" }}",
                lab.text(&format!("own-{long}"))
            )
        };
        let deep = format!("{}/{long}", "d".repeat(90));
        let rest = format!(
            "{}{}, {{ symlink = \"/o/link\", target = \"{long}/{long}\" }}",
            source(&long),
            source(&deep)
        );
        profile(&lab, "one", &rest);
        let text = fs::read_to_string(lab.path("one.toml")).unwrap();
        let text = text.replace(
            "env.set.PATH",
            "env.set.WHERE = \"there\"\ncommand.workdir = \"/o\"\nenv.set.PATH",
        );
        let command = "command.args = [\"sh\", \"-c\", \"echo $WHERE $PWD; for f in n*; do read a < $f; echo $a; done\"]";
        lab.file(
            "one.toml",
            &text.replace("command.args = [\"sh\"]", command),
        );
        lab.directory("place");
        let outputs = ["one", "other"].map(|name| lab.text(&format!("place/{name}")));
        for output in &outputs {
            says(
                &lab,
                &["build", "one.toml", "--format", "oci", "--output", output],
            );
        }
        let index = |output: &str| fs::read(PathBuf::from(output).join("index.json")).unwrap();
        assert_eq!(
            index(&outputs[0]),
            index(&outputs[1]),
            "the same tree, the same bytes"
        );
        lab.file(
            "again.toml",
            &format!(
                "version = 1\ncommand.args = \"image\"\nrootfs.source = [{{ image = \"{}\" }}]\n",
                outputs[0]
            ),
        );
        let up = run(&lab, &["up", "again.toml"]);
        assert_eq!(
            (up.code(), up.out.as_str()),
            (0, "there /o\nlong\n"),
            "{up:?}"
        );
        by_others(&lab, &outputs[0], &long);
    }
}

fn by_others(lab: &Lab, image: &str, long: &str) {
    for tool in ["skopeo", "umoci"] {
        if Command::new(tool).arg("--version").output().is_err() {
            skip(
                "an_image_of_a_tree_is_read_by_others_and_by_us",
                &Lack::Tool(tool),
            );
            return;
        }
    }
    let name = format!("{image}:same");
    let bundle = lab.text("place/bundle");
    let mut unpack = lab.host("umoci");
    unpack.args(["unpack", "--rootless", "--image", &name, &bundle]);
    let unpacked = finish(&mut unpack);
    assert_eq!(unpacked.code(), 0, "{unpacked:?}");
    let file = PathBuf::from(&bundle).join("rootfs/o").join(long);
    assert_eq!(fs::read_to_string(file).unwrap(), "long\n");
    let mut inspect = lab.host("skopeo");
    inspect.args(["inspect", &format!("oci:{name}")]);
    let inspected = finish(&mut inspect);
    assert!(inspected.out.contains("WHERE=there"), "{inspected:?}");
}
