//! `archive` and `image` sources, and what an image offers for its program.

use std::path::PathBuf;

use crate::diag::{At, Origin, Problem};
use crate::model::{
    ImageConfig, ImageFact, ImageName, InsidePath, PathKind, PlatformSpec, Sha256, UserSpec,
};
use crate::plan::{Missing, TreeSource};
use crate::profile::Template;
use crate::profile::raw::{Opt, RawArgs, RawProfile, RawSource};

use super::Purpose;
use super::host_object::Role;
use super::or_default;
use super::scope::Scope;
use super::sources::tree_path;

/// What stands in a symbolic plan for what only the image tells.
pub(super) const THE_IMAGE: &str = "@image";

const ARCHIVE: Role = Role {
    noun: "archive",
    missing: "rootfs.source-missing",
    hidden: "rootfs.source-hidden",
    fix: "make it, or correct the path",
};

const IMAGE: Role = Role {
    noun: "image",
    ..ARCHIVE
};

pub(super) fn archive(
    written: &At<Template>,
    sha256: &Opt<Sha256>,
    to: &Opt<Template>,
    scope: &mut Scope<'_>,
) -> Option<TreeSource> {
    let path = scope.host_path(written);
    let to = match to {
        Some(to) => tree_path(to, scope),
        None => Some(InsidePath::root()),
    };
    let path = path?;
    let found = scope.host_object(&ARCHIVE, &path, &written.origin, Missing::Refused)?;
    let offence = match found.kind {
        None | Some(PathKind::File) => None,
        Some(_) => {
            let message = format!("archive `{path}` is no file");
            let problem = written.error("rootfs.archive-no-file", message);
            Some(problem.help("name a tar file, or write `copy` for a directory"))
        }
    };
    scope.sound(offence)?;
    Some(TreeSource::Archive {
        path: PathBuf::from(path),
        sha256: sha256.as_ref().map(|sha256| sha256.value),
        to: to?,
    })
}

pub(super) fn image(
    written: &At<Template>,
    reference: &Opt<Template>,
    platform: &Opt<PlatformSpec>,
    scope: &mut Scope<'_>,
) -> Option<TreeSource> {
    let name = image_name(written, reference, platform, scope)?;
    let path = name.path.to_string_lossy().into_owned();
    let found = scope.host_object(&IMAGE, &path, &written.origin, Missing::Refused)?;
    let offence = match found.kind {
        None | Some(PathKind::File | PathKind::Directory) => None,
        Some(_) => {
            let message = format!("image `{path}` is neither a file nor a directory");
            Some(written.error("rootfs.image-no-file", message))
        }
    };
    scope.sound(offence)?;
    judge_image(&name, written, scope)?;
    Some(TreeSource::Image(name))
}

/// What is wrong with an image itself. A start looks into one only where its command counts: what it
/// builds of it, it checks anyway.
fn judge_image(name: &ImageName, written: &At<Template>, scope: &mut Scope<'_>) -> Option<()> {
    let Some(facts) = scope.facts() else {
        return Some(());
    };
    if scope.given.purpose == Purpose::Judge {
        scope.wanted.images.insert(name.clone());
    }
    let offence = match facts.images.get(name) {
        Some(ImageFact::Refused { message, help }) => {
            let problem = written.error("rootfs.image", message.clone());
            Some(match help {
                Some(help) => problem.help(help.clone()),
                None => problem,
            })
        }
        _ => None,
    };
    scope.sound(offence)
}

fn image_name(
    written: &At<Template>,
    reference: &Opt<Template>,
    platform: &Opt<PlatformSpec>,
    scope: &mut Scope<'_>,
) -> Option<ImageName> {
    let path = scope.host_path(written);
    let reference = match reference {
        Some(reference) => Some(scope.text(&reference.value)?.value),
        None => None,
    };
    Some(ImageName {
        path: PathBuf::from(path?),
        reference,
        platform: or_default(platform, PlatformSpec::Machine).value,
    })
}

/// What an image offers for its program, where the profile asks for that: below whatever the profile
/// says itself.
#[derive(Debug)]
pub(super) enum Offer<'a> {
    /// The profile asks for nothing.
    None,
    /// It asks, and what is offered is not known: in a symbolic plan, and where a mistake was noted.
    Unknown(Origin),
    /// This is offered, and the line that asks for it.
    Known(&'a ImageConfig, Origin),
}

