//! What a kernel's Landlock can do, by the version of its interface (landlock(7)).

use std::fmt;

use serde::{Serialize, Serializer};

/// A version of the kernel's Landlock interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct LandlockAbi(pub u32);

impl LandlockAbi {
    /// The kernel has none, or it is switched off.
    pub const NONE: LandlockAbi = LandlockAbi(0);
    /// What a plan is made for where no kernel is asked; later versions bring nothing that is used.
    pub const KNOWN: LandlockAbi = LandlockAbi(7);
    /// The first in which a rename from one directory to another can be allowed: before it, programs
    /// as harmless as `mv` fail.
    const LEAST: LandlockAbi = LandlockAbi(2);

    /// Whether programs run under it as they do without.
    pub fn is_usable(self) -> bool {
        self >= LandlockAbi::LEAST
    }

    /// Whether truncation is told apart from writing.
    pub fn has_truncate(self) -> bool {
        self.0 >= 3
    }

    /// Whether commands to devices are a right.
    pub fn has_ioctl(self) -> bool {
        self.0 >= 5
    }

    /// Whether abstract Unix sockets and signals of others can be put out of reach.
    pub fn has_scopes(self) -> bool {
        self.0 >= 6
    }

    /// What of that it lacks, by the kernel's names.
    pub fn lacks(self) -> Vec<&'static str> {
        let all = [
            (self.has_truncate(), "truncate"),
            (self.has_ioctl(), "ioctl_dev"),
            (self.has_scopes(), "abstract_unix_socket"),
            (self.has_scopes(), "signal"),
        ];
        let lacking = all.iter().filter(|(has, _)| !has);
        lacking.map(|(_, name)| *name).collect()
    }
}

impl fmt::Display for LandlockAbi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "abi {}", self.0)
    }
}

impl Serialize for LandlockAbi {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_lacks_less() {
        let lacks = |number| LandlockAbi(number).lacks().len();
        assert_eq!([1, 2, 3, 4, 5, 6, 7].map(lacks), [4, 4, 3, 3, 2, 0, 0]);
        assert!(!LandlockAbi::NONE.is_usable() && !LandlockAbi(1).is_usable());
        assert!(LandlockAbi(2).is_usable() && LandlockAbi::KNOWN.lacks().is_empty());
    }
}
