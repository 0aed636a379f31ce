//! `rootfs.source`: what goes into the tree, and what of the host lies over it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diag::{At, Origin, Problem};
use crate::model::{FileMode, InsidePath, PathFact};
use crate::plan::{Existing, Missing, Mount, TreeSource};
use crate::profile::Template;
use crate::profile::raw::{Opt, RawSource};

use super::host_object::{OPTIONAL, Role};
use super::mounts;
use super::or_default;
use super::packed;
use super::paths::{kernel_tree, without_dots};
use super::programs::Finder;
use super::scope::Scope;

/// A tree without its mount points: these are known when the mounts are.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub sources: Vec<At<TreeSource>>,
    /// What `host` sources mount, in order.
    pub host_binds: Vec<At<Mount>>,
}

const COPIED: Role = Role {
    noun: "source",
    missing: "rootfs.source-missing",
    hidden: "rootfs.source-hidden",
    fix: OPTIONAL,
};

/// Top directories that hosts with a merged /usr have as links into it.
const MERGED: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// Those of them that a symbolic plan takes for granted.
const MERGED_EVERYWHERE: [&str; 4] = ["/bin", "/sbin", "/lib", "/lib64"];

/// What sources come to, in their order.
pub(super) fn resolve(raw: &[At<RawSource>], finder: &Finder<'_>, scope: &mut Scope<'_>) -> Tree {
    let mut tree = Tree::default();
    for source in raw {
        let found = match &source.value {
            RawSource::Host { path } => {
                host(path, &source.origin, &mut tree, scope);
                continue;
            }
            RawSource::Copy {
                from,
                to,
                exclude,
                optional,
            } => copy(from, to, exclude, optional, scope),
            RawSource::Programs { programs, extra } => Some(finder.source(programs, extra, scope)),
            RawSource::Bundle { bundles } => Some(TreeSource::Bundle {
                bundles: bundles.clone(),
            }),
            RawSource::Archive {
                archive,
                sha256,
                to,
            } => packed::archive(archive, sha256, to, scope),
            RawSource::Image {
                image,
                reference,
                platform,
            } => packed::image(image, reference, platform, scope),
            RawSource::File { path, text, mode } => file(path, text, mode, scope),
            RawSource::Dir { path, mode } => dir(path, mode, scope),
            RawSource::Symlink { path, target } => symlink(path, target, scope),
        };
        let at = found.map(|found| At::new(found, source.origin.clone()));
        tree.sources.extend(at);
    }
    refuse_duplicates(&tree, scope);
    tree
}

/// A path inside, outside of what the kernel fills.
pub(super) fn tree_path(path: &At<Template>, scope: &mut Scope<'_>) -> Option<InsidePath> {
    let found = scope.inside_path(path, "tree path", "rootfs.path-relative")?;
    let offence = kernel_tree(found.as_str()).map(|kernel| {
        let message =
            format!("tree path `{found}` lies at or below `{kernel}`, which the kernel fills");
        path.error("rootfs.path-kernel", message)
            .help("choose another path")
    });
    scope.sound(offence)?;
    Some(found)
}

/// The same, where something other than a directory is put.
fn file_path(path: &At<Template>, scope: &mut Scope<'_>) -> Option<InsidePath> {
    let found = tree_path(path, scope)?;
    let offence = (found == InsidePath::root()).then(|| {
        path.error(
            "rootfs.path-root",
            "`/` is the root of the tree and a directory",
        )
        .help("name a path below it")
    });
    scope.sound(offence)?;
    Some(found)
}

fn copy(
    from: &At<Template>,
    to: &Opt<Template>,
    exclude: &[At<String>],
    optional: &Opt<bool>,
    scope: &mut Scope<'_>,
) -> Option<TreeSource> {
    let missing = missing(optional);
    let source = scope.host_path(from);
    let destination = match to {
        Some(to) => Some(tree_path(to, scope)?),
        None => None,
    };
    let source = source?;
    scope.sound(refused_copy(&source, from))?;
    if destination.is_none() {
        scope.same_inside(&source, &from.origin)?;
    }
    scope.host_object(&COPIED, &source, &from.origin, missing)?;
    Some(TreeSource::Copy {
        from: PathBuf::from(source),
        to: destination,
        exclude: exclude.iter().map(|name| name.value.clone()).collect(),
        missing,
        existing: Existing::Replaced,
    })
}

/// Whether a key says that something may be missing.
pub(super) fn missing(optional: &Opt<bool>) -> Missing {
    match optional {
        Some(At { value: true, .. }) => Missing::Skipped,
        _ => Missing::Refused,
    }
}

