//! The words that keys choose from.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::Invalid;

/// Declares an enum whose variants have one spelling each in a profile.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $meaning:literal])+ $item:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $meaning])+ $item),+ }

        impl $name {
            /// Every spelling, in the order of the documentation.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// What each stands for, in the same order; a blank stands before each.
            pub const MEANINGS: &'static [&'static str] = &[$(concat!($($meaning),+)),+];

            /// The spelling in a profile.
            pub fn word(self) -> &'static str {
                match self { $(Self::$item => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                match text { $($word => Ok(Self::$item),)+ _ => Err(Invalid::unknown(text, Self::WORDS)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.word()) }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}

choices! {
    /// What `-- CMD…` on the command line does to `command.args`.
    ExtraArguments {
        /// It takes their place.
        Replace = "replace",
        /// It comes behind them.
        Append = "append",
        /// It is an error.
        Refuse = "refuse",
    }
}
choices! {
    /// Whether the sandbox has a pseudo-terminal of its own.
    TerminalMode {
        /// When standard input is a terminal.
        Auto = "auto",
        /// Always; standard input need not be one.
        Always = "always",
        /// Never.
        Never = "never",
    }
}
choices! {
    /// What becomes of writes to the root tree.
    Writes {
        /// They fail: the tree is read-only.
        Deny = "deny",
        /// They are gone at exit.
        Discard = "discard",
        /// They are kept under the sandbox's name.
        Keep = "keep",
    }
}
choices! {
    /// Files that programs open at run time and that no list of libraries names.
    Bundle {
        /// Which certificates to trust, and the settings of TLS libraries.
        CaCertificates = "ca-certificates",
        /// Time zones.
        Tzdata = "tzdata",
        /// What terminals can do.
        Terminfo = "terminfo",
        /// The C library's locales and character sets.
        Locale = "locale",
        /// How the C library looks up names of users, hosts and services.
        Nss = "nss",
        /// Fonts, and which to take.
        Fonts = "fonts",
    }
}
choices! {
    /// Where one of the `etc` files comes from.
    EtcFile {
        /// Made, where no source gave one.
        Generate = "generate",
        /// Made, whatever a source gave.
        Replace = "replace",
        /// The host's.
        Copy = "copy",
        /// Left alone.
        None = "none",
    }
}
choices! {
    /// How /proc is mounted.
    ProcMount {
        /// An own instance with masks, `/proc/sys` read-only.
        Private = "private",
        /// Only the processes (`subset=pid`, proc(5)).
        Pids = "pids",
        /// Not at all.
        None = "none",
    }
}
choices! {
    /// How /sys is mounted.
    SysMount {
        /// Not at all.
        None = "none",
        /// Read-only and masked.
        ReadOnly = "read-only",
    }
}
choices! {
    /// Whether /sys/fs/cgroup is mounted.
    CgroupMount {
        /// Not at all.
        None = "none",
        /// Read-only, rooted in the sandbox's own group.
        ReadOnly = "read-only",
    }
}
choices! {
    /// What a bind allows.
    Access {
        /// Reading.
        ReadOnly = "ro",
        /// Reading and writing.
        ReadWrite = "rw",
        /// Reading and writing, with the writes kept apart under the sandbox's name.
        Overlay = "overlay",
    }
}
choices! {
    /// How the owners of a bind's files show.
    Owner {
        /// As the sandbox's user.
        Map = "map",
        /// As they are.
        Keep = "keep",
    }
}
choices! {
    /// A mount option beside `nosuid` and `nodev`, which always hold.
    MountOption {
        /// No program runs from it.
        NoExec = "noexec",
        /// No symbolic link is followed below it.
        NoSymFollow = "nosymfollow",
        /// Reading leaves no access times.
        NoAtime = "noatime",
    }
}
choices! {
    /// What network the sandbox sees.
    NetworkMode {
        /// A loopback device of its own, nothing else.
        None = "none",
        /// The host's.
        Host = "host",
    }
}
choices! {
    /// The system-call policy.
    SeccompPolicy {
        /// An allow-list that ordinary programs run under.
        Default = "default",
        /// A smaller one, for programs that only compute.
        Strict = "strict",
        /// No list: every known call runs, but none that makes a set-id file.
        None = "none",
    }
}
choices! {
    /// Whose system calls a program may make.
    Architecture {
        /// Those of the machine.
        Native = "native",
        /// Those of 32-bit x86 too, on x86-64.
        X86 = "x86",
    }
}
choices! {
    /// A part that may be missing on a host that lacks it.
    Degradable {
        /// `security.landlock`.
        Landlock = "landlock",
        /// Every key of `[limits]` that needs a cgroup.
        Limits = "limits",
        /// `limits.memory` alone.
        LimitsMemory = "limits.memory",
        /// `limits.swap` alone.
        LimitsSwap = "limits.swap",
        /// `limits.cpus` alone.
        LimitsCpus = "limits.cpus",
        /// `limits.pids` alone.
        LimitsPids = "limits.pids",
        /// `limits.cpu_time` alone.
        LimitsCpuTime = "limits.cpu_time",
    }
}

/// On or off, where a bare `bool` would not say which is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Asked for.
    On,
    /// Not asked for.
    #[default]
    Off,
}

impl From<bool> for Switch {
    fn from(on: bool) -> Switch {
        if on { Switch::On } else { Switch::Off }
    }
}

impl Switch {
    /// Whether it is on.
    pub fn is_on(self) -> bool {
        self == Switch::On
    }
}
