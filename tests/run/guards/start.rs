//! Rules 15 to 18, and 24: what a start could carry in, and what is shared with the host.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use sandbox::model::guard::Guard;

use super::super::support::{attack, finish, sandbox, start, within};
use super::Row;
use super::bench::{Bench, NO_FILTER, probe, told};

/// A shell that opens the victim's directory as a descriptor, then starts the sandbox.
fn with_directory(bench: &Bench, number: u32, rest: &str, command: &[&str]) -> String {
    let victim = bench.victim();
    let script = format!("exec {number}<{} && exec \"$@\"", victim.display());
    told(bench.under(&script, rest, command))
}

/// Everybody may write the base, and somebody did.
fn base_of_another(bench: &Bench) -> String {
    let base = bench
        .lab
        .file("base.toml", "version = 1\nenv.set.WHOSE = \"theirs\"\n");
    std::fs::set_permissions(base, std::fs::Permissions::from_mode(0o666)).unwrap();
    bench.script("extends = [\"base.toml\"]\n", "echo $WHOSE")
}

fn climb(bench: &Bench) -> String {
    with_directory(bench, 9, "", &[attack(), "climb-descriptors"])
}

fn work_in_descriptor(bench: &Bench) -> String {
    with_directory(
        bench,
        9,
        "command.workdir = \"/proc/self/fd/9\"",
        &["cat", "file"],
    )
}

fn directory_as_input(bench: &Bench) -> String {
    with_directory(bench, 0, "", &["cat", "/proc/self/fd/0/file"])
}

fn directory_that_passes(bench: &Bench) -> String {
    with_directory(
        bench,
        9,
        "command.fds = [9]",
        &["cat", "/proc/self/fd/9/file"],
    )
}

/// The program waits until the first process has had time to close it.
fn descriptor_of_init(bench: &Bench) -> String {
    let script = "sleep 0.3; cat /proc/1/fd/9/file 2>/dev/null; true";
    with_directory(bench, 9, NO_FILTER, &["sh", "-c", script])
}

fn launcher_as_interpreter(bench: &Bench) -> String {
    let script = bench
        .lab
        .file("work/script", "#!/proc/self/exe --version\n");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = sandbox().display();
    let sources = format!(", {{ programs = [\"{program}\"] }}");
    let profile = bench.lab.profile_with(&sources, &bench.bind("ro"));
    let mut up = bench.lab.up(&profile, &["/w/script"]);
    bench.without(&mut up);
    let ended = finish(&mut up);
    match ended.out.starts_with("sandbox ") {
        true => "the launcher ran".to_owned(),
        false => told(ended),
    }
}

fn binary_of_init(bench: &Bench) -> String {
    bench.attack(NO_FILTER, &["open-read", "/proc/1/exe"])
}

fn trace_init(bench: &Bench) -> String {
    bench.attack(NO_FILTER, &["attach", "1"])
}

fn arguments_of_init(bench: &Bench) -> String {
    let ended = bench.run(
        NO_FILTER,
        &["sh", "-c", "cat /proc/1/cmdline 2>/dev/null; true"],
    );
    match ended.out.contains("profile.toml") {
        true => "told".to_owned(),
        false => "nothing".to_owned(),
    }
}

fn secret_variable(bench: &Bench) -> String {
    let script = "echo ${HOST_SECRET-unknown}";
    let mut up = bench.up("", &["sh", "-c", script]);
    told(finish(up.env("HOST_SECRET", "do-not-tell")))
}

fn key_of_session(bench: &Bench) -> String {
    let probe = probe();
    let name = format!("sandbox-{}", bench.lab.name);
    let line = [probe.as_str(), "with-key", &name];
    told(bench.through(&line, NO_FILTER, &[&probe, "find-key", &name]))
}

fn process_of_host(bench: &Bench) -> String {
    let mut victim = bench.lab.host("sleep").arg("60").spawn().unwrap();
    let pid = victim.id().to_string();
    let seen = bench.attack("system.proc = \"none\"\n", &["kill", &pid, "0"]);
    victim.kill().unwrap();
    victim.wait().unwrap();
    seen
}

