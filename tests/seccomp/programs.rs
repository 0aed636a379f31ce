//! Real programs under the default policy.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use sandbox::seccomp::{Arch, Grants, Instruction, Policy, compile, compile_anew};

use crate::load::{attempt, load};
use crate::policy::program;
use crate::skip::{Lack, skip};

/// Shell scripts, each led by the program that it needs.
const SCRIPTS: &[(&str, &str)] = &[
    (
        "bash",
        "set -m; sleep 0.05 & jobs; wait %1; (echo sub | cat); exec 9</dev/null",
    ),
    ("python3", PYTHON),
    ("git", GIT),
    (
        "cc",
        "echo 'int main(void) { return 0; }' > m.c; cc -O2 -pipe -o m m.c; ./m",
    ),
    (
        "rustc",
        "echo 'fn main() { std::thread::spawn(|| ()).join().unwrap() }' > m.rs; rustc m.rs; ./m",
    ),
    (
        "cargo",
        "cargo new -q --vcs none c; cd c; cargo build -q --offline; cargo run -q --offline",
    ),
    ("node", NODE),
    (
        "tmux",
        "t='tmux -S sock -f /dev/null'; $t new-session -d 'sleep 5'; $t ls; $t kill-server",
    ),
    (
        "tar",
        "mkdir t; touch t/a; tar czf t.tgz t; tar xzf t.tgz; cp -a t u; rm -r t; install -d v",
    ),
    (
        "make",
        "printf 'all: a b\na b:\n\t@sleep 0.02\n' > Makefile; make -j2",
    ),
    (
        "perl",
        "perl -e 'my $p = fork // die; exit 0 unless $p; waitpid $p, 0; exit $?'",
    ),
    ("script", "script -qec 'stty -a; tty' /dev/null"),
];

const PYTHON: &str = r#"python3 -c '
import asyncio, multiprocessing, socket, sqlite3, ssl, subprocess, threading
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
assert subprocess.run(["true"]).returncode == 0
process = multiprocessing.Process(target=print); process.start(); process.join()
assert process.exitcode == 0
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
socket.create_connection(server.getsockname())
asyncio.run(asyncio.sleep(0))
data = sqlite3.connect("data"); data.execute("create table t (x)"); data.commit()
'"#;

const GIT: &str = "git init -q repo; cd repo; echo x > f; git add f
git -c user.name=a -c user.email=a@b commit -qm m; git gc -q; git status --short";

const NODE: &str = r#"node -e '
const { execSync } = require("child_process"), { Worker } = require("worker_threads")
require("fs").promises.readFile("/etc/passwd").then(() => execSync("true"))
new Worker("1", { eval: true })
'"#;

fn is_installed(name: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {name}")])
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

#[test]
fn real_programs_run() {
    let arch = Arch::native().expect("tests run where policies exist");
    let folder = std::env::temp_dir().join(format!("sandbox-programs-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a scratch folder");
    let mut failed = Vec::new();
    for (name, script) in SCRIPTS {
        if !is_installed(name) {
            let reason = format!("`{name}` is not installed");
            skip("real_programs_run", &Lack::Tool(&reason));
            continue;
        }
        failed.extend(run(&folder, name, script, program(arch, &Grants::NONE)).err());
    }
    std::fs::remove_dir_all(&folder).expect("the scratch folder goes");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Runs a script in a folder of its own; what went wrong with it.
fn run(folder: &Path, name: &str, script: &str, program: Vec<Instruction>) -> Result<(), String> {
    let home = folder.join(name);
    std::fs::create_dir(&home).expect("a folder for the program");
    let mut command = Command::new("bash");
    command
        .args(["-ec", script])
        .current_dir(&home)
        .stdin(Stdio::null());
    // SAFETY: loading makes system calls only.
    unsafe { command.pre_exec(move || load(&program)) };
    let output = command.output().expect("bash starts");
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{name}: {} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// What the strict policy is for.
const COMPUTING: &[(&str, &str)] = &[
    (
        "bash",
        "set -m; sleep 0.05 & wait %1; (echo sub | cat); exec 9</dev/null; echo <(true)",
    ),
    (
        "cp",
        "echo a > a; cp -p a b; mv b c; ln -s c d; ls -l; mkdir e; cp -r . ../coreutils; sort a | \
            uniq | wc; mkfifo f; touch -d yesterday a; chmod 600 a; du -s .; df .; stat a; id; date; \
            rm -r ../coreutils",
    ),
    ("python3", COMPUTING_PYTHON),
    (
        "sh",
        "cc -static -x c -o m - <<< 'int main(void) { return 0; }' || exit 0; ./m",
    ),
];

const COMPUTING_PYTHON: &str = r#"python3 -c '
import asyncio, hashlib, json, multiprocessing, sqlite3, ssl, subprocess, tempfile, threading
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
assert subprocess.run(["true"]).returncode == 0
process = multiprocessing.Process(target=print); process.start(); process.join()
assert process.exitcode == 0
with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]
asyncio.run(asyncio.sleep(0))
data = sqlite3.connect("data"); data.execute("create table t (x)"); data.commit()
'"#;

#[test]
fn programs_that_compute_run_under_strict() {
    let arch = Arch::native().expect("tests run where policies exist");
    let folder = std::env::temp_dir().join(format!("sandbox-strict-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a scratch folder");
    let mut failed = Vec::new();
    for (name, script) in COMPUTING {
        if !is_installed(name) {
            let reason = format!("`{name}` is not installed");
            skip(
                "programs_that_compute_run_under_strict",
                &Lack::Tool(&reason),
            );
            continue;
        }
        let strict = compile(&Policy::STRICT, arch).expect("the policy compiles");
        failed.extend(run(&folder, name, script, strict.program).err());
    }
    std::fs::remove_dir_all(&folder).expect("the scratch folder goes");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// `cargo test --release --test seccomp -- --ignored --nocapture measure`
#[test]
#[ignore = "prints times, asserts nothing"]
fn measure() {
    let arch = Arch::native().expect("tests run where policies exist");
    let mut best = std::time::Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        let filter = compile_anew(&Policy::DEFAULT, arch).expect("the policy compiles");
        best = best.min(start.elapsed());
        assert!(!filter.program.is_empty());
    }
    println!("compile: {best:?}");
    let program = program(arch, &Grants::NONE);
    println!("length: {} instructions", program.len());
    let mut times: Vec<i32> = (0..50).map(|_| loading(&program)).collect();
    times.sort_unstable();
    println!("load: median {} µs, best {} µs", times[25], times[0]);
}

/// Microseconds, told by the errno of a failing attempt.
fn loading(program: &[sandbox::seccomp::Instruction]) -> i32 {
    let timed = || {
        let start = Instant::now();
        let loaded = load(program);
        let micros = start.elapsed().as_micros().min(250) as i32;
        // SAFETY: errno is the thread's own.
        unsafe { *libc::__errno_location() = if loaded.is_ok() { micros } else { 251 } };
        -1
    };
    match attempt(None, &timed) {
        crate::load::Outcome::Errno(micros) => micros,
        _ => 0,
    }
}
