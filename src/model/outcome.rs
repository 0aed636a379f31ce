//! What happened to a run.

use std::time::Duration;

use schemars::JsonSchema;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{Finding, Kept, Signal, Stop, Unprotected, Usage};

/// Everything that the report says of a finished run.
///
/// Its fields are those of the report (`schemas/report.schema.json`): what the host cannot say is null,
/// never zero.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Outcome {
    /// The sandbox's name, with the number of a second run.
    pub name: String,
    /// The exit code of `sandbox` itself: the program's own, 128 and the signal's number, 124 when the wall
    /// time was over, or 159 (128 and SIGSYS) when it was killed for a system call.
    pub exit_code: u8,
    /// How it ended.
    pub ending: Ending,
    /// Who wanted it to end, before it did; null where nobody did.
    pub stopped_by: Option<Stop>,
    /// Every limit that was met, whether or not it ended the run.
    pub limits_hit: Vec<LimitKind>,
    /// System calls that the policy refused, the most frequent first, also those for which a process was
    /// killed; null where nobody counted them.
    pub refused_calls: Option<Vec<RefusedCall>>,
    /// When it was started, in seconds since 1970 by the clock of that moment.
    pub started_unix: u64,
    /// From the start of the program to its end, in seconds.
    #[serde(serialize_with = "seconds", rename = "wall_seconds")]
    #[schemars(with = "f64", range(min = 0))]
    pub wall: Duration,
    /// Bytes that a detached program wrote and its log could not take in, as the disk was full; null where there is no
    /// log.
    pub log_lost_bytes: Option<u64>,
    /// What it used.
    pub usage: Usage,
    /// The contract: every layer of isolation, whether or not it held.
    pub isolation: Vec<Layer>,
    /// What outlives the run under the sandbox's name.
    pub kept: Vec<Kept>,
    /// What the profile marks as optional and the host does not have.
    pub left_out: Vec<String>,
    /// Parts of binds that `read_only` or `hide` name and that were not protected, or are no longer once a
    /// program of the host moves or replaces them.
    pub unprotected: Vec<Unprotected>,
    /// What each expectation of the profile came to, where that was asked; no part of the report.
    #[serde(skip)]
    pub found: Vec<Finding>,
}

/// A system call that the policy refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RefusedCall {
    /// Its name in the kernel's spelling; its number where it has none, and `others` beyond 64 such numbers.
    pub name: String,
    /// Whose call it was: `x86_64`, `aarch64`, `x86`, `x32` or `arm`; `other` where it is none of them.
    pub architecture: &'static str,
    /// How often.
    pub count: u64,
    /// How many of them killed the process that made them.
    pub killed: u64,
}

/// A system call, as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its name in the kernel's spelling, where it has one.
    pub name: Option<&'static str>,
    /// Its number.
    pub number: i32,
    /// Whose call it is.
    pub architecture: &'static str,
}

impl Call {
    /// Its name, or its number where it has none.
    pub fn name(&self) -> String {
        self.name
            .map_or_else(|| self.number.to_string(), str::to_owned)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The program left with a code.
    Exited {
        /// Its exit status.
        code: u8,
    },
    /// A signal ended it.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// A limit of the profile ended it.
    Limit {
        /// Which one.
        limit: LimitKind,
        /// The signal that carried it out.
        signal: i32,
    },
    /// It was killed for a system call that the policy does not let run.
    Seccomp {
        /// Which one.
        call: Call,
        /// Why it does not run.
        reason: Deadly,
        /// The signal that carried it out.
        signal: i32,
    },
}

/// Why a system call kills whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deadly {
    /// The policy refuses the call, and has `on_deny = "kill"`.
    Refused,
    /// No call of this architecture runs.
    Architecture,
}

