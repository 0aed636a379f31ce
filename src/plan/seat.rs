//! What a further program of a running sandbox has to be like the first: a place beside it.
//!
//! The supervisor of the sandbox writes it on demand, and whoever starts the program reads it: plain values,
//! by the words of the profile. It holds values of the caller's environment, so that it passes through memory
//! alone and is never kept.

mod limits;

use serde::{Deserialize, Serialize};

use crate::diag::{At, FileId, Origin, Problems};
use crate::model::{
    FileMode, InsidePath, Invalid, LandlockAbi, MapHelpers, Period, SandboxName, Switch,
    TerminalMode,
};
use crate::profile;

pub use limits::OwnLimits;
use limits::SeatLimit;

use super::step::{Action, Step};
use super::steps::{further_steps, steps};
use super::{
    Command, End, Given, HostGroup, HostIds, IdMaps, Identity, Knowledge, Landlock, LandlockPlace,
    LandlockReach, LandlockRules, MapWriter, Missing, MountPointKind, Namespace, Plan, Privacy,
    PrivateValues, ProgramAction, Settings, Supervise, Syscalls, Terminal, UserIds, Variable,
    resolve,
};

/// A place beside the first program of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    version: u32,
    name: String,
    workdir: String,
    umask: u32,
    env: Vec<SeatVariable>,
    path: Vec<String>,
    private: Vec<(String, String)>,
    user: (u32, u32),
    host: SeatIds,
    keeps_groups: Vec<u32>,
    helpers_map: bool,
    capabilities: Vec<String>,
    limits: Vec<SeatLimit>,
    #[serde(default)]
    inherited_limits: Vec<SeatLimit>,
    seccomp: String,
    allow: Vec<String>,
    deny: Vec<String>,
    on_deny: String,
    x86: bool,
    nested_userns: bool,
    landlock: Option<SeatRules>,
    pid_namespace: bool,
    has_groups: bool,
    stop_signal: String,
    stop_timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeatVariable {
    name: String,
    value: String,
    private: bool,
}

/// What stands behind the program's ids on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SeatIds {
    Caller(u32, u32),
    Range(u32, u32),
    Same,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeatRules {
    abi: u32,
    places: Vec<SeatPlace>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeatPlace {
    path: String,
    is_directory: bool,
    reach: String,
    may_be_missing: bool,
}

/// The version that is written; another one may mean something else by the same words.
const VERSION: u32 = 1;

/// A program to start beside the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Further {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// Where it starts, in place of where the first did.
    pub workdir: Option<InsidePath>,
    /// Whether it has a pseudo-terminal of its own.
    pub terminal: Terminal,
    /// The namespaces of the sandbox that the caller is not in already.
    pub namespaces: Vec<Namespace>,
    /// The caller's own limits.
    pub limits: OwnLimits,
}

impl Seat {
    /// The place beside the program of a sandbox with these settings, whose caller has these limits.
    pub fn of(settings: &Settings, has_groups: Switch, own: &OwnLimits) -> Seat {
        let Command {
            workdir,
            umask,
            env,
            path,
            // The further program's own.
            args: _,
            extra: _,
            terminal: _,
            terminal_mode: _,
            // Those of its caller's are other files.
            fds: _,
        } = &settings.command;
        let Identity {
            user,
            host,
            maps,
            groups,
            asked: _,
        } = &settings.identity;
        let Syscalls {
            allow,
            deny,
            on_deny,
            x86,
        } = &settings.syscalls;
        let Supervise {
            stop_signal,
            stop_timeout,
            kill_on_parent_exit: _,
        } = &settings.supervise;
        let timeout = stop_timeout.value.0.as_millis();
        Seat {
            version: VERSION,
            name: settings.name.value.as_str().to_owned(),
            workdir: workdir.value.as_str().to_owned(),
            umask: umask.value.0,
            env: env
                .iter()
                .map(|variable| seat_variable(&variable.value))
                .collect(),
            path: path.clone(),
            private: settings.private.pairs(),
            user: (user.value.uid, user.value.gid),
            host: seat_ids(*host),
            keeps_groups: groups.iter().map(|group| group.value.id).collect(),
            helpers_map: matches!(maps.value.writer, MapWriter::Helpers(_)),
            capabilities: words(&settings.capabilities),
            limits: settings.process_limits.iter().map(limits::told).collect(),
            inherited_limits: limits::inherited(own, &settings.process_limits),
            seccomp: settings.seccomp.value.to_string(),
            allow: words(allow),
            deny: words(deny),
            on_deny: on_deny.value.to_string(),
            x86: x86.value.is_on(),
            nested_userns: settings.nested_userns.value.is_on(),
            landlock: rules(settings).map(|rules| seat_rules(&rules)),
            pid_namespace: settings.namespaces.pid.value.is_on(),
            has_groups: has_groups.is_on(),
            stop_signal: stop_signal.value.to_string(),
            stop_timeout_ms: u64::try_from(timeout).unwrap_or(u64::MAX),
        }
    }

