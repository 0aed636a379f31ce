//! `map_users`, `groups` and `nested_userns`: more ids than one, and namespaces inside.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use nix::unistd::geteuid;

use super::support::{Caller, Lab, Lack, attack, field, finish, root_only, sandbox, skip};

const RANGE: &str = "namespaces.map_users = \"subordinate\"
security.capabilities = [\"CAP_CHOWN\", \"CAP_SETUID\", \"CAP_SETGID\"]
";

/// A checkout of `owner`'s, bound at /proj.
fn checkout(lab: &Lab, owner: u32) -> String {
    let directory = lab.directory("proj");
    for path in [directory.clone(), lab.file("proj/f", "old\n")] {
        chown(path, Some(owner), Some(owner)).unwrap();
    }
    format!(
        "[[mount]]\nbind = \"{}\"\ntarget = \"/proj\"\naccess = \"rw\"\n",
        directory.display()
    )
}

#[test]
fn roots_range_is_of_ids_that_nobody_has() {
    if !root_only("roots_range_is_of_ids_that_nobody_has") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let bind = checkout(&lab, 4242);
    let rest = format!("{RANGE}[[mount]]\ntmpfs = \"/tmp\"\n{bind}");
    let profile = lab.profile_with(", { programs = [\"chown\", \"touch\"] }", &rest);
    let script = "cat /proc/self/uid_map; echo x > /tmp/f; chown 33:34 /tmp/f; ls -n /tmp/f; \
                  echo new > /proj/new; echo more >> /proj/f; ls -n /proj/f; chown 7 /proj/new";
    let ended = lab.run(&profile, &["sh", "-c", script]);
    assert!(ended.out.contains(" 33 34 "), "{ended:?}");
    assert!(
        ended.out.contains(" 0 0 "),
        "the checkout is the program's: {ended:?}"
    );
    assert!(
        ended.err.contains("/proj/new"),
        "no other id is on a bind: {ended:?}"
    );
    let map: Vec<u32> = ended
        .out
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    let [inside, outside, count] = map[..] else {
        panic!("{ended:?}");
    };
    assert_eq!((inside, count), (0, 65_536));
    assert!((0x7000_0000..0x7ffe_0000).contains(&outside), "{outside}");
    for name in ["proj/f", "proj/new"] {
        let found = fs::metadata(lab.path(name)).unwrap();
        assert_eq!((found.uid(), found.gid()), (4242, 4242), "{name}");
    }
}

/// On disk the program's files are root's and those of other ids have the numbers from inside.
#[test]
fn what_is_kept_has_the_ids_from_inside() {
    if !root_only("what_is_kept_has_the_ids_from_inside") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let rest = format!("{RANGE}[[mount]]\nvolume = \"data\"\ntarget = \"/data\"\n");
    let profile = lab.profile_with(
        ", { programs = [\"chown\", \"touch\"] }",
        &format!("command.user = \"5:6\"\n{rest}"),
    );
    let script =
        "cd /data; touch own other root; chown 77:78 other; chown 0:0 root; stat -c '%n %u:%g' *";
    let listed = lab.script(&profile, script);
    for ids in ["own 5:6", "other 77:78", "root 0:0"] {
        assert!(listed.contains(ids), "{ids}: {listed}");
    }
    let data = format!("/var/lib/sandbox/{}/volumes/data", lab.name);
    let of = |name: &str| {
        let found = fs::metadata(format!("{data}/{name}")).unwrap();
        (found.uid(), found.gid())
    };
    assert_eq!(
        (of("own"), of("other"), of("root")),
        ((0, 0), (77, 78), (5, 6))
    );
    assert_eq!(
        lab.script(&profile, "cd /data; stat -c '%n %u:%g' *"),
        listed
    );
    let reset = finish(lab.host(sandbox()).args(["reset", "--volumes", &lab.name]));
    assert_eq!(reset.code(), 0, "{reset:?}");
}

/// root's ranges are tested above; a caller's want newuidmap and a line in /etc/subuid.
#[test]
fn a_callers_range_is_of_subordinate_ids() {
    if geteuid().is_root() {
        return;
    }
    let name = "a_callers_range_is_of_subordinate_ids";
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    let user = format!("{}:", String::from_utf8(user).unwrap().trim());
    let has = |path: &str| text(path).lines().any(|line| line.starts_with(&user));
    if !has("/etc/subuid") || !has("/etc/subgid") || !fs::exists("/usr/bin/newuidmap").unwrap() {
        skip(
            name,
            &Lack::Tool("newuidmap, or a line of the caller's in /etc/subuid"),
        );
        return;
    }
    let lab = Lab::new(Caller::Unprivileged);
    let bind = checkout(&lab, lab.caller.uid());
    let rest = format!("command.user = \"root\"\n{RANGE}[[mount]]\ntmpfs = \"/tmp\"\n{bind}");
    let profile = lab.profile_with(", { programs = [\"chown\", \"touch\"] }", &rest);
    let script = "cat /proc/self/uid_map; echo x > /tmp/f; chown 33:34 /tmp/f; ls -n /tmp/f; \
                  echo new > /proj/new; ls -n /proj/new; cat /proc/self/status; chown 7 /proj/new";
    let ended = lab.run(&profile, &["sh", "-c", script]);
    assert!(
        ended.out.contains(" 33 34 ") && ended.out.contains(" 0 0 "),
        "{ended:?}"
    );
    assert_eq!(field(&ended.out, "Groups"), Some(""), "{ended:?}");
    let own = format!("0 {} 1", lab.caller.uid());
    let first: Vec<&str> = ended
        .out
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(first.join(" "), own);
    let found = fs::metadata(lab.path("proj/new")).unwrap();
    assert_ne!(found.uid(), 0);
}

#[test]
fn root_may_keep_a_group_of_the_host_and_none_else() {
    if !root_only("root_may_keep_a_group_of_the_host_and_none_else") {
        return;
    }
    const GROUP: u32 = 47_222;
    let lab = Lab::new(Caller::Root);
    let secret = lab.file("work/secret", "shared\n");
    chown(&secret, Some(0), Some(GROUP)).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o040)).unwrap();
    let bind = format!(
        "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\nowner = \"keep\"\n",
        lab.text("work")
    );
    let read = |groups: &str| {
        let profile = lab.profile(&format!("command.groups = {groups}\n{bind}"));
        lab.run(&profile, &["cat", "/w/secret"])
    };
    assert_eq!(read(&format!("[{GROUP}]")).out, "shared\n");
    let without = read("[]");
    assert_eq!(without.out, "", "{without:?}");
    assert!(without.err.contains("Permission denied"), "{without:?}");
}

