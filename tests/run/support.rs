//! Real sandboxes for tests: a directory and a name of each test's own, a caller, a time limit.

use std::cell::Cell;
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Permissions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::{Uid, geteuid};
use tempfile::TempDir;

pub(crate) use crate::skip::{Lack, skip};

/// The id of the unprivileged caller that root plays: without an account, as in many containers.
const UNPRIVILEGED: u32 = 47_111;

/// No test run lasts longer; what hangs is killed and fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What every tree of [`Lab::profile`] holds beside the attacks.
const TOOLS: &str = r#""bash", "sh", "cat", "env", "head", "id", "ls", "mkdir", "readlink", "rm", "setsid", "sleep", "stat", "true""#;

/// Who starts the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Root,
    Unprivileged,
}

impl Caller {
    /// Everyone whom this test run can play: root plays both.
    pub fn all() -> Vec<Caller> {
        match geteuid().is_root() {
            true => vec![Caller::Root, Caller::Unprivileged],
            false => vec![Caller::Unprivileged],
        }
    }

    pub fn uid(self) -> u32 {
        match self {
            Caller::Root => 0,
            Caller::Unprivileged if geteuid().is_root() => UNPRIVILEGED,
            Caller::Unprivileged => geteuid().as_raw(),
        }
    }

    /// A command of this user, with an environment that holds nothing but a PATH.
    pub fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = super::dispositions::heeding(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        // Which tests notice that a guard is off: tests/run/guards.
        command.envs(std::env::vars_os().filter(|(name, _)| name == "SANDBOX_GUARD_OFF"));
        if geteuid() != Uid::from_raw(self.uid()) {
            // Drops root's supplementary groups too.
            command.uid(self.uid()).gid(self.uid());
        }
        command
    }
}

/// What only root can do is no test for others.
pub fn root_only(name: &str) -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        skip(name, &Lack::Rights("only root can start it"));
    }
    is_root
}

/// What all tests of a process share: the program, the attacks and each user's store, where every
/// caller reaches them.
struct Shared {
    directory: PathBuf,
    sandbox: PathBuf,
    attack: PathBuf,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let directory = shared_directory();
        let program = Path::new(env!("CARGO_BIN_EXE_sandbox"));
        let sandbox = directory.join("sandbox");
        make(&sandbox, |draft| {
            fs::copy(program, draft).unwrap();
        });
        let source = include_str!("attack.c");
        let mut hasher = DefaultHasher::new();
        source.hash(&mut hasher);
        let attack = directory.join(format!("attack-{:x}", hasher.finish()));
        if !attack.exists() {
            make(&attack, compile_attack);
        }
        for caller in Caller::all() {
            let cache = directory.join(format!("cache-{}", caller.uid()));
            fs::create_dir_all(&cache).unwrap();
            chown(&cache, Some(caller.uid()), Some(caller.uid())).unwrap_or_default();
        }
        Shared {
            directory,
            sandbox,
            attack,
        }
    })
}

/// Below `target`, or where another user does not get there, below /var/tmp.
fn shared_directory() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("run");
    fs::create_dir_all(&target).unwrap();
    let everyone = |path: &&Path| fs::metadata(path).unwrap().mode() & 0o001 != 0;
    if !geteuid().is_root() || target.ancestors().all(|path| everyone(&path)) {
        return target;
    }
    let directory = PathBuf::from("/var/tmp/sandbox-tests");
    fs::create_dir_all(&directory).unwrap();
    let found = fs::symlink_metadata(&directory).unwrap();
    assert!(
        found.is_dir() && found.uid() == 0 && found.mode() & 0o022 == 0,
        "{found:?}"
    );
    directory
}

/// Makes a file aside and renames it: another test process may do the same.
fn make(path: &Path, make: impl Fn(&Path)) {
    let draft = path.with_extension(std::process::id().to_string());
    make(&draft);
    fs::set_permissions(&draft, Permissions::from_mode(0o755)).unwrap();
    fs::rename(&draft, path).unwrap();
}

/// A file that all test runs share, and that every caller can read; made where there is none yet.
pub fn kept(name: &str, maker: impl Fn(&Path)) -> PathBuf {
    let path = shared().directory.join(name);
    if !path.exists() {
        make(&path, maker);
    }
    path
}

