//! A launcher that nobody can write: for starts without Landlock, where a program that comes to run
//! `/proc/self/exe` could open the host's file of it for writing (CVE-2019-5736).
//!
//! With Landlock no program of the sandbox executes what lies outside its mounts, so that this costs
//! nothing where that holds.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::model::guard::{self, Guard};

/// This program's own file, whatever it is called.
const OWN: &str = "/proc/self/exe";

/// Comes back when this process runs from a sealed copy of its file; makes one and executes it otherwise,
/// which begins the command anew, with the same arguments.
///
/// # Errors
/// When no copy can be made or executed (`vm.memfd_noexec = 2`).
pub fn run_sealed() -> io::Result<()> {
    let mut own = File::open(OWN)?;
    if is_sealed(&own) || !guard::holds(Guard::SealedCopy) {
        return Ok(());
    }
    let mut copy: File = memfd_create(name_of_copy().as_c_str(), flags())?.into();
    io::copy(&mut own, &mut copy)?;
    copy.rewind()?;
    fcntl(&copy, FcntlArg::F_ADD_SEALS(all()))?;
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "sandbox".into());
    // By its number: the descriptor is closed by the very exec that runs it.
    let path = format!("/proc/self/fd/{}", copy.as_fd().as_raw_fd());
    Err(Command::new(path).arg0(name).args(arguments).exec())
}

/// The name of the file that runs: by it the copy still knows whether it was called by another name.
fn name_of_copy() -> CString {
    let own = std::fs::read_link(OWN).unwrap_or_default();
    let name = own.file_name().unwrap_or_default().as_bytes();
    // The kernel takes no longer one; a name of a file holds no NUL.
    let fits = name.len() < 249;
    let name = fits.then(|| CString::new(name).ok()).flatten();
    name.unwrap_or_else(|| c"sandbox".to_owned())
}

fn is_sealed(file: &File) -> bool {
    // EINVAL on a file system without seals.
    let seals = fcntl(file, FcntlArg::F_GET_SEALS).unwrap_or(0);
    SealFlag::from_bits_truncate(seals).contains(all())
}

fn all() -> SealFlag {
    SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL
}

fn flags() -> MFdFlags {
    MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING
}
