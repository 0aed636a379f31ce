//! `[[mount]] socket`: one Unix socket of the host.
//!
//! The mount keeps the socket that is there at the start: a server that starts anew makes another one,
//! which the program does not see.

use crate::diag::{At, Problem};
use crate::model::{Owner, PathKind};
use crate::plan::{Identity, Missing, Mount, MountKind, TargetPoint};
use crate::profile::Template;
use crate::profile::raw::Opt;

use super::control_sockets::{self, Reached};
use super::host_object::{HostObject, OPTIONAL, Role};
use super::led_out::{self, Writable};
use super::mount_target::default_target;
use super::mounts::{kernel_source, owner_map};
use super::scope::Scope;

const SOCKET: Role = Role {
    noun: "socket",
    missing: "mount.source-missing",
    hidden: "mount.source-hidden",
    fix: OPTIONAL,
};

/// One as it was written.
pub(super) struct Socket<'a> {
    pub socket: &'a At<Template>,
    pub target: &'a Opt<Template>,
    pub missing: Missing,
    pub owner: Owner,
    pub dangerous: &'a Opt<String>,
}

impl Socket<'_> {
    pub fn resolve(
        &self,
        identity: Option<&Identity>,
        writable: &[Writable],
        scope: &mut Scope<'_>,
    ) -> Option<Mount> {
        let origin = &self.socket.origin;
        let source = scope.host_path(self.socket);
        let target = default_target(self.target, source.as_deref(), origin, scope);
        let source = source?;
        scope.sound(kernel_source(&source, origin))?;
        let found = scope.host_object(&SOCKET, &source, origin, self.missing)?;
        let real = found.real.as_deref().and_then(|real| real.to_str());
        scope.sound(real.and_then(|real| kernel_source(real, origin)))?;
        scope.sound(self.refused_kind(&source, &found))?;
        self.judge_danger(&source, &found, scope)?;
        let named = ("socket", source.as_str());
        let led_out = led_out::refused(named, found.real.as_deref(), origin, writable);
        scope.sound(led_out)?;
        Some(Mount {
            target: target?,
            kind: MountKind::Socket {
                owner: owner_map(self.owner, &found, identity, scope),
                missing: self.missing,
                source: found.real_path(&source).to_owned(),
                dangerous: self.dangerous.as_ref().map(|why| why.value.clone()),
            },
            options: Vec::new(),
            point: TargetPoint::InTree,
        })
    }

    fn refused_kind(&self, source: &str, found: &HostObject) -> Option<Problem> {
        found.kind.filter(|kind| *kind != PathKind::Socket)?;
        let message = format!("`{source}` is no Unix socket");
        let problem = self.socket.error("mount.socket-kind", message);
        Some(problem.help("write `bind` for files and directories"))
    }

    /// Whether the program could leave through it, and the profile knows.
    fn judge_danger(&self, source: &str, found: &HostObject, scope: &mut Scope<'_>) -> Option<()> {
        let leaves = |path: &str| control_sockets::reached(path) == Some(Reached::Itself);
        let real = found.real.as_deref().and_then(|real| real.to_str());
        // A runtime directory may lie anywhere; its variable says what it is.
        let written = self.socket.value.to_string();
        let dangerous = leaves(source) || leaves(&written) || real.is_some_and(leaves);
        match (dangerous, self.dangerous) {
            (true, None) => {
                let message = format!(
                    "`{source}` is a socket through which the program can leave the sandbox"
                );
                let problem = self.socket.error("mount.control-socket", message);
                let problem = match real {
                    Some(real) => problem.label(format!("leads to `{real}`")),
                    None => problem,
                };
                let help = "leave it out, or write `dangerous = \"why\"` beside it";
                scope.sound(Some(problem.help(help)))
            }
            // What a variable holds only the host knows.
            (false, Some(why)) if !source.contains("${") => {
                let message =
                    format!("`dangerous` says nothing: `{source}` is no socket known to lead out");
                let problem = Problem::warning("mount.dangerous-unused", &why.origin, message);
                scope.report(problem.help("remove it"));
                Some(())
            }
            _ => Some(()),
        }
    }
}
