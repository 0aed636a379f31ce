//! The known attacks on sandboxes, by their identifiers: `table` says for each which tests show that it
//! fails here, or why there is nothing to attack.
//!
//! They are made by one static program (`probe.c`), so that a tree needs nothing else, and whoever tests
//! something else can use it: `probe NAME [ARGUMENTS] [-- NAME …]` prints `NAME: worked`, `NAME: refused
//! ERRNO` or `NAME: killed SIGNAL` for each.

mod calls;
mod credentials;
mod descriptors;
mod desk;
mod kept;
mod kernel_files;
mod limits;
mod metadata;
mod planted;
mod races;
mod rules;
mod set_id;
mod shared;
mod sources;
mod supervisor;
mod table;
mod table_rest;
mod terminals;
mod tree;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub(super) use desk::asked_by_another;

use super::seen::{Seen, everything_in};
use super::support::{Caller, Ended, Lab, finish, kept as shared_file};

/// Nothing but the kernel's own rules.
const NO_FILTER: &str = "[security]\nseccomp = \"none\"\n";

/// As much as a profile can give: no filter, and capabilities over the sandbox's own namespaces.
const ALL_RIGHTS: &str = "[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"CAP_SYS_ADMIN\", \"CAP_SYS_PTRACE\", \
    \"CAP_DAC_OVERRIDE\", \"CAP_DAC_READ_SEARCH\", \"CAP_MKNOD\", \"CAP_NET_ADMIN\", \"CAP_SYS_CHROOT\"]\n";

const PARTS: [(&str, &str); 6] = [
    ("probe.c", include_str!("probe.c")),
    ("files.c", include_str!("files.c")),
    ("mounts.c", include_str!("mounts.c")),
    ("calls.c", include_str!("calls.c")),
    ("processes.c", include_str!("processes.c")),
    ("tells.c", include_str!("tells.c")),
];

/// The probe on the host.
pub(super) fn probe() -> &'static str {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    let path = PROBE.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        (PARTS, include_str!("probe.h")).hash(&mut hasher);
        shared_file(&format!("probe-{:x}", hasher.finish()), |draft| {
            let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/attacks");
            compile(draft, &["-static"], PARTS.map(|(name, _)| here.join(name)));
        })
    });
    path.to_str().unwrap()
}

fn compile(output: &Path, flags: &[&str], sources: impl IntoIterator<Item = PathBuf>) {
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
    compiler.arg(output).args(flags).args(sources);
    let compiled = compiler.output().unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
}

/// A profile whose tree holds the probe alone, then `sources`, each behind a comma; `rest` begins with
/// dotted keys.
fn profile_with(lab: &Lab, sources: &str, rest: &str) -> String {
    if sources.contains(&lab.text("")) {
        lab.keep_apart();
    }
    // The generated files hold the name: with one for all tests they share their trees.
    let hostname = match rest.contains("hostname") {
        true => "",
        false => "namespaces.hostname = \"lab\"\n",
    };
    format!(
        "version = 1\n{hostname}rootfs.source = [{{ copy = \"{}\", to = \"/probe\" }}{sources}]\n{rest}\n",
        probe()
    )
}

fn profile(lab: &Lab, rest: &str) -> String {
    profile_with(lab, "", rest)
}

/// A bind of the lab's `work` at /w.
fn work(lab: &Lab, access: &str) -> String {
    let work = lab.text("work");
    format!("[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"{access}\"\n")
}

/// Gives root's `work` to somebody else: who may mount gets no files of root's to write (rule 11).
fn not_roots(lab: &Lab) {
    if lab.caller == Caller::Root {
        std::os::unix::fs::chown(lab.path("work"), Some(12_345), Some(12_345)).unwrap();
    }
}

/// Attacks inside, in one sandbox: what each says, a line each.
#[track_caller]
fn inside(lab: &Lab, profile: &str, attacks: &[&[&str]]) -> Vec<String> {
    let mut command = vec!["/probe"];
    command.extend(attacks.join(&"--"));
    let ended = lab.run(profile, &command);
    assert!(
        !ended.err.contains("×") && ended.code() == 0,
        "{:?}: {attacks:?}: {ended:?}",
        lab.caller
    );
    lines(&ended)
}

/// One attack inside: all that it says.
#[track_caller]
fn says(lab: &Lab, profile: &str, attack: &[&str]) -> String {
    inside(lab, profile, &[attack]).join("\n")
}

/// The same attacks by the same user where nothing guards.
fn outside(lab: &Lab, attacks: &[&[&str]]) -> Vec<String> {
    lines(&finish(lab.host(probe()).args(attacks.join(&"--"))))
}

fn lines(ended: &Ended) -> Vec<String> {
    ended.out.lines().map(str::to_owned).collect()
}

/// What of an answer follows the name.
fn verdict(answer: &str) -> &str {
    answer
        .split_once(": ")
        .map_or(answer, |(_, verdict)| verdict)
}

/// That every attack is answered in one of these ways, which follow its name.
#[track_caller]
fn all_are(answers: &[String], allowed: &[&str]) {
    let wrong: Vec<_> = answers
        .iter()
        .filter(|answer| !allowed.contains(&verdict(answer)))
        .collect();
    assert!(wrong.is_empty() && !answers.is_empty(), "{wrong:?}");
}

/// A directory outside with everything that an attack could change, as it was.
struct Victim {
    path: PathBuf,
    before: Vec<Seen>,
}

impl Victim {
    /// Makes one, which the caller may change: a file, a directory, a link.
    fn new(lab: &Lab) -> Victim {
        lab.directory("victim/inner");
        lab.file("victim/file", "as it was");
        lab.file("victim/inner/file", "as it was too");
        lab.link("victim/link", "file");
        Victim::of(&lab.path("victim"))
    }

    fn of(path: &Path) -> Victim {
        let path = path.to_owned();
        let before = everything_in(&path);
        Victim { path, before }
    }

    fn text(&self) -> &str {
        self.path.to_str().unwrap()
    }

    #[track_caller]
    fn is_untouched(&self, what: impl std::fmt::Debug) {
        assert_eq!(everything_in(&self.path), self.before, "{what:?}");
    }

    /// The control: what would have changed it is seen.
    #[track_caller]
    fn would_notice(&mut self, change: impl FnOnce()) {
        change();
        assert_ne!(everything_in(&self.path), self.before);
        self.before = everything_in(&self.path);
    }
}
