//! The binary under other names: it starts the real program in its sandbox, or nothing at all.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::support::{Caller, Ended, Lab, finish, sandbox};

const SHELF: &str = "home/config/sandbox/profiles";

/// What the real program says: that it is inside, and its arguments.
const TOOL: &str = "#!/bin/sh\n[ -e /inside ] && printf inside\n[ -z \"$SECRET\" ] || printf leak\nprintf ' <%s>' \"$@\"\nexit 7\n";

/// A user with the wrapper `tool` in `bin`, the program in `real`, and a profile of that name.
fn wrapped(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    for directory in ["bin", "real", SHELF] {
        lab.directory(directory);
    }
    program(&lab, "real/tool", TOOL);
    lab.link("bin/tool", sandbox());
    profile(
        &lab,
        "command.args = [\"tool\", \"-x\"]\ncommand.extra = \"append\"\n",
    );
    lab
}

fn profile(lab: &Lab, rest: &str) {
    let sources = format!(
        ", {{ copy = \"{}\" }}, {{ file = \"/inside\", text = \"\" }}",
        lab.text("real")
    );
    let text = lab.profile_with(&sources, rest);
    lab.file(&format!("{SHELF}/tool.toml"), &text);
}

fn program(lab: &Lab, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let file = lab.file(name, text);
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// PATH of these directories of the lab, then those where programs are.
fn path(lab: &Lab, directories: &[&str]) -> String {
    let own = directories.iter().map(|directory| lab.text(directory));
    let all: Vec<String> = own.chain(["/usr/bin".to_owned()]).collect();
    all.join(":")
}

fn command(lab: &Lab, file: &str) -> Command {
    let mut command = lab.host(lab.path(file));
    command
        .env("XDG_CONFIG_HOME", lab.path("home/config"))
        .env("PATH", path(lab, &["bin", "real"]))
        .env("SECRET", "s3cret");
    command
}

#[track_caller]
fn refuses(ended: &Ended, code: i32, rule: &str) {
    assert_eq!(ended.code(), code, "{ended:?}");
    assert!(ended.err.starts_with(&format!("{rule}\n")), "{ended:?}");
    assert!(!ended.out.contains('<'), "it ran: {ended:?}");
}

#[test]
fn it_starts_the_real_program_inside_with_all_arguments() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        // Without it the program runs outside, and says so.
        let outside = finish(command(&lab, "real/tool").arg("a"));
        assert_eq!(outside.out, "leak <a>");
        let mut inside = command(&lab, "bin/tool");
        let inside = finish(inside.args(["a b", "--", "", "--help", "$HOME"]));
        assert_eq!(
            inside.out, "inside <-x> <a b> <--> <> <--help> <$HOME>",
            "{inside:?}"
        );
        assert_eq!(inside.code(), 7);
    }
}

#[test]
fn what_stands_behind_the_name_is_the_profiles_word() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        profile(
            &lab,
            "command.args = [\"tool\", \"-x\"]\ncommand.extra = \"replace\"\n",
        );
        assert_eq!(finish(command(&lab, "bin/tool").arg("a")).out, "inside <a>");
        assert_eq!(finish(&mut command(&lab, "bin/tool")).out, "inside <>");
        profile(
            &lab,
            "command.args = [\"tool\"]\ncommand.extra = \"refuse\"\n",
        );
        refuses(
            &finish(command(&lab, "bin/tool").arg("a")),
            125,
            "command.extra-refused",
        );
        // A profile that names another program means just that one.
        profile(
            &lab,
            "command.args = [\"head\", \"-c3\"]\ncommand.extra = \"append\"\n",
        );
        let ended = finish(command(&lab, "bin/tool").arg("/usr/bin/head"));
        assert_eq!((ended.code(), ended.out.len()), (0, 3), "{ended:?}");
    }
}

#[test]
fn the_first_word_may_have_any_form() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        for first in ["tool", "-tool", "/nowhere/tool", "./x/tool"] {
            let mut command = command(&lab, "bin/tool");
            let ended = finish(command.arg0(first).arg("a"));
            assert_eq!(ended.out, "inside <-x> <a>", "{first}: {ended:?}");
        }
        for first in ["", "sandbox", "sandbox-0.1"] {
            let mut command = command(&lab, "bin/tool");
            let ended = finish(command.arg0(first).arg("--version"));
            assert!(ended.out.starts_with("sandbox "), "{first}: {ended:?}");
        }
        for first in [
            "x/",
            "--tool",
            "Tool",
            "to ol",
            "..",
            ".",
            "t\u{f6}ol",
            "to\nol",
            "tool\u{1b}[2J",
        ] {
            let ended = finish(command(&lab, "bin/tool").arg0(first));
            refuses(&ended, 125, "wrap.name");
            // What a name holds is shown, and does nothing to the terminal.
            let odd = |character: char| character.is_control() && character != '\n';
            assert!(!ended.err.contains(odd), "{ended:?}");
            assert!(!ended.err.contains("to\nol"), "{ended:?}");
        }
    }
}

