//! The parent's lane: what is opened and mapped from outside, and the clone between the two.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::model::guard::{self, Guard};
use crate::plan::{Accepts, Identity, Missing, MountPointKind, Plan};
use crate::sys;
use crate::sys::file::{HERE, How};
use crate::sys::memory::InitialStrings;
use crate::sys::mount::Depth;
use crate::sys::process::{Child, Side};

use super::arm::{Armed, ArmedClone, ArmedMaps, ArmedStep, Lanes, Links, Setgroups, arm};
use super::id_map::{IdMaps, write_process_file};
use super::init::{self, Inside};
use super::{LaunchError, Resources, Running, has_terminal};

/// How long a thread that has ended may still be listed, on a machine that is busy.
const THREADS_END: Duration = Duration::from_secs(1);

/// Performs the plan's steps up to the program's first instruction, as far as the parent sees it:
/// what fails inside comes through [`Running::records`].
///
/// Every signal of the caller stays blocked from here on.
///
/// # Errors
/// When a step of the parent fails; nothing of the sandbox is left then.
pub fn launch(plan: &Plan, resources: &Resources<'_>) -> Result<Running, LaunchError> {
    refuse_threads()?;
    refuse_directories(plan)?;
    let lanes = arm(plan, resources)?;
    let initial = InitialStrings::find().map_err(LaunchError::setup("read /proc/self/stat"))?;
    let (gate_out, gate_in) = std::io::pipe().map_err(LaunchError::setup("make a pipe"))?;
    let (records_out, records_in) = std::io::pipe().map_err(LaunchError::setup("make a pipe"))?;
    let terminal = has_terminal(plan)
        .then(UnixStream::pair)
        .transpose()
        .map_err(LaunchError::setup("make a socket"))?;
    let (terminal_out, terminal_in) = terminal.unzip();
    let is_listened = resources.filters.listened.is_some();
    let listener = is_listened
        .then(UnixStream::pair)
        .transpose()
        .map_err(LaunchError::setup("make a socket"))?;
    let (listener_out, listener_in) = listener.unzip();
    if let Some(socket) = &listener_out {
        // Who hands it over is the program: its calls are told from those of its children.
        sys::network::want_senders(socket.as_fd()).map_err(|errno| LaunchError::Setup {
            what: "make a socket",
            errno,
        })?;
    }
    settle_signals().map_err(|errno| LaunchError::Setup {
        what: "block signals",
        errno,
    })?;
    let parent = Parent {
        resources,
        identity: &plan.settings.identity,
        slots: std::iter::repeat_with(|| None).take(lanes.slots).collect(),
        id_maps: IdMaps::default(),
        gate: gate_in,
        records: records_in,
        gate_of_child: gate_out,
        terminal_of_child: terminal_in,
        listener_of_child: listener_in,
        initial,
        child: None,
    };
    let (child, gate) = parent.run(lanes)?;
    Ok(Running {
        child,
        records: records_out.into(),
        gate: gate.into(),
        terminal: terminal_out,
        listener: listener_out,
    })
}

/// Where the caller ignores SIGCHLD, the kernel would keep no child's end for us or the first process.
fn settle_signals() -> sys::Result<()> {
    sys::signal::restore_default(libc::SIGCHLD)?;
    sys::signal::block(sys::signal::ALL)
}