fn refused_copy(path: &str, from: &At<Template>) -> Option<Problem> {
    if path == "/" {
        let problem = from.error(
            "rootfs.copy-root",
            "a copy of `/` would hold the whole host",
        );
        return Some(problem.help("name the directories that are needed, such as `/usr`"));
    }
    kernel_tree(path).map(|kernel| {
        let message = format!("`{path}` lies at or below `{kernel}`, which holds no files to copy");
        from.error("rootfs.copy-kernel", message)
            .help("set what is needed under `[system]`")
    })
}

fn file(
    path: &At<Template>,
    text: &At<Template>,
    mode: &Opt<FileMode>,
    scope: &mut Scope<'_>,
) -> Option<TreeSource> {
    let path = file_path(path, scope);
    let text = scope.text(&text.value);
    Some(TreeSource::File {
        path: path?,
        text: text?.value,
        mode: or_default(mode, FileMode(0o644)).value,
        existing: Existing::Replaced,
    })
}

fn dir(path: &At<Template>, mode: &Opt<FileMode>, scope: &mut Scope<'_>) -> Option<TreeSource> {
    Some(TreeSource::Dir {
        path: tree_path(path, scope)?,
        mode: or_default(mode, FileMode(0o755)).value,
    })
}

fn symlink(
    path: &At<Template>,
    target: &At<Template>,
    scope: &mut Scope<'_>,
) -> Option<TreeSource> {
    let path = file_path(path, scope);
    let target = scope.text(&target.value);
    Some(TreeSource::Symlink {
        path: path?,
        target: target?.value,
        existing: Existing::Replaced,
    })
}

/// A part of the host's own tree: a read-only bind over the built one, at the same path.
fn host(path: &At<Template>, origin: &Origin, tree: &mut Tree, scope: &mut Scope<'_>) {
    let Some(target) = tree_path(path, scope) else {
        return;
    };
    let offence = (target == InsidePath::root()).then(|| {
        path.error(
            "rootfs.host-root",
            "the host's root as a whole would be no sandbox",
        )
        .help("name the directories that are needed, such as `/usr` and `/etc`")
    });
    if scope.sound(offence).is_none() {
        return;
    }
    let Some(bind) = mounts::host_bind(&target, &path.origin, scope) else {
        return;
    };
    let is_usr = bind.mount.target.as_str() == "/usr";
    if let Some(link) = &bind.link {
        tree.sources.push(At::new(link.clone(), origin.clone()));
    }
    tree.host_binds
        .push(At::new(bind.mount, path.origin.clone()));
    if is_usr {
        let links = merged_links(scope);
        tree.sources
            .extend(links.into_iter().map(|link| At::new(link, origin.clone())));
    }
}

/// The links into /usr at the top of the host's tree. A source that puts something else there wins.
fn merged_links(scope: &mut Scope<'_>) -> Vec<TreeSource> {
    let link = |path: &str, target: String| {
        Some(TreeSource::Symlink {
            path: path.parse().ok()?,
            target,
            existing: Existing::Kept,
        })
    };
    if scope.facts().is_none() {
        let links = MERGED_EVERYWHERE.iter();
        return links
            .filter_map(|path| link(path, format!("usr{path}")))
            .collect();
    }
    let links = MERGED.iter().filter_map(|path| {
        let Some(PathFact::Present {
            link: Some(text), ..
        }) = scope.path_fact(path)
        else {
            return None;
        };
        let text = text.to_str()?;
        without_dots(&format!("/{text}"))
            .starts_with("/usr/")
            .then(|| link(path, text.to_owned()))?
    });
    links.collect()
}

/// Two sources for one path: with variables in them, that shows only now.
fn refuse_duplicates(tree: &Tree, scope: &mut Scope<'_>) {
    let hosts = tree
        .host_binds
        .iter()
        .map(|bind| (bind.value.target.to_string(), &bind.origin));
    let others = tree.sources.iter().filter_map(|source| {
        let written = given_path(&source.value)?;
        Some((written, &source.origin))
    });
    let mut seen: BTreeMap<String, &Origin> = BTreeMap::new();
    for (path, origin) in hosts.chain(others) {
        let Some(first) = seen.insert(path.clone(), origin) else {
            continue;
        };
        // A `host` source stands for its bind and for its links.
        if first == origin {
            continue;
        }
        scope.report(
            Problem::error(
                "rootfs.duplicate-path",
                origin,
                format!("two sources for `{path}`"),
            )
            .label("and here again")
            .also(first, "first here")
            .help("keep one of the two"),
        );
    }
}