#[test]
fn without_a_profile_nothing_runs() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        fs::remove_file(lab.path(&format!("{SHELF}/tool.toml"))).unwrap();
        refuses(
            &finish(&mut command(&lab, "bin/tool")),
            125,
            "wrap.no-profile",
        );
        // One that cannot be read is none to pass over.
        lab.link(&format!("{SHELF}/tool.toml"), "gone");
        refuses(
            &finish(&mut command(&lab, "bin/tool")),
            125,
            "profile.not-found",
        );
    }
}

/// Where a user stands is often what a stranger wrote.
#[test]
fn a_checkout_does_not_choose_the_profile() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        let hostile = lab.profile("command.args = [\"echo\", \"taken over\"]\n");
        for place in ["work/profiles", "work/.sandbox"] {
            lab.directory(place);
            lab.file(&format!("{place}/tool.toml"), &hostile);
        }
        let ended = finish(command(&lab, "bin/tool").arg("a"));
        assert_eq!(ended.out, "inside <-x> <a>", "{ended:?}");
        fs::remove_file(lab.path(&format!("{SHELF}/tool.toml"))).unwrap();
        refuses(
            &finish(&mut command(&lab, "bin/tool")),
            125,
            "wrap.no-profile",
        );
    }
}

#[test]
fn links_to_itself_are_skipped_however_they_lead_there() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        for directory in ["links", "loop", "closed", "folder"] {
            lab.directory(directory);
        }
        lab.link("links/tool", lab.path("bin/tool"));
        lab.link("loop/tool", "other");
        lab.link("loop/other", "tool");
        lab.file("closed/tool", TOOL);
        lab.directory("folder/tool");
        let all = ["bin", "links", "loop", "closed", "folder", "real"];
        let mut through = command(&lab, "bin/tool");
        let ended = finish(through.env("PATH", path(&lab, &all)).arg("a"));
        assert_eq!(ended.out, "inside <-x> <a>", "{ended:?}");
        let mut only = command(&lab, "links/tool");
        let ended = finish(only.env("PATH", path(&lab, &all[..5])));
        refuses(&ended, 127, "wrap.no-program");
    }
}

#[test]
fn entries_of_path_that_are_empty_or_relative_do_not_count() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        program(&lab, "work/tool", "#!/bin/sh\necho '<here>'\n");
        for relative in ["", ":", ".", "../work:", "work:."] {
            let mut command = command(&lab, "bin/tool");
            let value = format!("{relative}:{}", lab.text("bin"));
            let ended = finish(command.env("PATH", value));
            refuses(&ended, 127, "wrap.no-program");
        }
        let ended = finish(command(&lab, "bin/tool").env_remove("PATH"));
        refuses(&ended, 127, "wrap.no-program");
    }
}

#[test]
fn a_script_of_the_wrapper_does_not_start_itself() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        let text = format!("#! {} -x\n", lab.text("bin/tool"));
        program(&lab, "real/tool", &text);
        refuses(&finish(&mut command(&lab, "bin/tool")), 127, "wrap.circle");
    }
}

/// Without Landlock the binary runs from a copy in memory, whose inode no link leads to.
#[test]
fn a_sealed_copy_still_knows_its_links() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        profile(
            &lab,
            "command.args = [\"tool\"]\ncommand.extra = \"append\"\nsecurity.landlock = false\n",
        );
        lab.directory("links");
        lab.link("links/tool", lab.path("bin/tool"));
        let mut through = command(&lab, "bin/tool");
        let ended = finish(
            through
                .env("PATH", path(&lab, &["bin", "links", "real"]))
                .arg("a"),
        );
        assert_eq!(ended.out, "inside <a>", "{caller:?}: {ended:?}");
    }
}

/// A sandbox with the wrapper, its program and its profile inside, and `rest` in its own profile.
fn within(lab: &Lab, rest: &str) -> String {
    let own = sandbox().display();
    let inner = "version = 1\ncommand.args = [\"tool\"]\ncommand.extra = \"append\"\n\
        rootfs.source = [{ programs = [\"sh\"] }, { copy = \"/opt/real\" }]\n";
    lab.file("inner.toml", inner);
    let outer = lab.profile_with(
        &format!(
            ", {{ programs = [\"/bin/sh\", \"{own}\"] }}, {{ symlink = \"/opt/bin/tool\", target = \"{own}\" }}, {{ copy = \"{0}\", to = \"/opt/real\" }}, \
             {{ copy = \"{1}\", to = \"/etc/sandbox/profiles/tool.toml\" }}",
            lab.text("real"),
            lab.text("inner.toml")
        ),
        &format!("env.set.HOME = \"/scratch\"\n{rest}[[mount]]\ntmpfs = \"/scratch\"\n"),
    );
    outer.replace("/usr/bin:/bin", "/opt/bin:/opt/real:/usr/bin")
}