/// Each variant with its `kind`, and signals by name too: numbers differ between architectures.
impl Serialize for Ending {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ending = serializer.serialize_struct("Ending", 7)?;
        let signal = match self {
            Ending::Exited { code } => {
                ending.serialize_field("kind", "exited")?;
                ending.serialize_field("code", code)?;
                return ending.end();
            }
            Ending::Signalled { signal } => {
                ending.serialize_field("kind", "signalled")?;
                signal
            }
            Ending::Limit { limit, signal } => {
                ending.serialize_field("kind", "limit")?;
                ending.serialize_field("limit", limit)?;
                signal
            }
            Ending::Seccomp {
                call,
                reason,
                signal,
            } => {
                ending.serialize_field("kind", "seccomp")?;
                ending.serialize_field("name", &call.name())?;
                ending.serialize_field("number", &call.number)?;
                ending.serialize_field("architecture", call.architecture)?;
                ending.serialize_field("reason", reason)?;
                signal
            }
        };
        ending.serialize_field("signal", signal)?;
        ending.serialize_field("signal_name", &Signal::name_of(*signal))?;
        ending.end()
    }
}

// What `Ending` is written as, for the schema.
/// How a run ended, told apart by `kind`.
#[derive(JsonSchema)]
#[schemars(rename = "Ending", tag = "kind", rename_all = "kebab-case")]
#[expect(dead_code, reason = "the schema is made from its fields, nothing else")]
enum WrittenEnding {
    /// The program left with a code.
    Exited {
        /// Its exit status.
        code: u8,
    },
    /// A signal ended it, sent by anyone but a limit of the profile, or a system call that was refused where
    /// nobody could tell which one.
    Signalled {
        /// The signal's number on the architecture that it ran on.
        signal: i32,
        /// Its name without `SIG`, such as `TERM`; the number again where it has none.
        signal_name: String,
    },
    /// A limit of the profile ended it.
    Limit {
        /// Which one.
        limit: LimitKind,
        /// The number of the signal that carried it out.
        signal: i32,
        /// Its name without `SIG`.
        signal_name: String,
    },
    /// It was killed for a system call that the policy does not let run.
    Seccomp {
        /// The call's name in the kernel's spelling; its number where it has none.
        name: String,
        /// The call's number; those of x32 have the bit 0x40000000 set.
        number: i32,
        /// Whose call it was: `x86_64`, `aarch64`, `x86`, `x32` or `arm`; `other` where it is none of them.
        architecture: &'static str,
        /// Why it does not run.
        reason: Deadly,
        /// The number of the signal that carried it out: SIGSYS, or SIGKILL where the program does not take SIGSYS.
        signal: i32,
        /// Its name without `SIG`.
        signal_name: String,
    },
}

impl JsonSchema for Ending {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        WrittenEnding::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        WrittenEnding::json_schema(generator)
    }
}

/// The limits that a run can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// `limits.memory`: the kernel's out-of-memory killer ended a process, and everything was killed with it.
    Memory,
    /// `limits.pids`: a process could not be made. It never ends a run by itself.
    Pids,
    /// `limits.wall_time`: everything was killed.
    WallTime,
    /// `limits.cpu_time`: everything was killed.
    CpuTime,
    /// `limits.output`: everything was killed.
    Output,
}

impl LimitKind {
    /// The key in the profile.
    pub fn key(self) -> &'static str {
        match self {
            LimitKind::Memory => "limits.memory",
            LimitKind::Pids => "limits.pids",
            LimitKind::WallTime => "limits.wall_time",
            LimitKind::CpuTime => "limits.cpu_time",
            LimitKind::Output => "limits.output",
        }
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// One layer of isolation, and whether it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Layer {
    /// Its name: `namespace.pid`, `seccomp`, `limits.memory`.
    pub layer: String,
    /// Whether it held.
    pub state: LayerState,
    /// What it was set to; null where it did not hold.
    pub value: Option<String>,
    /// Why it did not hold, or what a layer that held lacks on this host.
    pub reason: Option<String>,
}

/// Whether a layer of isolation held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LayerState {
    /// It held.
    Enforced,
    /// The host lacks it, and the profile does not insist.
    Degraded,
    /// The profile has it off, or does not set it.
    Off,
}
