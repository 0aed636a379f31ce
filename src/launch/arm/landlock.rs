//! Rules of Landlock as the kernel's bits.

use std::ffi::CString;

use crate::model::LandlockAbi;
use crate::plan::{LandlockPlace, LandlockReach, LandlockRules, Missing, MountPointKind};
use crate::sys::landlock::{access, scope};

use super::Armable;

/// Rules ready to be made.
#[derive(Debug)]
pub(in crate::launch) struct ArmedLandlock {
    /// Rights that are refused where no place gives them.
    pub files: u64,
    /// What reaches no further than the sandbox.
    pub scopes: u64,
    pub places: Vec<ArmedReach>,
    pub descriptors: Vec<i32>,
}

/// A part of the tree.
#[derive(Debug)]
pub(in crate::launch) struct ArmedReach {
    pub path: CString,
    pub access: u64,
    pub missing: Missing,
}

const READ: u64 = access::EXECUTE | access::READ_FILE | access::READ_DIR;

const MAKE: u64 =
    access::MAKE_DIR | access::MAKE_REG | access::MAKE_SOCK | access::MAKE_FIFO | access::MAKE_SYM;

const CHANGE: u64 = access::WRITE_FILE
    | access::TRUNCATE
    | access::REMOVE_DIR
    | access::REMOVE_FILE
    | access::REFER
    | MAKE;

const DEVICES: u64 = access::MAKE_CHAR | access::MAKE_BLOCK;

/// What a rule on a file can allow; anything else there is EINVAL.
const OF_FILES: u64 =
    access::EXECUTE | access::WRITE_FILE | access::READ_FILE | access::TRUNCATE | access::IOCTL_DEV;

pub(super) fn rules(rules: &LandlockRules) -> Armable<ArmedLandlock> {
    let LandlockRules {
        abi,
        places,
        descriptors,
    } = rules;
    let known = known(*abi);
    let places = places.iter().map(|place| armed(place, known));
    let numbers = descriptors.iter();
    Ok(ArmedLandlock {
        files: known,
        scopes: match abi.has_scopes() {
            true => scope::ABSTRACT_UNIX_SOCKET | scope::SIGNAL,
            false => 0,
        },
        places: places.collect::<Armable<_>>()?,
        descriptors: numbers.filter_map(|fd| i32::try_from(*fd).ok()).collect(),
    })
}

/// A right that the kernel does not know would be EINVAL.
fn known(abi: LandlockAbi) -> u64 {
    let later = [
        (abi.has_truncate(), access::TRUNCATE),
        (abi.has_ioctl(), access::IOCTL_DEV),
    ];
    let missing = later.iter().filter(|(has, _)| !has);
    let missing = missing.fold(0, |rights, (_, right)| rights | right);
    (READ | CHANGE | DEVICES | access::IOCTL_DEV) & !missing
}

fn armed(place: &LandlockPlace, known: u64) -> Armable<ArmedReach> {
    let LandlockPlace {
        path,
        shape,
        reach,
        missing,
    } = place;
    let rights = match reach {
        LandlockReach::Read => READ,
        LandlockReach::Write => READ | CHANGE,
        LandlockReach::Device => READ | access::WRITE_FILE | access::TRUNCATE | access::IOCTL_DEV,
        LandlockReach::Kernel => READ | access::WRITE_FILE | access::TRUNCATE,
    };
    let possible = match shape {
        MountPointKind::Directory => known,
        MountPointKind::File => known & OF_FILES,
    };
    Ok(ArmedReach {
        path: CString::new(path.as_str())?,
        access: rights & possible,
        missing: *missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_asked_for_nothing_that_it_does_not_know() {
        let highest = |abi| 63 - known(LandlockAbi(abi)).leading_zeros();
        assert_eq!([2, 3, 4, 5, 6, 9].map(highest), [13, 14, 14, 15, 15, 15]);
        let place = LandlockPlace {
            path: "/etc/motd".parse().unwrap(),
            shape: MountPointKind::File,
            reach: LandlockReach::Write,
            missing: Missing::Refused,
        };
        let access = armed(&place, known(LandlockAbi(2))).unwrap().access;
        assert_eq!(
            access,
            access::EXECUTE | access::WRITE_FILE | access::READ_FILE
        );
    }

    #[test]
    fn no_place_lets_a_device_be_made() {
        for reach in [
            LandlockReach::Read,
            LandlockReach::Write,
            LandlockReach::Device,
            LandlockReach::Kernel,
        ] {
            let place = LandlockPlace {
                path: "/x".parse().unwrap(),
                shape: MountPointKind::Directory,
                reach,
                missing: Missing::Refused,
            };
            let access = armed(&place, u64::MAX).unwrap().access;
            assert_eq!(access & DEVICES, 0, "{reach:?}");
        }
    }
}
