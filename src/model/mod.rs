//! The vocabulary: newtypes and enums with `FromStr` and `Display`, what the host offers, what happened.

mod choices;
mod digest;
mod expectation;
mod facts;
pub mod guard;
pub mod host_sockets;
pub mod id_maps;
mod identity;
mod image;
mod kept;
mod landlock;
mod names;
mod number_list;
mod outcome;
mod parts;
mod paths;
mod privileges;
mod quantities;
mod refusal;
mod running;
mod stop;
mod surroundings;
mod syscalls;
mod usage;
mod wanted;

pub use choices::{
    Access, Architecture, Bundle, CgroupMount, Degradable, EtcFile, ExtraArguments, MountOption,
    NetworkMode, Owner, ProcMount, SeccompPolicy, Switch, SysMount, TerminalMode, Writes,
};
pub use digest::{Sha256, from_hex};
pub use expectation::{Endpoint, Expectation, Expected, Finding, PathUse, Verdict};
pub use facts::{
    Accounts, CgroupFacts, CgroupVersion, DiskFact, Facts, FoundCheckout, Hardware, Hierarchy,
    HostAccount, MapHelpers, PathFact, PathKind, Placed, ProgramFact, SetIdFiles, User,
};
pub use id_maps::IdExtent;
pub use identity::{FileMode, GroupSpec, UserSpec};
pub use image::{ImageConfig, ImageFact, ImageName, Platform, PlatformSpec};
pub use kept::{Kept, KeptKind, KeptPlace};
pub use landlock::LandlockAbi;
pub use names::{Invalid, SandboxName, VolumeName, nearest};
pub use number_list::{NumberList, Weight};
pub use outcome::{Call, Deadly, Ending, Layer, LayerState, LimitKind, Outcome, RefusedCall};
pub use parts::{PartFact, PartPath, Protection, Unprotected};
pub use paths::InsidePath;
pub use privileges::{Capability, Resource, Rlimit, RlimitValue, Signal};
pub use quantities::{ByteSize, Cpus, Period, TimeOffset};
pub use refusal::HostState;
pub use running::{Figures, RunState, RunningSandbox};
pub use stop::{Stop, StopAnswer, StopSource};
pub use surroundings::{KeyQuota, Place, Room, Surroundings};
pub use syscalls::{Errno, OnDeny};
pub use usage::{Pressure, Usage};
pub use wanted::Wanted;
