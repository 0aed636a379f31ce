//! What the first process mounts, all by descriptor.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::model::ProcMount;
use crate::model::guard::{self, Guard};
use crate::plan::{Missing, MountPointKind, SysSource};
use crate::sys;
use crate::sys::file::{HERE, How, STREAMS};
use crate::sys::mount::{Attributes, Depth};

use super::arm::{Armed, ArmedDevice, ArmedMask, ArmedTarget, ArmedTmpfs};
use super::init::{Inside, held};

pub(super) const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
pub(super) const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
pub(super) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;

impl Inside<'_> {
    /// Performs one action that mounts.
    pub(super) fn mount(&mut self, action: &Armed) -> sys::Result<()> {
        match action {
            Armed::MountRoot => self.mount_root(),
            Armed::MountOverlay { size } => self.mount_overlay(size),
            Armed::MountKept { upper } => self.mount_kept(*upper),
            Armed::MountDev => self.mount_dev(),
            Armed::MountDevice(device) => self.mount_device(device),
            Armed::MountPts => self.mount_pts(),
            Armed::MountShm { size } => self.mount_shm(size),
            Armed::MountMqueue => self.mount_mqueue(),
            Armed::OpenTerminal => self.open_terminal(),
            Armed::JoinTerminals => self.join_terminals(),
            Armed::SealDev => seal(held(&self.dev)?),
            Armed::MountProc(kind) => self.mount_proc(*kind),
            Armed::MaskProc(mask) => self.mask(held(&self.proc)?, mask),
            Armed::SealProc(path) => self.seal_proc(path),
            Armed::MountSys(source) => self.mount_sys(*source),
            Armed::MaskSys(mask) => self.mask(held(&self.sys)?, mask),
            Armed::MountCgroup(groups) => self.mount_cgroup(groups),
            Armed::Attach { slot, target } => self.attach(*slot, target),
            Armed::AttachOverlay(overlay) => self.attach_overlay(overlay),
            Armed::GuardPart(part) => self.guard(part),
            Armed::CheckMissing(place) => self.check_missing(place),
            Armed::MountEmpty => self.mount_masks(c"dev"),
            Armed::MountTmpfs(tmpfs) => self.mount_tmpfs(tmpfs),
            // A step of another lane: the plan is wrong, and nothing runs.
            _ => Err(Errno::ENOTSUP),
        }
    }

    /// The tree is attached over the old root, which absolute names still reach until the pivot.
    fn mount_root(&mut self) -> sys::Result<()> {
        let tree = self.take_slot(0)?.ok_or(Errno::EBADF)?;
        sys::mount::attach(tree.as_fd(), HERE, c"/")?;
        self.root = Some(tree);
        Ok(())
    }

    fn mount_dev(&mut self) -> sys::Result<()> {
        let options = [(c"size", c"64k"), (c"mode", c"0755")];
        let dev = new_tmpfs(&options, NOSUID | NOEXEC)?;
        self.attach_system(dev.as_fd(), c"dev")?;
        let links = [
            (c"fd", c"/proc/self/fd"),
            (c"stdin", c"/proc/self/fd/0"),
            (c"stdout", c"/proc/self/fd/1"),
            (c"stderr", c"/proc/self/fd/2"),
            (c"ptmx", c"pts/ptmx"),
        ];
        for (name, target) in links {
            sys::file::make_link(target, dev.as_fd(), name)?;
        }
        self.dev = Some(dev);
        Ok(())
    }

    /// /dev, /proc and /sys are directories of the tree itself, never links (attacks on path resolution).
    fn attach_system(&self, mount: BorrowedFd<'_>, name: &CStr) -> sys::Result<()> {
        let how = match guard::holds(Guard::KernelPlaces) {
            true => How::existing(
                libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW,
                libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS,
            ),
            false => How::existing(libc::O_PATH | libc::O_DIRECTORY, 0),
        };
        let place = sys::file::open(held(&self.root)?, name, how)?;
        sys::mount::attach(mount, place.as_fd(), c"")
    }

    /// A bound node: mknod(2) is EPERM in a user namespace. Never changed in owner or mode, which
    /// would be the host's.
    fn mount_device(&self, device: &ArmedDevice) -> sys::Result<()> {
        let depth = match device.shape {
            MountPointKind::Directory => Depth::Recursive,
            MountPointKind::File => Depth::One,
        };
        let node = match sys::mount::clone_tree(HERE, &device.source, depth) {
            Err(Errno::ENOENT) if device.missing == Missing::Skipped => return Ok(()),
            node => node?,
        };
        if guard::holds(Guard::DeviceNumbers) {
            verify_device(node.as_fd(), device)?;
        }
        let attributes = Attributes {
            set: NOSUID | NOEXEC,
            clear: 0,
        };
        sys::mount::set_attributes(node.as_fd(), attributes, depth)?;
        let dev = held(&self.dev)?;
        for parent in &device.parents {
            ignore_existing(sys::file::make_directory(dev, parent, 0o755))?;
        }
        match device.shape {
            MountPointKind::Directory => sys::file::make_directory(dev, &device.name, 0o755)?,
            MountPointKind::File => sys::file::make_file(dev, &device.name, 0o444)?,
        }
        sys::mount::attach(node.as_fd(), dev, &device.name)
    }

    fn mount_pts(&mut self) -> sys::Result<()> {
        let filesystem = sys::mount::open_filesystem(c"devpts")?;
        sys::mount::set_flag(filesystem.as_fd(), c"newinstance")?;
        sys::mount::set_option(filesystem.as_fd(), c"ptmxmode", c"0666")?;
        sys::mount::set_option(filesystem.as_fd(), c"mode", c"0620")?;
        let pts = sys::mount::create_mount(filesystem.as_fd(), NOSUID | NOEXEC)?;
        self.attach_in_dev(pts.as_fd(), c"pts")?;
        self.pts = Some(pts);
        Ok(())
    }

    fn mount_shm(&self, size: &CStr) -> sys::Result<()> {
        let shm = new_tmpfs(&[(c"size", size), (c"mode", c"1777")], NOSUID | NODEV)?;
        self.attach_in_dev(shm.as_fd(), c"shm")
    }

    fn mount_mqueue(&self) -> sys::Result<()> {
        let filesystem = sys::mount::open_filesystem(c"mqueue")?;
        let mqueue = sys::mount::create_mount(filesystem.as_fd(), NOSUID | NODEV | NOEXEC)?;
        self.attach_in_dev(mqueue.as_fd(), c"mqueue")
    }

    fn attach_in_dev(&self, mount: BorrowedFd<'_>, name: &CStr) -> sys::Result<()> {
        let dev = held(&self.dev)?;
        sys::file::make_directory(dev, name, 0o755)?;
        sys::mount::attach(mount, dev, name)
    }

    fn mount_proc(&mut self, kind: ProcMount) -> sys::Result<()> {
        if kind == ProcMount::Private {
            self.mount_masks(c"proc")?;
        }
        let filesystem = sys::mount::open_filesystem(c"proc")?;
        if guard::holds(Guard::HidePid) {
            sys::mount::set_option(filesystem.as_fd(), c"hidepid", c"invisible")?;
        }
        if kind == ProcMount::Pids {
            sys::mount::set_option(filesystem.as_fd(), c"subset", c"pid")?;
        }
        let proc = sys::mount::create_mount(filesystem.as_fd(), NOSUID | NODEV | NOEXEC)?;
        self.attach_system(proc.as_fd(), c"proc")?;
        self.proc = Some(proc);
        Ok(())
    }

    /// Our own empty objects, so that no file of the tree or the host is taken for one
    /// (CVE-2025-31133). They lie below what they mask, where nothing reaches them.
    fn mount_masks(&mut self, place: &CStr) -> sys::Result<()> {
        if self.masks.is_some() {
            return Ok(());
        }
        let options = [(c"size", c"4k"), (c"mode", c"0555")];
        let masks = new_tmpfs(&options, NOSUID | NODEV | NOEXEC)?;
        sys::file::make_file(masks.as_fd(), c"file", 0)?;
        sys::file::make_directory(masks.as_fd(), c"dir", 0o555)?;
        seal(masks.as_fd())?;
        // A copy of a part of a detached mount is possible from Linux 6.15 on only.
        self.attach_system(masks.as_fd(), place)?;
        self.masks = Some(masks);
        Ok(())
    }

    fn mask(&self, filesystem: BorrowedFd<'_>, mask: &ArmedMask) -> sys::Result<()> {
        // To drop an unused copy waits for the whole machine: look first.
        match sys::file::exists(filesystem, &mask.path) {
            Err(Errno::ENOENT) => return Ok(()),
            found => found?,
        }
        let empty = sys::mount::clone_tree(held(&self.masks)?, mask.object, Depth::One)?;
        sys::mount::attach(empty.as_fd(), filesystem, &mask.path)
    }

    fn seal_proc(&self, path: &CStr) -> sys::Result<()> {
        let proc = held(&self.proc)?;
        let part = match sys::mount::clone_tree(proc, path, Depth::One) {
            Err(Errno::ENOENT) => return Ok(()),
            part => part?,
        };
        seal(part.as_fd())?;
        sys::mount::attach(part.as_fd(), proc, path)
    }

    fn mount_sys(&mut self, source: SysSource) -> sys::Result<()> {
        self.mount_masks(c"sys")?;
        let attributes = Attributes {
            set: read_only(Guard::ReadOnlySys) | NOSUID | NODEV | NOEXEC,
            clear: 0,
        };
        let mount = match source {
            SysSource::New => {
                let filesystem = sys::mount::open_filesystem(c"sysfs")?;
                sys::mount::create_mount(filesystem.as_fd(), attributes.set)?
            }
            SysSource::Host => {
                let host = sys::mount::clone_tree(HERE, c"/sys", Depth::Recursive)?;
                sys::mount::set_attributes(host.as_fd(), attributes, Depth::Recursive)?;
                host
            }
        };
        self.attach_system(mount.as_fd(), c"sys")?;
        self.sys = Some(mount);
        Ok(())
    }

    /// On v2 the sandbox's own group; on v1 and hybrid hosts a directory a hierarchy.
    fn mount_cgroup(&self, groups: &[(std::ffi::CString, std::ffi::CString)]) -> sys::Result<()> {
        let how = How::existing(
            libc::O_PATH | libc::O_DIRECTORY,
            libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS,
        );
        let place = sys::file::open(held(&self.root)?, c"sys/fs/cgroup", how)?;
        if let [(name, path)] = groups
            && name.is_empty()
        {
            let group = group_copy(path)?;
            return sys::mount::attach(group.as_fd(), place.as_fd(), c"");
        }
        let options = [(c"size", c"64k"), (c"mode", c"0755")];
        let top = new_tmpfs(&options, NOSUID | NODEV | NOEXEC)?;
        sys::mount::attach(top.as_fd(), place.as_fd(), c"")?;
        for (name, path) in groups {
            let group = group_copy(path)?;
            sys::file::make_directory(top.as_fd(), name, 0o555)?;
            sys::mount::attach(group.as_fd(), top.as_fd(), name)?;
        }
        seal(top.as_fd())
    }

    fn attach(&mut self, slot: usize, target: &ArmedTarget) -> sys::Result<()> {
        // An optional source that was not there has left its slot empty.
        let Some(mount) = self.take_slot(slot)? else {
            return Ok(());
        };
        self.attach_at(mount.as_fd(), target)?;
        self.put_back(slot, mount)
    }

    fn mount_tmpfs(&self, tmpfs: &ArmedTmpfs) -> sys::Result<()> {
        let options = [(c"size", &*tmpfs.size), (c"mode", &*tmpfs.mode)];
        let mount = new_tmpfs(&options, tmpfs.attributes)?;
        self.attach_at(mount.as_fd(), &tmpfs.target)
    }

    /// Links of the tree are followed inside it; none leads out (rule 8).
    pub(super) fn attach_at(&self, mount: BorrowedFd<'_>, target: &ArmedTarget) -> sys::Result<()> {
        let root = held(&self.root)?;
        if let Some((last, way)) = target.make.split_last() {
            for (path, name) in way {
                make_inside(root, path, name, MountPointKind::Directory)?;
            }
            make_inside(root, &last.0, &last.1, target.shape)?;
        }
        let place = open_inside(root, &target.path)?;
        self.refuse_kernel_trees(place.as_fd())?;
        sys::mount::attach(mount, place.as_fd(), c"")
    }

    /// The profile's own words lead to none of these; a link of the tree, or of what is bound, may.
    fn refuse_kernel_trees(&self, place: BorrowedFd<'_>) -> sys::Result<()> {
        let mut name = [0; 32];
        let name = descriptor_path(place, &mut name)?.to_bytes_with_nul();
        let name = name.strip_prefix(b"/proc/").ok_or(Errno::EINVAL)?;
        let name = CStr::from_bytes_with_nul(name).map_err(|_| Errno::EINVAL)?;
        // Only the first name counts.
        let mut path = [0; 8];
        let path = sys::file::link_target(held(&self.host_proc)?, name, &mut path)?;
        let first = path.split(|byte| *byte == b'/').nth(1);
        match first {
            Some(b"proc" | b"sys" | b"dev") if guard::holds(Guard::KernelTrees) => {
                Err(Errno::ELOOP)
            }
            _ => Ok(()),
        }
    }

    /// What is mounted stays open until the pivot: its parts are found from there.
    pub(super) fn put_back(&mut self, slot: usize, mount: OwnedFd) -> sys::Result<()> {
        *self.slots.get_mut(slot).ok_or(Errno::ENFILE)? = Some(mount);
        Ok(())
    }

    pub(super) fn take_slot(&mut self, slot: usize) -> sys::Result<Option<OwnedFd>> {
        let slot = self.slots.get_mut(slot).ok_or(Errno::ENFILE)?;
        Ok(slot.take())
    }

    /// The session's own terminal, from the sandbox's own devpts.
    fn open_terminal(&mut self) -> sys::Result<()> {
        let terminal = self.new_terminal()?;
        let (dev, pts) = (held(&self.dev)?, held(&self.pts)?);
        let console = sys::mount::clone_tree(pts, c"0", Depth::One)?;
        sys::file::make_file(dev, c"console", 0o600)?;
        sys::mount::attach(console.as_fd(), dev, c"console")?;
        self.terminal = Some(terminal);
        Ok(())
    }

    /// The devpts that the sandbox has, reached by no link; /dev/console stays the first program's.
    fn join_terminals(&mut self) -> sys::Result<()> {
        let how = How::existing(libc::O_PATH | libc::O_DIRECTORY, libc::RESOLVE_NO_SYMLINKS);
        let pts = sys::file::open(HERE, c"/dev/pts", how)?;
        if sys::file::filesystem_type(pts.as_fd())? != DEVPTS_SUPER_MAGIC {
            return Err(Errno::EMEDIUMTYPE);
        }
        self.pts = Some(pts);
        self.terminal = Some(self.new_terminal()?);
        Ok(())
    }

    /// A terminal of the sandbox's own, which the caller's relays to.
    fn new_terminal(&self) -> sys::Result<OwnedFd> {
        let pts = held(&self.pts)?;
        let resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_XDEV;
        let how = How::existing(libc::O_RDWR | libc::O_NOCTTY, resolve);
        let master = sys::file::open(pts, c"ptmx", how)?;
        verify_number(master.as_fd(), |major, minor| (major, minor) == (5, 2))?;
        sys::terminal::unlock(master.as_fd())?;
        let terminal = sys::terminal::open_peer(master.as_fd())?;
        verify_number(terminal.as_fd(), |major, _| (136..144).contains(&major))?;
        copy_from_caller(terminal.as_fd())?;
        sys::terminal::take_control(terminal.as_fd())?;
        let socket = held(&self.terminal_socket)?;
        sys::network::send_descriptor(socket, master.as_fd())?;
        Ok(terminal)
    }
}

