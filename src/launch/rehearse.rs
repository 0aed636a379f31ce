//! What a start needs of the kernel, tried part by part: each by a process of its own that goes through
//! the same calls as a start and then ends. Nothing is left of it.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::plan::{Action, Namespace, Plan, Trial, Tried};
use crate::sys;
use crate::sys::file::{HERE, How};
use crate::sys::mount::Depth;
use crate::sys::process::Side;
use crate::sys::seccomp::Instruction;

use super::arm::clone_flag;
use super::arm::{Armed, ArmedMaps, Setgroups, id_maps};
use super::id_map::{IdMaps, write_process_file};
use super::mounts::{NODEV, NOSUID, new_tmpfs};
use super::overlay::{LOWER, UPPER, WORK, overlay};
use super::parent::run_map_helpers;

/// What became of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It works.
    Done,
    /// The kernel refused it.
    Refused(Errno),
    /// What it rests on was refused.
    NotReached,
}

/// The exit code of a process that did not come to its trial; no errno is as large.
const NOT_REACHED: i32 = 255;

/// Lets every call pass: `BPF_RET | BPF_K` with SECCOMP_RET_ALLOW.
const PASS: Instruction = Instruction {
    code: 0x06,
    jt: 0,
    jf: 0,
    k: 0x7fff_0000,
};

/// Tries one ability that the plan needs; `store` is where root trees lie, whether it is there or not.
pub fn rehearse(plan: &Plan, trial: &Trial, store: &Path) -> Came {
    apart(|| Rehearsal { plan, trial, store }.perform())
}

/// Performs something in a process of its own.
fn apart(perform: impl FnOnce() -> Came) -> Came {
    match sys::process::fork() {
        Err(errno) => Came::Refused(errno),
        Ok(Side::Child) => sys::process::exit(match perform() {
            Came::Done => 0,
            Came::Refused(errno) => errno as i32,
            Came::NotReached => NOT_REACHED,
        }),
        Ok(Side::Parent(pid)) => match sys::process::wait_for(pid) {
            Err(errno) => Came::Refused(errno),
            Ok((status, _)) => came(status),
        },
    }
}

fn came(status: i32) -> Came {
    // A filter above may kill in place of an errno.
    if libc::WIFSIGNALED(status) {
        return Came::Refused(match libc::WTERMSIG(status) {
            libc::SIGSYS => Errno::ENOSYS,
            _ => Errno::EINTR,
        });
    }
    match libc::WEXITSTATUS(status) {
        0 => Came::Done,
        NOT_REACHED => Came::NotReached,
        errno => Came::Refused(Errno::from_raw(errno)),
    }
}

fn outcome(result: sys::Result<()>) -> Came {
    match result {
        Ok(()) => Came::Done,
        Err(errno) => Came::Refused(errno),
    }
}

struct Rehearsal<'a> {
    plan: &'a Plan,
    trial: &'a Trial,
    store: &'a Path,
}

