//! Names, values and metadata that would be taken for something else: options, configuration, lines.

use std::fs;

use serde_json::{Value, json};

use super::super::layout::Layout;
use super::super::support::{Caller, Lab, finish, sandbox};
use super::super::tarball::Tarball;
use super::{probe, profile, profile_with};

/// An image that holds a user list, with this configuration and these annotations.
fn image(lab: &Lab, config: Value, annotations: Value) -> String {
    let layout = Layout::new();
    let layer = Tarball::default()
        .file("etc/passwd", "app:x:7:7::/:/bin/sh\n")
        .end();
    let platform = sandbox::model::Platform::of_machine().to_string();
    let mut found = layout.image(&platform, &[(&layer, &layer)], config);
    found["annotations"] = annotations;
    layout.index(&[found]);
    fs::copy(layout.tar(), lab.file("image.tar", "")).unwrap();
    format!(", {{ image = \"{}\" }}", lab.text("image.tar"))
}

/// Labels and annotations are data: nothing reads them, and nothing of them is in the tree.
#[test]
fn cve_2026_53488_labels_of_an_image_are_no_configuration() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let marker = lab.text("marker");
        let evil = json!({
            "org.systemd.property.ExecStartPre": format!("touch {marker}"),
            "io.containerd.runc.hooks": format!("touch {marker}"),
            "cdi.k8s.io/device": "all",
            "io.podman.annotations.seccomp": "unconfined",
            "LABEL-MARK": "LABEL-MARK",
        });
        let config = json!({ "Cmd": ["/probe", "environment"], "Labels": evil, "Env": ["A=b"], "Volumes": { "/etc": {} },
            "ExposedPorts": { "22/tcp": {} }, "Shell": ["touch", marker], "Healthcheck": { "Test": ["CMD", "touch", marker] } });
        let source = image(&lab, config, evil.clone());
        let profile = profile_with(&lab, &source, "command.args = \"image\"\n");
        let ended = lab.run(&profile, &[]);
        assert_eq!(
            (ended.code(), ended.out.contains("LABEL-MARK")),
            (0, false),
            "{ended:?}"
        );
        assert!(
            ended.out.contains("A=b\n") && !ended.out.contains("systemd"),
            "{ended:?}"
        );
        assert!(!lab.path("marker").exists());
        let report = fs::read_to_string(lab.path("report.json")).unwrap();
        assert!(!report.contains("LABEL-MARK"), "{report}");
        // The control: the label is in the image.
        let packed = fs::read(lab.path("image.tar")).unwrap();
        assert!(packed.windows(10).any(|bytes| bytes == b"LABEL-MARK"));
    }
}

/// A line break in a value becomes a line of no file.
#[test]
fn cve_2022_4318_line_breaks_add_no_line_to_a_file() {
    let evil = "/x\\nowned::0:0::/:/bin/sh";
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (rest, line) in [
            (format!("env.set.HOME = \"{evil}\""), 3),
            ("namespaces.hostname = \"a\\nb\"".to_owned(), 3),
            ("namespaces.hostname = \"a\\u001bb\"".to_owned(), 3),
            ("command.workdir = \"/a\\nb\"".to_owned(), 3),
        ] {
            let rest = rest.replace("namespaces.hostname = \"lab\"\n", "");
            let text = format!("version = 1\ncommand.args = [\"/probe\"]\n{rest}\n");
            let file = lab.file("profile.toml", &text);
            let check = finish(lab.host(sandbox()).arg("check").arg(&file));
            if check.code() == 0 {
                // What a file name may hold is not refused; then it reaches no file as a line.
                let text = profile(&lab, &format!("{rest}\nrootfs.etc.passwd = \"replace\""));
                let ended = lab.run(&text, &["/probe", "read", "/etc/passwd"]);
                assert!(
                    !ended.out.lines().any(|line| line.starts_with("owned:")),
                    "{ended:?}"
                );
                continue;
            }
            assert_eq!(check.code(), 1, "{check:?}");
            assert!(
                check.err.contains(&format!("profile.toml:{line}:")),
                "{rest}: {check:?}"
            );
        }
        // The same out of an image, and out of a variable of the caller's.
        let config = json!({ "Env": ["HOME=/x\nowned::0:0::/:/bin/sh"], "Cmd": ["/probe", "read", "/etc/passwd"], "WorkingDir": "/" });
        let source = image(&lab, config, json!({}));
        let text = profile_with(
            &lab,
            &source,
            "command.args = \"image\"\nrootfs.etc.passwd = \"replace\"\n",
        );
        let ended = lab.run(&text, &[]);
        assert!(
            !ended.out.lines().any(|line| line.starts_with("owned:")),
            "{ended:?}"
        );
        let text = profile(
            &lab,
            "env.set.HOME = \"${env:EVIL}\"\nrootfs.etc.passwd = \"replace\"\n",
        );
        let mut up = lab.up(&text, &["/probe", "read", "/etc/passwd"]);
        let ended = finish(up.env("EVIL", "/x\nowned::0:0::/:/bin/sh"));
        assert!(
            !ended.out.lines().any(|line| line.starts_with("owned:")),
            "{ended:?}"
        );
    }
}

