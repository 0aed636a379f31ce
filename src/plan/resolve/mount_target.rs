//! Where a mount lies inside.

use crate::diag::{At, Origin, Problem};
use crate::model::InsidePath;
use crate::profile::Template;
use crate::profile::raw::Opt;

use super::paths::kernel_tree;
use super::scope::Scope;

/// The target as written, or the same path as on the host.
pub(super) fn default_target(
    written: &Opt<Template>,
    source: Option<&str>,
    origin: &Origin,
    scope: &mut Scope<'_>,
) -> Option<InsidePath> {
    match (written, source) {
        (Some(written), _) => target(written, scope),
        (None, Some(source)) => {
            let path = scope.same_inside(source, origin)?;
            judged_target(path, origin, scope)
        }
        (None, None) => None,
    }
}

/// A target as written.
pub(super) fn target(written: &At<Template>, scope: &mut Scope<'_>) -> Option<InsidePath> {
    let path = scope.inside_path(written, "mount target", "mount.target-relative")?;
    judged_target(path, &written.origin, scope)
}

fn judged_target(path: InsidePath, origin: &Origin, scope: &mut Scope<'_>) -> Option<InsidePath> {
    let offence = if path == InsidePath::root() {
        let message = "a mount on `/` would hide the whole tree";
        Some(
            Problem::error("mount.target-root", origin, message)
                .help("name a directory below it, such as `target = \"/host\"`"),
        )
    } else {
        kernel_tree(path.as_str()).map(|kernel| {
            let message = format!("mount target `{path}` lies at or below `{kernel}`");
            let problem = Problem::error("mount.target-kernel", origin, message);
            match (kernel, path.as_str()) {
                (_, "/dev/shm") => problem.help("write `shm = \"64M\"` under `[system]`"),
                ("/dev", _) => {
                    problem.help("name devices as `dev = [\"/dev/…\"]` under `[system]`")
                }
                _ => problem.help("choose another target; `[system]` says what is there"),
            }
        })
    };
    scope.sound(offence)?;
    Some(path)
}
