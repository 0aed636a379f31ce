//! The rule by which a group opens no device but those that are named.
//!
//! Mounts with nodev and the user namespace already forbid the others; this stands behind them. On v1 it
//! is a list in the `devices` hierarchy, on v2 a program that the kernel asks at every open. Both are
//! root's alone, so that others do without.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::errno::Errno;

use super::file;
use super::groups::Groups;
use crate::plan::DeviceRule;
use crate::sys;

/// No device directory is nested deeper; a link is not followed.
const DEEPEST: usize = 8;

/// Devices that may be read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Allowed {
    pub kind: Kind,
    pub major: u32,
    /// None is all of them.
    pub minor: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Block,
    Character,
}

/// What the rules come to on this host, each once.
pub(super) fn resolve(rules: &[DeviceRule]) -> BTreeSet<Allowed> {
    let mut allowed = BTreeSet::new();
    for rule in rules {
        match rule {
            DeviceRule::Number { major, minor } => {
                allowed.insert(Allowed {
                    kind: Kind::Character,
                    major: *major,
                    minor: *minor,
                });
            }
            DeviceRule::Path(path) => add_below(path.as_path(), DEEPEST, &mut allowed),
            DeviceRule::Streams => {
                let streams = sys::file::STREAMS.into_iter();
                let streams = streams.filter_map(|stream| sys::file::status(stream).ok());
                allowed.extend(streams.filter_map(|status| {
                    let is_character = status.st_mode & libc::S_IFMT == libc::S_IFCHR;
                    is_character.then(|| Allowed::new(Kind::Character, status.st_rdev))
                }));
            }
        }
    }
    allowed
}

/// What is gone or cannot be seen cannot be opened either.
fn add_below(path: &Path, depth: usize, allowed: &mut BTreeSet<Allowed>) {
    // The path of the profile may be a link, as /dev/cdrom; it is bound as what it leads to.
    let found = match depth {
        DEEPEST => fs::metadata(path),
        _ => fs::symlink_metadata(path),
    };
    let Ok(found) = found else {
        return;
    };
    let kind = found.file_type();
    if kind.is_char_device() {
        allowed.insert(Allowed::new(Kind::Character, found.rdev()));
    } else if kind.is_block_device() {
        allowed.insert(Allowed::new(Kind::Block, found.rdev()));
    } else if kind.is_dir() && depth > 0 {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            add_below(&entry.path(), depth - 1, allowed);
        }
    }
}

impl Allowed {
    fn new(kind: Kind, number: u64) -> Allowed {
        Allowed {
            kind,
            major: libc::major(number),
            minor: Some(libc::minor(number)),
        }
    }

    /// As `devices.allow` of v1 wants it. Making one is never allowed.
    fn line(self) -> String {
        let kind = match self.kind {
            Kind::Block => 'b',
            Kind::Character => 'c',
        };
        match self.minor {
            Some(minor) => format!("{kind} {}:{minor} rw", self.major),
            None => format!("{kind} {}:* rw", self.major),
        }
    }
}

/// Guards a group of v1's `devices` hierarchy that has nobody in it yet.
pub(super) fn guard_v1(group: &Path, allowed: &BTreeSet<Allowed>) -> Result<(), Errno> {
    file::write(&group.join("devices.deny"), "a")?;
    let allow = file::open_for_writing(&group.join("devices.allow"))?;
    for device in allowed {
        sys::file::write_whole(allow.as_fd(), device.line().as_bytes())?;
    }
    Ok(())
}

/// Guards a group of v2, whose directory is open in `groups`.
pub(super) fn guard_v2(groups: &Groups, allowed: &BTreeSet<Allowed>) -> Result<(), Errno> {
    let directory = groups.directory.as_ref().ok_or(Errno::EBADF)?;
    let program = sys::bpf::load_device_program(&program(allowed))?;
    sys::bpf::attach_device_program(directory.as_fd(), program.as_fd())
}

