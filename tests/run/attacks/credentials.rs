//! Who the program is: capabilities, groups, set-id programs.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::super::support::{Caller, Ended, Lab, field, finish, root_only, sandbox};
use super::{NO_FILTER, compile, outside, probe, profile, profile_with, says, work};

/// The same start under a program that changes who starts it.
fn under(lab: &Lab, wrapper: &[&str], profile: &str, command: &[&str]) -> Ended {
    let (first, rest) = wrapper.split_first().unwrap();
    let mut line = lab.host(first);
    line.args(rest)
        .arg(sandbox())
        .args(lab.up_arguments(profile, command));
    finish(&mut line)
}

/// The caller's capabilities are inherited by nobody.
#[test]
fn cve_2022_24769_no_capability_is_inherited() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let raise = ["setpriv", "--inh-caps", "+all", "--ambient-caps", "+all"];
        // Over a namespace of the caller's own: all of them, whatever the caller has.
        let own = ["unshare", "--user", "--map-current-user", "--keep-caps"];
        let wrapper = match caller {
            Caller::Root => vec![
                "setpriv",
                "--inh-caps",
                "+net_raw,+chown",
                "--ambient-caps",
                "+net_raw,+chown",
            ],
            Caller::Unprivileged => [&own[..], &raise].concat(),
        };
        let mut control = lab.host(wrapper[0]);
        let control = finish(
            control
                .args(&wrapper[1..])
                .args(["cat", "/proc/self/status"]),
        );
        for set in ["CapInh", "CapAmb"] {
            let raised = field(&control.out, set).unwrap();
            assert_ne!(raised, "0000000000000000", "{set} outside: {control:?}");
        }
        for rest in ["", NO_FILTER] {
            let profile = profile(&lab, rest);
            let ended = under(
                &lab,
                &wrapper,
                &profile,
                &["/probe", "read", "/proc/self/status"],
            );
            for set in ["CapInh", "CapAmb", "CapPrm", "CapEff", "CapBnd"] {
                assert_eq!(
                    field(&ended.out, set),
                    Some("0000000000000000"),
                    "{set}: {ended:?}"
                );
            }
            assert_eq!(field(&ended.out, "NoNewPrivs"), Some("1"));
        }
        // What the profile keeps, and nothing else.
        let kept = profile(&lab, "security.capabilities = [\"CAP_NET_RAW\"]\n");
        let ended = under(
            &lab,
            &wrapper,
            &kept,
            &["/probe", "read", "/proc/self/status"],
        );
        for set in ["CapAmb", "CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(
                field(&ended.out, set),
                Some("0000000000002000"),
                "{set}: {ended:?}"
            );
        }
    }
}

/// Supplementary groups of the caller give nothing inside.
#[test]
fn cve_2022_2989_supplementary_groups_stay_outside() {
    if !root_only("cve_2022_2989_supplementary_groups_stay_outside") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let secret = lab.file("work/secret", "of group 27");
    std::os::unix::fs::chown(&secret, Some(12_345), Some(27)).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).unwrap();
    let rest = format!("{NO_FILTER}{}owner = \"keep\"\n", work(&lab, "ro"));
    let look = ["/probe", "ids", "--", "open-read", "/w/secret"];
    let groups = ["setpriv", "--groups", "4,27"];
    let ended = under(&lab, &groups, &profile(&lab, &rest), &look);
    assert_eq!(ended.out, "0 0\nopen-read: refused EACCES\n", "{ended:?}");
    for user in ["caller", "root", "1000:1000"] {
        let rest = format!("command.user = \"{user}\"\n{rest}");
        let ended = under(&lab, &groups, &profile(&lab, &rest), &look);
        let ids = ended.out.lines().next().unwrap();
        assert_eq!(ids.split(' ').count(), 2, "{user}: {ended:?}");
        assert!(
            ended.out.ends_with("open-read: refused EACCES\n"),
            "{ended:?}"
        );
    }
    // The control: an unprivileged caller's stay in effect, and cannot be left (CVE-2014-8989).
    let lab = Lab::new(Caller::Unprivileged);
    let id = lab.caller.uid().to_string();
    let wrapper = [
        "setpriv", "--reuid", &id, "--regid", &id, "--groups", "4,27",
    ];
    let mut line = std::process::Command::new(wrapper[0]);
    let rights = format!("{NO_FILTER}capabilities = [\"CAP_SETGID\"]\n");
    let up = lab.up(
        &profile(&lab, &rights),
        &["/probe", "ids", "--", "setgroups"],
    );
    line.args(&wrapper[1..])
        .arg(up.get_program())
        .args(up.get_args());
    line.env_clear().envs(
        up.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let ended = finish(line.current_dir(lab.path("work")));
    assert_eq!(
        ended.out,
        format!("{id} {id} 65534 65534\nsetgroups: refused EPERM\n"),
        "{ended:?}"
    );
}

