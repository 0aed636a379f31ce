//! The vocabulary: newtypes and enums with `FromStr` and `Display`, what the host offers, what happened.

mod choices;
mod digest;
mod facts;
mod identity;
mod image;
mod kept;
mod names;
mod outcome;
mod paths;
mod privileges;
mod quantities;
mod refusal;
mod syscalls;
mod wanted;

pub use choices::{
    Access, Architecture, Bundle, CgroupMount, Degradable, EtcFile, ExtraArguments, MapUsers,
    MountOption, NetworkMode, Owner, ProcMount, SeccompPolicy, Switch, SysMount, TerminalMode,
    Writes,
};
pub use digest::{Sha256, from_hex};
pub use facts::{
    Accounts, CgroupFacts, CgroupVersion, Facts, Hierarchy, HostAccount, PathFact, PathKind,
    ProgramFact, User,
};
pub use identity::{FileMode, UserSpec};
pub use image::{ImageConfig, ImageFact, ImageName, Platform, PlatformSpec};
pub use kept::{Kept, KeptKind, KeptPlace};
pub use names::{Invalid, SandboxName, VolumeName, nearest};
pub use outcome::{Degraded, Ending, Enforced, LimitKind, Outcome, RefusedCall, Usage};
pub use paths::InsidePath;
pub use privileges::{Capability, Resource, Rlimit, RlimitValue, Signal};
pub use quantities::{ByteSize, Cpus, Period, TimeOffset};
pub use refusal::HostState;
pub use syscalls::{Errno, OnDeny};
pub use wanted::Wanted;
