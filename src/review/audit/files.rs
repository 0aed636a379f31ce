//! Files of the host that the program sees or writes, and what stays behind.

use crate::model::{Access, MountOption, Writes};
use crate::plan::{Mount, MountKind, TreeSource};

use super::brought::{Brought, brought};
use super::score::{Dimension, Weight};
use super::spots::{self, Spot};
use super::{Found, HostPath, Rule, Subject};
use crate::model::host_sockets::below;

/// Home and system as a whole, secrets, what runs code outside, checkouts, what stays.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "audit.writable-home",
        dimension: Dimension::Files,
        weight: Weight::tenths(80),
        title: "a home directory that can be written",
        why: "shells, editors and desktops run what lies in a home: what the program writes there runs \
              outside at the next login, with all rights of its user",
        judge: writable_home,
    },
    Rule {
        code: "audit.writable-startup",
        dimension: Dimension::Files,
        weight: Weight::tenths(70),
        title: "files that run code outside, and that can be written",
        why: "what the program writes there runs outside, with all rights of its user",
        judge: writable_startup,
    },
    Rule {
        code: "audit.writable-system",
        dimension: Dimension::Files,
        weight: Weight::tenths(70),
        title: "a system directory that can be written",
        why: "programs, settings and data of the whole host lie there, as far as their modes let the \
              sandbox's user write",
        judge: writable_system,
    },
    Rule {
        code: "audit.readable-home",
        dimension: Dimension::Files,
        weight: Weight::tenths(50),
        title: "a whole home directory that can be read",
        why: "keys, tokens, browser profiles and histories lie in a home, whatever else is meant",
        judge: readable_home,
    },
    Rule {
        code: "audit.readable-secret",
        dimension: Dimension::Files,
        weight: Weight::tenths(40),
        title: "keys and passwords that can be read",
        why: "who reads a key can use it from anywhere, long after the sandbox has ended",
        judge: readable_secret,
    },
    Rule {
        code: "audit.writable-profile",
        dimension: Dimension::Files,
        weight: Weight::tenths(40),
        title: "a profile that its own program can write",
        why: "the program can grant itself anything for the next run",
        judge: writable_profile,
    },
    Rule {
        code: "audit.writable-checkout",
        dimension: Dimension::Files,
        weight: Weight::tenths(10),
        title: "a checkout that can be written, its hooks too",
        why: "git runs what `.git` tells it to, direnv `.envrc`, editors `.vscode`, a build the \
              build files: what the program writes there runs outside when its user works on",
        judge: writable_checkout,
    },
    Rule {
        code: "audit.writable-submodule",
        dimension: Dimension::Files,
        weight: Weight::tenths(10),
        title: "a submodule whose `.git` can be written",
        why: "the file says where git finds the submodule's hooks and settings: git outside then \
              runs what the program has put there",
        judge: writable_submodule,
    },
    Rule {
        code: "audit.working-directory",
        dimension: Dimension::Files,
        weight: Weight::tenths(10),
        title: "whatever directory the caller stands in",
        why: "started in a home it is the home, started in `/etc` it is `/etc`",
        judge: working_directory,
    },
    Rule {
        code: "audit.broad-source",
        dimension: Dimension::Files,
        weight: Weight::tenths(10),
        title: "a directory of many, for many things",
        why: "the program needs a part of it and sees all",
        judge: broad_source,
    },
    Rule {
        code: "audit.open-part",
        dimension: Dimension::Files,
        weight: Weight::tenths(5),
        title: "a part of a bind that is not protected from everybody",
        why: "what holds for the part ends when something on the host makes or replaces it",
        judge: open_part,
    },
    Rule {
        code: "audit.unverified-source",
        dimension: Dimension::Files,
        weight: Weight::tenths(5),
        title: "an archive or image that nothing vouches for",
        why: "whoever replaces the file decides what runs",
        judge: unverified_source,
    },
    Rule {
        code: "audit.writable-executable",
        dimension: Dimension::Files,
        weight: Weight::tenths(1),
        title: "a mount that can be written and executed",
        why: "an exploit that can write a file can run a program of its own",
        judge: writable_executable,
    },
    Rule {
        code: "audit.kept-writes",
        dimension: Dimension::Files,
        weight: Weight::tenths(3),
        title: "a root tree that remembers",
        why: "what one run leaves in place of a program, the next one starts",
        judge: kept_writes,
    },
];

