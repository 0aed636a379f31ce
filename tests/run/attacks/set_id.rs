//! Rule 11: a program that may write a directory of the host makes no file there that gives rights.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::super::support::{Caller, Lab, finish, root_only, sandbox};
use super::super::tarball::{Header, Tarball};
use super::{NO_FILTER, all_are, inside, profile, profile_with, says, verdict, work};

const CHANGES: [&str; 4] = [
    "mode-chmod",
    "mode-fchmod",
    "mode-fchmodat",
    "mode-fchmodat2",
];
const MAKERS: [&str; 9] = [
    "mode-open",
    "mode-openat",
    "mode-openat2",
    "mode-creat",
    "mode-tmpfile",
    "mode-mknod",
    "mode-mknodat",
    "mode-mkdir",
    "mode-mkdirat",
];
const MODES: [&str; 5] = ["4755", "2755", "6755", "4000", "2000"];

/// What gives capabilities to files, and nothing that stands in its way.
const SETFCAP: &str =
    "[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"CAP_SETFCAP\"]\n";

/// What the host finds with a bit.
fn with_bits(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.path("work"))
        .unwrap()
        .map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.metadata().unwrap().mode() & 0o6000 != 0)
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

/// Each call with each mode, at a name of its own.
fn attacks(calls: &[&'static str]) -> Vec<[String; 3]> {
    let mut found = Vec::new();
    for call in calls {
        for mode in MODES {
            let name = if call.starts_with("mode-ch") || call.starts_with("mode-fch") {
                "file".to_owned()
            } else {
                format!("{call}-{mode}")
            };
            found.push([(*call).to_owned(), format!("/w/{name}"), mode.to_owned()]);
        }
    }
    found
}

fn run(lab: &Lab, profile: &str, attacks: &[[String; 3]]) -> Vec<String> {
    let words: Vec<Vec<&str>> = attacks
        .iter()
        .map(|attack| attack.iter().map(String::as_str).collect())
        .collect();
    let words: Vec<&[&str]> = words.iter().map(Vec::as_slice).collect();
    inside(lab, profile, &words)
}

#[test]
fn rule_11_no_call_sets_an_id_bit_on_the_host() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.file("work/file", "");
        let attacks = [attacks(&CHANGES), attacks(&MAKERS)].concat();
        for rest in [
            "",
            "security.capabilities = [\"CAP_FSETID\", \"CAP_DAC_OVERRIDE\"]\n",
            NO_FILTER,
        ] {
            let text = profile(&lab, &format!("{rest}{}", work(&lab, "rw")));
            for answer in run(&lab, &text, &attacks) {
                assert!(
                    ["refused EPERM", "refused ENOSYS"].contains(&verdict(&answer)),
                    "{answer}"
                );
            }
            assert_eq!(with_bits(&lab), Vec::<String>::new());
        }
        // The control: the filter alone is what stands before it.
        if cfg!(debug_assertions) {
            let mut command = vec!["/probe"];
            for attack in &attacks {
                command.extend(attack.iter().map(String::as_str).chain(["--"]));
            }
            command.pop();
            let text = profile(&lab, &format!("{NO_FILTER}{}", work(&lab, "rw")));
            let mut up = lab.up(&text, &command);
            let answers = finish(up.env("SANDBOX_GUARD_OFF", "set-id-without-list")).out;
            let worked = answers.lines().filter(|line| line.ends_with(": worked"));
            assert!(
                worked.count() >= 40 && with_bits(&lab).len() > 20,
                "{answers:?}"
            );
        }
    }
}

/// What is harmless stays possible: a filter that refused every mode would show nothing.
#[test]
fn rule_11_other_modes_are_set() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.file("work/file", "");
        let text = profile(&lab, &work(&lab, "rw"));
        for call in CHANGES {
            assert_eq!(
                says(&lab, &text, &[call, "/w/file", "0700"]),
                format!("{call}: worked")
            );
        }
        for call in [
            "mode-open",
            "mode-openat",
            "mode-creat",
            "mode-tmpfile",
            "mode-mknod",
            "mode-mkdir",
        ] {
            let name = format!("/w/{call}");
            assert_eq!(
                says(&lab, &text, &[call, &name, "0755"]),
                format!("{call}: worked")
            );
        }
        assert_eq!(
            says(&lab, &text, &["mode-mkdir", "/w/sticky", "1777"]),
            "mode-mkdir: worked"
        );
    }
}

