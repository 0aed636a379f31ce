//! The lane of the first process: one loop, one `match`, each arm one call. Nothing here allocates.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::model::guard::{self, Guard};
use crate::plan::UserIds;
use crate::sys;
use crate::sys::file::{HERE, How};
use crate::sys::memory::InitialStrings;
use crate::sys::process::{Dumpable, Side, Watched};

use super::arm::{Armed, ArmedClone, ArmedMaps, ArmedStep, Lanes};
use super::parent::open_clone;
use super::procfs;
use super::record::Record;
use super::{program, reap};

/// What the first process holds while it sets the sandbox up.
pub(super) struct Inside<'a> {
    pub(super) records: OwnedFd,
    gate: OwnedFd,
    pub(super) terminal_socket: Option<OwnedFd>,
    /// Where the listener of the program's filter goes.
    pub(super) listener_socket: Option<OwnedFd>,
    tasks: &'a [OwnedFd],
    /// The namespaces to join.
    joined: &'a [(OwnedFd, i32)],
    pub(super) slots: Vec<Option<OwnedFd>>,
    initial: InitialStrings,
    /// The host's /proc, checked to be one.
    pub(super) host_proc: Option<OwnedFd>,
    /// The root of the new tree.
    pub(super) root: Option<OwnedFd>,
    pub(super) dev: Option<OwnedFd>,
    pub(super) pts: Option<OwnedFd>,
    pub(super) proc: Option<OwnedFd>,
    pub(super) sys: Option<OwnedFd>,
    /// Empty objects to mask with.
    pub(super) masks: Option<OwnedFd>,
    /// The sandbox's own terminal.
    pub(super) terminal: Option<OwnedFd>,
    /// The children of this very thread, where no PID namespace ends them.
    pub(super) children: Option<OwnedFd>,
    /// This process, as the program's parent.
    pub(super) first: i32,
    /// The process that becomes the program.
    pub(super) program: i32,
}

impl<'a> Inside<'a> {
    pub(super) fn new(
        records: OwnedFd,
        gate: OwnedFd,
        (terminal_socket, listener_socket): (Option<OwnedFd>, Option<OwnedFd>),
        (tasks, joined): (&'a [OwnedFd], &'a [(OwnedFd, i32)]),
        slots: Vec<Option<OwnedFd>>,
        initial: InitialStrings,
    ) -> Inside<'a> {
        Inside {
            records,
            gate,
            terminal_socket,
            listener_socket,
            tasks,
            joined,
            slots,
            initial,
            host_proc: None,
            root: None,
            dev: None,
            pts: None,
            proc: None,
            sys: None,
            masks: None,
            terminal: None,
            children: None,
            first: 0,
            program: 0,
        }
    }
}

/// Performs the lane and never comes back.
pub(super) fn run(mut inside: Inside<'_>, lanes: &Lanes) -> ! {
    for ArmedStep { index, action } in &lanes.init {
        let result = match action {
            Armed::Fork => match sys::process::fork() {
                Ok(Side::Child) => program::run(&inside, &lanes.program),
                Ok(Side::Parent(pid)) => {
                    inside.program = pid;
                    Ok(())
                }
                Err(errno) => Err(errno),
            },
            Armed::Reap => reap::run(&inside),
            action => inside.perform(action),
        };
        if let Err(errno) = result {
            fail(inside.records.as_fd(), *index, errno);
        }
    }
    sys::process::exit(0)
}

/// Tells which step failed and leaves; the kernel ends everything else of the sandbox.
pub(super) fn fail(records: BorrowedFd<'_>, index: usize, errno: Errno) -> ! {
    let step = u32::try_from(index).unwrap_or(u32::MAX);
    let errno = errno as i32;
    // When the supervisor is gone there is nobody left to tell.
    let code = match (Record::Failed { step, errno }).send(records) {
        Ok(()) => 1,
        Err(_) => 2,
    };
    sys::process::exit(code)
}

