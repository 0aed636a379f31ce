//! Many sandboxes at once, and many one after the other: what each costs, and what stays.
//!
//! `cargo bench --bench lifecycle`, as root or as a user. The state directory is one of its own, so that no other
//! sandbox is touched. Beside it run as many of `bwrap --unshare-all` where that is installed, and entering is
//! compared with `nsenter`, which sets nothing up behind it, and with `crun exec`.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;

mod crun;
#[path = "../start/place.rs"]
mod place;

use crun::Container;

/// The program under test, as Cargo built it for this run.
const SANDBOX: &str = env!("CARGO_BIN_EXE_sandbox");

/// Where root's sandboxes are noted.
const STATE: &str = "/run/sandbox";

/// What each of many runs.
const SLEEPER: [&str; 3] = ["sh", "-c", "echo; exec sleep 100000"];

/// Says that this process is in a mount namespace of its own.
const INSIDE: &str = "SANDBOX_BENCH_INSIDE";

/// Measure many sandboxes at once, and many one after the other.
#[derive(Parser)]
struct Options {
    /// How many live at once.
    #[arg(long, default_value_t = 1000)]
    alive: usize,
    /// How many run one after the other.
    #[arg(long, default_value_t = 10_000)]
    short: usize,
    /// How often entering is measured.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// Given by Cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> io::Result<()> {
    let is_root = nix::unistd::geteuid().is_root();
    if is_root && std::env::var_os(INSIDE).is_none() {
        return Err(in_own_namespace());
    }
    let options = Options::parse();
    let bench = Bench::new()?;
    println!("{} sandboxes at once, as {}", options.alive, who(is_root));
    bench.many(options.alive)?;
    bench.many_of_bubblewrap(options.alive)?;
    println!("\nentering one, {} times", options.rounds);
    bench.enter(options.rounds)?;
    println!("\n{} runs one after the other", options.short);
    bench.short(options.short)
}

fn who(is_root: bool) -> &'static str {
    match is_root {
        true => "root",
        false => "a user",
    }
}

/// With a state directory that nobody else sees.
fn in_own_namespace() -> io::Error {
    let script = format!(
        "mkdir -p -m 700 {STATE} && mount -t tmpfs -o mode=700 none {STATE} && exec \"$@\""
    );
    let own = std::env::current_exe().unwrap_or_default();
    let mut unshare = Command::new("unshare");
    unshare.args([
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        &script,
        "sh",
    ]);
    unshare.arg(own).args(std::env::args_os().skip(1));
    unshare.env(INSIDE, "1").exec()
}

struct Bench {
    place: PathBuf,
}

const PROFILE: &str = r#"
version = 1
name = "many"
env.set.PATH = "/usr/bin:/bin"
rootfs = { writes = "deny", source = [{ programs = ["sh", "sleep", "true"] }] }
"#;

impl Bench {
    fn new() -> io::Result<Bench> {
        let place = std::env::temp_dir().join(format!("sandbox-many-{}", std::process::id()));
        fs::create_dir_all(place.join("runtime"))?;
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(place.join("runtime"), private)?;
        fs::write(place.join("many.toml"), PROFILE)?;
        let bench = Bench { place };
        // The tree is built before anything is measured.
        bench.done(&["up", &bench.profile(), "--", "true"])?;
        Ok(bench)
    }

    fn profile(&self) -> String {
        self.place.join("many.toml").to_string_lossy().into_owned()
    }

