//! The second wall: what Landlock alone stops, where the first one is not there or was left open.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use sandbox::model::LandlockAbi;

use super::support::{
    Caller, Lab, Lack, attack, finish, finish_started, inside, root_only, skip, start, within,
};

const OFF: &str = "security.landlock = false\n";

/// The kernel's version, where it has what a test is about.
fn has(name: &str, is: impl Fn(LandlockAbi) -> bool) -> bool {
    let abi = sandbox::sys::landlock::version().map_or(LandlockAbi::NONE, LandlockAbi);
    if !abi.is_usable() || !is(abi) {
        skip(name, &Lack::Layout("this kernel's Landlock lacks it"));
        return false;
    }
    true
}

/// The state and the value of a layer in the report of the last run.
fn layer(lab: &Lab, name: &str) -> (String, Option<String>) {
    let report = lab.report();
    let mut layers = report["isolation"].as_array().unwrap().iter();
    let layer = layers.find(|layer| layer["layer"] == name).unwrap();
    let text = |key: &str| layer[key].as_str().map(str::to_owned);
    (text("state").unwrap(), text("value"))
}

/// Has root take all flags off a mount of the sandbox, as a defect would, then lets the program go on.
pub(super) fn with_loosened(lab: &Lab, profile: &str, target: &str, attack_line: &str) -> String {
    let go = lab.path("work/go");
    fs::remove_file(&go).unwrap_or_default();
    let script = format!("until [ -e {target}/go ]; do sleep 0.02; done; {attack_line}");
    let up = start(&mut lab.up(profile, &["sh", "-c", &script]));
    let pid = inside(&up)[0].to_string();
    let mut loosen = Caller::Root.command(attack());
    let loosened = finish(loosen.args(["loosen", &pid, target]));
    fs::write(&go, "").unwrap();
    let ended = finish_started(up);
    assert_eq!(loosened.out, "worked\n", "{loosened:?}");
    ended.out.trim_end().to_owned()
}

fn bind(lab: &Lab) -> String {
    let work = lab.text("work");
    format!("[[mount]]\nbind = {work:?}\ntarget = \"/w\"\naccess = \"ro\"\n")
}

#[test]
fn a_mount_that_was_left_writable_is_not_written() {
    let name = "a_mount_that_was_left_writable_is_not_written";
    if !root_only(name) || !has(name, |_| true) {
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let file = lab.file("work/file", "mine");
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        let line = format!("{} overwrite /w/file yours", attack());
        let profile =
            |keys: &str| lab.profile(&format!("rootfs.writes = \"deny\"\n{keys}{}", bind(&lab)));
        assert_eq!(with_loosened(&lab, &profile(""), "/w", &line), "EACCES");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        let alone = with_loosened(&lab, &profile(OFF), "/w", &line);
        assert_eq!(alone, "worked", "{caller:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "yours");
    }
}

/// /proc/self/fd opens a file again with all that its owner may do, and the caller's files are the
/// program's own.
#[test]
fn a_file_that_is_handed_in_to_be_read_is_not_opened_to_be_written() {
    if !has(
        "a_file_that_is_handed_in_to_be_read_is_not_opened_to_be_written",
        |_| true,
    ) {
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let file = lab.file("input", "mine");
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        let run = |keys: &str| {
            let command = [attack(), "overwrite", "/proc/self/fd/0", "yours"];
            let mut up = lab.up(&lab.profile(keys), &command);
            finish_started(start(up.stdin(File::open(&file).unwrap()))).out
        };
        assert_eq!(run(""), "EACCES\n");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert_eq!(run(OFF), "worked\n");
        assert_eq!(fs::read_to_string(&file).unwrap(), "yours");
    }
}

/// What was opened for a purpose is opened again for it, under the names that programs use.
#[test]
fn streams_are_opened_again_by_their_names() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let input = lab.file("input", "text\n");
        let output = lab.file("output", "");
        let script = "cat /dev/stdin > /dev/stdout; echo more >> /dev/stdout; echo x > /dev/null";
        let mut up = lab.up(&lab.profile(""), &["sh", "-c", script]);
        fs::set_permissions(&output, Permissions::from_mode(0o666)).unwrap();
        up.stdin(File::open(&input).unwrap());
        up.stdout(File::options().append(true).open(&output).unwrap());
        let status = up.status().unwrap();
        assert_eq!(
            fs::read_to_string(&output).unwrap(),
            "text\nmore\n",
            "{status:?}"
        );
        assert!(status.success());
        // Whether a pipe may be opened is its owner's affair alone.
        let script = ["sh", "-c", "echo to > /dev/stderr; echo it > /dev/fd/1"];
        let [with, without] = ["", OFF].map(|keys| lab.run(&lab.profile(keys), &script));
        assert_eq!(with.out, without.out, "{with:?}");
        if !nix::unistd::geteuid().is_root() {
            assert_eq!(with.out, "it\n", "{with:?}");
        }
    }
}