/// The kernel's name of a devpts (statfs(2)).
const DEVPTS_SUPER_MAGIC: i64 = 0x1cd1;

/// Window size and modes of the caller's terminal, where standard input is one.
fn copy_from_caller(terminal: BorrowedFd<'_>) -> sys::Result<()> {
    let [input, ..] = STREAMS;
    if !sys::terminal::is_terminal(input) {
        return Ok(());
    }
    sys::terminal::copy_modes(input, terminal)?;
    let size = sys::terminal::window_size(input)?;
    sys::terminal::set_window_size(terminal, &size)
}

/// A new tmpfs with these options, whose root nobody has seen yet.
pub(super) fn new_tmpfs(options: &[(&CStr, &CStr)], attributes: u64) -> sys::Result<OwnedFd> {
    let filesystem = sys::mount::open_filesystem(c"tmpfs")?;
    for (key, value) in options {
        sys::mount::set_option(filesystem.as_fd(), key, value)?;
    }
    sys::mount::create_mount(filesystem.as_fd(), attributes)
}

/// `/proc/self/fd/N` in a buffer: overlayfs takes descriptors from Linux 6.13 on only.
pub(super) fn descriptor_path<'b>(
    file: BorrowedFd<'_>,
    buffer: &'b mut [u8; 32],
) -> sys::Result<&'b CStr> {
    const PREFIX: &[u8] = b"/proc/self/fd/";
    let mut number =
        u32::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).map_err(|_| Errno::EBADF)?;
    let mut digits = [0u8; 10];
    let mut count = 0;
    for digit in &mut digits {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        count += 1;
        if number == 0 {
            break;
        }
    }
    let text = PREFIX.iter().chain(digits[..count].iter().rev());
    for (to, from) in buffer.iter_mut().zip(text) {
        *to = *from;
    }
    CStr::from_bytes_until_nul(buffer).map_err(|_| Errno::ENAMETOOLONG)
}

