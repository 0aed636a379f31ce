//! (raw profile, facts) to [`Settings`]: every variable replaced, every default filled in, every
//! value checked. One file a section; all mistakes are collected, none stops the others.

mod command;
mod control_sockets;
mod covered_command;
mod devices;
mod env;
mod etc;
mod expect;
mod groups;
mod hardware;
mod host_object;
mod id_maps;
mod identity;
mod landlock;
mod layers;
mod led_out;
mod limits;
mod mount_target;
mod mounts;
mod namespaces;
mod open_elsewhere;
mod own_directories;
mod packed;
mod parts;
mod passwd;
mod paths;
mod programs;
mod scope;
mod security;
mod set_id;
mod sockets;
mod sources;
mod supervise;
mod syscalls;
mod system;
#[cfg(test)]
mod testing;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diag::{At, FileId, Origin, Problem, Problems};
use crate::model::{ByteSize, Facts, NetworkMode, ProcMount, SandboxName, Wanted, Writes};
use crate::profile::RawProfile;
use crate::profile::raw::Opt;

use super::{Mount, Namespaces, OpenPart, Settings, System, TreePlan};
use programs::Finder;
use scope::Scope;

/// How much `writes = "discard"` may hold where nothing is said.
const WRITES_SIZE: ByteSize = ByteSize(1 << 30);

/// What the settings are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// To be judged: what is run may be given later, behind `--`.
    #[default]
    Judge,
    /// To be started: now or never.
    Start,
}

/// What a command gives beside the profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Given {
    /// What the settings are for.
    pub purpose: Purpose,
    /// What stands behind `--`.
    pub arguments: Vec<String>,
    /// The file of the program that a wrapper stands for: it takes the place of the profile's word for it.
    pub program: Option<String>,
    /// `--param`.
    pub params: BTreeMap<String, String>,
    /// `--name`.
    pub name: Option<SandboxName>,
    /// The profile's file name without `.toml`: the name of a profile that states none.
    pub file_stem: String,
    /// The directory of each profile file, absolute and without links: where its relative host paths
    /// start, and its `${PROFILE_DIR}`.
    pub profile_dirs: BTreeMap<FileId, PathBuf>,
    /// What stands for the directory of a base where no host is asked: `${PROFILE_DIR}/../bases` where it lies beside
    /// that of the profile. Of a file that is not here it is `${PROFILE_DIR}`.
    pub profile_dir_names: BTreeMap<FileId, String>,
}

/// What a profile is judged by.
#[derive(Debug, Clone, Copy)]
pub enum Knowledge<'a> {
    /// The text alone: variables stay as they are written, the answer is the same on every machine.
    ///
    /// Where a number is in a variable without a default, the widest value stands for it: what a
    /// reviewer has to assume. The caller counts as unprivileged, with the ids 1000:1000.
    Symbolic,
    /// This host.
    Host(&'a Facts),
}

/// What `raw` comes to; nothing when `problems` holds an error, whoever noted it.
pub fn resolve(
    raw: &RawProfile,
    given: &Given,
    knowledge: Knowledge<'_>,
    problems: &mut Problems,
) -> Option<Settings> {
    let mut scope = Scope::new(given, knowledge);
    scope.read_in_part = problems.has_errors();
    let settings = profile(raw, &mut scope);
    problems.extend(scope.problems);
    settings.filter(|_| !problems.has_errors())
}

/// What [`resolve`] would ask about the host, as far as `facts` lets it see.
///
/// Answers raise new questions: paths are known when the variables in them are. So a caller asks
/// again until nothing new is wanted. This is a resolution whose result is thrown away, so the
/// questions cannot drift from what is judged.
pub fn wanted(raw: &RawProfile, given: &Given, facts: &Facts) -> Wanted {
    attempt(raw, given, facts, &Problems::new()).wanted
}

/// A resolution with the facts that are known so far.
#[derive(Debug)]
pub struct Attempt {
    /// What it comes to; nothing where anything is wrong.
    pub settings: Option<Settings>,
    /// What is wrong, which counts only when nothing is wanted any more.
    pub problems: Problems,
    /// What it would ask about the host.
    pub wanted: Wanted,
}

/// Resolves with what is known so far, `before` being the mistakes of the text.
pub fn attempt(raw: &RawProfile, given: &Given, facts: &Facts, before: &Problems) -> Attempt {
    let mut scope = Scope::new(given, Knowledge::Host(facts));
    scope.read_in_part = before.has_errors();
    let settings = profile(raw, &mut scope);
    let mut problems = before.clone();
    problems.extend(scope.problems);
    Attempt {
        settings: settings.filter(|_| !problems.has_errors()),
        problems,
        wanted: scope.wanted,
    }
}

