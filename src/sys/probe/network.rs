//! Connections that are made and dropped at once.

use std::mem::{MaybeUninit, offset_of};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;

use crate::sys::process::{Watched, poll};
use crate::sys::{Result, descriptor, done};

fn socket(domain: i32, kind: i32) -> Result<OwnedFd> {
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: only numbers are passed.
    descriptor(libc::c_long::from(unsafe { libc::socket(domain, kind, 0) }))
}

/// connect(2) to an address whose first `length` bytes count.
fn connect<T>(socket: &OwnedFd, address: &T, length: usize) -> Result<()> {
    let length = length.min(size_of::<T>()) as libc::socklen_t;
    // SAFETY: `address` is at least `length` bytes long and outlives the call.
    done(libc::c_long::from(unsafe {
        libc::connect(
            socket.as_raw_fd(),
            std::ptr::from_ref(address).cast(),
            length,
        )
    }))
}

/// Connects by TCP within some milliseconds; ETIME when nothing answered.
///
/// # Errors
/// As connect(2).
pub fn connect_tcp(to: &SocketAddr, patience: i32) -> Result<()> {
    let connected = match to {
        SocketAddr::V4(to) => {
            let socket = socket(libc::AF_INET, libc::SOCK_STREAM)?;
            // SAFETY: zero is a value of every field.
            let mut address: libc::sockaddr_in = unsafe { MaybeUninit::zeroed().assume_init() };
            address.sin_family = libc::AF_INET as libc::sa_family_t;
            address.sin_port = to.port().to_be();
            address.sin_addr.s_addr = u32::from_ne_bytes(to.ip().octets());
            let connected = connect(&socket, &address, size_of_val(&address));
            (socket, connected)
        }
        SocketAddr::V6(to) => {
            let socket = socket(libc::AF_INET6, libc::SOCK_STREAM)?;
            // SAFETY: zero is a value of every field.
            let mut address: libc::sockaddr_in6 = unsafe { MaybeUninit::zeroed().assume_init() };
            address.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            address.sin6_port = to.port().to_be();
            address.sin6_addr.s6_addr = to.ip().octets();
            address.sin6_scope_id = to.scope_id();
            let connected = connect(&socket, &address, size_of_val(&address));
            (socket, connected)
        }
    };
    match connected {
        (socket, Err(Errno::EINPROGRESS)) => finished(&socket, patience),
        (_, connected) => connected,
    }
}

/// How a connection that is under way ends.
fn finished(socket: &OwnedFd, patience: i32) -> Result<()> {
    let mut watched = [Watched {
        fd: socket.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    }];
    if poll(&mut watched, Some(patience))? == 0 {
        return Err(Errno::ETIME);
    }
    let mut errno: i32 = 0;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the pointer and the length are those of one number, both outlive the call.
    done(libc::c_long::from(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            (&raw mut errno).cast(),
            &raw mut length,
        )
    }))?;
    match errno {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}

/// Connects to a Unix socket of whatever type; `name` is a path with its NUL, or a NUL and a name.
///
/// # Errors
/// As connect(2).
pub fn connect_unix(name: &[u8]) -> Result<()> {
    // SAFETY: zero is a value of every field.
    let mut address: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(name) {
        *to = *from as libc::c_char;
    }
    let length = offset_of!(libc::sockaddr_un, sun_path) + name.len();
    let mut connected = Err(Errno::EPROTOTYPE);
    for kind in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET, libc::SOCK_DGRAM] {
        if connected == Err(Errno::EPROTOTYPE) {
            connected = connect(&socket(libc::AF_UNIX, kind)?, &address, length);
        }
    }
    match connected {
        // Somebody listens, and more wait than are taken.
        Err(Errno::EAGAIN) => Ok(()),
        connected => connected,
    }
}
