//! Why a part of a bind could not be protected: something has changed since the plan was made.

use nix::errno::Errno;

use crate::model::InsidePath;
use crate::plan::GuardPart;

use super::{Cause, Failed};

const AGAIN: &str = "start it again; something writes there at this very time";

impl Failed<'_> {
    pub(super) fn part(&self, part: &GuardPart) -> Option<Cause> {
        let GuardPart {
            slot: _,
            below: _,
            target,
            guard: _,
            shape: _,
        } = part;
        let shown = self.texts.plain(target.as_str());
        let (code, what) = match self.errno {
            Errno::ENOENT => ("mount.part-gone", "is not there any more"),
            Errno::ENOTDIR | Errno::EISDIR => {
                ("mount.part-gone", "was another kind of file before")
            }
            Errno::ELOOP | Errno::EXDEV => ("mount.part-link", "lies behind a link now"),
            _ => return None,
        };
        Some(Cause::new(code, format!("`{shown}` {what}")).help(AGAIN))
    }

    pub(super) fn appeared(&self, target: &InsidePath) -> Option<Cause> {
        let shown = self.texts.plain(target.as_str());
        let message = match self.errno {
            Errno::EEXIST => format!("`{shown}` was missing, and is there now"),
            Errno::ELOOP | Errno::EXDEV => format!("`{shown}` lies behind a link"),
            _ => return None,
        };
        Some(Cause::new("mount.part-appeared", message).help("start it again"))
    }
}
