//! Rules 7 to 10: what is mounted, from where, and onto what.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use sandbox::model::guard::Guard;

use super::super::support::{attack, finish, finish_started, sandbox, start, within};
use super::bench::{Bench, LACKING, NO_FILTER, probe, told};
use super::{Row, Who};

fn write_read_only(bench: &Bench) -> String {
    bench.lab.file("work/file", "");
    bench.attack(&bench.bind("ro"), &["open-write", "/w/file"])
}

fn write_below_read_only(bench: &Bench) -> String {
    bench.lab.directory("work/sub");
    let mount = "mount -t tmpfs none sub && > sub/file && exec \"$@\"";
    let command = [attack(), "open-write", "/w/sub/file"];
    told(bench.own_mounts(mount, &bench.bind("ro"), &command))
}

/// A program with a capability of its own, which root has put into the directory.
fn capable_program(bench: &Bench) -> String {
    let program = bench.lab.path("work/capable");
    fs::copy(attack(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut give = std::process::Command::new(probe());
    let given = give.arg("give-capability").arg(&program).output().unwrap();
    if given.stdout != b"worked\n" {
        return format!("{LACKING}no capabilities of files");
    }
    // Through a map the owner of the capability would be another.
    let bind = bench.bind("ro");
    let rest = format!("command.user = \"1234:1234\"\n{NO_FILTER}{bind}owner = \"keep\"\n");
    bench.script(&rest, "/w/capable sethostname taken; true")
}

fn device(bench: &Bench) -> String {
    let node = bench.lab.text("work/null");
    let mut mknod = std::process::Command::new("mknod");
    let made = mknod.args(["-m", "666", &node, "c", "1", "3"]).status();
    if !made.unwrap().success() || bench.lab.unguarded(&["open-read", &node]) != "worked\n" {
        return format!("{LACKING}no devices in this file system");
    }
    bench.attack(&bench.bind("ro"), &["open-read", "/w/null"])
}

/// The state directory is locked while the source is exchanged, after the plan was made.
fn exchanged_source(bench: &Bench) -> String {
    bench.victim();
    bench.lab.directory("data");
    let state = bench.lab.directory("runtime/sandbox");
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let lock = Flock::lock(File::open(state).unwrap(), FlockArg::LockExclusive).unwrap();
    let rest = format!(
        "[[mount]]\nbind = \"{}\"\ntarget = \"/d\"",
        bench.lab.text("data")
    );
    let up = start(&mut bench.up(&rest, &["cat", "/d/file"]));
    let waits = format!(" {} ", up.id());
    let waiting = || {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        let mut lines = locks.lines();
        lines.any(|line| line.contains("->") && line.contains(&waits))
    };
    assert!(within(Duration::from_secs(10), waiting), "it does not wait");
    fs::remove_dir(bench.lab.path("data")).unwrap();
    bench.lab.link("data", bench.lab.path("victim"));
    drop(lock);
    told(finish_started(up))
}

/// The program of an earlier run has laid a link where another bind starts.
fn laid_source(bench: &Bench) -> String {
    bench.victim();
    bench.lab.link("work/data", bench.lab.path("victim"));
    let data = bench.lab.text("work/data");
    let second = format!("[[mount]]\nbind = \"{data}\"\ntarget = \"/d\"\n");
    bench.says(
        &format!("{}{second}", bench.bind("rw")),
        &["cat", "/d/file"],
    )
}

/// A mount over a directory that is shared in the caller's own namespace.
fn travelling_copy(bench: &Bench) -> String {
    bench.lab.directory("work/shared");
    let script = "mount -t tmpfs none shared && mount --make-shared shared && mkdir shared/in && \
                  \"$@\" >&2; grep -q ' [^ ]*/work/shared/in ' /proc/self/mountinfo && echo travelled || echo stays";
    let rest = format!("{}[[mount]]\ntmpfs = \"/w/shared/in\"\n", bench.bind("rw"));
    told(bench.own_mounts(script, &rest, &["true"]))
}

/// Without a user namespace, where all mounts of the caller's own namespace are shared.
fn travelling_root(bench: &Bench) -> String {
    let script = "mount --make-rshared / && \
                  count() { grep -c '^[^ ]* [^ ]* [^ ]* [^ ]* / ' /proc/self/mountinfo; }; before=$(count); \
                  \"$@\" >&2; [ $before = $(count) ] && echo stays || echo travelled";
    let rest = "command.user = \"1234:1234\"\nnamespaces.user = false\n";
    told(bench.own_mounts(script, rest, &["true"]))
}

fn target_out(bench: &Bench) -> String {
    bench.lab.link("work/out", bench.victim());
    let rest = format!("{}[[mount]]\ntmpfs = \"/w/out\"\n", bench.bind("ro"));
    bench.script(&rest, "echo started")
}

/// A link in the place of /dev, laid after the tree was made.
fn hostile_dev(bench: &Bench) -> String {
    bench.lab.keep_apart();
    let victim = bench.victim();
    let profile = bench.lab.file("tree.toml", &bench.profile(""));
    let mut build = bench.lab.host(sandbox());
    let built = finish(build.arg("build").arg(profile));
    let root = std::path::Path::new(built.out.lines().next().unwrap());
    fs::set_permissions(root, Permissions::from_mode(0o755)).unwrap();
    fs::rename(root.join("dev"), root.join("was-dev")).unwrap();
    std::os::unix::fs::symlink(victim, root.join("dev")).unwrap();
    bench.says("", &["stat", "-c", "%F", "/dev"])
}

fn report_through_link(bench: &Bench) -> String {
    let victim = bench.victim().join("file");
    bench.lab.link("report.json", victim);
    bench.run("", &["true"]);
    bench.victims_file()
}

fn old_root(bench: &Bench) -> String {
    let victim = bench.victim().join("file");
    bench.attack("", &["open-read", victim.to_str().unwrap()])
}

fn above_the_root(bench: &Bench) -> String {
    let victim = format!("/..{}", bench.victim().join("file").display());
    bench.attack("", &["open-read", &victim])
}

fn store_below_bind(bench: &Bench) -> String {
    bench.lab.keep_apart();
    let rest = |access: &str| {
        let cache = bench.lab.text("cache");
        format!("[[mount]]\nbind = \"{cache}\"\ntarget = \"/c\"\naccess = \"{access}\"\n")
    };
    bench.lab.directory("cache/sandbox");
    bench.script(&rest("ro"), "ls -A /c/sandbox")
}

fn moved_store(bench: &Bench) -> String {
    bench.lab.keep_apart();
    bench.lab.directory("cache/sandbox");
    let all = bench.lab.text("");
    let rest = format!("[[mount]]\nbind = \"{all}\"\ntarget = \"/l\"\naccess = \"rw\"\n");
    bench.script(
        &rest,
        "mv /l/cache /l/moved 2>/dev/null && mv /l/moved /l/cache && echo moved; true",
    )
}

fn open_state(bench: &Bench) -> String {
    let state = bench.lab.directory("runtime/sandbox");
    fs::set_permissions(state, Permissions::from_mode(0o777)).unwrap();
    bench.script("", "echo started")
}

fn linked_state(bench: &Bench) -> String {
    let state = bench.lab.directory("runtime/sandbox");
    fs::set_permissions(state, Permissions::from_mode(0o700)).unwrap();
    let victim = bench.victim().join("file");
    let own = format!("runtime/sandbox/{}", bench.lab.name);
    let place = bench.lab.directory(&own);
    fs::set_permissions(place, Permissions::from_mode(0o700)).unwrap();
    bench.lab.link(&format!("{own}/lock"), victim);
    bench.script("", "echo started")
}

fn made_point(bench: &Bench) -> String {
    let rest = format!("{}[[mount]]\ntmpfs = \"/w/cache\"\n", bench.bind("rw"));
    bench.run(&rest, &["true"]);
    match bench.lab.path("work/cache").exists() {
        true => "made".to_owned(),
        false => "clean".to_owned(),
    }
}

const REFUSED: &[&str] = &["not started"];

pub const ROWS: &[Row] = &[
    Row::new(
        Guard::ReadOnly,
        "a file of a read-only bind",
        write_read_only,
    )
    .held(&["EROFS"])
    .open(&["worked"]),
    Row::new(
        Guard::EveryMountBelow,
        "a file of a mount below",
        write_below_read_only,
    )
    .held(&["EROFS"])
    .open(&["worked"]),
    Row::new(
        Guard::NoSuid,
        "a program with a capability in a bind",
        capable_program,
    )
    .by(Who::ByRoot)
    .behind(&[Guard::NoNewPrivileges, Guard::BoundingSet])
    .past(&[Guard::Filter])
    .held(&["EPERM", ""])
    .open(&["worked"]),
    Row::new(Guard::NoDev, "a device in a bind", device)
        .by(Who::ByRoot)
        .held(&["EACCES"])
        .open(&["worked"]),
    Row::new(
        Guard::SourceLinks,
        "a source that is exchanged for a link",
        exchanged_source,
    )
    .by(Who::User)
    .held(REFUSED)
    .open(&["as it was"]),
    Row::new(
        Guard::LedOut,
        "a source that is a link in a writable bind",
        laid_source,
    )
    .held(REFUSED)
    .open(&["as it was"]),
    Row::new(
        Guard::PrivateCopies,
        "a mount over a shared directory",
        travelling_copy,
    )
    .by(Who::Root)
    .held(&["stays"])
    .open(&["travelled"]),
    Row::new(
        Guard::PrivateMounts,
        "the new root, without a user namespace",
        travelling_root,
    )
    .by(Who::Root)
    .held(&["stays"])
    .open(&["travelled"]),
    Row::new(
        Guard::TargetsInRoot,
        "a target that is a link to the host",
        target_out,
    )
    .held(REFUSED)
    .open(&["started"]),
    Row::new(
        Guard::KernelPlaces,
        "a tree whose /dev is a link",
        hostile_dev,
    )
    .held(&["not started", "directory"])
    .open(&["symbolic link"]),
    Row::new(
        Guard::ReportLinks,
        "a report over a link",
        report_through_link,
    )
    .held(&["as it was"]),
    Row::new(Guard::PivotRoot, "a file of the host by its path", old_root)
        .held(&["ENOENT"])
        .open(&["worked"]),
    Row::new(
        Guard::DetachOldRoot,
        "a file of the host above the root",
        above_the_root,
    )
    .held(&["ENOENT"])
    .open(&["worked"]),
    Row::new(
        Guard::CoverStore,
        "the store through a bind above it",
        store_below_bind,
    )
    .held(&[""]),
    Row::new(
        Guard::PinStore,
        "what holds the store is moved away",
        moved_store,
    )
    .held(&[""])
    .open(&["moved"]),
    Row::new(
        Guard::StateOwner,
        "a state directory that is open to all",
        open_state,
    )
    .by(Who::User)
    .held(REFUSED)
    .open(&["started"]),
    Row::new(
        Guard::StateLinks,
        "a file of the state that is a link",
        linked_state,
    )
    .by(Who::User)
    .held(REFUSED)
    .open(&["started"]),
    Row::new(
        Guard::OwnPoints,
        "a mount point in the user's directory",
        made_point,
    )
    .held(&["clean"])
    .open(&["made"]),
];