/// Rule 18 (CVE-2020-15257): where the network is the host's, so are its sockets without a path.
#[test]
fn abstract_sockets_of_a_shared_network_are_out_of_reach() {
    if !has(
        "abstract_sockets_of_a_shared_network_are_out_of_reach",
        LandlockAbi::has_scopes,
    ) {
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let socket = format!("{}-landlock", lab.name);
        let mut listen = lab.host(attack());
        listen
            .args(["listen-abstract", &socket])
            .stdin(Stdio::piped());
        let mut listener = start(&mut listen);
        let connect = ["connect-abstract", socket.as_str()];
        let listens = || lab.unguarded(&connect) == "worked\n";
        assert!(within(Duration::from_secs(5), listens));
        let shared = "network.mode = \"host\"\n";
        assert_eq!(lab.attack(&lab.profile(shared), &connect), "EPERM");
        let value = Some("landlock".to_owned());
        assert_eq!(
            layer(&lab, "abstract_sockets"),
            ("enforced".to_owned(), value)
        );
        let open = lab.run(
            &lab.profile(&format!("{shared}{OFF}")),
            &[attack(), connect[0], connect[1]],
        );
        assert_eq!(open.out, "worked\n", "{open:?}");
        assert!(open.err.contains("network.abstract-sockets"), "{open:?}");
        assert_eq!(layer(&lab, "abstract_sockets"), ("off".to_owned(), None));
        // Its own are its own.
        let own = format!(
            "{attack} listen-abstract {socket}-own </dev/null",
            attack = attack()
        );
        assert_eq!(lab.script(&lab.profile(shared), &own), "worked\n");
        drop(listener.stdin.take());
        listener.wait().unwrap();
    }
}

#[test]
fn signals_end_at_the_sandbox_where_processes_are_shared() {
    if !has(
        "signals_end_at_the_sandbox_where_processes_are_shared",
        LandlockAbi::has_scopes,
    ) {
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let shared = "namespaces.pid = false\nsystem.proc = \"none\"\n";
        let script = format!("{} kill $PPID 0; sleep 5 & kill $! && echo own", attack());
        let run = |keys: &str| {
            let ended = lab.run(
                &lab.profile(&format!("{shared}{keys}")),
                &["sh", "-c", &script],
            );
            ended.out
        };
        assert_eq!(run(""), "EPERM\nown\n");
        assert_eq!(run(OFF), "worked\nown\n");
    }
}

/// A capability that a profile keeps, and no filter: mounts stay as they are all the same.
#[test]
fn nothing_is_mounted_and_no_device_is_made() {
    if !has("nothing_is_mounted_and_no_device_is_made", |_| true) {
        return;
    }
    let rest =
        "[security]\nseccomp = \"none\"\ncapabilities = [\"CAP_SYS_ADMIN\", \"CAP_MKNOD\"]\n";
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let tmp = "[[mount]]\ntmpfs = \"/tmp\"";
        let guarded = lab.profile(&format!("{rest}{tmp}"));
        let open = lab.profile(&format!("{rest}landlock = false\n{tmp}"));
        for attack in [
            ["mount-tmpfs", "/tmp"],
            ["mount-proc", "/etc"],
            ["umount", "/tmp"],
        ] {
            assert_eq!(lab.attack(&guarded, &attack), "EPERM", "{attack:?}");
            assert_eq!(lab.attack(&open, &attack), "worked", "{attack:?}");
        }
        assert_eq!(lab.attack(&guarded, &["mknod-null", "/tmp/null"]), "EACCES");
        // Where no Landlock is asked, the user namespace answers.
        assert_eq!(lab.attack(&open, &["mknod-null", "/tmp/null"]), "EPERM");
    }
}