/// The program: 1 for what is allowed, 0 for all else (struct bpf_cgroup_dev_ctx).
fn program(allowed: &BTreeSet<Allowed>) -> Vec<sys::bpf::Instruction> {
    use sys::bpf::Instruction as I;
    /// BPF_DEVCG_ACC_MKNOD, in the upper half of the access.
    const MKNOD: i32 = 1;
    let mut program = vec![
        // r2 = access and kind, r4 = major, r5 = minor, r3 = access alone.
        I::load(2, 1, 0),
        I::load(4, 1, 4),
        I::load(5, 1, 8),
        I::copy(3, 2),
        I::shift_right(3, 16),
        I::and(3, MKNOD),
        I::skip_equal(3, 0, 2),
        I::set(0, 0),
        I::exit(),
        I::and(2, 0xffff),
    ];
    for device in allowed {
        let kind = match device.kind {
            Kind::Block => 1,
            Kind::Character => 2,
        };
        let rest = match device.minor {
            Some(_) => 2,
            None => 1,
        };
        program.push(I::skip_unequal(2, kind, rest + 2));
        program.push(I::skip_unequal(4, device.major.cast_signed(), rest + 1));
        if let Some(minor) = device.minor {
            program.push(I::skip_unequal(5, minor.cast_signed(), rest));
        }
        program.push(I::set(0, 1));
        program.push(I::exit());
    }
    program.push(I::set(0, 0));
    program.push(I::exit());
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program as the kernel would: registers, jumps forward, an answer.
    fn answer(allowed: &BTreeSet<Allowed>, access: u32, major: u32, minor: u32) -> i64 {
        let context = [access, major, minor];
        let program = program(allowed);
        let (mut registers, mut at) = ([0i64; 11], 0usize);
        loop {
            let sys::bpf::Instruction {
                code,
                registers: which,
                offset,
                immediate,
            } = program[at];
            let (to, from) = (usize::from(which & 0xf), usize::from(which >> 4));
            let value = i64::from(immediate);
            let jump = usize::try_from(offset).unwrap();
            at += 1;
            match code {
                0x61 => registers[to] = i64::from(context[jump / 4]),
                0xbf => registers[to] = registers[from],
                0xb7 => registers[to] = value,
                0x77 => registers[to] >>= value,
                0x57 => registers[to] &= value,
                0x15 if registers[to] == value => at += jump,
                0x55 if registers[to] != value => at += jump,
                0x15 | 0x55 => {}
                0x95 => return registers[0],
                other => panic!("{other:#x}"),
            }
        }
    }

    #[test]
    fn the_program_allows_what_is_listed_and_nothing_is_made() {
        let (block, character) = (1, 2);
        let (mknod, read, write) = (1 << 16, 2 << 16, 4 << 16);
        let rules = [
            DeviceRule::Number {
                major: 1,
                minor: Some(3),
            },
            DeviceRule::Number {
                major: 136,
                minor: None,
            },
        ];
        let mut allowed = resolve(&rules);
        allowed.insert(Allowed {
            kind: Kind::Block,
            major: 7,
            minor: Some(0),
        });
        let cases = [
            (read | character, 1, 3, 1),
            (read | write | character, 1, 3, 1),
            (write | character, 136, 12, 1),
            (read | block, 7, 0, 1),
            (read | character, 1, 5, 0),
            (read | character, 5, 2, 0),
            (read | block, 1, 3, 0),
            (read | character, 7, 0, 0),
            (mknod | character, 1, 3, 0),
            (mknod | read | character, 136, 12, 0),
        ];
        for (access, major, minor, expected) in cases {
            let found = answer(&allowed, access, major, minor);
            assert_eq!(found, expected, "{access:#x} {major}:{minor}");
        }
        assert_eq!(answer(&BTreeSet::new(), read | character, 1, 3), 0);
    }

    #[test]
    fn lines_of_v1_are_as_the_kernel_takes_them() {
        let rules = [
            DeviceRule::Path("/dev/null".parse().unwrap()),
            DeviceRule::Path("/dev/no-such-device".parse().unwrap()),
            DeviceRule::Number {
                major: 136,
                minor: None,
            },
        ];
        let lines: Vec<String> = resolve(&rules).into_iter().map(Allowed::line).collect();
        assert_eq!(lines, ["c 1:3 rw", "c 136:* rw"]);
    }
}
