//! `rootfs.etc`: files that a usable tree needs, after all sources.

use std::path::PathBuf;

use crate::diag::{At, Origin};
use crate::model::{Bundle, EtcFile, FileMode, InsidePath, NetworkMode, PathFact, ProcMount};
use crate::plan::{Existing, Identity, Missing, TreeSource};
use crate::profile::raw::{Opt, RawEtc};

use super::host_object::Role;
use super::or_default;
use super::passwd;
use super::scope::Scope;
use super::sources::{Tree, given_path};

/// What the generated files tell of the sandbox.
pub(super) struct Inside<'a> {
    pub network: NetworkMode,
    pub proc: ProcMount,
    /// Its host name, when it has one of its own.
    pub hostname: Option<&'a str>,
    /// HOME.
    pub home: &'a str,
    pub identity: Option<&'a Identity>,
}

const COPIED: Role = Role {
    noun: "file",
    missing: "rootfs.etc-missing",
    hidden: "rootfs.etc-hidden",
    fix: "write `\"generate\"` or `\"none\"`",
};

/// Adds the files behind the other sources.
pub(super) fn add(raw: &RawEtc, inside: &Inside<'_>, tree: &mut Tree, scope: &mut Scope<'_>) {
    let RawEtc {
        hosts,
        resolv_conf,
        passwd,
        mtab,
        hostname,
        localtime,
    } = raw;
    let mut files = Files { tree, scope };
    let word = or_default(hosts, EtcFile::Generate);
    files.add("/etc/hosts", &word, || hosts_text(inside.hostname));
    let word = resolver(resolv_conf, inside.network);
    files.add("/etc/resolv.conf", &word, || NO_RESOLVER.to_owned());
    files.accounts(&or_default(passwd, EtcFile::Generate), inside);
    let has_proc = inside.proc != ProcMount::None;
    files.mtab(&or_default(mtab, has_proc));
    if let Some(name) = inside.hostname {
        let word = switched(hostname, EtcFile::Generate);
        files.add("/etc/hostname", &word, || format!("{name}\n"));
    }
    files.localtime(&or_default(localtime, true));
}

fn switched(raw: &Opt<bool>, on: EtcFile) -> At<EtcFile> {
    or_default(raw, true).map(|wanted| if wanted { on } else { EtcFile::None })
}

/// The host's servers help only on the host's network. Without one the file is there and empty, so
/// that the tree neither tells of the host's network nor changes with it.
fn resolver(raw: &Opt<EtcFile>, network: NetworkMode) -> At<EtcFile> {
    or_default(
        raw,
        match network {
            NetworkMode::Host => EtcFile::Copy,
            NetworkMode::None => EtcFile::Generate,
        },
    )
}

const NO_RESOLVER: &str = "# No name server: the sandbox has no network of its own.\n";

fn hosts_text(hostname: Option<&str>) -> String {
    let mut text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n".to_owned();
    if let Some(name) = hostname.filter(|name| *name != "localhost") {
        text.push_str(&format!("127.0.1.1\t{name}\n"));
    }
    text
}

struct Files<'a, 'b> {
    tree: &'a mut Tree,
    scope: &'a mut Scope<'b>,
}

impl Files<'_, '_> {
    fn add(&mut self, path: &str, word: &At<EtcFile>, text: impl FnOnce() -> String) {
        match word.value {
            EtcFile::None => {}
            EtcFile::Copy => self.copy(path, path, &word.origin),
            EtcFile::Generate if self.is_given(path) => {}
            EtcFile::Generate => self.file(path, text(), Existing::Kept, &word.origin),
            EtcFile::Replace => self.file(path, text(), Existing::Replaced, &word.origin),
        }
    }

    fn file(&mut self, path: &str, text: String, existing: Existing, origin: &Origin) {
        let Ok(path) = path.parse() else {
            return;
        };
        let mode = FileMode(0o644);
        let file = TreeSource::File {
            path,
            text,
            mode,
            existing,
        };
        self.push(file, origin);
    }

    fn push(&mut self, source: TreeSource, origin: &Origin) {
        self.tree.sources.push(At::new(source, origin.clone()));
    }

    /// The content of a file of the host. What it links to is looked up here: a link into /run or
    /// /usr/share would dangle wherever these are not in the tree.
    fn copy(&mut self, host: &str, path: &str, origin: &Origin) {
        let by_default = *origin == Origin::Default;
        if by_default && self.is_given(path) {
            return;
        }
        let fact = self.scope.path_fact(host);
        if by_default && !matches!(fact, None | Some(PathFact::Present { .. })) {
            return;
        }
        let found = self
            .scope
            .host_object(&COPIED, host, origin, Missing::Refused);
        let (Some(found), Ok(to)) = (found, path.parse::<InsidePath>()) else {
            return;
        };
        let copy = TreeSource::Copy {
            from: PathBuf::from(found.real_path(host)),
            to: Some(to),
            exclude: Vec::new(),
            missing: if by_default {
                Missing::Skipped
            } else {
                Missing::Refused
            },
            // An archive may have one, which shows only when it is read.
            existing: if by_default {
                Existing::Kept
            } else {
                Existing::Replaced
            },
        };
        self.push(copy, origin);
    }