impl Inside<'_> {
    fn perform(&mut self, action: &Armed) -> sys::Result<()> {
        match action {
            Armed::DieWithParent => self.die_with_parent(),
            Armed::JoinNamespaces => self.join(),
            Armed::WriteIdMaps(maps) => self.write_maps(maps),
            Armed::WaitForStart => self.wait_for_start(),
            Armed::BecomeUser(ids) => become_user(*ids),
            Armed::LeaveGroups(keep) => sys::credentials::keep_groups(keep),
            Armed::EnterGroups => self.enter_groups(),
            Armed::NewCgroupNamespace => sys::process::unshare(libc::CLONE_NEWCGROUP),
            Armed::NoNewPrivileges => sys::process::no_new_privileges(),
            Armed::NewSession => new_session(),
            Armed::BecomeSubreaper => self.become_subreaper(),
            Armed::PrivateMounts => self.private_mounts(),
            Armed::OpenClone(clone) => self.open(clone),
            Armed::OpenNothing => Ok(()),
            Armed::PivotRoot => self.pivot(),
            Armed::SetHostName(name) => sys::process::set_host_name(name),
            Armed::LoopbackUp => sys::network::loopback_up(),
            Armed::SetClocks(offsets) => self.set_clocks(offsets),
            Armed::ForbidUserNamespaces => self.forbid_user_namespaces(),
            Armed::DropBoundingSet { keep } => drop_bounding_set(*keep),
            Armed::SetCapabilities { keep } => set_capabilities(*keep),
            Armed::HideInit => self.hide(),
            Armed::Filter(filter) => sys::seccomp::load(&filter.plain),
            action => self.mount(action),
        }
    }

    /// A parent that ended before the request is seen by the end of the gate.
    pub(super) fn die_with_parent(&self) -> sys::Result<()> {
        sys::process::die_with_parent(libc::SIGKILL)?;
        let mut gate = [Watched {
            fd: std::os::fd::AsRawFd::as_raw_fd(&self.gate),
            events: 0,
            revents: 0,
        }];
        match sys::process::poll(&mut gate, Some(0))? {
            0 => Ok(()),
            _ => Err(Errno::EOWNERDEAD),
        }
    }

    fn wait_for_start(&self) -> sys::Result<()> {
        match sys::file::read(self.gate.as_fd(), &mut [0])? {
            0 if guard::holds(Guard::GateEnd) => Err(Errno::EOWNERDEAD),
            _ => Ok(()),
        }
    }

    fn write_maps(&mut self, maps: &ArmedMaps) -> sys::Result<()> {
        self.find_host_proc()?;
        let proc = self.any_proc()?;
        // Without CAP_SETGID outside, a map of groups wants setgroups(2) denied first.
        if guard::holds(Guard::DenySetgroups) {
            procfs::write(proc, c"self/setgroups", b"deny")?;
        }
        procfs::write(proc, c"self/uid_map", &maps.uid)?;
        procfs::write(proc, c"self/gid_map", &maps.gid)
    }

    /// The mount namespace brings its root along; the PID namespace is that of children to come.
    fn join(&self) -> sys::Result<()> {
        let mut joined = self.joined.iter();
        joined.try_for_each(|(namespace, kinds)| sys::process::enter(namespace.as_fd(), *kinds))
    }

    fn enter_groups(&self) -> sys::Result<()> {
        let mut groups = self.tasks.iter();
        groups.try_for_each(|tasks| sys::file::write_whole(tasks.as_fd(), b"0"))
    }

    fn become_subreaper(&mut self) -> sys::Result<()> {
        sys::process::become_subreaper()?;
        self.find_host_proc()?;
        let proc = self.any_proc()?;
        let how = How::existing(
            libc::O_RDONLY,
            libc::RESOLVE_NO_XDEV | libc::RESOLVE_NO_MAGICLINKS,
        );
        let children = sys::file::open(proc, c"thread-self/children", how)?;
        self.children = Some(children);
        self.first = sys::process::own_id();
        Ok(())
    }

    fn private_mounts(&mut self) -> sys::Result<()> {
        self.find_host_proc()?;
        match guard::holds(Guard::PrivateMounts) {
            true => sys::mount::make_all_private(),
            false => Ok(()),
        }
    }

    fn open(&mut self, clone: &ArmedClone) -> sys::Result<()> {
        let mount = open_clone(clone)?;
        let slot = self.slots.get_mut(clone.slot).ok_or(Errno::ENFILE)?;
        *slot = mount;
        Ok(())
    }

    fn pivot(&mut self) -> sys::Result<()> {
        self.slots.iter_mut().for_each(|slot| *slot = None);
        sys::file::change_directory(held(&self.root)?)?;
        sys::mount::pivot_here()?;
        // The old root lies over the new one: `.` finds it there.
        if guard::holds(Guard::DetachOldRoot) {
            sys::mount::detach(c".")?;
        }
        let how = How::existing(libc::O_PATH | libc::O_DIRECTORY, 0);
        sys::file::change_directory(sys::file::open(HERE, c"/", how)?.as_fd())
    }

    /// The program gets a time namespace; this process stays in the host's, so that the offsets are open.
    fn set_clocks(&self, offsets: &[u8]) -> sys::Result<()> {
        sys::process::unshare(libc::CLONE_NEWTIME)?;
        procfs::write(self.any_proc()?, c"self/timens_offsets", offsets)
    }

    /// The limit of the sandbox's own user namespace; a try shows that it holds.
    fn forbid_user_namespaces(&self) -> sys::Result<()> {
        const LIMIT: &std::ffi::CStr = c"sys/user/max_user_namespaces";
        let limit = match guard::holds(Guard::UserNamespaceLimit) {
            true => procfs::write(self.any_proc()?, LIMIT, b"0"),
            false => Ok(()),
        };
        match limit {
            // An own /proc of processes alone: the sysctl is that of the writer's namespace in any.
            Err(Errno::ENOENT) => procfs::write(held(&self.host_proc)?, LIMIT, b"0")?,
            result => result?,
        }
        if !guard::holds(Guard::UserNamespaceTry) {
            return Ok(());
        }
        match sys::process::unshare(libc::CLONE_NEWUSER) {
            Err(Errno::ENOSPC) => Ok(()),
            Err(errno) => Err(errno),
            Ok(()) => Err(Errno::ENOTRECOVERABLE),
        }
    }

    /// Not dumpable comes after the maps: before, the process may not write them.
    fn hide(&self) -> sys::Result<()> {
        if guard::holds(Guard::InitWiped) {
            self.initial.wipe();
        }
        match guard::holds(Guard::InitUndumpable) {
            true => sys::process::set_dumpable(Dumpable::No),
            false => sys::process::set_dumpable(Dumpable::Yes),
        }
    }

    /// Opens the host's /proc once, and makes sure that it is one.
    fn find_host_proc(&mut self) -> sys::Result<()> {
        if self.host_proc.is_some() {
            return Ok(());
        }
        self.host_proc = Some(procfs::open()?);
        Ok(())
    }

    /// The sandbox's own /proc where it has one, else the host's.
    fn any_proc(&self) -> sys::Result<BorrowedFd<'_>> {
        held(&self.proc).or_else(|_| held(&self.host_proc))
    }
}