fn compile_attack(draft: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/attack.c");
    let flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-o"];
    let status = Command::new("cc")
        .args(flags)
        .arg(draft)
        .arg(source)
        .status();
    assert!(status.unwrap().success(), "the attacks do not compile");
}

/// The attacks of attack.c, at the same path inside and outside.
pub fn attack() -> &'static str {
    shared().attack.to_str().unwrap()
}

/// The program under test, where every caller can run it.
pub fn sandbox() -> &'static Path {
    &shared().sandbox
}

/// One test's place: a directory that the caller owns, and names that nobody else has.
pub struct Lab {
    pub caller: Caller,
    /// The sandbox's name.
    pub name: String,
    directory: TempDir,
    /// Whether trees go to a store that ends with the test: nobody else will want them.
    own_store: Cell<bool>,
}

impl Lab {
    pub fn new(caller: Caller) -> Lab {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = tempfile::Builder::new()
            .prefix("lab-")
            .tempdir_in(&shared().directory)
            .unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        let lab = Lab {
            caller,
            name: format!("test-{}-{number}", std::process::id()),
            directory,
            own_store: Cell::new(false),
        };
        lab.give(lab.directory.path());
        for name in ["home", "runtime", "work"] {
            lab.directory(name);
        }
        fs::set_permissions(lab.path("runtime"), Permissions::from_mode(0o700)).unwrap();
        lab
    }

    fn give(&self, path: &Path) {
        std::os::unix::fs::lchown(path, Some(self.caller.uid()), Some(self.caller.uid())).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same, for a profile or an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Makes a directory of the caller's.
    pub fn directory(&self, name: &str) -> PathBuf {
        let mut path = self.directory.path().to_owned();
        for part in Path::new(name) {
            path.push(part);
            if !path.exists() {
                fs::create_dir(&path).unwrap();
                self.give(&path);
            }
        }
        path
    }

    /// Makes a file of the caller's.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        self.give(&path);
        path
    }

    pub fn link(&self, name: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
        self.give(&self.path(name));
    }

    /// A profile with the usual tools and the attacks; `rest` begins with dotted keys, then tables.
    pub fn profile(&self, rest: &str) -> String {
        self.profile_with("", rest)
    }

    /// The same, with more sources, each behind a comma.
    pub fn profile_with(&self, sources: &str, rest: &str) -> String {
        let attack = attack();
        if sources.contains(&self.text("")) {
            self.own_store.set(true);
        }
        // The generated files hold the name: with one for all tests they share their trees.
        let hostname = match rest.contains("hostname") {
            true => "",
            false => "namespaces.hostname = \"lab\"\n",
        };
        format!(
            "version = 1\nenv.set.PATH = \"/usr/bin:/bin\"\n{hostname}\
             rootfs.source = [{{ programs = [{TOOLS}, \"{attack}\"] }}{sources}]\n{rest}\n"
        )
    }

    /// Trees of this test are large, or wanted by no other.
    pub fn keep_apart(&self) {
        self.own_store.set(true);
    }

    /// The environment of the caller: everything of the test's own but the store.
    fn with_places(&self, mut command: Command) -> Command {
        let cache = match self.own_store.get() {
            true => self.directory("cache"),
            false => shared()
                .directory
                .join(format!("cache-{}", self.caller.uid())),
        };
        command
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env("XDG_STATE_HOME", self.path("home/state"))
            .env("XDG_CACHE_HOME", cache)
            .current_dir(self.path("work"));
        command
    }

    /// A command of the caller's outside any sandbox.
    pub fn host(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.with_places(self.caller.command(program))
    }

    /// An attack outside any sandbox, by which it shows that it works: what it says.
    pub fn unguarded(&self, attack_and_arguments: &[&str]) -> String {
        let mut command = self.host(attack());
        finish(command.args(attack_and_arguments)).out
    }

    /// `sandbox up` of this profile, ready to be started.
    pub fn up(&self, profile: &str, command: &[&str]) -> Command {
        let mut up = self.host(sandbox());
        up.args(self.up_arguments(profile, command));
        up
    }

    /// What stands behind `sandbox`, for those who start it through something else.
    pub fn up_arguments(&self, profile: &str, command: &[&str]) -> Vec<String> {
        let file = self.file("profile.toml", profile);
        let report = self.text("report.json");
        let start = [
            "up",
            "--name",
            &self.name,
            "--report",
            &report,
            file.to_str().unwrap(),
        ];
        let mut arguments: Vec<String> = start.map(str::to_owned).to_vec();
        if !command.is_empty() {
            arguments.push("--".to_owned());
            arguments.extend(command.iter().map(|word| (*word).to_owned()));
        }
        arguments
    }