/// A copied address space has one thread: a lock that another one held would stay locked for ever.
///
/// One that has been joined is still listed for a moment: the kernel tells its joiner first.
fn refuse_threads() -> Result<(), LaunchError> {
    let start = Instant::now();
    loop {
        let threads = std::fs::metadata("/proc/self/task")
            .map(|tasks| std::os::unix::fs::MetadataExt::nlink(&tasks))
            .map_err(LaunchError::setup("look at /proc/self/task"))?;
        // `.`, `..` and one directory a thread.
        if threads == 3 {
            return Ok(());
        }
        if start.elapsed() > THREADS_END {
            return Err(LaunchError::Setup {
                what: "start with one thread",
                errno: Errno::EBUSY,
            });
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// From a directory that passes, `..` leads through the host's whole tree (CVE-2024-21626).
fn refuse_directories(plan: &Plan) -> Result<(), LaunchError> {
    let mut named = plan.settings.command.fds.iter().map(|fd| fd.value);
    // What is not open is no directory.
    let is_directory = |number: u32| Path::new(&format!("/proc/self/fd/{number}")).is_dir();
    match named.any(is_directory) && guard::holds(Guard::PassedDirectories) {
        false => Ok(()),
        true => Err(LaunchError::Setup {
            what: "pass a directory of the host on",
            errno: Errno::EISDIR,
        }),
    }
}

struct Parent<'a> {
    resources: &'a Resources<'a>,
    identity: &'a Identity,
    slots: Vec<Option<OwnedFd>>,
    id_maps: IdMaps,
    gate: PipeWriter,
    records: PipeWriter,
    gate_of_child: PipeReader,
    terminal_of_child: Option<UnixStream>,
    listener_of_child: Option<UnixStream>,
    initial: InitialStrings,
    child: Option<Child>,
}

impl Parent<'_> {
    fn run(mut self, lanes: Lanes) -> Result<(Child, PipeWriter), LaunchError> {
        for ArmedStep { index, action } in &lanes.parent {
            let fail = |errno| LaunchError::Step {
                index: *index,
                errno,
            };
            if let Armed::Clone { namespaces } = action {
                match sys::process::clone(*namespaces, self.group()) {
                    Ok(Side::Child) => self.become_init(&lanes),
                    Ok(Side::Parent(child)) => self.child = Some(child),
                    Err(errno) => return Err(fail(errno)),
                }
                continue;
            }
            if let Err(errno) = self.perform(action) {
                self.abandon();
                return Err(fail(errno));
            }
        }
        let child = self.child.take().ok_or(LaunchError::Setup {
            what: "start a process",
            errno: Errno::ECHILD,
        })?;
        Ok((child, self.gate))
    }

    fn group(&self) -> Option<BorrowedFd<'_>> {
        let unified = self.resources.groups.unified;
        unified.filter(|_| guard::holds(Guard::EnterGroups))
    }

    fn perform(&mut self, action: &Armed) -> sys::Result<()> {
        match action {
            // Made before the launch, with an error for each limit.
            Armed::MakeGroups => Ok(()),
            Armed::LeaveGroups(keep) => sys::credentials::keep_groups(keep),
            Armed::OpenClone(clone) => self.open(clone),
            Armed::OpenNothing => Ok(()),
            Armed::WriteIdMaps(maps) => self.write_maps(maps),
            Armed::RunMapHelpers(commands) => self.run_helpers(commands),
            Armed::Start => {
                self.note()?;
                sys::file::write_whole(self.gate.as_fd(), b"!")
            }
            _ => Err(Errno::ENOTSUP),
        }
    }

    fn open(&mut self, clone: &ArmedClone) -> sys::Result<()> {
        let Some(mount) = open_clone(clone)? else {
            return Ok(());
        };
        if let Some(namespace) = self.id_maps.namespace(clone.owner, self.identity)? {
            map_ids(mount.as_fd(), namespace.as_fd(), clone.depth)?;
        }
        let slot = self.slots.get_mut(clone.slot).ok_or(Errno::ENFILE)?;
        *slot = Some(mount);
        Ok(())
    }

    fn child_id(&self) -> sys::Result<i32> {
        let pid = self.child.as_ref().map(|child| child.pid);
        pid.ok_or(Errno::ECHILD)
    }

    fn write_maps(&self, maps: &ArmedMaps) -> sys::Result<()> {
        let pid = self.child_id()?;
        if maps.groups == Setgroups::Denied && guard::holds(Guard::DenySetgroups) {
            write_process_file(pid, "setgroups", b"deny")?;
        }
        write_process_file(pid, "uid_map", &maps.uid)?;
        write_process_file(pid, "gid_map", &maps.gid)
    }

    /// The child waits at the gate and is the caller's own, which is what they look at.
    fn run_helpers(&self, commands: &[Vec<String>; 2]) -> sys::Result<()> {
        run_map_helpers(self.child_id()?, commands)
    }

    fn note(&self) -> sys::Result<()> {
        let Some(note) = self.resources.note else {
            return Ok(());
        };
        let child = self.child.as_ref().ok_or(Errno::ECHILD)?;
        let identity = sys::pidfd::Identity::of(child.pid)?;
        sys::file::write_whole(note, identity.to_string().as_bytes())
    }

    /// Ends the child of a start that failed; it has not passed the gate.
    fn abandon(&mut self) {
        if let Some(child) = self.child.take() {
            // Either it is gone already or SIGKILL ends it: there is nothing else to do about it.
            let sent = sys::pidfd::send_signal(child.pidfd.as_fd(), libc::SIGKILL);
            sent.and_then(|()| sys::process::wait_for(child.pid)).ok();
        }
    }

    /// The child's side of the clone.
    fn become_init(self, lanes: &Lanes) -> ! {
        let Parent {
            resources,
            slots,
            gate,
            records,
            gate_of_child,
            terminal_of_child,
            listener_of_child,
            initial,
            ..
        } = self;
        // Its own copy of the gate would hide the end of the parent's.
        match guard::holds(Guard::GateOwnEnd) {
            true => drop(gate),
            false => std::mem::forget(gate),
        }
        let inside = Inside::new(
            records.into(),
            gate_of_child.into(),
            (
                terminal_of_child.map(Into::into),
                listener_of_child.map(Into::into),
            ),
            (resources.groups.tasks, resources.joined),
            slots,
            initial,
        );
        sys::allocation::start_counting();
        init::run(inside, lanes)
    }
}