    fn sandbox(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SANDBOX);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.env("XDG_RUNTIME_DIR", self.place.join("runtime"));
        command.env("XDG_CACHE_HOME", self.place.join("cache"));
        command
    }

    fn done(&self, arguments: &[&str]) -> io::Result<Duration> {
        timed(&mut self.sandbox(arguments))
    }

    fn many(&self, count: usize) -> io::Result<()> {
        let profile = self.profile();
        let mut up = vec!["up", "--detach", &profile, "--"];
        up.extend(SLEEPER);
        let each = started(count, || self.sandbox(&up).spawn(), ended)?;
        told("started, each", each);
        let list = self
            .sandbox(&["ps", "--json"])
            .stdout(Stdio::piped())
            .output()?;
        let list: Vec<serde_json::Value> = serde_json::from_slice(&list.stdout)?;
        let pids = |key: &str| {
            list.iter()
                .filter_map(|one| one[key].as_u64())
                .collect::<Vec<_>>()
        };
        let (first, supervisors) = (pids("pid"), pids("supervisor_pid"));
        println!("  alive: {}", list.len());
        println!(
            "  memory of each supervisor and first process (PSS): {} + {} KiB",
            average(&supervisors),
            average(&first)
        );
        told("ps", self.done(&["ps"])?);
        told("stats", self.done(&["stats"])?);
        told("inspect one", self.done(&["inspect", "many-2"])?);
        told("down --all", self.done(&["down", "--all", "--time", "5s"])?);
        self.leaves_nothing()
    }

    fn many_of_bubblewrap(&self, count: usize) -> io::Result<()> {
        let mut all = Vec::new();
        let start = || bubblewrap().stdout(Stdio::piped()).spawn();
        let each = started(count, start, |mut child| {
            let said = child.stdout.take().map(|mut out| out.read_exact(&mut [0]));
            all.push(child);
            said.unwrap_or(Ok(()))
        });
        match each {
            Ok(each) => told("bwrap started, each", each),
            Err(error) => println!("  bwrap is not measured: {error}"),
        }
        let outer: Vec<u64> = all.iter().map(|child| u64::from(child.id())).collect();
        let inner: Vec<u64> = outer.iter().flat_map(|pid| children(*pid)).collect();
        println!(
            "  memory of each pair (PSS): {} + {} KiB",
            average(&outer),
            average(&inner)
        );
        let start = Instant::now();
        for child in &mut all {
            child.kill()?;
            child.wait()?;
        }
        told("killed, all", start.elapsed());
        Ok(())
    }

    /// In an order that is drawn by turns, so that whatever else the machine does hits both.
    fn enter(&self, rounds: usize) -> io::Result<()> {
        self.done(&["up", "--detach", &self.profile(), "--", "sleep", "100000"])?;
        let list = self
            .sandbox(&["ps", "--json"])
            .stdout(Stdio::piped())
            .output()?;
        let list: Vec<serde_json::Value> = serde_json::from_slice(&list.stdout)?;
        let first = list
            .first()
            .and_then(|one| one["pid"].as_u64())
            .unwrap_or(0);
        let program = children(first).first().copied().unwrap_or(0).to_string();
        let container = self.container();
        if let Err(error) = &container {
            println!("  crun is not measured: {error}");
        }
        let (mut own, mut other, mut stats) = (Vec::new(), Vec::new(), Vec::new());
        let mut crun = Vec::new();
        for _ in 0..rounds {
            own.push(self.done(&["exec", "many", "--", "true"])?);
            let mut nsenter = Command::new("nsenter");
            nsenter.args(["--all", "--target", &program, "/usr/bin/true"]);
            nsenter.stdin(Stdio::null());
            other.push(timed(&mut nsenter)?);
            if let Ok(container) = &container {
                crun.push(container.enter().map_err(io::Error::other)?);
            }
            stats.push(self.done(&["stats", "many"])?);
        }
        let own = median(own);
        told("exec", own);
        against(own, "nsenter", median(other));
        if !crun.is_empty() {
            against(own, "crun exec", median(crun));
        }
        told("stats", median(stats));
        self.done(&["down", "--all", "--time", "5s"])?;
        Ok(())
    }

    /// A container of the same tree.
    fn container(&self) -> Result<Container, String> {
        let folder = self.place.join("bundle");
        let root = folder.join("rootfs");
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        self.done(&[
            "build",
            &self.profile(),
            "--output",
            &root.to_string_lossy(),
        ])
        .map_err(|error| error.to_string())?;
        Container::start(&folder)
    }

    fn short(&self, count: usize) -> io::Result<()> {
        let before = held();
        let start = Instant::now();
        for _ in 0..count {
            self.done(&["up", &self.profile(), "--", "true"])?;
        }
        told("each", start.elapsed() / u32::try_from(count).unwrap_or(1));
        let after = held();
        println!("  processes, groups, mounts before and after: {before:?}, {after:?}");
        self.leaves_nothing()
    }

    fn leaves_nothing(&self) -> io::Result<()> {
        let state = match nix::unistd::geteuid().is_root() {
            true => PathBuf::from(STATE),
            false => self.place.join("runtime/sandbox"),
        };
        let left = fs::read_dir(state)?.count();
        println!("  left in the state directory: {left}");
        match left {
            0 => Ok(()),
            _ => Err(io::Error::other("something is left behind")),
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.done(&["down", "--all", "--time", "0s"]).ok();
        let writable = Command::new("chmod")
            .args(["-R", "u+rwX"])
            .arg(&self.place)
            .status();
        writable.and_then(|_| fs::remove_dir_all(&self.place)).ok();
    }
}