#[test]
fn nested_namespaces_are_made_only_where_the_profile_says_so() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let tools = ", { programs = [\"unshare\", \"mount\"] }, { dir = \"/mnt\" }";
        let nested = lab.profile_with(tools, "security.nested_userns = true");
        let plain = lab.profile_with(tools, "");
        let script = "unshare -Urmpf --mount-proc sh -c 'mount -t tmpfs none /mnt && id -u && cat /proc/1/comm'";
        let ended = lab.run(&nested, &["sh", "-c", script]);
        assert_eq!(ended.out, "0\nsh\n", "{ended:?}");
        let refused = lab.run(&plain, &["sh", "-c", script]);
        assert_ne!(refused.code(), 0, "{refused:?}");
        for how in ["unshare", "clone", "clone3"] {
            assert_eq!(lab.attack(&nested, &[how, "user"]), "worked", "{how}");
        }
        // Root of the host is not mapped: what masks and seals hold, modes do too.
        for path in [
            "/proc/sys/kernel/panic",
            "/proc/sysrq-trigger",
            "/proc/kcore",
            "/proc/1/exe",
        ] {
            let found = lab.attack(&nested, &["open-write", path]);
            assert!(
                ["EACCES", "EROFS", "ENOENT", "EPERM"].contains(&found.as_str()),
                "{path}: {found}"
            );
        }
    }
}

#[test]
fn no_set_id_file_is_made_from_a_nested_namespace() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        // Beside files of root's the start is refused: an overlay inside copies a set-id file, bit and all.
        let owner = match caller {
            Caller::Root => 4242,
            Caller::Unprivileged => caller.uid(),
        };
        if caller == Caller::Root {
            let roots = checkout(&lab, 0);
            let rest =
                format!("command.user = \"1000:1000\"\nsecurity.nested_userns = true\n{roots}");
            let ended = lab.run(&lab.profile(&rest), &["true"]);
            assert_eq!(ended.code(), 125, "{ended:?}");
            assert!(ended.err.contains("security.nested-root"), "{ended:?}");
        }
        let bind = checkout(&lab, owner);
        let rest = format!("command.user = \"1000:1000\"\nsecurity.nested_userns = true\n{bind}");
        let profile = lab.profile_with(", { programs = [\"unshare\"] }", &rest);
        let attack = attack();
        let inside = lab.run(
            &profile,
            &["unshare", "-Ur", attack, "chmod", "/proj/f", "4755"],
        );
        assert_eq!(inside.out, "EPERM\n", "{inside:?}");
        assert_eq!(
            fs::metadata(lab.path("proj/f")).unwrap().mode() & 0o7777,
            0o644
        );
        assert_eq!(
            lab.unguarded(&["chmod", &lab.text("proj/f"), "4755"]),
            "worked\n"
        );
    }
}

/// The default filter hides openat2(2), which `sandbox` itself needs: it says so, and what gives it.
#[test]
fn a_sandbox_within_a_sandbox_says_what_it_lacks() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        let inner =
            "version = 1\ncommand.args = [\"true\"]\nrootfs.source = [{ programs = [\"true\"] }]\n";
        let sources = format!(
            ", {{ copy = \"{}\", to = \"/sandbox\" }}, {{ programs = [\"true\"] }}, \
             {{ file = \"/inner.toml\", text = {inner:?} }}",
            sandbox().display(),
        );
        let run = |security: &str| {
            let rest = format!(
                "command.user = \"1000:1000\"\nsecurity.nested_userns = true\n{security}[[mount]]\ntmpfs = \"/tmp\"\n"
            );
            let script = "HOME=/tmp XDG_RUNTIME_DIR=/tmp /sandbox up /inner.toml 2>&1; echo $?";
            lab.run(&lab.profile_with(&sources, &rest), &["sh", "-c", script])
        };
        let ended = run("");
        assert!(ended.out.contains("host.no-openat2"), "{ended:?}");
        assert!(ended.out.ends_with("125\n"), "{ended:?}");
        let ended = run("security.seccomp = \"none\"\n");
        assert_eq!(ended.out, "0\n", "{caller:?}: {ended:?}");
    }
}