/// The path that a source gives as a whole.
pub(super) fn given_path(source: &TreeSource) -> Option<String> {
    match source {
        TreeSource::Copy { from, to, .. } => match to {
            Some(to) => Some(to.to_string()),
            None => from.to_str().map(str::to_owned),
        },
        // Trees, which may lie over each other.
        TreeSource::Programs { .. }
        | TreeSource::Bundle { .. }
        | TreeSource::Archive { .. }
        | TreeSource::Image(_) => None,
        // One that gives way is no second source.
        TreeSource::Symlink {
            existing: Existing::Kept,
            ..
        } => None,
        TreeSource::File { path, .. }
        | TreeSource::Dir { path, .. }
        | TreeSource::Symlink { path, .. } => Some(path.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PathKind;
    use crate::plan::resolve::testing::{
        Bench, at, codes, here, link, no_environment, present, variable,
    };

    fn resolved(raw: &[RawSource], bench: &Bench) -> (Tree, Vec<&'static str>) {
        let raw: Vec<_> = raw.iter().cloned().map(here).collect();
        let mut scope = bench.scope();
        let environment = no_environment(&mut scope);
        let finder = Finder {
            command: None,
            env: &environment,
            offer: &super::super::packed::Offer::None,
        };
        let tree = resolve(&raw, &finder, &mut scope);
        (tree, codes(scope))
    }

    fn copy_of(path: &str, optional: bool) -> RawSource {
        RawSource::Copy {
            from: at(path),
            to: None,
            exclude: vec![],
            optional: Some(here(optional)),
        }
    }

    #[test]
    fn copies_are_judged_by_what_the_host_has() {
        let bench = Bench::host()
            .with("/bin", present(PathKind::Directory))
            .with("/opt", PathFact::Missing);
        let (tree, codes) = resolved(&[copy_of("/bin", false), copy_of("/opt", true)], &bench);
        assert_eq!((tree.sources.len(), codes), (1, vec![]));
        let (_, codes) = resolved(
            &[
                copy_of("/opt", false),
                copy_of("/", false),
                copy_of("/proc/1", false),
            ],
            &bench,
        );
        assert_eq!(
            codes,
            [
                "rootfs.copy-kernel",
                "rootfs.copy-root",
                "rootfs.source-missing"
            ]
        );
    }

    #[test]
    fn nothing_is_put_where_the_kernel_or_the_root_is() {
        let file = |path: &str| RawSource::File {
            path: at(path),
            text: at(""),
            mode: None,
        };
        let (_, codes) = resolved(
            &[file("/proc/x"), file("/"), file("/device")],
            &Bench::symbolic(),
        );
        assert_eq!(codes, ["rootfs.path-kernel", "rootfs.path-root"]);
    }

    #[test]
    fn the_hosts_usr_brings_the_links_into_it() {
        let bench = Bench::host()
            .with("/usr", present(PathKind::Directory))
            .with("/bin", link("usr/bin", "/usr/bin", PathKind::Directory))
            .with("/lib", present(PathKind::Directory));
        let usr = [RawSource::Host { path: at("/usr") }];
        let (tree, codes) = resolved(&usr, &bench);
        assert!(codes.is_empty());
        assert_eq!(tree.host_binds.len(), 1);
        let paths: Vec<_> = tree.sources.iter().map(|at| at.value.clone()).collect();
        let expected = TreeSource::Symlink {
            path: "/bin".parse().unwrap(),
            target: "usr/bin".to_owned(),
            existing: Existing::Kept,
        };
        assert_eq!(paths, [expected]);
        assert_eq!(resolved(&usr, &Bench::symbolic()).0.sources.len(), 4);
    }

    #[test]
    fn a_host_path_that_is_a_link_brings_the_link_and_its_target() {
        let bench = Bench::host().with("/bin", link("usr/bin", "/usr/bin", PathKind::Directory));
        let (tree, _) = resolved(&[RawSource::Host { path: at("/bin") }], &bench);
        assert_eq!(tree.host_binds[0].value.target.as_str(), "/usr/bin");
        assert_eq!(tree.sources.len(), 1);
    }

    #[test]
    fn the_hosts_root_is_refused() {
        let (_, codes) = resolved(&[RawSource::Host { path: at("/") }], &Bench::host());
        assert_eq!(codes, ["rootfs.host-root"]);
    }

    #[test]
    fn equal_paths_show_when_variables_are_known() {
        let dir = |path: At<Template>| RawSource::Dir { path, mode: None };
        let mut raw = vec![here(dir(at("/home/me"))), here(dir(variable("HOME", "")))];
        raw[1].origin = Origin::profile(crate::diag::FileId::FIRST, 5..6);
        let bench = Bench::host();
        let mut scope = bench.scope();
        let environment = no_environment(&mut scope);
        let finder = Finder {
            command: None,
            env: &environment,
            offer: &super::super::packed::Offer::None,
        };
        resolve(&raw, &finder, &mut scope);
        assert_eq!(codes(scope), ["rootfs.duplicate-path"]);
    }
}
