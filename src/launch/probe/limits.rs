//! Limits, met for a moment. Nothing here allocates.

use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;

use nix::errno::Errno;

use crate::model::Finding;
use crate::sys;
use crate::sys::probe::{Block, Shared};
use crate::sys::process::Side;

/// In how many parts memory is taken.
const PARTS: usize = 64;

const PAGE: usize = 4096;

/// The first process, the one that makes the trials, and this one.
const ALREADY: u32 = 3;

/// Uses more than `bytes`; where a limit of each process stops it, several processes do together.
pub(super) fn memory(bytes: u64, shared: Shared) -> Finding {
    let Ok(most) = usize::try_from(bytes) else {
        return Finding::NotTried;
    };
    let part = (most / PARTS).next_multiple_of(PAGE).max(PAGE);
    loop {
        let mut blocks = [None; PARTS + 2];
        if let Some(finding) = fill(&mut blocks, most, part, shared) {
            return finding;
        }
        match sys::process::fork() {
            Err(_) => return held(shared),
            // A copy of what stays used in the other: it counts here as well until it is written.
            Ok(Side::Child) => {
                let given = blocks.into_iter().flatten().try_for_each(Block::give_back);
                if given.is_err() {
                    return held(shared);
                }
            }
            Ok(Side::Parent(child)) => return see_child(child, shared),
        }
    }
}

/// Takes as much as one process gets; nothing where others have to go on.
fn fill(blocks: &mut [Option<Block>], most: usize, part: usize, shared: Shared) -> Option<Finding> {
    let mut is_first = true;
    for place in blocks {
        match Block::used(part) {
            Ok(block) => *place = Some(block),
            Err(_) if is_first => return Some(held(shared)),
            Err(_) => return None,
        }
        is_first = false;
        let part = u64::try_from(part).unwrap_or(u64::MAX);
        let all = shared.progress().fetch_add(part, Ordering::SeqCst) + part;
        if usize::try_from(all).is_ok_and(|all| all > most) {
            let reached = mebibytes(all);
            return Some(Finding::Exceeded { reached });
        }
    }
    None
}

/// What this process has stays used while its child goes on, which leaves the answer.
fn see_child(child: i32, shared: Shared) -> Finding {
    let ended = sys::process::wait_for(child);
    if shared.answer().load(Ordering::SeqCst) != 0 {
        sys::process::exit(0);
    }
    match ended {
        Ok((status, _)) if libc::WIFSIGNALED(status) => Finding::Killed {
            signal: libc::WTERMSIG(status),
        },
        _ => held(shared),
    }
}

fn held(shared: Shared) -> Finding {
    Finding::Held {
        reached: mebibytes(shared.progress().load(Ordering::SeqCst)),
    }
}

fn mebibytes(bytes: u64) -> u32 {
    u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
}

/// Makes processes until there are more than `most`; whoever waits for this one ends them.
pub(super) fn processes(most: u32) -> Finding {
    let mut reached = ALREADY;
    while reached <= most {
        match sys::process::fork() {
            Ok(Side::Child) => sys::probe::sleep_for_ever(),
            Ok(Side::Parent(_)) => reached += 1,
            Err(_) => return Finding::Held { reached },
        }
    }
    Finding::Exceeded { reached }
}

/// Asks for a descriptor with the number `most`: there can be more than that many then.
pub(super) fn open_files(any: BorrowedFd<'_>, most: i32) -> Finding {
    // A policy may refuse it, and a program has no more then.
    sys::probe::raise_open_files().ok();
    let reached = u32::try_from(most).unwrap_or(u32::MAX);
    match sys::probe::duplicate_from(any, most) {
        Ok(_) => Finding::Exceeded { reached },
        Err(Errno::EINVAL | Errno::EMFILE) => Finding::Held { reached },
        Err(errno) => super::outcome(Err(errno)),
    }
}