/// An entry without a value takes none from outside.
#[test]
fn cve_2026_57231_an_entry_without_a_value_copies_nothing() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let secret = ("HOST_SECRET", "do-not-tell");
        let config = json!({ "Env": ["HOST_SECRET", "=HOST_SECRET", "", "A=b"], "Cmd": ["/probe", "environment"] });
        let source = image(&lab, config, json!({}));
        let by_image = profile_with(&lab, &source, "command.args = \"image\"\n");
        let mut profiles = vec![by_image];
        for strange in [
            "\"HOST_SECRET=\"",
            "\"=HOST_SECRET\"",
            "\"\"",
            "\"HOST_SECRET=b\"",
            "\"HOST*SECRET\"",
        ] {
            profiles.push(profile(&lab, &format!("env.set = {{ {strange} = \"x\" }}\ncommand.args = [\"/probe\", \"environment\"]\n")));
            profiles.push(profile(
                &lab,
                &format!(
                    "env.inherit = [{strange}]\ncommand.args = [\"/probe\", \"environment\"]\n"
                ),
            ));
        }
        for profile in profiles {
            let ended = finish(lab.up(&profile, &[]).env(secret.0, secret.1));
            assert!([0, 125].contains(&ended.code()), "{ended:?}");
            assert!(
                !ended.out.contains(secret.1) && !ended.err.contains(secret.1),
                "{ended:?}"
            );
        }
        // The control: asked for by its name it comes.
        let asked = profile(&lab, "env.inherit = [\"HOST_SECRET\"]\n");
        let ended = finish(
            lab.up(&asked, &["/probe", "environment"])
                .env(secret.0, secret.1),
        );
        assert!(ended.out.contains("HOST_SECRET=do-not-tell\n"), "{ended:?}");
    }
}

/// Words that begin with `-` are arguments, names and paths, never options.
#[test]
fn cve_2024_32462_words_are_no_options() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let victim = super::Victim::new(&lab);
        let plain = profile(&lab, "");
        for command in [
            &["--bind", "/", "/"][..],
            &["--dry-run"],
            &["-h"],
            &["--", "/probe"],
        ] {
            let ended = lab.run(&plain, command);
            assert_eq!(
                (ended.code(), ended.out.as_str()),
                (127, ""),
                "{command:?}: {ended:?}"
            );
        }
        let text = profile(&lab, "command.args = [\"--report\", \"/x\"]\n");
        assert_eq!(lab.run(&text, &[]).code(), 127);
        for name in ["-x", "--help", "../x", "a/b"] {
            let file = lab.file("profile.toml", &plain);
            let mut up = lab.host(sandbox());
            up.arg("up")
                .arg(format!("--name={name}"))
                .arg(file)
                .args(["--", "/probe", "ids"]);
            let ended = finish(&mut up);
            assert_eq!(
                (ended.code(), ended.out.as_str()),
                (125, ""),
                "{name}: {ended:?}"
            );
        }
        // A directory that is called like an option is bound.
        lab.directory("work/--rw");
        let bind = format!(
            "[[mount]]\nbind = \"{}/--rw\"\ntarget = \"/-x\"\n",
            lab.text("work")
        );
        let inside = super::says(&lab, &profile(&lab, &bind), &["create", "/-x/made"]);
        assert_eq!(inside, "create: refused EROFS");
        victim.is_untouched("options");
    }
}

/// Numbers are ids, whatever the tree's list of users calls so.
#[test]
fn cve_2016_3697_numbers_are_ids_and_never_names() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let list = ", { file = \"/etc/passwd\", text = \"1000:x:0:0::/:/bin/sh\\n7:x:0:0::/:/bin/sh\\n\" }";
        let rest = "command.user = \"1000:7\"\nrootfs.etc.passwd = \"none\"\n";
        let text = profile_with(&lab, list, rest);
        let ended = lab.run(&text, &["/probe", "ids", "--", "read", "/etc/passwd"]);
        assert!(ended.out.starts_with("1000 7"), "{ended:?}");
        assert!(
            ended.out.contains("\n1000:x:0:0:"),
            "the list was there: {ended:?}"
        );
        let config = json!({ "User": "1000:7", "Cmd": ["/probe", "ids"] });
        let source = image(&lab, config, json!({}));
        let text = profile_with(
            &lab,
            &format!("{source}{list}"),
            "command.args = \"image\"\nrootfs.etc.passwd = \"none\"\n",
        );
        let ended = lab.run(&text, &[]);
        assert!(ended.out.starts_with("1000 7"), "{ended:?}");
        for strange in ["1000x", "-1", "4294967295", "0x10", "1000:", ":7", "+7:7"] {
            let text = profile(&lab, &format!("command.user = \"{strange}\"\n"));
            let ended = lab.run(&text, &["/probe", "ids"]);
            assert_eq!(
                (ended.code(), ended.out.as_str()),
                (125, ""),
                "{strange}: {ended:?}"
            );
        }
    }
}

/// An empty first argument, which programs of the `pkexec` kind read past, is refused.
#[test]
fn cve_2021_4034_there_is_always_a_first_argument() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for args in ["[]", "[\"\"]", "[\"\", \"x\"]"] {
            let ended = lab.run(&profile(&lab, &format!("command.args = {args}\n")), &[]);
            assert_eq!(
                (ended.code(), ended.out.as_str()),
                (125, ""),
                "{args}: {ended:?}"
            );
        }
        let ended = lab.run(&profile(&lab, ""), &[""]);
        assert!([125, 127].contains(&ended.code()), "{ended:?}");
        let line = super::says(&lab, &profile(&lab, ""), &["read", "/proc/self/cmdline"]);
        assert!(line.starts_with("/probe\0read\0"), "{line}");
        assert!(finish(lab.host(probe()).arg("ids")).code() == 0);
    }
}