/// newuidmap(1) and newgidmap(1) have the rights that an unprivileged caller lacks.
pub(super) fn run_map_helpers(pid: i32, commands: &[Vec<String>; 2]) -> sys::Result<()> {
    let pid = pid.to_string();
    for command in commands {
        let (program, extents) = command.split_first().ok_or(Errno::EINVAL)?;
        let mut helper = std::process::Command::new(program);
        helper.arg(&pid).args(extents).env_clear();
        helper.stdin(std::process::Stdio::null());
        let status = helper.status().map_err(super::id_map::errno)?;
        if !status.success() {
            return Err(Errno::EPERM);
        }
    }
    Ok(())
}

/// Opens a detached copy of a host path with its attributes; nothing where it may be missing and is.
pub(super) fn open_clone(clone: &ArmedClone) -> sys::Result<Option<OwnedFd>> {
    let mount = match copy(clone) {
        Err(Errno::ENOENT | Errno::ENOTDIR) if clone.missing == Missing::Skipped => {
            return Ok(None);
        }
        mount => mount?,
    };
    let status = sys::file::status(mount.as_fd())?;
    if clone
        .identity
        .is_some_and(|found| found != (status.st_dev, status.st_ino))
    {
        return Err(Errno::ESTALE);
    }
    verify_shape(clone.shape, &status)?;
    let is_socket = status.st_mode & libc::S_IFMT == libc::S_IFSOCK;
    if clone.accepts == Accepts::Sockets && !is_socket {
        return Err(Errno::ENOTSOCK);
    }
    refuse_set_id(clone, &status)?;
    let depth = match guard::holds(Guard::EveryMountBelow) {
        true => clone.depth,
        false => Depth::One,
    };
    match guard::holds(Guard::PrivateCopies) {
        true => sys::mount::set_attributes(mount.as_fd(), clone.attributes, depth)?,
        false => sys::mount::set_attributes_alone(mount.as_fd(), clone.attributes, depth)?,
    }
    Ok(Some(mount))
}

/// What the program writes to a set-id file through a shared mapping leaves the bits: the file would run its code
/// with its owner's rights on the host (hardening rule 11). Those within a directory `audit --host` looks for.
fn refuse_set_id(clone: &ArmedClone, status: &libc::stat) -> sys::Result<()> {
    let is_file = status.st_mode & libc::S_IFMT == libc::S_IFREG;
    let gives_rights = status.st_mode & 0o4000 != 0 || status.st_mode & 0o2010 == 0o2010;
    let is_written = clone.attributes.set & libc::MOUNT_ATTR_RDONLY == 0;
    match is_file && gives_rights && is_written && guard::holds(Guard::SetIdSources) {
        true => Err(Errno::EUCLEAN),
        false => Ok(()),
    }
}

/// Whether something is a directory, where it has to be one, and none where it must not be.
pub(super) fn verify_shape(shape: MountPointKind, status: &libc::stat) -> sys::Result<()> {
    let is_directory = status.st_mode & libc::S_IFMT == libc::S_IFDIR;
    match (shape, is_directory) {
        (MountPointKind::Directory, false) => Err(Errno::ENOTDIR),
        (MountPointKind::File, true) => Err(Errno::EISDIR),
        _ => Ok(()),
    }
}

/// A detached copy of the mount, by a path whose links are refused where it should have none.
fn copy(clone: &ArmedClone) -> sys::Result<OwnedFd> {
    match clone.links {
        Links::Followed => sys::mount::clone_tree(HERE, &clone.source, clone.depth),
        Links::Refused => {
            let resolve = match guard::holds(Guard::SourceLinks) {
                true => libc::RESOLVE_NO_SYMLINKS,
                false => 0,
            };
            let how = How::existing(libc::O_PATH, resolve);
            let found = sys::file::open(HERE, &clone.source, how)?;
            sys::mount::clone_tree(found.as_fd(), c"", clone.depth)
        }
    }
}

/// Through the map where the file systems below allow it, else the topmost alone: what stays unmapped
/// shows as nobody's, and cannot be written.
fn map_ids(mount: BorrowedFd<'_>, namespace: BorrowedFd<'_>, depth: Depth) -> sys::Result<()> {
    match sys::mount::set_id_map(mount, namespace, depth) {
        Err(Errno::EINVAL) if depth == Depth::Recursive => {
            sys::mount::set_id_map(mount, namespace, Depth::One)
        }
        result => result,
    }
}