fn read_only(guard: Guard) -> u64 {
    match guard::holds(guard) {
        true => READ_ONLY,
        false => 0,
    }
}

fn seal(mount: BorrowedFd<'_>) -> sys::Result<()> {
    let attributes = Attributes {
        set: READ_ONLY,
        clear: 0,
    };
    sys::mount::set_attributes(mount, attributes, Depth::One)
}

fn group_copy(path: &CStr) -> sys::Result<OwnedFd> {
    let group = sys::mount::clone_tree(HERE, path, Depth::One)?;
    let attributes = Attributes {
        set: read_only(Guard::ReadOnlyGroups) | NOSUID | NODEV | NOEXEC,
        clear: 0,
    };
    sys::mount::set_attributes(group.as_fd(), attributes, Depth::One)?;
    Ok(group)
}

fn open_inside(root: BorrowedFd<'_>, path: &CStr) -> sys::Result<OwnedFd> {
    let resolve = match guard::holds(Guard::TargetsInRoot) {
        true => libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS,
        false => 0,
    };
    sys::file::open(root, path, How::existing(libc::O_PATH, resolve))
}

/// Makes one name of a way below a tmpfs of the profile, where it is not there.
fn make_inside(
    root: BorrowedFd<'_>,
    path: &CStr,
    name: &CStr,
    shape: MountPointKind,
) -> sys::Result<()> {
    match open_inside(root, path) {
        Err(Errno::ENOENT) => {}
        found => return found.map(drop),
    }
    let bytes = path.to_bytes();
    let above = bytes.len() - name.to_bytes().len();
    let mut buffer = [0u8; libc::PATH_MAX as usize];
    let parent = buffer.get_mut(..above).ok_or(Errno::ENAMETOOLONG)?;
    for (to, from) in parent.iter_mut().zip(bytes) {
        *to = *from;
    }
    let parent = CStr::from_bytes_until_nul(&buffer).map_err(|_| Errno::ENAMETOOLONG)?;
    let parent = if parent.is_empty() { c"." } else { parent };
    let parent = open_inside(root, parent)?;
    match shape {
        MountPointKind::Directory => sys::file::make_directory(parent.as_fd(), name, 0o755),
        MountPointKind::File => sys::file::make_file(parent.as_fd(), name, 0o644),
    }
}

fn verify_device(node: BorrowedFd<'_>, device: &ArmedDevice) -> sys::Result<()> {
    let kind = sys::file::status(node)?.st_mode & libc::S_IFMT;
    match (device.shape, kind) {
        (MountPointKind::Directory, libc::S_IFDIR) => Ok(()),
        (MountPointKind::File, libc::S_IFCHR | libc::S_IFBLK) => match device.number {
            Some(number) => verify_number(node, |major, minor| (major, minor) == number),
            None => Ok(()),
        },
        _ => Err(Errno::ENODEV),
    }
}

fn verify_number(node: BorrowedFd<'_>, fits: impl Fn(u32, u32) -> bool) -> sys::Result<()> {
    let number = sys::file::status(node)?.st_rdev;
    if fits(libc::major(number), libc::minor(number)) {
        Ok(())
    } else {
        Err(Errno::ENODEV)
    }
}

fn ignore_existing(result: sys::Result<()>) -> sys::Result<()> {
    match result {
        Err(Errno::EEXIST) => Ok(()),
        result => result,
    }
}