    fn accounts(&mut self, word: &At<EtcFile>, inside: &Inside<'_>) {
        let Some(identity) = inside.identity else {
            return;
        };
        let (users, groups) = passwd::generated(identity, inside.home);
        self.add("/etc/passwd", word, || users);
        self.add("/etc/group", word, || groups);
    }

    fn mtab(&mut self, wanted: &At<bool>) {
        let Ok(path) = "/etc/mtab".parse() else {
            return;
        };
        if wanted.value && !self.is_given("/etc/mtab") {
            let link = TreeSource::Symlink {
                path,
                target: "/proc/mounts".to_owned(),
                existing: Existing::Kept,
            };
            self.push(link, &wanted.origin);
        }
    }

    /// The time zone, which never replaces one that a source chose.
    fn localtime(&mut self, wanted: &At<bool>) {
        if wanted.value && !self.is_given("/etc/localtime") {
            self.copy("/etc/localtime", "/etc/localtime", &Origin::Default);
        }
    }

    /// Whether a source gives `path`, or the whole of /etc from the host.
    fn is_given(&self, path: &str) -> bool {
        let gives = |given: &str| given == path || given == "/etc";
        let source = |source: &TreeSource| match source {
            TreeSource::Dir { .. } => false,
            // The link that the host has, with the zone that it names.
            TreeSource::Bundle { bundles } => {
                let zones = bundles.iter().any(|at| at.value == Bundle::Tzdata);
                path == "/etc/localtime" && zones
            }
            other => given_path(other).is_some_and(|given| gives(&given)),
        };
        self.tree.sources.iter().any(|at| source(&at.value))
            || self
                .tree
                .host_binds
                .iter()
                .any(|bind| gives(bind.value.target.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PathKind, UserSpec};
    use crate::plan::resolve::testing::{Bench, codes, here, link};
    use crate::plan::{HostIds, IdMaps, UserIds};

    fn identity() -> Identity {
        let ids = UserIds {
            uid: 1000,
            gid: 1000,
        };
        Identity {
            asked: At::default_value(UserSpec::Caller),
            user: At::default_value(ids),
            host: HostIds::Caller(ids),
            maps: At::default_value(IdMaps::single(ids, HostIds::Caller(ids))),
            groups: Vec::new(),
        }
    }

    fn added(
        raw: &RawEtc,
        network: NetworkMode,
        tree: Tree,
        bench: &Bench,
    ) -> (Vec<String>, Vec<&'static str>) {
        let identity = identity();
        let inside = Inside {
            network,
            proc: ProcMount::Private,
            hostname: Some("dev"),
            home: "/",
            identity: Some(&identity),
        };
        let mut tree = tree;
        let mut scope = bench.scope();
        add(raw, &inside, &mut tree, &mut scope);
        let describe = |source: &TreeSource| match source {
            TreeSource::File { path, .. } => format!("file {path}"),
            TreeSource::Copy { from, .. } => format!("copy {}", from.display()),
            TreeSource::Symlink { path, .. } => format!("link {path}"),
            other => format!("{other:?}"),
        };
        let list = tree.sources.iter().map(|at| describe(&at.value));
        (list.collect(), codes(scope))
    }

    #[test]
    fn an_empty_profile_has_a_usable_etc() {
        let (list, _) = added(
            &RawEtc::default(),
            NetworkMode::None,
            Tree::default(),
            &Bench::symbolic(),
        );
        let expected = [
            "file /etc/hosts",
            "file /etc/resolv.conf",
            "file /etc/passwd",
            "file /etc/group",
            "link /etc/mtab",
            "file /etc/hostname",
            "copy /etc/localtime",
        ];
        assert_eq!(list, expected);
        assert!(hosts_text(Some("dev")).ends_with("127.0.1.1\tdev\n"));
    }

    #[test]
    fn what_is_copied_is_the_content_behind_the_link() {
        let stub = "/run/systemd/resolve/stub-resolv.conf";
        let bench = Bench::host()
            .with("/etc/resolv.conf", link("../run", stub, PathKind::File))
            .with("/etc/localtime", PathFact::Missing);
        let (list, codes) = added(
            &RawEtc::default(),
            NetworkMode::Host,
            Tree::default(),
            &bench,
        );
        assert!(list.contains(&format!("copy {stub}")), "{list:?}");
        assert!(!list.contains(&"copy /etc/localtime".to_owned()));
        assert!(codes.is_empty());
    }

    #[test]
    fn a_copy_that_was_asked_for_must_be_there() {
        let bench = Bench::host().with("/etc/hosts", PathFact::Missing);
        let raw = RawEtc {
            hosts: Some(here(EtcFile::Copy)),
            ..RawEtc::default()
        };
        let (_, codes) = added(&raw, NetworkMode::None, Tree::default(), &bench);
        assert_eq!(codes, ["rootfs.etc-missing"]);
    }

    #[test]
    fn what_a_source_gave_stays() {
        let copied = TreeSource::Copy {
            from: PathBuf::from("/etc"),
            to: None,
            exclude: vec![],
            missing: Missing::Refused,
            existing: Existing::Replaced,
        };
        let tree = Tree {
            sources: vec![here(copied)],
            ..Tree::default()
        };
        let raw = RawEtc {
            hosts: Some(here(EtcFile::Replace)),
            ..RawEtc::default()
        };
        let (list, _) = added(&raw, NetworkMode::None, tree, &Bench::symbolic());
        assert_eq!(list, ["copy /etc", "file /etc/hosts"]);
    }
}