/// What is found at each part of the host that can be written.
fn at_writable(
    subject: &Subject<'_>,
    find: impl Fn(&Brought<'_>) -> Option<(String, String)>,
) -> Vec<Found> {
    let parts = brought(subject);
    let writable = parts.iter().filter(|part| part.is_writable());
    let found = writable.filter_map(|part| {
        let (message, fix) = find(part)?;
        Some(Found::new(part.origin, message, fix))
    });
    found.collect()
}

const READ_ONLY: &str = "leave out `access = \"rw\"`, or write `access = \"overlay\"` and carry out with \
                         `sandbox apply` what you have looked at";

fn writable_home(subject: &Subject<'_>) -> Vec<Found> {
    at_writable(subject, |part| {
        let message = format!("the program can write all of `{}`", part.text);
        let fix = "bind only the directory that it works on".to_owned();
        part.path.is_home().then_some((message, fix))
    })
}

fn writable_startup(subject: &Subject<'_>) -> Vec<Found> {
    at_writable(subject, |part| {
        let touches = |spot: &&Spot| part.path.is_within(spot.path) || part.path.brings(spot.path);
        let spot = spots::STARTUP
            .iter()
            .find(touches)
            .filter(|_| !part.path.is_home())?;
        let message = match part.path.is_within(spot.path) {
            true => format!("the program can write `{}`, and {}", part.text, spot.what),
            false => format!(
                "the program can write `{}` with `{}`, and {}",
                part.text, spot.path, spot.what
            ),
        };
        Some((message, READ_ONLY.to_owned()))
    })
}

fn writable_system(subject: &Subject<'_>) -> Vec<Found> {
    at_writable(subject, |part| {
        // A user's own directory below /run, and what is everybody's.
        let own = ["/run/user/UID", "/var/tmp"]
            .iter()
            .any(|own| part.path.is_within(own));
        let mut within = spots::SYSTEM.iter().filter(|_| !own);
        let spot = within.find(|spot| part.path.is_within(spot.path))?;
        let message = format!("the program can write `{}`: {}", part.text, spot.what);
        Some((message, READ_ONLY.to_owned()))
    })
}

fn readable_home(subject: &Subject<'_>) -> Vec<Found> {
    let parts = brought(subject);
    // What can be written is told as that.
    let homes = parts
        .iter()
        .filter(|part| part.path.is_home() && !part.is_writable());
    let found = homes.map(|part| {
        let message = format!("all of `{}` is {}", part.text, part.verb());
        Found::new(
            part.origin,
            message,
            "name only the directories that the program needs",
        )
    });
    found.collect()
}

fn readable_secret(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for part in brought(subject).iter().filter(|part| !part.path.is_home()) {
        let lies = |spot: &&Spot| {
            part.path.is_within(spot.path)
                || (part.path.brings(spot.path) && !part.leaves_out(spot.path))
        };
        if let Some(spot) = spots::SECRETS.iter().find(lies) {
            found.push(secret(part, spot));
        } else if let Some(spot) = spots::SYSTEM_SECRETS.iter().find(lies) {
            found.push(secret(part, spot).weighing(spots::SYSTEM_SECRET));
        }
    }
    found
}

fn secret(part: &Brought<'_>, spot: &Spot) -> Found {
    let (text, verb) = (part.text, part.verb());
    match part.path.is_within(spot.path) {
        true => {
            let message = format!("`{text}` is {verb}: {}", spot.what);
            Found::new(
                part.origin,
                message,
                "leave it out; give the program a key of its own",
            )
        }
        false => {
            let message = format!(
                "`{text}` is {verb}, and `{}` with it: {}",
                spot.path, spot.what
            );
            Found::new(
                part.origin,
                message,
                "name only what the program needs below it",
            )
        }
    }
}

fn writable_profile(subject: &Subject<'_>) -> Vec<Found> {
    at_writable(subject, |part| {
        let text = part.text;
        let symbolic = part.path.is("${PROFILE_DIR}") || text.starts_with("${PROFILE_DIR}/..");
        let mut directories = subject.profile_dirs.iter();
        let brings = symbolic || directories.any(|lies| below(lies, text).is_some());
        let message = format!(
            "the program can write `{}`, where this profile lies",
            part.text
        );
        let fix = "keep the profile outside of what its program may write".to_owned();
        brings.then_some((message, fix))
    })
}

/// Variables that name the checkout that somebody works on.
const CHECKOUTS: [&str; 4] = ["${GIT_ROOT}", "${GIT_ROOT}/..", "${CWD}", "${CWD}/.."];

/// Where git keeps what it obeys, below the top of a checkout.
const DOT_GIT: &str = ".git";

fn is_checkout(path: &HostPath) -> bool {
    is_gits(path) || CHECKOUTS.iter().any(|checkout| path.is(checkout))
}

/// Whether it lies in git's own directory of a checkout.
fn is_gits(path: &HostPath) -> bool {
    let own = ["${GIT_ROOT}/.git", "${CWD}/.git", "${GIT_COMMON_DIR}"];
    own.iter().any(|own| path.is_within(own))
}

fn writable_checkout(subject: &Subject<'_>) -> Vec<Found> {
    let parts = brought(subject);
    // What the host alone shows.
    let found = |part: &Brought<'_>| subject.checkouts.iter().any(|known| known.is_at(part.text));
    let checkouts = parts
        .iter()
        .filter(|part| part.is_writable() && (is_checkout(&part.path) || found(part)));
    checkouts.filter_map(checkout).collect()
}

/// The whole of git's own directory has to be kept, not a list of files in it: beside `hooks` and `config`
/// git obeys `commondir`, which lends it another directory, `config.worktree`, `info/attributes`, and the
/// same for each submodule below `modules`. A worktree's `.git` is a file, which names its directory.
fn checkout(part: &Brought<'_>) -> Option<Found> {
    let text = part.text;
    if is_gits(&part.path) {
        let message = format!("the program can write `{text}`, and git runs what it is told there");
        return Some(Found::new(part.origin, message, READ_ONLY));
    }
    if part.protects(DOT_GIT) {
        let message = format!("the program can write all of `{text}` but what git runs of it");
        let fix = "look at what it changed before you build it or open it outside";
        return Some(Found::new(part.origin, message, fix).weighing(Weight::tenths(5)));
    }
    let message = format!("the program can write all of `{text}`, `{DOT_GIT}` too");
    let fix = format!(
        "add `read_only = [\"?{DOT_GIT}\"]`, or write `access = \"overlay\"` and carry out with \
         `sandbox apply` what you have looked at"
    );
    Some(Found::new(part.origin, message, fix))
}

/// How many of many a fix writes out.
const MOST_NAMED: usize = 4;

/// What git runs of a submodule is named by the file `.git` in its working tree, which lies in that of the
/// checkout: what the program writes there leads git to another repository, with hooks of its own.
fn writable_submodule(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for part in brought(subject).iter().filter(|part| part.is_writable()) {
        let known = subject
            .checkouts
            .iter()
            .filter(|known| known.is_at(part.text));
        let submodules = known.flat_map(|known| &known.submodules);
        let files = submodules.map(|submodule| format!("{submodule}/{DOT_GIT}"));
        let open: Vec<String> = files.filter(|file| !part.protects(file)).collect();
        let Some(first) = open.first() else {
            continue;
        };
        let more = match open.len() - 1 {
            0 => String::new(),
            1 => " and that of another submodule".to_owned(),
            more => format!(" and those of {more} more submodules"),
        };
        let message = format!("the program can write `{first}`{more} in `{}`", part.text);
        let named = open.iter().take(MOST_NAMED);
        let entries: Vec<String> = named.map(|file| format!("`\"?{file}\"`")).collect();
        let others = match open.len() > MOST_NAMED {
            true => " and the same for each other one",
            false => "",
        };
        let fix = format!("add {}{others} to `read_only`", entries.join(", "));
        found.push(Found::new(part.origin, message, fix));
    }
    found
}

fn working_directory(subject: &Subject<'_>) -> Vec<Found> {
    let parts = brought(subject);
    let found = parts
        .iter()
        .filter(|part| part.path.is("${CWD}"))
        .map(|part| {
            let message = format!(
                "what is {} depends on where `sandbox` is started",
                part.verb()
            );
            Found::new(
                part.origin,
                message,
                "write `${GIT_ROOT}`, or the path that is meant",
            )
        });
    found.collect()
}

fn broad_source(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for part in brought(subject) {
        if let Some(spot) = spots::BROAD.iter().find(|spot| part.path.is(spot.path)) {
            let message = format!("all of `{}` is {}: {}", part.text, part.verb(), spot.what);
            let fix = "name the directory below it that the program needs";
            found.push(Found::new(part.origin, message, fix));
        }
    }
    found
}

fn open_part(subject: &Subject<'_>) -> Vec<Found> {
    let open = subject.settings.unprotected.iter();
    let found = open.map(|part| {
        let message = format!("`{}`: {}", part.value.path, part.value);
        let fix = "protect the directory that holds it, or bind less";
        Found::new(&part.origin, message, fix)
    });
    found.collect()
}

fn unverified_source(subject: &Subject<'_>) -> Vec<Found> {
    let sources = subject.settings.tree.sources.iter();
    let found = sources.filter_map(|source| match &source.value {
        TreeSource::Archive {
            path, sha256: None, ..
        } => Some(Found::new(
            &source.origin,
            format!("archive `{}` is taken whatever is in it", path.display()),
            "add `sha256 = \"…\"`, as `sha256sum` prints it",
        )),
        // What the index of an image hashes to a profile cannot say, so this is a note: a lock can.
        TreeSource::Image(name) => {
            let message = format!("image `{}` is taken whatever is in it", name.path.display());
            let fix = "make a lock by `sandbox lock`, and start it with `--locked`";
            Some(Found::new(&source.origin, message, fix).weighing(Weight::NONE))
        }
        _ => None,
    });
    found.collect()
}

fn writable_executable(subject: &Subject<'_>) -> Vec<Found> {
    let open = |mount: &Mount| !mount.options.contains(&MountOption::NoExec);
    let mounts = subject
        .settings
        .mounts
        .iter()
        .filter(|mount| open(&mount.value));
    let found = mounts.filter_map(|mount| {
        let target = &mount.value.target;
        let what = match &mount.value.kind {
            // What covers a directory of ours holds one page.
            MountKind::Tmpfs { size, .. } if size.0 > 4096 => "the tmpfs",
            MountKind::Volume { .. } => "the volume",
            // A checkout is there to be built and run; of the others, what is worse is told by itself.
            MountKind::Bind {
                source,
                access: Access::ReadWrite,
                ..
            } if !is_told(&HostPath::new(source, subject)) => "the bind",
            MountKind::Bind { .. }
            | MountKind::Tmpfs { .. }
            | MountKind::Socket { .. }
            | MountKind::Part { .. } => return None,
        };
        let message = format!("{what} at `{target}` can be written and executed");
        let fix = "add `options = [\"noexec\"]`, where nothing is to be run from there";
        Some(Found::new(&mount.origin, message, fix))
    });
    found.collect()
}

fn is_told(path: &HostPath) -> bool {
    let touches = |spot: &Spot| path.is_within(spot.path) || path.brings(spot.path);
    let told = [spots::STARTUP, spots::SYSTEM];
    is_checkout(path) || path.is_home() || told.iter().any(|spots| spots.iter().any(touches))
}

fn kept_writes(subject: &Subject<'_>) -> Vec<Found> {
    let writes = &subject.settings.writes;
    if writes.value != Writes::Keep {
        return Vec::new();
    }
    let message = "what is written to the root tree is kept for the next run";
    let fix =
        "write `writes = \"discard\"`, with a `[[mount]] volume` for the data that has to stay";
    vec![Found::new(&writes.origin, message, fix)]
}