/// The program itself asks for no rights of its file.
#[test]
fn cve_2020_5291_sandbox_is_not_a_set_id_program() {
    let built = std::path::Path::new(env!("CARGO_BIN_EXE_sandbox"));
    assert_eq!(fs::metadata(built).unwrap().mode() & 0o6000, 0);
    let lab = Lab::new(Caller::all()[0]);
    let names = finish(
        lab.host(super::super::support::attack())
            .arg("list-attributes")
            .arg(sandbox()),
    );
    assert!(
        names.code() == 0 && !names.out.contains("security.capability"),
        "{names:?}"
    );
    // And a copy with the bit set gives who starts it no rights of its owner's inside.
    if root_only("cve_2020_5291_sandbox_is_not_a_set_id_program: as another user") {
        drop(lab);
        let lab = Lab::new(Caller::Unprivileged);
        let copy = lab.path("work/setuid");
        fs::copy(probe(), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
        std::os::unix::fs::chown(&copy, Some(0), Some(0)).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
        let control = finish(lab.host(&copy).args(["setgroups"]));
        assert_eq!(
            control.out, "setgroups: worked\n",
            "outside it is root: {control:?}"
        );
        let profile = profile(&lab, &format!("{NO_FILTER}{}", work(&lab, "rw")));
        let ended = lab.run(
            &profile,
            &["/w/setuid", "setgroups", "--", "read", "/proc/self/status"],
        );
        assert!(
            ended.out.starts_with("setgroups: refused EPERM\n"),
            "{ended:?}"
        );
        let uids = field(&ended.out, "Uid").unwrap();
        assert!(
            uids.split_whitespace()
                .all(|uid| uid == lab.caller.uid().to_string()),
            "{uids}"
        );
    }
}

/// Libraries and programs that a hostile tree or environment names run inside, as the program, or not at all.
struct Marker {
    lab: Lab,
    library: String,
}

impl Marker {
    /// A library that leaves a file wherever it is loaded outside of a sandbox.
    fn new(caller: Caller) -> Marker {
        let lab = Lab::new(caller);
        lab.directory("marks");
        fs::set_permissions(lab.path("marks"), fs::Permissions::from_mode(0o777)).unwrap();
        let source = format!(
            "#include <fcntl.h>\n#include <unistd.h>\n__attribute__((constructor)) static void mark(void) \
             {{ close(open(\"{}\", O_CREAT | O_WRONLY, 0666)); }}\n",
            lab.text("marks/library")
        );
        lab.file("library.c", &source);
        let library = lab.text("library.so");
        compile(
            library.as_ref(),
            &["-shared", "-fPIC"],
            [lab.path("library.c")],
        );
        fs::set_permissions(&library, fs::Permissions::from_mode(0o755)).unwrap();
        Marker { lab, library }
    }

    fn was_made(&self) -> bool {
        let made = fs::read_dir(self.lab.path("marks")).unwrap().count() > 0;
        for entry in fs::read_dir(self.lab.path("marks")).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        made
    }
}

/// A tree's own libraries for looking up users and its programs for unpacking are data.
#[test]
fn cve_2019_14271_nothing_of_a_tree_is_loaded_or_run_outside() {
    for caller in Caller::all() {
        let marker = Marker::new(caller);
        let lab = &marker.lab;
        let mut control = lab.host("ls");
        finish(control.env("LD_PRELOAD", &marker.library));
        assert!(marker.was_made(), "the library marks");
        let script = format!("#!/bin/sh\\n: > {}\\n", lab.text("marks/program"));
        let mut sources = String::new();
        for directory in [
            "/lib",
            "/usr/lib",
            "/lib64",
            "/lib/x86_64-linux-gnu",
            "/usr/lib/x86_64-linux-gnu",
        ] {
            for name in [
                "libnss_files.so.2",
                "libnss_compat.so.2",
                "libnss_systemd.so.2",
                "libc.so.6",
            ] {
                sources += &format!(
                    ", {{ copy = \"{}\", to = \"{directory}/{name}\" }}",
                    marker.library
                );
            }
        }
        for directory in ["/bin", "/usr/bin", "/sbin"] {
            for name in [
                "gzip",
                "zstd",
                "xz",
                "tar",
                "newuidmap",
                "mount",
                "ldconfig",
                "sh",
            ] {
                sources += &format!(
                    ", {{ file = \"{directory}/{name}\", text = \"{script}\", mode = \"0755\" }}"
                );
            }
        }
        sources += ", { file = \"/etc/nsswitch.conf\", text = \"passwd: files systemd\\n\" }";
        let layer = super::super::tarball::Tarball::default()
            .file("packed", "x")
            .end();
        fs::write(
            lab.file("packed.tar.gz", ""),
            super::super::tarball::gzip(&layer),
        )
        .unwrap();
        sources += &format!(", {{ archive = \"{}\" }}", lab.text("packed.tar.gz"));
        let rest = "command.user = \"root\"\nenv.set.PATH = \"/bin:/usr/bin\"\n";
        let text = profile_with(lab, &sources, rest);
        let ended = lab.run(&text, &["/probe", "read", "/packed"]);
        assert_eq!((ended.code(), ended.out.as_str()), (0, "x"), "{ended:?}");
        assert!(!marker.was_made(), "{ended:?}");
    }
}

/// What the profile or an image sets for the program is set for nobody else.
#[test]
fn cve_2025_23266_the_programs_environment_reaches_nothing_outside() {
    for caller in Caller::all() {
        let marker = Marker::new(caller);
        let lab = &marker.lab;
        finish(lab.host("ls").env("LD_PRELOAD", &marker.library));
        assert!(marker.was_made(), "the library marks");
        let set = format!(
            "env.set = {{ LD_PRELOAD = \"{0}\", LD_LIBRARY_PATH = \"{1}\", LD_AUDIT = \"{0}\", GCONV_PATH = \"{1}\", \
             BASH_ENV = \"{0}\", PYTHONPATH = \"{1}\", PATH = \"{1}\" }}\n",
            marker.library,
            lab.text("")
        );
        let limits = match caller {
            Caller::Root => "command.user = \"root\"\n",
            Caller::Unprivileged => "",
        };
        let text = profile(lab, &format!("{limits}{set}"));
        let mut child = super::super::support::start(&mut lab.up(&text, &["/probe", "stay"]));
        let processes = super::super::support::inside(&child);
        let supervisor = i32::try_from(child.id()).unwrap();
        for pid in [supervisor, processes[0]] {
            // What the caller may not read shows nothing at all.
            let found = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let found = String::from_utf8_lossy(&found).into_owned();
            assert!(!found.contains("LD_PRELOAD"), "{pid}: {found}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!marker.was_made());
        let environment = says(lab, &text, &["environment"]);
        assert!(
            environment.contains("LD_PRELOAD="),
            "the program has it: {environment}"
        );
    }
}

/// A set-id program gives no rights, and what is made inside has none (rule 1).
#[test]
fn rule_01_no_new_privileges_comes_with_every_policy() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for rest in ["", NO_FILTER, "security.capabilities = [\"CAP_SETUID\"]\n"] {
            let status = says(&lab, &profile(&lab, rest), &["read", "/proc/self/status"]);
            assert_eq!(field(&status, "NoNewPrivs"), Some("1"), "{rest}");
        }
        let control = outside(&lab, &[&["read", "/proc/self/status"]]).join("\n");
        assert_eq!(field(&control, "NoNewPrivs"), Some("0"));
    }
}