/// Everything that ordinary programs do with files goes on, wherever the profile lets them write.
#[test]
fn programs_work_as_without() {
    let script = "set -e
        cd $DIR; mkdir a b; echo text > a/file; mv a/file b/file; ln b/file a/hard; ln -s file b/link
        mv a c; mv c b/c; truncate -s 1 b/file; test \"$(cat b/c/hard)\" = t; : > b/file
        mkfifo pipe; cat pipe & echo through > pipe; wait
        ATTACK create $DIR/new; rm -r b pipe new
        echo 1 > /proc/self/oom_score_adj; echo x > /dev/shm/x; mkdir /dev/shm/d; mv /dev/shm/x /dev/shm/d/y
        echo x > /dev/null; head -c 4 /dev/urandom > /dev/full 2>/dev/null || echo full";
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let tools = ", { programs = [\"ln\", \"mkfifo\", \"mv\", \"truncate\"] }";
        let mounts = format!(
            "[[mount]]\nbind = {work:?}\ntarget = \"/w\"\naccess = \"rw\"\n[[mount]]\ntmpfs = \"/scratch\"\n\
             [[mount]]\nbind = {over:?}\ntarget = \"/over\"\naccess = \"overlay\"\n\
             [[mount]]\nvolume = \"data\"\ntarget = \"/data\"\n",
            work = lab.text("work"),
            over = lab.directory("over"),
        );
        for writes in ["deny", "discard"] {
            let profile =
                lab.profile_with(tools, &format!("rootfs.writes = \"{writes}\"\n{mounts}"));
            let all = ["/w", "/scratch", "/over", "/data"];
            let own = (writes == "discard").then_some("/home");
            for directory in all.into_iter().chain(own) {
                let script = script
                    .replace("$DIR", directory)
                    .replace("ATTACK", attack());
                let script = format!("mkdir -p {directory} && {script}");
                let said = lab.script(&profile, &script);
                assert_eq!(
                    said, "through\nworked\nfull\n",
                    "{caller:?} {writes} {directory}"
                );
            }
        }
    }
}

#[test]
fn the_report_says_what_this_kernel_has() {
    let version = sandbox::sys::landlock::version().map_or(LandlockAbi::NONE, LandlockAbi);
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        assert_eq!(lab.run(&lab.profile(""), &["true"]).code(), 0);
        let expected = match version.is_usable() {
            true => ("enforced".to_owned(), Some(version.to_string())),
            false => ("degraded".to_owned(), None),
        };
        assert_eq!(layer(&lab, "landlock"), expected);
        let required = lab.run(&lab.profile("security.landlock = true\n"), &["true"]);
        match version.is_usable() {
            true => assert_eq!(required.code(), 0, "{required:?}"),
            false => assert!(
                required.err.contains("security.landlock-missing"),
                "{required:?}"
            ),
        }
        let allowed = "[security]\nlandlock = true\nallow_degraded = [\"landlock\"]";
        let ended = lab.run(&lab.profile(allowed), &["true"]);
        assert_eq!(ended.code(), 0, "{ended:?}");
        let warned = ended.err.contains("not enforced here: landlock");
        assert_eq!(warned, !version.is_usable(), "{ended:?}");
        assert_eq!(lab.run(&lab.profile(OFF), &["true"]).code(), 0);
        assert_eq!(layer(&lab, "landlock"), ("off".to_owned(), None));
    }
}