    /// Runs a command in the sandbox of this profile to its end.
    pub fn run(&self, profile: &str, command: &[&str]) -> Ended {
        finish(&mut self.up(profile, command))
    }

    /// Runs a shell script in the sandbox of this profile; it must end well.
    #[track_caller]
    pub fn script(&self, profile: &str, script: &str) -> String {
        let ended = self.run(profile, &["sh", "-c", script]);
        assert_eq!(ended.code(), 0, "{:?}: {script}: {ended:?}", self.caller);
        ended.out
    }

    /// An attack inside the sandbox of this profile: what it says.
    pub fn attack(&self, profile: &str, attack_and_arguments: &[&str]) -> String {
        let mut command = vec![attack()];
        command.extend(attack_and_arguments);
        let ended = self.run(profile, &command);
        // What the filter refused may be named.
        let named = "sandbox: `security.seccomp` refused";
        let mut own = ended.err.lines().filter(|line| line.contains("sandbox:"));
        assert!(
            own.all(|line| line.starts_with(named)) && ended.code() < 125,
            "{ended:?}"
        );
        ended.out.trim_end().to_owned()
    }

    /// The report of the last run.
    pub fn report(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("report.json")).unwrap()).unwrap()
    }

    /// The directory by which the next command would sweep.
    pub fn state_file(&self) -> PathBuf {
        let directory = match self.caller {
            Caller::Root => PathBuf::from("/run/sandbox"),
            Caller::Unprivileged => self.path("runtime/sandbox"),
        };
        directory.join(&self.name)
    }
}

impl Drop for Lab {
    /// A tree may hold directories that its owner may not write.
    fn drop(&mut self) {
        // An overlay's own directory has no mode at all.
        let mut closed = vec![self.path("home")];
        closed.extend(self.own_store.get().then(|| self.path("cache")));
        Command::new("chmod")
            .args(["-R", "u+rwX"])
            .args(closed)
            .output()
            .ok();
        if self.caller == Caller::Root {
            let kept = Path::new("/var/lib/sandbox").join(&self.name);
            fs::remove_dir_all(kept).ok();
        }
    }
}

/// A run that ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// The exit code; a signal that ended `sandbox` itself fails the test.
    #[track_caller]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("{self:?}"))
    }
}

/// Runs to the end, without input, and takes all output.
pub fn finish(command: &mut Command) -> Ended {
    command.stdin(Stdio::null());
    finish_started(start(command))
}

/// Starts with both outputs in pipes.
pub fn start(command: &mut Command) -> Child {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Takes all output and the status, within [`PATIENCE`].
pub fn finish_started(mut child: Child) -> Ended {
    let out = drain(child.stdout.take());
    let err = drain(child.stderr.take());
    let status = wait(&mut child);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (out, err) = (text(out.join().unwrap()), text(err.join().unwrap()));
    assert!(status.is_some(), "it hangs: {out}{err}");
    Ended {
        status: status.unwrap(),
        out,
        err,
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
        read.map_or_else(|error: io::Error| panic!("{error}"), |_| bytes)
    })
}

/// The status; nothing for what had to be killed.
pub fn wait(child: &mut Child) -> Option<ExitStatus> {
    if within(PATIENCE, || child.try_wait().unwrap().is_some()) {
        return child.try_wait().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// Whether something becomes true in time.
pub fn within(time: Duration, mut happens: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    loop {
        if happens() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// One field of a text such as /proc/PID/status.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    text.lines().find_map(line).map(str::trim)
}

/// The processes of a sandbox that has started, by the host's ids: the first one, then the program.
pub fn inside(up: &Child) -> Vec<i32> {
    let mut found = Vec::new();
    let there = within(Duration::from_secs(10), || {
        found = children(up.id())
            .into_iter()
            .flat_map(|init| {
                let mut family = vec![init];
                family.extend(children(init.try_into().unwrap()));
                family
            })
            .collect();
        found.len() == 2 && executes(found[1])
    });
    assert!(there, "it has not started: {found:?}");
    found
}

pub fn children(pid: u32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

/// Whether it is the program, not the launcher on the way to it.
fn executes(pid: i32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.first().is_some_and(|first| *first != 0)
}