impl Rehearsal<'_> {
    fn perform(&self) -> Came {
        // newuidmap has words of its own, which would stand in the middle of the page.
        if silence().is_err() {
            return Came::NotReached;
        }
        match &self.trial.what {
            Tried::Namespace(Namespace::User) => {
                outcome(sys::process::unshare(libc::CLONE_NEWUSER))
            }
            Tried::Namespace(kind) => self.after(&[], || sys::process::unshare(clone_flag(*kind))),
            Tried::IdMaps | Tried::IdMapHelpers => self.id_maps(),
            Tried::CgroupNamespace => {
                self.after(&[], || sys::process::unshare(libc::CLONE_NEWCGROUP))
            }
            Tried::TimeNamespace => self.after(&[], || sys::process::unshare(libc::CLONE_NEWTIME)),
            Tried::Loopback => self.after(&[Namespace::Network], sys::network::loopback_up),
            Tried::PrivateMounts => self.after(&[Namespace::Mount], sys::mount::make_all_private),
            Tried::Keyring => self.after(&[], keyring),
            Tried::Proc => self.proc(),
            Tried::Landlock => outcome(self.landlock()),
            Tried::Filter => outcome(filter()),
            Tried::Listener => outcome(listener()),
            Tried::Execute => outcome(self.execute()),
            Tried::IdMappedStore => outcome(self.id_mapped()),
            _ => self.mounted(),
        }
    }

    /// What is mounted, where no mount travels out.
    fn mounted(&self) -> Came {
        let kinds = match self.trial.what {
            Tried::Sysfs => &[Namespace::Mount, Namespace::Network][..],
            Tried::Mqueue => &[Namespace::Mount, Namespace::Ipc],
            _ => &[Namespace::Mount],
        };
        if self
            .enter(kinds)
            .and_then(|()| sys::mount::make_all_private())
            .is_err()
        {
            return Came::NotReached;
        }
        outcome(match &self.trial.what {
            Tried::Tmpfs => new_tmpfs(&[(c"mode", c"0755")], NOSUID | NODEV).map(drop),
            Tried::Sysfs => file_system(c"sysfs"),
            Tried::Devpts => file_system(c"devpts"),
            Tried::Mqueue => file_system(c"mqueue"),
            Tried::Device(path) => c_path(Path::new(path))
                .and_then(|path| sys::mount::clone_tree(HERE, &path, Depth::One).map(drop)),
            Tried::Overlay => self.overlay(),
            Tried::PivotRoot => pivot(),
            _ => Err(Errno::ENOTSUP),
        })
    }

    /// Something in these namespaces, where the plan has them.
    fn after(&self, kinds: &[Namespace], perform: impl FnOnce() -> sys::Result<()>) -> Came {
        match self.enter(kinds) {
            Ok(()) => outcome(perform()),
            Err(_) => Came::NotReached,
        }
    }

    fn has(&self, kind: Namespace) -> bool {
        self.plan.steps.iter().any(|step| {
            matches!(&step.action, Action::Clone { namespaces } if namespaces.contains(&kind))
        })
    }

    /// Goes into namespaces of its own as a start does, the user namespace first; a map of the own id
    /// alone needs nobody's help.
    fn enter(&self, kinds: &[Namespace]) -> sys::Result<()> {
        if self.has(Namespace::User) {
            let ids = (nix::unistd::geteuid(), nix::unistd::getegid());
            sys::process::unshare(libc::CLONE_NEWUSER)?;
            let pid = sys::process::own_id();
            write_process_file(pid, "setgroups", b"deny")?;
            write_process_file(pid, "uid_map", format!("{0} {0} 1\n", ids.0).as_bytes())?;
            write_process_file(pid, "gid_map", format!("{0} {0} 1\n", ids.1).as_bytes())?;
        }
        let own = kinds.iter().filter(|kind| self.has(**kind));
        let flags = own.fold(0, |flags, kind| flags | clone_flag(*kind));
        sys::process::unshare(flags)
    }

    /// The plan's own maps, written by whoever writes them at a start.
    fn id_maps(&self) -> Came {
        match id_maps(&self.plan.settings.identity.maps.value) {
            Armed::RunMapHelpers(commands) => match sys::process::idle(libc::CLONE_NEWUSER) {
                Ok(child) => outcome(run_map_helpers(child.pid, &commands)),
                Err(_) => Came::NotReached,
            },
            Armed::WriteIdMaps(maps) if nix::unistd::geteuid().is_root() => {
                match sys::process::idle(libc::CLONE_NEWUSER) {
                    Ok(child) => outcome(write_maps(child.pid, &maps)),
                    Err(_) => Came::NotReached,
                }
            }
            Armed::WriteIdMaps(maps) => match sys::process::unshare(libc::CLONE_NEWUSER) {
                Ok(()) => outcome(write_maps(sys::process::own_id(), &maps)),
                Err(_) => Came::NotReached,
            },
            _ => Came::NotReached,
        }
    }

    /// A new /proc is that of the PID namespace of whoever mounts it: of a child.
    fn proc(&self) -> Came {
        let entered = self.enter(&[Namespace::Mount, Namespace::Pid]);
        if entered
            .and_then(|()| sys::mount::make_all_private())
            .is_err()
        {
            return Came::NotReached;
        }
        apart(|| outcome(file_system(c"proc")))
    }

    fn overlay(&self) -> sys::Result<()> {
        let layers = new_tmpfs(&[(c"mode", c"0755")], NOSUID | NODEV)?;
        for name in [UPPER, WORK, LOWER] {
            sys::file::make_directory(layers.as_fd(), name, 0o755)?;
        }
        let store = c_path(self.store)?;
        // Before the first tree there is no store.
        let tree = match sys::mount::clone_tree(HERE, &store, Depth::One) {
            Err(Errno::ENOENT) => new_tmpfs(&[(c"mode", c"0755")], NOSUID | NODEV)?,
            tree => tree?,
        };
        overlay(tree.as_fd(), layers.as_fd(), NOSUID | NODEV).map(drop)
    }

    fn landlock(&self) -> sys::Result<()> {
        use sys::landlock::{access, scope};
        let abi = self.plan.settings.landlock.value.enforced();
        let scopes = match abi.is_some_and(|abi| abi.has_scopes()) {
            true => scope::ABSTRACT_UNIX_SOCKET | scope::SIGNAL,
            false => 0,
        };
        sys::process::no_new_privileges()?;
        let rules = sys::landlock::create(access::EXECUTE, scopes)?;
        sys::landlock::restrict(rules.as_fd())
    }

    fn execute(&self) -> sys::Result<()> {
        let flags = statvfs(there(self.store))?.flags();
        match flags.contains(FsFlags::ST_NOEXEC) {
            true => Err(Errno::EACCES),
            false => Ok(()),
        }
    }

    fn id_mapped(&self) -> sys::Result<()> {
        let owner = self.plan.steps.iter().find_map(|step| match step.action {
            Action::OpenTree { owner, .. } => Some(owner),
            _ => None,
        });
        let mut maps = IdMaps::default();
        let identity = &self.plan.settings.identity;
        let namespace = maps.namespace(owner.ok_or(Errno::ENOENT)?, identity)?;
        let namespace = namespace.ok_or(Errno::ENOENT)?;
        let mount = sys::mount::clone_tree(HERE, &c_path(there(self.store))?, Depth::One)?;
        sys::mount::set_id_map(mount.as_fd(), namespace.as_fd(), Depth::One)
    }
}

