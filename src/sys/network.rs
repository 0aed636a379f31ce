//! The loopback device, and descriptors through a socket.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::{Result, checked, descriptor, done};

/// Brings `lo` of the caller's network namespace up (netdevice(7)).
///
/// # Errors
/// EPERM without CAP_NET_ADMIN over the network namespace.
pub fn loopback_up() -> Result<()> {
    // SAFETY: only numbers are passed.
    let socket = descriptor(libc::c_long::from(unsafe {
        libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0)
    }))?;
    // SAFETY: zero is a value of every field.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq.
    done(libc::c_long::from(unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCSIFFLAGS as _,
            &raw mut request,
        )
    }))
}

/// A control message with one descriptor, aligned as the kernel wants it.
#[repr(C)]
struct OneDescriptor {
    header: libc::cmsghdr,
    descriptor: i32,
}

/// CMSG_LEN of one descriptor.
const ONE_LENGTH: usize = size_of::<libc::cmsghdr>() + size_of::<i32>();

/// The head of a message with one descriptor; the type of its length differs among C libraries.
fn header_of_one() -> libc::cmsghdr {
    // SAFETY: zero is a value of every field.
    let mut header: libc::cmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.cmsg_len = ONE_LENGTH as _;
    header.cmsg_level = libc::SOL_SOCKET;
    header.cmsg_type = libc::SCM_RIGHTS;
    header
}

/// Sends a descriptor with one byte (SCM_RIGHTS, unix(7)).
///
/// # Errors
/// As sendmsg(2).
pub fn send_descriptor(socket: BorrowedFd<'_>, passed: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: zero is a value of every field.
    let mut control: OneDescriptor = unsafe { MaybeUninit::zeroed().assume_init() };
    control.header = header_of_one();
    control.descriptor = passed.as_raw_fd();
    let mut byte = 0u8;
    let mut part = one_byte(&mut byte);
    let message = one_message(&mut part, &mut control);
    // SAFETY: the message points to locals that outlive the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
    done(sent as libc::c_long)
}

/// Receives a descriptor that [`send_descriptor`] sent; `None` when the other side has closed.
///
/// # Errors
/// EPROTO when something else came.
pub fn receive_descriptor(socket: BorrowedFd<'_>) -> Result<Option<OwnedFd>> {
    // SAFETY: zero is a value of every field.
    let mut control: OneDescriptor = unsafe { MaybeUninit::zeroed().assume_init() };
    let mut byte = 0u8;
    let mut part = one_byte(&mut byte);
    let mut message = one_message(&mut part, &mut control);
    let flags = libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the message points to locals that outlive the call.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    if checked(count as libc::c_long)? == 0 {
        return Ok(None);
    }
    let (header, wanted) = (&control.header, header_of_one());
    let fits = header.cmsg_level == wanted.cmsg_level
        && header.cmsg_type == wanted.cmsg_type
        && header.cmsg_len == wanted.cmsg_len;
    if !fits {
        return Err(Errno::EPROTO);
    }
    // SAFETY: the kernel has just installed this descriptor for us.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(control.descriptor) }))
}

/// Lets the kernel tell, with all that comes through a socket, which process sent it (SO_PASSCRED, unix(7)).
///
/// # Errors
/// As setsockopt(2).
pub fn want_senders(socket: BorrowedFd<'_>) -> Result<()> {
    let on = 1i32;
    // SAFETY: the option is one number, which outlives the call.
    done(libc::c_long::from(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PASSCRED,
            (&raw const on).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    }))
}

/// Room for a sender and a descriptor, each with its header, aligned as the kernel wants it.
#[repr(C, align(8))]
struct SenderAndDescriptor([u8; 64]);

/// As [`receive_descriptor`], with the process that sent it, by its id in the caller's PID namespace.
/// [`want_senders`] has to come before the other side sends.
///
/// # Errors
/// EPROTO when something else came.
pub fn receive_from_sender(socket: BorrowedFd<'_>) -> Result<Option<(OwnedFd, i32)>> {
    let mut control = SenderAndDescriptor([0; 64]);
    let mut byte = 0u8;
    let mut part = one_byte(&mut byte);
    // SAFETY: zero is a value of every field.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<SenderAndDescriptor>() as _;
    let flags = libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the message points to locals that outlive the call.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    if checked(count as libc::c_long)? == 0 {
        return Ok(None);
    }
    let (mut sender, mut received) = (None, None);
    // SAFETY: the kernel has filled the message, and the walk stays within what it says.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: a header of the walk is whole, and so is what its type and length promise behind it.
        unsafe {
            let data = libc::CMSG_DATA(header);
            let length = (*header).cmsg_len as usize;
            let is = |kind, size: usize| {
                (*header).cmsg_level == libc::SOL_SOCKET
                    && (*header).cmsg_type == kind
                    && length == libc::CMSG_LEN(size as u32) as usize
            };
            if is(libc::SCM_CREDENTIALS, size_of::<libc::ucred>()) {
                sender = Some(data.cast::<libc::ucred>().read_unaligned().pid);
            } else if is(libc::SCM_RIGHTS, size_of::<i32>()) {
                // The kernel has just installed this descriptor for us.
                let number = data.cast::<i32>().read_unaligned();
                received = Some(OwnedFd::from_raw_fd(number));
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    match (received, sender) {
        (Some(received), Some(sender)) => Ok(Some((received, sender))),
        _ => Err(Errno::EPROTO),
    }
}

fn one_byte(byte: &mut u8) -> libc::iovec {
    libc::iovec {
        iov_base: std::ptr::from_mut(byte).cast(),
        iov_len: 1,
    }
}

/// A message of one part and one control message, which both have to outlive it.
fn one_message(part: &mut libc::iovec, control: &mut OneDescriptor) -> libc::msghdr {
    // SAFETY: zero is a value of every field.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = std::ptr::from_mut(control).cast();
    message.msg_controllen = size_of::<OneDescriptor>() as _;
    message
}
