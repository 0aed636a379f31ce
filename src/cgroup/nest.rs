//! The middle group of the unified hierarchy, and how controllers get down to it.
//!
//! A group hands controllers on to its children only while no process lives in it (the root of the
//! hierarchy is free of this rule). Where only this process lives in the caller's group, it moves
//! itself to a leaf below; where others do, a place beside the group, in its parent, is tried.
//! Nobody else is moved.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, faccessat, geteuid, mkdir};

use super::error::{Cause, Failure};
use super::file;
use super::names::{NEST, Role, make_group};
use super::remove::rmdir;
use crate::model::{CgroupVersion, Hierarchy};
use crate::sys::xattr;

/// The group `sandbox`, and controllers that it may switch on for its children.
///
/// Dropping it removes the group when no other sandbox uses it, then moves this process back to
/// where it was. Controllers that were switched on above stay on: whoever manages that group may
/// have come to need them meanwhile.
#[derive(Debug)]
pub(super) struct Nest {
    /// Its directory.
    pub dir: PathBuf,
    leaf: Option<Leaf>,
}

impl Nest {
    /// Makes a place for groups with `controllers`, or says why the caller's own group is none.
    pub(super) fn prepare(
        unified: &Hierarchy,
        controllers: &[&'static str],
    ) -> Result<Nest, Failure> {
        let mut reason = None;
        for base in bases(unified) {
            match Nest::open(unified, base, controllers) {
                Ok(nest) => return Ok(nest),
                Err(failure) if reason.is_none() || base == unified.own => reason = Some(failure),
                Err(_) => {}
            }
        }
        Err(reason.unwrap_or_else(|| Failure::known(Cause::NotMounted)))
    }

    fn open(
        unified: &Hierarchy,
        base: &Path,
        controllers: &[&'static str],
    ) -> Result<Nest, Failure> {
        check_writable(base)?;
        check_offered(unified, base, controllers)?;
        let leaf = hand_on(unified, base, controllers)?;
        let dir = base.join(NEST);
        match mkdir(&dir, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(Failure::call(CgroupVersion::V2, dir, errno)),
        }
        Ok(Nest { dir, leaf })
    }

    /// Switches the controllers on for the groups inside.
    ///
    /// To be called once a group is inside: another sandbox that ends removes an empty nest, and a
    /// third may make it anew without controllers.
    pub(super) fn enable(&self, controllers: &[&'static str]) -> Result<(), Failure> {
        enable(&self.dir, controllers)
    }

    /// The group that this process moved itself to, if it had to.
    pub(super) fn own_leaf(&self) -> Option<&Path> {
        self.leaf.as_ref().map(|leaf| leaf.dir.as_path())
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        // Busy while another sandbox has a group in it, which then removes it.
        rmdir(&self.dir).ok();
    }
}

/// Groups to try in turn.
///
/// Root takes the root of the mount, where processes may live beside groups. Everybody else begins
/// with the own group, whose limits then hold for the sandbox too, unless it is a service manager's
/// unit that was not delegated: systemd ends such a unit as a whole, this process and the user's
/// shell with it, when the kernel kills for memory anywhere below (`OOMPolicy=stop`).
pub(super) fn bases(unified: &Hierarchy) -> Vec<&Path> {
    let (mount, own) = (unified.mount.as_path(), unified.own.as_path());
    if own == mount {
        return vec![own];
    }
    if geteuid().is_root() {
        return vec![mount, own];
    }
    match own.parent().filter(|parent| *parent != mount) {
        None => vec![own],
        Some(parent) if is_unit(own) && !is_marked_delegated(own) => vec![parent, own],
        Some(parent) => vec![own, parent],
    }
}

/// Whether a group has the name of a systemd unit that holds processes.
fn is_unit(group: &Path) -> bool {
    let kind = group.extension().unwrap_or_default();
    kind == "scope" || kind == "service"
}

/// Whether systemd (252 and later) says that the unit's group may be divided by its owner.
fn is_marked_delegated(group: &Path) -> bool {
    let Ok(path) = CString::new(group.as_os_str().as_bytes()) else {
        return false;
    };
    let mut value = [0; 8];
    xattr::read(&path, c"user.delegate", &mut value) == Ok(b"1")
}

/// `CLONE_INTO_CGROUP` asks for write permission on the cgroup.procs of the common ancestor of both
/// groups, which is `base`; better to know before the clone than from it.
pub(super) fn check_writable(base: &Path) -> Result<(), Failure> {
    let path = base.join("cgroup.procs");
    faccessat(AT_FDCWD, &path, AccessFlags::W_OK, AtFlags::AT_EACCESS)
        .map_err(|errno| Failure::call(CgroupVersion::V2, path, errno))
}

/// `base` must have each controller before it can hand it on.
fn check_offered(
    unified: &Hierarchy,
    base: &Path,
    controllers: &[&'static str],
) -> Result<(), Failure> {
    let path = base.join("cgroup.controllers");
    let offered = file::read(&path)
        .map_err(|error| Failure::call(CgroupVersion::V2, path, file::errno(&error)))?;
    let lacking = controllers.iter().find(|name| !has(&offered, name));
    let Some(name) = lacking else {
        return Ok(());
    };
    let top = file::read(&unified.mount.join("cgroup.controllers")).unwrap_or_default();
    Err(Failure::known(if has(&top, name) {
        Cause::ControllerNotDelegated(name)
    } else {
        Cause::ControllerOff(name)
    }))
}

fn has(controllers: &str, name: &str) -> bool {
    controllers.split_whitespace().any(|word| word == name)
}

/// Switches the controllers on for the children of `base`, after moving out of it if that helps.
///
/// Trying and seeing would not do: controllers that know threads (cpu, pids) may be switched on in a
/// group with processes, which makes all of its children unfit for processes (`domain invalid`).
fn hand_on(
    unified: &Hierarchy,
    base: &Path,
    controllers: &[&'static str],
) -> Result<Option<Leaf>, Failure> {
    let leaf = match Inhabitants::of(base)? {
        Inhabitants::NoMatter => None,
        Inhabitants::OnlyUs if base == unified.own => Some(Leaf::move_to(base, controllers)?),
        Inhabitants::OnlyUs | Inhabitants::Others => {
            let path = base.join("cgroup.procs");
            let failure = Failure::call(CgroupVersion::V2, path, Errno::EBUSY);
            return Err(failure.because(Cause::OthersInGroup));
        }
    };
    enable(base, controllers)?;
    Ok(leaf)
}

/// Who lives in a group itself, groups below it aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inhabitants {
    /// Nobody, or it is the root of the hierarchy, which may hold processes beside groups.
    NoMatter,
    /// This process.
    OnlyUs,
    /// Others, perhaps beside this process.
    Others,
}

impl Inhabitants {
    fn of(group: &Path) -> Result<Inhabitants, Failure> {
        // The root of the hierarchy is the one group without a type.
        if !group.join("cgroup.type").exists() {
            return Ok(Inhabitants::NoMatter);
        }
        let path = group.join("cgroup.procs");
        match file::read(&path) {
            Ok(list) => Ok(Inhabitants::in_list(&list, std::process::id())),
            Err(error) => Err(Failure::call(CgroupVersion::V2, path, file::errno(&error))),
        }
    }

    /// Processes outside the PID namespace read as 0 in the list.
    fn in_list(list: &str, own: u32) -> Inhabitants {
        if list.is_empty() {
            Inhabitants::NoMatter
        } else if list.trim_end().parse() == Ok(own) {
            Inhabitants::OnlyUs
        } else {
            Inhabitants::Others
        }
    }
}

/// No-op, and cheap, for controllers that are on already.
fn enable(group: &Path, controllers: &[&str]) -> Result<(), Failure> {
    let path = group.join("cgroup.subtree_control");
    file::write(&path, &each_with('+', controllers)).map_err(|errno| {
        let failure = Failure::call(CgroupVersion::V2, path, errno);
        match errno {
            Errno::EBUSY => failure.because(Cause::OthersInGroup),
            _ => failure,
        }
    })
}

fn each_with(sign: char, controllers: &[&str]) -> String {
    let words: Vec<String> = controllers
        .iter()
        .map(|name| format!("{sign}{name}"))
        .collect();
    words.join(" ")
}

/// The group below its own that this process moved itself to.
#[derive(Debug)]
struct Leaf {
    own: PathBuf,
    dir: PathBuf,
    enabled: Vec<&'static str>,
}

impl Leaf {
    fn move_to(own: &Path, controllers: &[&'static str]) -> Result<Leaf, Failure> {
        let version = CgroupVersion::V2;
        let dir = make_group(version, own, Role::Supervisor, "")?;
        let leaf = Leaf {
            own: own.to_owned(),
            dir,
            enabled: controllers.to_vec(),
        };
        let procs = leaf.dir.join("cgroup.procs");
        file::write(&procs, "0").map_err(|errno| Failure::call(version, procs, errno))?;
        Ok(leaf)
    }
}

impl Drop for Leaf {
    /// Goes back, unless another sandbox divides the same group: then the controllers cannot be
    /// switched off, and this process stays where it is until it ends. What is left is an empty
    /// leaf, gone with the group around it, or by a sweep.
    fn drop(&mut self) {
        let off = each_with('-', &self.enabled);
        let undivided = file::write(&self.own.join("cgroup.subtree_control"), &off);
        if undivided.is_ok() {
            file::write(&self.own.join("cgroup.procs"), "0").ok();
            rmdir(&self.dir).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_itself_is_tried_once() {
        let unified = |own: &str| Hierarchy {
            version: CgroupVersion::V2,
            controllers: Vec::new(),
            mount: "/cg".into(),
            own: own.into(),
        };
        assert_eq!(bases(&unified("/cg")), [Path::new("/cg")]);
        let deep = unified("/cg/user.slice/a.scope");
        let found = bases(&deep);
        assert!(found.contains(&Path::new("/cg/user.slice/a.scope")));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_list_with_anybody_else_is_told_apart() {
        assert_eq!(Inhabitants::in_list("", 7), Inhabitants::NoMatter);
        assert_eq!(Inhabitants::in_list("7\n", 7), Inhabitants::OnlyUs);
        assert_eq!(Inhabitants::in_list("71\n", 7), Inhabitants::Others);
        assert_eq!(Inhabitants::in_list("7\n8\n", 7), Inhabitants::Others);
        assert_eq!(Inhabitants::in_list("0\n7\n", 7), Inhabitants::Others);
    }

    #[test]
    fn units_of_a_service_manager_are_known_by_their_names() {
        assert!(is_unit(Path::new("/cg/app.slice/run-r1.scope")));
        assert!(is_unit(Path::new("/cg/user@1000.service")));
        assert!(!is_unit(Path::new("/cg/app.slice")));
        assert!(!is_unit(Path::new("/cg/scope")));
    }

    #[test]
    fn controllers_are_whole_words() {
        assert!(has("cpuset cpu io\n", "cpu"));
        assert!(!has("cpuset io", "cpu"));
        assert_eq!(each_with('+', &["cpu", "pids"]), "+cpu +pids");
    }
}