/// Capabilities of a file are a bit of another kind.
#[test]
fn rule_11_no_capabilities_are_given_to_a_file_of_the_host() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.file("work/file", "");
        fs::set_permissions(lab.path("work/file"), fs::Permissions::from_mode(0o755)).unwrap();
        for rest in ["", NO_FILTER] {
            let text = profile(&lab, &format!("{rest}{}", work(&lab, "rw")));
            let attacks: [&[&str]; 3] = [
                &["set-capability", "/w/file"],
                &["set-capability", "/w/file", "fd"],
                &["set-attribute", "/w/file", "security.ima", "x"],
            ];
            all_are(&inside(&lab, &text, &attacks), &["refused EPERM"]);
        }
        // With the right over the sandbox's own ids alone the kernel has no root to write down. Root's bind with
        // `owner = "map"` shows the directory's owner as the sandbox's root, which on disk is the host's.
        let text = profile(&lab, &format!("{SETFCAP}{}", work(&lab, "rw")));
        match caller {
            Caller::Unprivileged => {
                let answer = says(&lab, &text, &["set-capability", "/w/file"]);
                assert_eq!(verdict(&answer), "refused EINVAL");
            }
            Caller::Root => {
                let ended = lab.run(&text, &[super::probe(), "set-capability", "/w/file"]);
                assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
                assert!(ended.err.contains("security.capability-files"), "{ended:?}");
            }
        }
    }
}

/// One that lies in a writable directory is the program's to fill, bits and all: `audit --host` finds it. Bound by
/// itself it is refused, and read-only it is safe.
#[test]
fn rule_11_a_set_id_file_that_is_there_is_told_or_refused() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let file = lab.file("work/tool", "old");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4755)).unwrap();
        let text = profile(&lab, &work(&lab, "rw"));
        let answer = says(&lab, &text, &["map-write", "/w/tool"]);
        assert_eq!(answer, "map-write: worked");
        assert_eq!(fs::read_to_string(&file).unwrap(), "Xld");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o4755);
        let text = text.replace(
            "version = 1\n",
            "version = 1\ncommand.args = [\"/probe\"]\n",
        );
        let written = lab.file("audited.toml", &text);
        let told = finish(lab.host(sandbox()).args(["audit", "--host"]).arg(written));
        assert!(told.out.contains("audit.set-id-file"), "{told:?}");
        assert!(told.out.contains(file.to_str().unwrap()), "{told:?}");
        let alone = |access: &str| {
            let file = file.display();
            let bind =
                format!("[[mount]]\nbind = \"{file}\"\ntarget = \"/p\"\naccess = \"{access}\"\n");
            lab.run(&profile(&lab, &bind), &["/probe", "map-write", "/p"])
        };
        let ended = alone("rw");
        assert_eq!(ended.code(), 125, "{ended:?}");
        assert!(ended.err.contains("mount.source-set-id"), "{ended:?}");
        assert_eq!(alone("ro").out, "map-write: refused EROFS\n");
    }
}

/// In root's volumes and kept trees a file may get capabilities that on disk are those of the host's root: nobody but
/// root gets there (see `plan::resolve::set_id`), and `apply` carries none of them out.
#[test]
fn rule_11_capabilities_in_what_is_kept_are_out_of_reach() {
    if !root_only("rule_11_capabilities_in_what_is_kept_are_out_of_reach") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let other = Lab::new(Caller::Unprivileged);
    let program = format!("program-{}", lab.name);
    let kept = format!(
        "command.user = \"root\"\nrootfs.writes = \"keep\"\n{SETFCAP}[[mount]]\nvolume = \"{}\"\ntarget = \"/v\"\n",
        lab.name
    );
    let text = profile(&lab, &kept);
    for directory in ["/v", "/etc"] {
        let file = format!("{directory}/{program}");
        let attacks: [&[&str]; 3] = [
            &["create", &file],
            &["mode-chmod", &file, "0755"],
            &["set-capability", &file],
        ];
        all_are(&inside(&lab, &text, &attacks), &["worked"]);
    }
    let found = finish(
        lab.host("find")
            .args(["/var/lib/sandbox", "-name", &program]),
    );
    let places: Vec<&Path> = found.out.lines().map(Path::new).collect();
    assert_eq!(places.len(), 2, "{found:?}");
    for place in places {
        let closed = |above: &&Path| {
            let found = fs::metadata(above).unwrap();
            (found.mode() & 0o077, found.uid()) == (0, 0)
        };
        assert!(
            place.ancestors().skip(1).any(|above| closed(&above)),
            "{place:?}"
        );
        let mut shell = other.host("sh");
        let ended = finish(shell.args(["-c", "\"$0\""]).arg(place));
        assert!(
            ended.err.contains("Permission denied"),
            "{place:?}: {ended:?}"
        );
    }
    let reset = finish(lab.host(sandbox()).args(["reset", "--volumes", &lab.name]));
    assert_eq!(reset.code(), 0, "{reset:?}");
}

