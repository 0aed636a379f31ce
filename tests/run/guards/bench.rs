//! Where an attack is played: a lab, and the guards that are off.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sandbox::model::guard::{Guard, VARIABLE};

use super::super::mounts::own_namespace;
use super::super::support::{Caller, Ended, Lab, attack, finish, kept, sandbox};

pub const NO_FILTER: &str = "[security]\nseccomp = \"none\"\n";

/// Before the reason why a host has nothing to attack.
pub const LACKING: &str = "lacking: ";

pub struct Bench {
    pub lab: Lab,
    off: String,
}

/// What a run said, or that there was none.
pub fn told(ended: Ended) -> String {
    match ended.code() {
        125 => "not started".to_owned(),
        126 | 127 => "not executed".to_owned(),
        159 => "SIGSYS".to_owned(),
        _ => ended.out.trim().to_owned(),
    }
}

/// The attacks of probe.c.
pub fn probe() -> String {
    static ONCE: OnceLock<String> = OnceLock::new();
    ONCE.get_or_init(compile).clone()
}

fn compile() -> String {
    let text = include_str!("probe.c");
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    let path = kept(&format!("probe-{hash:x}"), |draft| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/guards/probe.c");
        let flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-o"];
        let done = Command::new("cc")
            .args(flags)
            .arg(draft)
            .arg(source)
            .status();
        assert!(done.unwrap().success(), "the probe does not compile");
    });
    path.to_str().unwrap().to_owned()
}

impl Bench {
    pub fn new(caller: Caller, off: &[Guard]) -> Bench {
        let off: Vec<&str> = off.iter().map(|guard| guard.name()).collect();
        Bench {
            lab: Lab::new(caller),
            off: off.join(","),
        }
    }

    /// The guards' names, for a command that starts `sandbox`.
    pub fn without(&self, command: &mut Command) {
        match self.off.is_empty() {
            true => command.env_remove(VARIABLE),
            false => command.env(VARIABLE, &self.off),
        };
    }

    pub fn profile(&self, rest: &str) -> String {
        let probe = probe();
        self.lab
            .profile_with(&format!(", {{ programs = [\"{probe}\", \"mv\"] }}"), rest)
    }

    pub fn up(&self, rest: &str, command: &[&str]) -> Command {
        let mut up = self.lab.up(&self.profile(rest), command);
        self.without(&mut up);
        up
    }

    pub fn run(&self, rest: &str, command: &[&str]) -> Ended {
        finish(&mut self.up(rest, command))
    }

    pub fn says(&self, rest: &str, command: &[&str]) -> String {
        told(self.run(rest, command))
    }

    pub fn attack(&self, rest: &str, words: &[&str]) -> String {
        self.says(rest, &[&[attack()], words].concat())
    }

    pub fn probe(&self, rest: &str, words: &[&str]) -> String {
        let probe = probe();
        self.says(rest, &[&[probe.as_str()], words].concat())
    }

    pub fn script(&self, rest: &str, script: &str) -> String {
        self.says(rest, &["sh", "-c", script])
    }

    /// A command of the caller's that ends with the start of a sandbox, as `"$@"`.
    pub fn through(&self, shell: &[&str], rest: &str, command: &[&str]) -> Ended {
        let (program, words) = shell.split_first().unwrap();
        let mut line = self.lab.host(program);
        self.without(&mut line);
        line.args(words).arg(sandbox());
        line.args(self.lab.up_arguments(&self.profile(rest), command));
        finish(&mut line)
    }

    /// The same through the script of a shell.
    pub fn under(&self, script: &str, rest: &str, command: &[&str]) -> Ended {
        self.through(&["bash", "-c", script, "bash"], rest, command)
    }

    /// The same in a mount namespace of the caller's own, from which no mount travels.
    pub fn own_mounts(&self, script: &str, rest: &str, command: &[&str]) -> Ended {
        let script = format!("cd {} && {script}", self.lab.text("work"));
        let mut line = own_namespace(self.lab.caller);
        line.extend(["bash", "-c", &script, "bash"]);
        self.through(&line, rest, command)
    }

    /// A bind of the directory `work`.
    pub fn bind(&self, access: &str) -> String {
        let work = self.lab.text("work");
        format!("[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"{access}\"\n")
    }

    /// A directory with a file that everyone may read and write, `as it was`.
    pub fn victim(&self) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let directory = self.lab.directory("victim");
        let file = self.lab.file("victim/file", "as it was");
        fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
        directory
    }

    pub fn victims_file(&self) -> String {
        fs::read_to_string(self.lab.path("victim/file")).unwrap()
    }
}
