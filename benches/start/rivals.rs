//! Who is measured: the sandbox, and tools that set up the same namespaces and mounts.

use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::SANDBOX;
use crate::contender::{Contender, Limits};
use crate::oci;
use crate::scratch::{Scratch, build_tree};

/// The name of our own row.
pub const OURS: &str = "sandbox up";

/// bubblewrap, with all namespaces.
pub const BWRAP: &str = "bwrap --unshare-all";

/// util-linux, with all namespaces: no mounts, no root, no filter.
pub const UNSHARE: &str = "unshare -UrmpfiunC";

/// A full default sandbox, and a tree that holds the program.
fn profile(program: &Path, limits: Limits) -> String {
    let limits = match limits {
        Limits::Without => "",
        Limits::With => "[limits]\nmemory = \"256M\"\ncpus = 1.0\npids = 64\n",
    };
    let program = program.display();
    format!(
        r#"version = 1
name = "bench"
[command]
args = ["{program}"]
[rootfs]
writes = "deny"
source = [{{ programs = ["{program}"] }}]
[[mount]]
tmpfs = "/tmp"
size = "16M"
mode = "1777"
{limits}"#
    )
}

/// All contenders, whether installed or not.
pub fn all(scratch: &Scratch) -> Result<Vec<Contender>, String> {
    let program = program()?;
    let tree = scratch.folder("tree")?;
    build_tree(&tree, &program)?;
    let mut all = vec![
        Contender::new("the program alone", [&program]),
        Contender::new(UNSHARE, ["unshare", "-UrmpfiunC"]).arg(&program),
        bwrap(&tree, &program),
    ];
    if geteuid().is_root() {
        all.push(Contender::new("unshare -mpfiun", ["unshare", "-mpfiun"]).arg(&program));
    }
    for limits in [Limits::Without, Limits::With] {
        all.push(ours(scratch, &program, limits)?);
        all.extend(oci::runtimes(scratch, &tree, &program, limits)?);
    }
    Ok(all)
}

fn program() -> Result<PathBuf, String> {
    ["/usr/bin/true", "/bin/true"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| "this machine has no `true`".to_owned())
}

/// The sandbox, with a store and a state directory in the scratch directory.
fn ours(scratch: &Scratch, program: &Path, limits: Limits) -> Result<Contender, String> {
    let file = match limits {
        Limits::Without => "default.toml",
        Limits::With => "limits.toml",
    };
    let path = scratch.file(file, &profile(program, limits))?;
    let contender = Contender::new(OURS, [SANDBOX, "up"])
        .arg(path)
        .limited(limits)
        .env("XDG_CACHE_HOME", scratch.folder("cache")?)
        .env("XDG_STATE_HOME", scratch.folder("state")?);
    Ok(contender)
}

/// The same namespaces and mounts; it has neither limits nor a filter of its own.
fn bwrap(tree: &Path, program: &Path) -> Contender {
    let rest = "/ --proc /proc --dev /dev --tmpfs /tmp --die-with-parent --new-session";
    Contender::new(BWRAP, ["bwrap", "--unshare-all", "--ro-bind"])
        .arg(tree)
        .args(rest.split(' '))
        .arg(program)
}