/// The sandboxes of another program, which has no say in when they run: its program writes a line.
fn bubblewrap() -> Command {
    let mut command = Command::new("bwrap");
    command
        .args(["--unshare-all", "--die-with-parent"])
        .args(["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"])
        .args(SLEEPER)
        .stdin(Stdio::null());
    command
}

/// The time of each of `count` starts, of which as many are under way as there are processors; `until` waits until
/// the program of one runs. From this thread alone: bubblewrap ends with the thread that started it.
fn started<T>(
    count: usize,
    start: impl Fn() -> io::Result<T>,
    mut until: impl FnMut(T) -> io::Result<()>,
) -> io::Result<Duration> {
    let most = std::thread::available_parallelism()?.get();
    let mut under_way = VecDeque::new();
    let begun = Instant::now();
    for _ in 0..count {
        if under_way.len() == most {
            under_way.pop_front().map_or(Ok(()), &mut until)?;
        }
        under_way.push_back(start()?);
    }
    under_way.into_iter().try_for_each(until)?;
    Ok(begun.elapsed() / u32::try_from(count).unwrap_or(1))
}

fn ended(mut child: Child) -> io::Result<()> {
    match child.wait()?.success() {
        true => Ok(()),
        false => Err(io::Error::other("a start failed")),
    }
}

fn told(what: &str, time: Duration) {
    println!("  {what}: {:.2} ms", time.as_secs_f64() * 1000.0);
}

fn against(own: Duration, name: &str, other: Duration) {
    told(name, other);
    let ratio = own.as_secs_f64() / other.as_secs_f64();
    println!("  exec / {name}: {ratio:.2}");
}

fn timed(command: &mut Command) -> io::Result<Duration> {
    let start = Instant::now();
    let status = command.status()?;
    match status.success() {
        true => Ok(start.elapsed()),
        false => Err(io::Error::other(format!("{command:?}: {status}"))),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn children(pid: u64) -> Vec<u64> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// Kibibytes of memory that each of these processes stands for, on average; one that may not be looked into
/// counts as nothing (the first process, for a user).
fn average(pids: &[u64]) -> u64 {
    let pss = |pid: &u64| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    let total: u64 = pids.iter().filter_map(pss).sum();
    total / u64::try_from(pids.len().max(1)).unwrap_or(1)
}

/// What a leak would make more of.
fn held() -> [usize; 3] {
    let processes = fs::read_dir("/proc").map_or(0, |list| {
        let names = list
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        names
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            .count()
    });
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_or(0, |text| text.lines().count());
    [processes, groups(Path::new("/sys/fs/cgroup")), mounts]
}

fn groups(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    let below = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    below.map(|entry| 1 + groups(&entry.path())).sum()
}