/// What a source holds of rights stays behind, and the places of trees are closed.
#[test]
fn cve_2021_41091_trees_hold_no_rights_and_are_closed_to_others() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        lab.directory("source");
        lab.file("source/setuid", "x");
        lab.directory("source/setgid");
        for (name, mode) in [("source/setuid", 0o6755), ("source/setgid", 0o2755)] {
            fs::set_permissions(lab.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let tarball = Tarball::default()
            .header(&Header::new(b'0', "packed-setuid").mode(0o6755))
            .header(&Header::new(b'5', "packed-setgid").mode(0o3777))
            .header(&Header::new(b'3', "packed-null").mode(0o666))
            .end();
        fs::write(lab.file("hostile.tar", ""), tarball).unwrap();
        let sources = format!(
            ", {{ copy = \"{}\", to = \"/s\" }}, {{ archive = \"{}\" }}, {{ file = \"/f\", text = \"\", mode = \"0755\" }}",
            lab.text("source"),
            lab.text("hostile.tar")
        );
        let text = profile_with(
            &lab,
            &sources,
            "rootfs.writes = \"keep\"\n[[mount]]\nvolume = \"data\"\ntarget = \"/v\"\n",
        );
        let looks: [&[&str]; 5] = [
            &["stat", "/s/setuid"],
            &["stat", "/s/setgid"],
            &["stat", "/packed-setuid"],
            &["stat", "/packed-setgid"],
            &["stat", "/packed-null"],
        ];
        let seen = inside(&lab, &text, &looks);
        let modes: Vec<&str> = seen
            .iter()
            .map(|line| line.split(' ').nth(1).unwrap())
            .collect();
        assert_eq!(modes, ["755", "755", "755", "1777", "refused"], "{seen:?}");
        // Nobody but the owner gets near them.
        let places = match caller {
            Caller::Root => [
                "/var/lib/sandbox".to_owned(),
                "/run/sandbox".to_owned(),
                lab.text("cache/sandbox"),
            ],
            Caller::Unprivileged => [
                lab.text("home/.local/share/sandbox"),
                lab.text("runtime/sandbox"),
                lab.text("cache/sandbox"),
            ],
        };
        for place in &places {
            let found = fs::metadata(place).unwrap();
            assert_eq!(found.mode() & 0o077, 0, "{place}");
            assert_eq!(found.uid(), caller.uid(), "{place}");
        }
        if caller == Caller::Root {
            let other = Lab::new(Caller::Unprivileged);
            for place in &places {
                let ended = finish(other.host("ls").arg(place));
                assert!(
                    ended.code() != 0 && ended.out.is_empty(),
                    "{place}: {ended:?}"
                );
            }
        }
        // An exported tree has none either.
        let file = lab.file(
            "profile.toml",
            &text.replace(
                "version = 1\n",
                "version = 1\nname = \"x\"\ncommand.args = [\"/probe\"]\n",
            ),
        );
        let output = lab.path("exported");
        let built = finish(
            lab.host(sandbox())
                .arg("build")
                .arg(file)
                .arg("--output")
                .arg(&output),
        );
        assert_eq!(built.code(), 0, "{built:?}");
        let found = finish(lab.host("find").arg(&output).args(["-perm", "/6000"]));
        assert_eq!((found.code(), found.out.as_str()), (0, ""), "{found:?}");
        let control = finish(
            lab.host("find")
                .arg(lab.path("source"))
                .args(["-perm", "/6000"]),
        );
        assert_eq!(control.out.lines().count(), 2, "{control:?}");
    }
}

/// The mode by which a bit comes back: copied up by an overlay, or inherited from a directory.
#[test]
fn rule_11_an_inherited_bit_counts_for_nobody() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("work/shared");
        fs::set_permissions(lab.path("work/shared"), fs::Permissions::from_mode(0o2775)).unwrap();
        let text = profile(&lab, &work(&lab, "rw"));
        let answers = inside(
            &lab,
            &text,
            &[
                &["create", "/w/shared/file"],
                &["mode-mkdir", "/w/shared/dir", "0755"],
            ],
        );
        all_are(&answers, &["worked"]);
        // A file has no bit of it; a directory's only names the group of what is made in it.
        assert_eq!(
            fs::metadata(lab.path("work/shared/file")).unwrap().mode() & 0o6000,
            0
        );
        assert_eq!(
            fs::metadata(lab.path("work/shared/dir")).unwrap().mode() & 0o4000,
            0
        );
    }
}