/// A wrapper in a sandbox that gives no namespaces starts nothing at all.
#[test]
fn in_a_sandbox_without_namespaces_nothing_runs() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        let outer = within(&lab, "");
        let direct = lab.run(&outer, &["/opt/real/tool", "a"]);
        assert_eq!(
            (direct.code(), direct.out.as_str()),
            (7, " <a>"),
            "{direct:?}"
        );
        let nested = lab.run(&outer, &["tool", "a"]);
        assert_eq!(nested.code(), 125, "{caller:?}: {nested:?}");
        assert!(!nested.out.contains('<'), "it ran: {nested:?}");
        // It came as far as its profile: what stopped it is not the lookup.
        assert!(!nested.err.contains("wrap."), "{nested:?}");
    }
}

/// With namespaces it starts there as it does outside.
#[test]
fn in_a_sandbox_with_namespaces_it_starts_one_of_its_own() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        let outer = within(
            &lab,
            "security.nested_userns = true\nsecurity.seccomp = \"none\"\n",
        );
        let nested = lab.run(&outer, &["tool", "a"]);
        match caller {
            Caller::Unprivileged => {
                assert_eq!(nested.out, " <a>", "{nested:?}");
                assert_eq!(nested.code(), 7);
                // In a tree of its own, which the profile inside describes: `env` is not in it.
                let script = "#!/bin/sh\n[ -e /usr/bin/env ] && echo env || echo none\n";
                program(&lab, "real/tool", script);
                assert_eq!(lab.run(&outer, &["tool"]).out, "none\n");
                let outside = lab.run(&outer, &["/opt/real/tool"]);
                assert_eq!(outside.out, "env\n");
            }
            // Root inside would need a second id for whom it starts, and one alone is mapped.
            Caller::Root => {
                assert_eq!(nested.code(), 125, "{nested:?}");
                assert_eq!(nested.out, "", "it ran: {nested:?}");
            }
        }
    }
}

/// Whose directories those are, only root of a system can say: here the one inside of a sandbox.
#[test]
fn wrappers_of_the_system_lie_in_its_own_directories() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        let own = sandbox().display();
        let script = format!(
            "PATH=/usr/local/bin:$PATH; S={own}; $S wrap add --system --desktop tool; echo $?; readlink /usr/local/bin/tool; \
             $S wrap list --system; cat /usr/local/share/applications/tool.desktop; $S wrap remove --system tool; \
             ls /usr/local/bin /usr/local/share/applications"
        );
        let (outer, file) = (within(&lab, ""), "/usr/share/applications/tool.desktop");
        let entry = "[Desktop Entry]\\nExec=tool\\n";
        let outer = outer.replace(
            "source = [",
            &format!("source = [{{ file = \"{file}\", text = \"{entry}\" }}, "),
        );
        let ended = lab.run(&outer, &["sh", "-c", &script]);
        let expected = format!(
            "0\n{own}\n/usr/local/bin/tool -> /opt/real/tool\n[Desktop Entry]\nX-Sandbox-Wrap=tool\n\
             Exec=/usr/local/bin/tool\n/usr/local/bin:\n\n/usr/local/share/applications:\n"
        );
        assert_eq!(ended.out, expected, "{caller:?}: {ended:?}");
        // Where the system cannot be written nothing is made, and that is said.
        let closed = outer.replace("rootfs.source", "rootfs.writes = \"deny\"\nrootfs.source");
        let ended = lab.run(&closed, &["sh", "-c", &script]);
        assert!(ended.out.starts_with("1\n"), "{ended:?}");
        assert!(ended.err.contains("wrap.system\n"), "{ended:?}");
    }
}

fn wrap(lab: &Lab, arguments: &[&str]) -> Ended {
    let mut command = lab.host(sandbox());
    command
        .env("XDG_CONFIG_HOME", lab.path("home/config"))
        .env("XDG_DATA_HOME", lab.path("home/data"))
        .env("XDG_DATA_DIRS", lab.path("share"))
        .env("PATH", path(lab, &["home/.local/bin", "real"]));
    finish(command.arg("wrap").args(arguments).arg("--user"))
}