    /// Whether the program may make and enter namespaces of its own.
    pub fn may_leave_namespaces(&self) -> bool {
        self.nested_userns || self.capabilities.iter().any(|name| name == "CAP_SYS_ADMIN")
    }

    /// The plan that starts a further program there.
    ///
    /// # Errors
    /// When a word of it means nothing to this version.
    pub fn plan(&self, further: &Further) -> Result<Plan, Invalid> {
        if self.version != VERSION {
            let reason = format!("its supervisor speaks version {}", self.version);
            return Err(Invalid::because(reason));
        }
        let settings = self.settings(further)?;
        let rules = self.landlock.as_ref().map(plan_rules).transpose()?;
        let groups = match self.has_groups {
            true => Switch::On,
            false => Switch::Off,
        };
        let steps = further_steps(&settings, &further.namespaces, groups, rules.as_ref());
        Ok(Plan { settings, steps })
    }

    /// Those of an empty profile, and over them what the sandbox has.
    fn settings(&self, further: &Further) -> Result<Settings, Invalid> {
        let mut settings = empty()?;
        settings.name = given(self.name.parse::<SandboxName>()?);
        settings.command = self.command(further)?;
        settings.identity = self.identity(settings.identity);
        settings.capabilities = parsed(&self.capabilities)?;
        settings.process_limits =
            limits::all(&self.limits, &self.inherited_limits, &further.limits)?;
        settings.seccomp = given(self.seccomp.parse()?);
        settings.syscalls = Syscalls {
            allow: parsed(&self.allow)?,
            deny: parsed(&self.deny)?,
            on_deny: given(self.on_deny.parse()?),
            x86: given(switch(self.x86)),
        };
        settings.nested_userns = given(switch(self.nested_userns));
        settings.namespaces.pid = given(switch(self.pid_namespace));
        settings.landlock = given(match &self.landlock {
            Some(rules) => Landlock::Enforced(LandlockAbi(rules.abi)),
            None => Landlock::Off,
        });
        settings.supervise = Supervise {
            kill_on_parent_exit: given(Switch::On),
            stop_signal: given(self.stop_signal.parse()?),
            stop_timeout: given(Period(std::time::Duration::from_millis(
                self.stop_timeout_ms,
            ))),
        };
        settings.wall_time = None;
        let mut private = PrivateValues::default();
        for (value, shown) in &self.private {
            private.insert(value, shown.as_str());
        }
        settings.private = private;
        Ok(settings)
    }

    fn command(&self, further: &Further) -> Result<Command, Invalid> {
        let Further {
            args,
            workdir,
            terminal,
            namespaces: _,
            limits: _,
        } = further;
        let on_line = |text: &String| At::new(text.clone(), Origin::CommandLine);
        let variables = self.env.iter().map(|variable| {
            given(Variable {
                name: variable.name.clone(),
                value: variable.value.clone(),
                privacy: match variable.private {
                    true => Privacy::Private,
                    false => Privacy::Shown,
                },
            })
        });
        Ok(Command {
            args: args.iter().map(on_line).collect(),
            extra: given(crate::model::ExtraArguments::Replace),
            workdir: match workdir {
                Some(path) => At::new(path.clone(), Origin::CommandLine),
                None => given(self.workdir.parse()?),
            },
            umask: given(FileMode(self.umask)),
            terminal: given(*terminal),
            terminal_mode: TerminalMode::Auto,
            fds: Vec::new(),
            env: variables.collect(),
            path: self.path.clone(),
        })
    }