fn profile(raw: &RawProfile, scope: &mut Scope<'_>) -> Option<Settings> {
    let RawProfile {
        name,
        description,
        // Judged with the sources, which may copy what is run.
        command: _,
        env,
        rootfs,
        // Judged with the limits and the network.
        system: _,
        // Judged together with the tree.
        mounts: _,
        // Judged with the file systems that need them.
        namespaces: _,
        network,
        limits: _,
        security: _,
        supervise,
        expect,
    } = raw;
    let name = sandbox_name(name, scope);
    let network = or_default(network, NetworkMode::None);
    let offer = packed::offer(raw, scope);
    let env = env::resolve_over(&offer, env, scope);
    let command = command::resolve(raw, &offer, scope);
    let identity = identity::resolve(raw, &offer, name.as_ref(), scope);
    let namespaces = namespaces::resolve(raw, name.as_ref(), scope);
    let system = system::resolve(raw, scope);
    let inside = etc::Inside {
        network: network.value,
        proc: or_default(&raw.system.proc, ProcMount::Private).value,
        hostname: namespaces.as_ref().and_then(own_host_name),
        home: env.home(),
        identity: identity.as_ref(),
    };
    let finder = Finder {
        command: command.as_ref(),
        env: &env,
        offer: &offer,
    };
    let (tree, mounts, unprotected) = layers(raw, &finder, &inside, system.as_ref(), scope);
    let writes_size = scope.setting_or(&rootfs.writes_size, "rootfs.writes_size", WRITES_SIZE);
    let writes_size = writes_size.and_then(|size| scope.refuse_zero(size, "rootfs.writes_size"));
    let mut limits = limits::resolve(raw, scope);
    if let (Some(system), Some(command), false) = (&system, &command, limits.group.list.is_empty())
    {
        limits.group.devices = devices::rules(system, command.terminal.value);
    }
    let security = security::resolve(raw, identity.as_ref(), scope);
    let syscalls = syscalls::resolve(
        &raw.security,
        &security.seccomp,
        &security.capabilities,
        scope,
    );
    parts::judge_rights(&mounts, &security, &syscalls, scope);
    let rights = set_id::Rights {
        identity: identity.as_ref(),
        mounts: &mounts,
        system: system.as_ref(),
        security: &security,
        syscalls: &syscalls,
    };
    rights.judge(scope);
    let landlock = landlock::resolve(raw, scope);
    let supervise = supervise::resolve(supervise, scope);
    let expect = expect::resolve(expect, scope);
    Some(Settings {
        name: name?,
        description: description.clone(),
        identity: identity?,
        tree,
        writes: or_default(&rootfs.writes, Writes::Discard),
        writes_size: writes_size?,
        system: system?,
        mounts,
        namespaces: namespaces?,
        network,
        group_limits: limits.group,
        process_limits: limits.process,
        wall_time: limits.wall_time,
        output: limits.output,
        capabilities: security.capabilities,
        seccomp: security.seccomp,
        syscalls,
        nested_userns: security.nested_userns,
        landlock,
        allow_degraded: raw.security.allow_degraded.clone(),
        supervise: supervise?,
        expect,
        command: command?.with(env),
        left_out: std::mem::take(&mut scope.left_out),
        by_variable: std::mem::take(&mut scope.by_variable),
        unprotected,
        private: std::mem::take(&mut scope.private),
    })
}

/// The tree, the mounts over it, and what of them is less protected than it should be.
fn layers(
    raw: &RawProfile,
    finder: &Finder<'_>,
    inside: &etc::Inside<'_>,
    system: Option<&System>,
    scope: &mut Scope<'_>,
) -> (TreePlan, Vec<At<Mount>>, Vec<At<OpenPart>>) {
    let mut tree = sources::resolve(&raw.rootfs.sources, finder, scope);
    led_out::judge_copies(&tree.sources, &raw.mounts, scope);
    let mut mounts = mounts::resolve(&raw.mounts, inside.identity, scope);
    let (run, who) = (finder.command, inside.identity);
    mounts.extend(covered_command::bind(run, &tree, &mounts, who, scope));
    let mut mounts = layers::order(&tree, mounts, scope);
    let open = parts::guard(&raw.mounts, &tree, &mut mounts, scope);
    own_directories::cover(&mut mounts, scope);
    etc::add(&raw.rootfs.etc, inside, &mut tree, scope);
    let plan = TreePlan {
        sources: tree.sources,
        mount_points: layers::mount_points(&mounts, system),
        search_path: finder.env.path.iter().map(PathBuf::from).collect(),
        library_path: finder.env.library_path.clone(),
    };
    (plan, mounts, open)
}

/// The host name that the kernel tells inside, unless it is the host's.
fn own_host_name(namespaces: &Namespaces) -> Option<&str> {
    let own = namespaces.uts.value.is_on();
    own.then_some(namespaces.hostname.value.as_str())
}

/// The value as written, or the language's default.
fn or_default<T: Clone>(written: &Opt<T>, default: T) -> At<T> {
    written
        .clone()
        .unwrap_or_else(|| At::default_value(default))
}

/// The command line's name, else the profile's, else that of its file.
fn sandbox_name(written: &Opt<SandboxName>, scope: &mut Scope<'_>) -> Option<At<SandboxName>> {
    if let Some(name) = &scope.given.name {
        return Some(At::new(name.clone(), Origin::CommandLine));
    }
    if let Some(name) = written {
        return Some(name.clone());
    }
    let stem = &scope.given.file_stem;
    match stem.parse() {
        Ok(name) => Some(At::default_value(name)),
        Err(why) => {
            let message = format!("file name `{stem}` is no name for a sandbox: it {why}");
            scope.report(
                Problem::error("profile.file-name", &Origin::Default, message)
                    .help("state `name = \"…\"` in the profile, or give `--name`"),
            );
            None
        }
    }
}
