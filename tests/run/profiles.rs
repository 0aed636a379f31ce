//! Profiles of several files, with parameters and by name: what starts, as every caller.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::support::{Caller, Ended, Lab, finish, sandbox};

/// Runs `sandbox` with these words, in the lab's own directory `work`.
fn run(lab: &Lab, arguments: &[&str]) -> Ended {
    let mut command = lab.host(sandbox());
    command.env("XDG_CONFIG_HOME", lab.path("home/config"));
    finish(command.args(arguments))
}

#[track_caller]
fn passes(lab: &Lab, arguments: &[&str]) -> String {
    let ended = run(lab, arguments);
    assert_eq!(
        ended.code(),
        0,
        "{:?}: {arguments:?}: {ended:?}",
        lab.caller
    );
    ended.out
}

const ECHO: &str = ", { programs = [\"echo\"] }";

/// A base below `lib` with a directory of its own, which it names by a relative path and by a variable.
fn with_base(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    lab.directory("lib/data");
    lab.file("lib/data/file", "of the base\n");
    lab.directory("data");
    lab.file("data/file", "of the profile\n");
    let base = lab.profile_with(
        ECHO,
        "command.args = [\"echo\", \"base\"]\ncommand.extra = \"append\"\nenv.set.BASE = \"${PROFILE_DIR}\"\n\
         [[mount]]\nbind = \"data\"\ntarget = \"/base\"\n[[mount]]\ntmpfs = \"/scratch\"\n",
    );
    lab.file("lib/base.toml", &base);
    lab
}

#[test]
fn each_file_speaks_of_its_own_directory() {
    for caller in Caller::all() {
        let lab = with_base(caller);
        let main = "version = 1\nextends = [\"lib/base.toml\"]\ncommand.extra = \"replace\"\n\
            env.set.MAIN = \"${PROFILE_DIR}\"\n[[mount]]\nbind = \"data\"\ntarget = \"/main\"\n\
            [remove]\nmount = [\"/scratch\"]\n";
        lab.file("main.toml", main);
        let script =
            "cat /base/file /main/file; echo $BASE; echo $MAIN; ls -d /scratch 2>/dev/null";
        let main = lab.text("main.toml");
        let ended = run(&lab, &["up", &main, "--", "sh", "-c", script]);
        let (base, top) = (lab.text("lib"), lab.path("lib/.."));
        let top = fs::canonicalize(top).unwrap();
        let expected = format!(
            "of the base\nof the profile\n{}\n{}\n",
            fs::canonicalize(base).unwrap().display(),
            top.display()
        );
        assert_eq!(ended.out, expected, "{caller:?}: {ended:?}");
    }
}

#[test]
fn what_stands_behind_the_dashes_is_for_the_profile_to_say() {
    for caller in Caller::all() {
        let lab = with_base(caller);
        let base = lab.text("lib/base.toml");
        assert_eq!(passes(&lab, &["up", &base, "--", "more"]), "base more\n");
        assert_eq!(passes(&lab, &["up", &base]), "base\n");
        for (extra, out, code) in [("replace", "other\n", 0), ("refuse", "", 125)] {
            let main = format!(
                "version = 1\nextends = [\"lib/base.toml\"]\ncommand.extra = \"{extra}\"\n"
            );
            lab.file("main.toml", &main);
            let main = lab.text("main.toml");
            let ended = run(&lab, &["up", &main, "--", "echo", "other"]);
            assert_eq!((ended.code(), ended.out.as_str()), (code, out), "{ended:?}");
        }
    }
}

#[test]
fn a_profile_starts_by_its_name() {
    for caller in Caller::all() {
        let lab = with_base(caller);
        let shelf = lab.directory("home/config/sandbox/profiles");
        assert!(shelf.is_dir());
        let text = lab.profile_with(ECHO, "command.args = [\"echo\", \"found\"]\n");
        lab.file("home/config/sandbox/profiles/tool.toml", &text);
        assert_eq!(passes(&lab, &["up", "tool"]), "found\n");
        passes(&lab, &["build", "tool"]);
        passes(&lab, &["lock", "tool"]);
        assert!(shelf.join("tool.lock").exists());
        assert_eq!(passes(&lab, &["up", "--locked", "tool"]), "found\n");
        // And a base by its name.
        lab.file("work/main.toml", "version = 1\nextends = [\"tool\"]\n");
        assert_eq!(passes(&lab, &["up", "main.toml"]), "found\n");
    }
}

/// A lock is of the tree: a parameter or a base that changes it is found, one that does not is not.
#[test]
fn a_lock_holds_whatever_a_tree_is_made_of() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        let base = lab.profile_with(
            ", { file = \"/word\", text = \"${param:word}\" }",
            "params.word = { default = \"one\" }\nparams.size = { default = \"1M\" }\n\
             command.args = [\"cat\", \"/word\"]\n[[mount]]\ntmpfs = \"/tmp\"\nsize = \"${param:size}\"\n",
        );
        lab.file("base.toml", &base);
        lab.file("main.toml", "version = 1\nextends = [\"base.toml\"]\n");
        let main = lab.text("main.toml");
        let locked = |more: &[&str]| run(&lab, &[&["up", "--locked", &main], more].concat());
        passes(&lab, &["lock", &main]);
        assert_eq!(locked(&[]).out, "one");
        assert_eq!(locked(&["--param", "size=2M"]).out, "one");
        let other = locked(&["--param", "word=two"]);
        assert_eq!(other.code(), 125, "{other:?}");
        assert!(other.err.starts_with("lock.differs\n"), "{other:?}");
        passes(&lab, &["lock", &main, "--param", "word=two"]);
        assert_eq!(locked(&["--param", "word=two"]).out, "two");
        assert_eq!(locked(&[]).code(), 125);
        lab.file("base.toml", &base.replace("\"one\"", "\"two\""));
        assert_eq!(locked(&[]).out, "two");
    }
}

#[test]
fn expectations_of_every_file_are_tried() {
    for caller in Caller::all() {
        let lab = with_base(caller);
        let main = "version = 1\nextends = [\"lib/base.toml\"]\nparams.path = { default = \"/etc/shadow\" }\n\
            expect = [{ deny_read = \"${param:path}\" }, { allow_write = \"/scratch\" }]\n";
        lab.file("main.toml", main);
        let main = lab.text("main.toml");
        passes(&lab, &["test", &main]);
        let ended = run(&lab, &["test", &main, "--param", "path=/base/file"]);
        assert_eq!(ended.code(), 1, "{ended:?}");
    }
}

#[test]
fn a_base_that_others_may_write_starts_nothing() {
    for caller in Caller::all() {
        let lab = with_base(caller);
        lab.file("main.toml", "version = 1\nextends = [\"lib/base.toml\"]\n");
        let main = lab.text("main.toml");
        assert_eq!(passes(&lab, &["up", &main]), "base\n");
        let base = lab.path("lib/base.toml");
        fs::set_permissions(&base, Permissions::from_mode(0o666)).unwrap();
        let ended = run(&lab, &["up", &main]);
        assert_eq!(ended.code(), 125, "{ended:?}");
        assert!(ended.err.starts_with("profile.others-write\n"), "{ended:?}");
    }
}