fn memory_of_host(bench: &Bench) -> String {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(&bench.lab.name);
    let key = (u32::try_from(random >> 40).unwrap() | 1).to_string();
    let outside = |what: &str| finish(bench.lab.host(probe()).args([what, &key])).out;
    assert_eq!(outside("make-memory"), "worked\n");
    let seen = bench.probe(NO_FILTER, &["find-memory", &key]);
    assert_eq!(outside("remove-memory"), "worked\n");
    seen
}

fn name_of_host(bench: &Bench) -> String {
    bench.says("", &["cat", "/proc/sys/kernel/hostname"])
}

fn abstract_socket(bench: &Bench) -> String {
    let name = bench.lab.name.as_str();
    let mut listener = start(
        bench
            .lab
            .host(attack())
            .args(["listen-abstract", name])
            .stdin(Stdio::piped()),
    );
    let connect = ["connect-abstract", name];
    let listens = || bench.lab.unguarded(&connect) == "worked\n";
    assert!(within(Duration::from_secs(5), listens));
    let seen = bench.attack(NO_FILTER, &connect);
    drop(listener.stdin.take());
    listener.wait().unwrap();
    seen
}

const REFUSED: &[&str] = &["not started"];
const READ: &[&str] = &["as it was"];

pub const ROWS: &[Row] = &[
    Row::new(
        Guard::CloseDescriptors,
        "a directory that the caller had open",
        climb,
    )
    .held(&["EBADF"])
    .open(&["worked"]),
    Row::new(
        Guard::WorkdirMagic,
        "a descriptor as working directory",
        work_in_descriptor,
    )
    .held(REFUSED)
    .open(READ),
    Row::new(
        Guard::KeptProfiles,
        "a base that another user has written",
        base_of_another,
    )
    .held(REFUSED)
    .open(&["theirs"]),
    Row::new(
        Guard::StreamDirectories,
        "a directory as standard input",
        directory_as_input,
    )
    .held(REFUSED)
    .open(READ),
    Row::new(
        Guard::PassedDirectories,
        "a directory that is to pass",
        directory_that_passes,
    )
    .held(REFUSED)
    .open(READ),
    Row::new(
        Guard::InitDescriptors,
        "a descriptor of the first process",
        descriptor_of_init,
    )
    .behind(&[Guard::InitUndumpable])
    .held(&[""])
    .open(READ),
    Row::new(
        Guard::RefuseMagicLinks,
        "a script of /proc/self/exe",
        launcher_as_interpreter,
    )
    .held(&["not executed"])
    .open(&["the launcher ran"]),
    Row::new(
        Guard::InitUndumpable,
        "the file of the first process",
        binary_of_init,
    )
    .held(&["ENOENT", "EACCES"])
    .open(&["worked"]),
    Row::new(
        Guard::InitUndumpable,
        "a tracer of the first process",
        trace_init,
    )
    .held(&["EPERM"])
    .open(&["worked"]),
    Row::new(
        Guard::InitWiped,
        "the arguments of the first process",
        arguments_of_init,
    )
    .behind(&[Guard::HidePid])
    .held(&["nothing"])
    .open(&["told"]),
    Row::new(
        Guard::Environment,
        "a variable of the caller's",
        secret_variable,
    )
    .held(&["unknown"])
    .open(&["do-not-tell"]),
    Row::new(
        Guard::NewKeyring,
        "a key of the caller's session",
        key_of_session,
    )
    .held(&["ENOKEY", "EACCES"])
    .open(&["worked"]),
    Row::new(
        Guard::PidNamespace,
        "a process of the host",
        process_of_host,
    )
    .held(&["ESRCH"])
    .open(&["worked", "EPERM"]),
    Row::new(
        Guard::IpcNamespace,
        "shared memory of the host",
        memory_of_host,
    )
    .held(&["ENOENT"])
    .open(&["worked"]),
    Row::new(Guard::UtsNamespace, "the host's name", name_of_host).held(&["lab"]),
    Row::new(
        Guard::NetworkNamespace,
        "an abstract socket of the host",
        abstract_socket,
    )
    .held(&["ECONNREFUSED"])
    .open(&["worked"]),
];