    fn identity(&self, empty: Identity) -> Identity {
        let ids = |(uid, gid)| UserIds { uid, gid };
        let host = match self.host {
            SeatIds::Caller(uid, gid) => HostIds::Caller(ids((uid, gid))),
            SeatIds::Range(uid, gid) => HostIds::Range(ids((uid, gid))),
            SeatIds::Same => HostIds::Same,
        };
        Identity {
            user: given(ids(self.user)),
            host,
            // They are written already: what counts is whether groups can be left.
            maps: given(IdMaps {
                users: Vec::new(),
                groups: Vec::new(),
                writer: match self.helpers_map {
                    true => MapWriter::Helpers(MapHelpers::default()),
                    false => MapWriter::Nobody,
                },
            }),
            groups: self.keeps_groups.iter().copied().map(nameless).collect(),
            ..empty
        }
    }
}

fn nameless(id: u32) -> At<HostGroup> {
    given(HostGroup { id, name: None })
}

fn given<T>(value: T) -> At<T> {
    At::default_value(value)
}

fn switch(on: bool) -> Switch {
    match on {
        true => Switch::On,
        false => Switch::Off,
    }
}

fn words<T: ToString>(list: &[At<T>]) -> Vec<String> {
    list.iter().map(|entry| entry.value.to_string()).collect()
}

fn parsed<T: std::str::FromStr<Err = Invalid>>(list: &[String]) -> Result<Vec<At<T>>, Invalid> {
    list.iter().map(|word| word.parse().map(given)).collect()
}

fn empty() -> Result<Settings, Invalid> {
    let mut problems = Problems::new();
    let name = Some("empty".parse()?);
    let raw = profile::parse(FileId::FIRST, "version = 1\n", &mut problems);
    let arguments = vec!["/".to_owned()];
    let asked = Given {
        name,
        arguments,
        ..Given::default()
    };
    let settings = raw.and_then(|raw| resolve(&raw, &asked, Knowledge::Symbolic, &mut problems));
    settings.ok_or_else(|| Invalid::because("is not understood"))
}

fn seat_ids(host: HostIds) -> SeatIds {
    match host {
        HostIds::Caller(ids) => SeatIds::Caller(ids.uid, ids.gid),
        HostIds::Range(ids) => SeatIds::Range(ids.uid, ids.gid),
        HostIds::Same => SeatIds::Same,
    }
}

fn seat_variable(variable: &Variable) -> SeatVariable {
    SeatVariable {
        name: variable.name.clone(),
        value: variable.value.clone(),
        private: variable.privacy == Privacy::Private,
    }
}

/// The rules that the first program is under, as its own steps have them.
fn rules(settings: &Settings) -> Option<LandlockRules> {
    settings.landlock.value.enforced()?;
    let steps: Vec<Step> = steps(settings, End::Execute);
    steps.into_iter().find_map(|step| match step.action {
        Action::Program(ProgramAction::Landlock(rules)) => Some(rules),
        _ => None,
    })
}

fn seat_rules(rules: &LandlockRules) -> SeatRules {
    let LandlockRules {
        abi,
        places,
        // Of the further program's own.
        descriptors: _,
    } = rules;
    let places = places.iter().map(|place| {
        let LandlockPlace {
            path,
            shape,
            reach,
            missing,
        } = place;
        SeatPlace {
            path: path.as_str().to_owned(),
            is_directory: *shape == MountPointKind::Directory,
            reach: reach.name().to_owned(),
            may_be_missing: *missing == Missing::Skipped,
        }
    });
    SeatRules {
        abi: abi.0,
        places: places.collect(),
    }
}

fn plan_rules(rules: &SeatRules) -> Result<LandlockRules, Invalid> {
    let places = rules.places.iter().map(|place| {
        let reach = match place.reach.as_str() {
            "read" => LandlockReach::Read,
            "write" => LandlockReach::Write,
            "device" => LandlockReach::Device,
            "kernel" => LandlockReach::Kernel,
            other => {
                return Err(Invalid::unknown(
                    other,
                    &["read", "write", "device", "kernel"],
                ));
            }
        };
        Ok(LandlockPlace {
            path: place.path.parse()?,
            shape: match place.is_directory {
                true => MountPointKind::Directory,
                false => MountPointKind::File,
            },
            reach,
            missing: match place.may_be_missing {
                true => Missing::Skipped,
                false => Missing::Refused,
            },
        })
    });
    Ok(LandlockRules {
        abi: LandlockAbi(rules.abi),
        places: places.collect::<Result<_, Invalid>>()?,
        descriptors: vec![0, 1, 2],
    })
}