#[test]
fn wrappers_are_made_listed_and_taken_away() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        let link = lab.path("home/.local/bin/tool");
        for _ in 0..2 {
            let added = wrap(&lab, &["add", "tool"]);
            assert_eq!((added.code(), added.err.as_str()), (0, ""));
            assert_eq!(fs::read_link(&link).unwrap(), sandbox());
        }
        let expected = format!("{} -> {}\n", link.display(), lab.text("real/tool"));
        assert_eq!(wrap(&lab, &["list"]).out, expected);
        assert_eq!(
            finish(command(&lab, "home/.local/bin/tool").arg("a")).out,
            "inside <-x> <a>"
        );
        for _ in 0..2 {
            assert_eq!(wrap(&lab, &["remove", "tool"]).code(), 0);
            assert!(link.symlink_metadata().is_err());
        }
    }
}

#[test]
fn what_is_not_ours_stays() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        lab.directory("home/.local/bin");
        let place = "home/.local/bin/tool";
        let check = |lab: &Lab| {
            let before = fs::symlink_metadata(lab.path(place)).unwrap();
            for action in ["add", "remove"] {
                let ended = wrap(lab, &[action, "tool"]);
                refuses(&ended, 1, "wrap.not-ours");
            }
            let after = fs::symlink_metadata(lab.path(place)).unwrap();
            assert_eq!(before.modified().unwrap(), after.modified().unwrap());
            fs::remove_file(lab.path(place)).unwrap();
        };
        lab.file(place, "the user's\n");
        check(&lab);
        for target in ["../../../real/tool", "gone", "tool"] {
            symlink(target, lab.path(place)).unwrap();
            check(&lab);
        }
    }
}

#[test]
fn odd_names_are_refused() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        for name in [
            "sandbox",
            "sandbox-1",
            "",
            "a/b",
            "..",
            "Tool",
            "to ol",
            "-tool",
            "t\u{f6}ol",
            "to\nol",
        ] {
            refuses(&wrap(&lab, &["add", "--", name]), 1, "wrap.name");
        }
        refuses(&wrap(&lab, &["add", "nothing"]), 1, "wrap.no-profile");
        lab.file(
            &format!("{SHELF}/absent.toml"),
            &lab.profile("command.args = [\"absent\"]\n"),
        );
        refuses(&wrap(&lab, &["add", "absent"]), 1, "wrap.no-program");
        // The others of one call are made all the same.
        assert_eq!(wrap(&lab, &["add", "nothing", "tool"]).code(), 1);
        assert!(lab.path("home/.local/bin/tool").is_symlink());
    }
}

#[test]
fn a_wrapper_that_is_not_first_is_told() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        let mut add = lab.host(sandbox());
        add.env("XDG_CONFIG_HOME", lab.path("home/config"))
            .env("PATH", path(&lab, &["real", "home/.local/bin"]));
        let ended = finish(add.args(["wrap", "add", "--user", "tool"]));
        assert_eq!(ended.code(), 0, "{ended:?}");
        assert!(ended.err.contains("does not stand before"), "{ended:?}");
    }
}

#[test]
fn menus_start_the_wrapper() {
    for caller in Caller::all() {
        let lab = wrapped(caller);
        let (from, to) = ("share/applications", "home/data/applications");
        lab.directory(from);
        let entry = "[Desktop Entry]\nType=Application\nName=Tool\nExec=tool %U\nTryExec=tool\n";
        lab.file(&format!("{from}/org.tool.desktop"), entry);
        lab.file(
            &format!("{from}/other.desktop"),
            "[Desktop Entry]\nExec=other\n",
        );
        let copy = lab.path(&format!("{to}/org.tool.desktop"));
        for _ in 0..2 {
            let added = wrap(&lab, &["add", "--desktop", "tool"]);
            assert_eq!((added.code(), added.err.as_str()), (0, ""));
        }
        let link = lab.text("home/.local/bin/tool");
        let expected = format!(
            "[Desktop Entry]\nX-Sandbox-Wrap=tool\nType=Application\nName=Tool\nExec={link} %U\nTryExec={link}\n"
        );
        assert_eq!(fs::read_to_string(&copy).unwrap(), expected);
        assert_eq!(fs::read_dir(lab.path(to)).unwrap().count(), 1);
        assert_eq!(wrap(&lab, &["remove", "tool"]).code(), 0);
        assert!(!copy.exists());
        // The user's own entry is neither overwritten nor removed.
        lab.file(&format!("{to}/org.tool.desktop"), entry);
        refuses(
            &wrap(&lab, &["add", "--desktop", "tool"]),
            1,
            "wrap.not-ours",
        );
        assert_eq!(wrap(&lab, &["remove", "tool"]).code(), 0);
        assert_eq!(fs::read_to_string(&copy).unwrap(), entry);
    }
}
