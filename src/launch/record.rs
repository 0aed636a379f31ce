//! What the processes inside tell the supervisor, in records that one write(2) carries whole.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use crate::model::Finding;
use crate::sys;

/// One message from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A step failed; nothing of the program ran.
    Failed {
        /// Its place in the plan's list.
        step: u32,
        /// The kernel's answer.
        errno: i32,
    },
    /// The program's file is there, but not what it needs to run.
    NoInterpreter {
        /// The place of the step in the plan's list.
        step: u32,
    },
    /// Everything is set up: the next thing is the program. Without it an end is no success.
    Executing,
    /// The program ended with this wait status.
    Ended {
        /// As wait(2) gives it.
        status: i32,
    },
    /// The program was stopped by this signal.
    Stopped {
        /// The signal.
        signal: i32,
    },
    /// What an expectation came to.
    Probed {
        /// Its place in the profile.
        place: u32,
        /// What was found.
        found: Finding,
    },
    /// How many allocations the child made; counted in debug builds alone.
    Allocations {
        /// Must be none.
        count: u32,
    },
}

/// What the kinds of findings are added to.
const PROBED: u32 = 0x100;

/// Bytes of one record: below PIPE_BUF, so that writers never mix.
pub const LENGTH: usize = 12;

impl Record {
    fn encode(self) -> [u8; LENGTH] {
        let (kind, first, second) = match self {
            Record::Failed { step, errno } => (1, step, errno),
            Record::NoInterpreter { step } => (2, step, 0),
            Record::Executing => (3, 0, 0),
            Record::Ended { status } => (4, 0, status),
            Record::Stopped { signal } => (5, 0, signal),
            Record::Allocations { count } => (6, count, 0),
            Record::Probed { place, found } => {
                let (code, value) = found.encode();
                (PROBED + u32::from(code), place, value)
            }
        };
        let mut bytes = [0; LENGTH];
        let [a, b, c] = [
            u32::to_ne_bytes(kind),
            first.to_ne_bytes(),
            second.to_ne_bytes(),
        ];
        for (to, from) in bytes.iter_mut().zip(a.into_iter().chain(b).chain(c)) {
            *to = from;
        }
        bytes
    }

    /// The record in these bytes, if they are one.
    pub fn decode(bytes: &[u8; LENGTH]) -> Option<Record> {
        let word = |at: usize| -> Option<[u8; 4]> { bytes.get(at..at + 4)?.try_into().ok() };
        let first = u32::from_ne_bytes(word(4)?);
        let second = i32::from_ne_bytes(word(8)?);
        match u32::from_ne_bytes(word(0)?) {
            1 => Some(Record::Failed {
                step: first,
                errno: second,
            }),
            2 => Some(Record::NoInterpreter { step: first }),
            3 => Some(Record::Executing),
            4 => Some(Record::Ended { status: second }),
            5 => Some(Record::Stopped { signal: second }),
            6 => Some(Record::Allocations { count: first }),
            kind => {
                let code = u8::try_from(kind.checked_sub(PROBED)?).ok()?;
                let found = Finding::decode(code, second)?;
                Some(Record::Probed {
                    place: first,
                    found,
                })
            }
        }
    }

    /// Reads the next record; `None` when every writer is gone.
    ///
    /// # Errors
    /// EPROTO for what is no record.
    pub fn receive(pipe: BorrowedFd<'_>) -> sys::Result<Option<Record>> {
        let mut bytes = [0; LENGTH];
        match sys::file::read(pipe, &mut bytes)? {
            0 => Ok(None),
            LENGTH => Record::decode(&bytes).ok_or(Errno::EPROTO).map(Some),
            _ => Err(Errno::EPROTO),
        }
    }

    /// Sends it.
    ///
    /// # Errors
    /// EPIPE when the supervisor is gone.
    pub fn send(self, pipe: BorrowedFd<'_>) -> sys::Result<()> {
        sys::file::write_whole(pipe, &self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_comes_back_as_it_was_sent() {
        let records = [
            Record::Failed {
                step: 7,
                errno: libc::EPERM,
            },
            Record::NoInterpreter { step: 90 },
            Record::Executing,
            Record::Ended { status: 0x8b },
            Record::Stopped { signal: 19 },
            Record::Allocations { count: 1 },
            Record::Probed {
                place: 1 << 20,
                found: Finding::Refused {
                    errno: libc::EACCES,
                },
            },
        ];
        for record in records {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
        assert_eq!(Record::decode(&[9; LENGTH]), None);
    }
}
