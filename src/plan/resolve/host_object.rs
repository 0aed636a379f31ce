//! What a host path that the profile names turns out to be.

use std::path::{Path, PathBuf};

use crate::diag::{At, Origin, Problem};
use crate::model::{PathFact, PathKind};
use crate::plan::{Missing, MountPointKind, UserIds};

use super::scope::Scope;

/// Something at a host path; nothing of it is known in a symbolic plan.
#[derive(Debug, Default)]
pub(super) struct HostObject {
    pub kind: Option<PathKind>,
    pub owner: Option<UserIds>,
    /// The text of the link that it is.
    pub link: Option<PathBuf>,
    /// Where it really lies, when a link leads there.
    pub real: Option<PathBuf>,
}

impl HostObject {
    /// What a mount of it needs to stand on. Of what is not known, a directory is the likely guess.
    pub fn shape(&self) -> MountPointKind {
        match self.kind {
            None | Some(PathKind::Directory) => MountPointKind::Directory,
            Some(_) => MountPointKind::File,
        }
    }

    /// Where it really lies.
    pub fn real_path<'a>(&'a self, path: &'a str) -> &'a str {
        self.real.as_deref().and_then(Path::to_str).unwrap_or(path)
    }
}

/// What a host path is for: how messages call it, and the rules that a wrong one breaks.
pub(super) struct Role {
    pub noun: &'static str,
    pub missing: &'static str,
    pub hidden: &'static str,
    /// What to do about a missing one.
    pub fix: &'static str,
}

/// What to do about a missing path whose entry has a key `optional`.
pub(super) const OPTIONAL: &str =
    "make it, correct the path, or write `optional = true` if it may be missing";

impl Scope<'_> {
    /// What lies at `path`; nothing when it is missing, which is an error unless it may be.
    pub fn host_object(
        &mut self,
        role: &Role,
        path: &str,
        origin: &Origin,
        missing: Missing,
    ) -> Option<HostObject> {
        match self.path_fact(path) {
            None => Some(HostObject::default()),
            Some(PathFact::Present {
                kind,
                uid,
                gid,
                link,
                real,
            }) => Some(HostObject {
                kind: Some(*kind),
                owner: Some(UserIds {
                    uid: *uid,
                    gid: *gid,
                }),
                link: link.clone(),
                real: real.clone(),
            }),
            Some(PathFact::Missing) if missing == Missing::Skipped => {
                let left_out = self.private.hide(&format!("{} `{path}`", role.noun));
                self.left_out.push(At::new(left_out, origin.clone()));
                None
            }
            Some(PathFact::Missing) => {
                let message = format!("{} `{path}` does not exist on this host", role.noun);
                self.report(Problem::error(role.missing, origin, message).help(role.fix));
                None
            }
            Some(PathFact::Hidden(why)) => {
                let message = format!("{} `{path}` cannot be reached: {why}", role.noun);
                self.report(Problem::error(role.hidden, origin, message));
                None
            }
        }
    }
}