fn silence() -> sys::Result<()> {
    let null = sys::file::open(HERE, c"/dev/null", How::existing(libc::O_WRONLY, 0))?;
    sys::file::place_at(null.as_fd(), libc::STDERR_FILENO)
}

fn write_maps(pid: i32, maps: &ArmedMaps) -> sys::Result<()> {
    if maps.groups == Setgroups::Denied {
        write_process_file(pid, "setgroups", b"deny")?;
    }
    write_process_file(pid, "uid_map", &maps.uid)?;
    write_process_file(pid, "gid_map", &maps.gid)
}

fn file_system(name: &std::ffi::CStr) -> sys::Result<()> {
    let filesystem = sys::mount::open_filesystem(name)?;
    sys::mount::create_mount(filesystem.as_fd(), NOSUID).map(drop)
}

fn pivot() -> sys::Result<()> {
    let root = new_tmpfs(&[(c"mode", c"0755")], NOSUID | NODEV)?;
    sys::mount::attach(root.as_fd(), HERE, c"/")?;
    sys::file::change_directory(root.as_fd())?;
    sys::mount::pivot_here()
}

/// As at a start: a kernel without keys has none to hide.
fn keyring() -> sys::Result<()> {
    match sys::process::new_session_keyring() {
        Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        result => result,
    }
}

fn filter() -> sys::Result<()> {
    sys::process::no_new_privileges()?;
    sys::seccomp::load(&[PASS])
}

fn listener() -> sys::Result<()> {
    sys::process::no_new_privileges()?;
    sys::seccomp::load_listened(&[PASS]).map(drop)
}

/// The path, or of what is above it the nearest that is there.
fn there(path: &Path) -> &Path {
    let mut above = path.ancestors();
    above.find(|path| path.exists()).unwrap_or(Path::new("/"))
}

fn c_path(path: &Path) -> sys::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}
