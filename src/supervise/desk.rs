//! Where other commands of the same user ask a supervisor what runs, and on what terms.
//!
//! A socket in the sandbox's directory of state. Whoever connects gets one descriptor of a file in memory and
//! is let go: the supervisor reads nothing, waits for nobody, and keeps no connection. What it tells holds
//! values of the caller's environment, so that it is never in a file of a disk.
//!
//! No program inside a sandbox asks: the directory is below none of its mounts (rule 9 of hardening), and covered
//! where a bind would show it. An unprivileged one has its caller's own id, so that the look at who asks would let it
//! in; that look is for other users, and for the programs of root's sandboxes, whose ids are others.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::guard::{self, Guard};
use crate::plan::Seat;
use crate::sys;

use super::state::Entry;

/// The socket's name.
pub(super) const SOCKET: &str = "desk";

/// How long a supervisor may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a supervisor tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// What a further program needs.
    pub seat: Seat,
    /// The plan that runs.
    pub plan: Described,
}

/// A plan, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// For people.
    pub text: String,
    /// The settings and the steps, with the profile's files that they refer to.
    pub json: Value,
}

/// A run that has ended, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// How it ended, for people.
    pub text: String,
    /// The plan that ran.
    pub plan: Described,
}

/// The socket, and what is told there.
pub(super) struct Desk<'a> {
    listener: UnixListener,
    answer: Box<dyn Fn() -> Told + 'a>,
}

impl std::fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Desk").field(&self.listener).finish()
    }
}

impl<'a> Desk<'a> {
    pub(super) fn open(place: &Path, answer: impl Fn() -> Told + 'a) -> io::Result<Desk<'a>> {
        let directory = File::open(place)?;
        let listener = UnixListener::bind(short(&directory))?;
        listener.set_nonblocking(true)?;
        Ok(Desk {
            listener,
            answer: Box::new(answer),
        })
    }

    /// What to wait for.
    pub(super) fn watched(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Answers one who asks. What goes wrong with that is their affair.
    pub(super) fn serve(&self) {
        if let Ok((socket, _)) = self.listener.accept() {
            self.tell(&socket).ok();
        }
    }

    fn tell(&self, socket: &UnixStream) -> io::Result<()> {
        let peer = getsockopt(socket, PeerCredentials)?;
        let is_own = peer.uid() == nix::unistd::geteuid().as_raw();
        if !is_own && guard::holds(Guard::DeskPeer) {
            return Err(Errno::EPERM.into());
        }
        let mut file: File = memfd_create(c"sandbox", MFdFlags::MFD_CLOEXEC)?.into();
        file.write_all(&serde_json::to_vec(&(self.answer)())?)?;
        file.rewind()?;
        Ok(sys::network::send_descriptor(socket.as_fd(), file.as_fd())?)
    }
}

/// A socket's address holds 107 bytes, and a path may be longer.
fn short(directory: &File) -> String {
    format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd())
}

/// Asks the supervisor of a sandbox that runs.
///
/// # Errors
/// `TimedOut` for one that is stopped, `ConnectionRefused` for one that has ended.
pub fn ask(entry: &Entry) -> io::Result<Told> {
    let directory = File::open(&entry.place)?;
    let socket = UnixStream::connect(short(&directory))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let file = match sys::network::receive_descriptor(socket.as_fd()) {
        Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
        file => file?.ok_or(io::ErrorKind::ConnectionRefused)?,
    };
    let mut bytes = Vec::new();
    File::from(file).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}