/// What an earlier step has opened.
pub(super) fn held(descriptor: &Option<OwnedFd>) -> sys::Result<BorrowedFd<'_>> {
    descriptor.as_ref().map(AsFd::as_fd).ok_or(Errno::EBADF)
}

/// A keyring of its own too: keys have no namespace, and the session's are the caller's (rule 18).
fn new_session() -> sys::Result<()> {
    sys::process::new_session()?;
    if !guard::holds(Guard::NewKeyring) {
        return Ok(());
    }
    match sys::process::new_session_keyring() {
        // A kernel without keys, or a filter around us: it must let nobody inside ask for one either.
        Err(errno @ (Errno::ENOSYS | Errno::EPERM)) => match sys::process::keys_are_refused() {
            true => Ok(()),
            false => Err(errno),
        },
        result => result,
    }
}

/// A change of ids makes a process undumpable, and its own /proc files root's: undone until the end.
fn become_user(ids: UserIds) -> sys::Result<()> {
    sys::credentials::keep_over_user_change()?;
    sys::credentials::become_user(ids.uid, ids.gid)?;
    sys::process::set_dumpable(Dumpable::Yes)
}

fn drop_bounding_set(keep: u64) -> sys::Result<()> {
    for number in 0..64 {
        if keep & (1 << number) != 0 {
            continue;
        }
        match sys::credentials::drop_from_bounding_set(number) {
            Ok(()) => {}
            // Beyond the last one that the kernel knows.
            Err(Errno::EINVAL) if number > 0 => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Ambient ones pass exec for a program that is not uid 0 inside.
fn set_capabilities(keep: u64) -> sys::Result<()> {
    sys::credentials::clear_ambient_set()?;
    sys::credentials::set_capabilities(keep)?;
    let kept = (0..64).filter(|number| keep & (1 << number) != 0);
    for number in kept {
        sys::credentials::raise_ambient(number)?;
    }
    Ok(())
}