/// The configuration of the profile's image, where `command.args` takes it.
pub(super) fn offer<'a>(raw: &RawProfile, scope: &mut Scope<'a>) -> Offer<'a> {
    let Some(At {
        value: RawArgs::Image,
        origin,
    }) = &raw.command.args
    else {
        return Offer::None;
    };
    let unknown = Offer::Unknown(origin.clone());
    let images = raw
        .rootfs
        .sources
        .iter()
        .filter_map(|source| match &source.value {
            RawSource::Image {
                image,
                reference,
                platform,
            } => Some((image, reference, platform)),
            _ => None,
        });
    let images: Vec<_> = images.collect();
    let (written, reference, platform) = match images.as_slice() {
        [one] => *one,
        [] => {
            let message = "the command is an image's, and no source is an image";
            let problem = Problem::error("command.no-image", origin, message);
            scope.report(
                problem.help("add `{ image = \"…\" }` to `rootfs.source`, or write the command"),
            );
            return unknown;
        }
        [(first, ..), .., (last, ..)] => {
            let message = "the command is an image's, and several sources are images";
            let problem = Problem::error("command.several-images", origin, message)
                .also(&first.origin, "one of them")
                .also(&last.origin, "another");
            scope.report(problem.help("write the command itself"));
            return unknown;
        }
    };
    let Some(facts) = scope.facts() else {
        return unknown;
    };
    // Its mistakes are noted where it is a source; here it is only looked up.
    let problems = std::mem::take(&mut scope.problems);
    let name = image_name(written, reference, platform, scope);
    scope.problems = problems;
    let Some(name) = name else {
        return unknown;
    };
    scope.wanted.images.insert(name.clone());
    match facts.images.get(&name) {
        Some(ImageFact::Found(config)) => Offer::Known(config, origin.clone()),
        // What is wrong with it is noted where it is a source.
        Some(ImageFact::Refused { .. }) | None => unknown,
    }
}

impl Offer<'_> {
    /// The program and its arguments; nothing where the profile does not ask for them.
    pub fn args(&self, scope: &mut Scope<'_>) -> Option<Vec<At<String>>> {
        match self {
            Offer::None => Some(Vec::new()),
            Offer::Unknown(origin) => {
                // Not known yet, or a mistake of its own.
                let word = At::new(THE_IMAGE.to_owned(), origin.clone());
                Some(vec![word])
            }
            Offer::Known(config, origin) => {
                let words = config.entrypoint.iter().chain(&config.cmd);
                let words = words.map(|word| At::new(word.clone(), origin.clone()));
                let words: Vec<_> = words.collect();
                let offence = words.is_empty().then(|| {
                    let message = "the image says no command";
                    Problem::error("command.image-no-command", origin, message)
                        .help("write the command itself, such as `args = [\"/bin/sh\"]`")
                });
                scope.sound(offence).map(|()| words)
            }
        }
    }

    /// Names and values for the environment.
    pub fn env(&self) -> Vec<At<(String, String)>> {
        match self {
            Offer::None => Vec::new(),
            Offer::Unknown(origin) => {
                vec![At::new(
                    (THE_IMAGE.to_owned(), String::new()),
                    origin.clone(),
                )]
            }
            Offer::Known(config, origin) => {
                let pairs = config.env.iter().cloned();
                pairs.map(|pair| At::new(pair, origin.clone())).collect()
            }
        }
    }

    /// The directory that it starts in, where the image says one.
    pub fn workdir(&self, scope: &mut Scope<'_>) -> Option<Option<At<InsidePath>>> {
        let Offer::Known(config, origin) = self else {
            return Some(None);
        };
        let Some(written) = &config.workdir else {
            return Some(None);
        };
        let parsed: Result<InsidePath, _> = written.parse();
        match parsed {
            Ok(path) => Some(Some(At::new(path, origin.clone()))),
            Err(why) => {
                let shown = written.escape_debug();
                let message = format!("the image's working directory `{shown}` {}", why.reason);
                let problem = Problem::error("command.image-workdir", origin, message);
                scope.report(
                    problem.help("write `workdir = \"/\"` under `[command]`, or another path"),
                );
                None
            }
        }
    }

    /// Who the program is, where the image says it in numbers. Its `root` is the number too: that is not
    /// what the profile's own word `root` means where there is no user namespace.
    pub fn user(&self, scope: &mut Scope<'_>) -> Option<Option<At<UserSpec>>> {
        let Offer::Known(config, origin) = self else {
            return Some(None);
        };
        let Some(written) = &config.user else {
            return Some(None);
        };
        let root = UserSpec::Ids { uid: 0, gid: 0 };
        let spec = match written.as_str() {
            "root" | "root:root" | "0" | "0:0" => Ok(root),
            text => text.parse::<UserSpec>(),
        };
        match spec {
            Ok(ids @ UserSpec::Ids { .. }) => Some(Some(At::new(ids, origin.clone()))),
            _ => {
                let shown = written.escape_debug();
                let message = format!(
                    "the image's user `{shown}` is a name, and what it stands for is in the image"
                );
                let problem = Problem::error("command.image-user", origin, message);
                scope.report(problem.help(
                    "write its numbers, such as `user = \"1000:1000\"`, or another user under `[command]`",
                ));
                None
            }
        }
    }
}
