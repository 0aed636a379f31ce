//! A step that failed, as a problem under the line that asked for it: what was refused, the cause where
//! it is known, and what to do about it.
//!
//! A cause is told by three things: which action it was, the errno, and what the host says of itself
//! afterwards ([`HostState`]). No other program's text is read, and no distribution guessed.

mod mounts;
mod namespaces;
mod parts;
mod program;
mod words;

use nix::errno::Errno;

use crate::diag::{Origin, Problem};
use crate::model::{HostState, Signal, Switch};
use crate::plan::{Action, Amount, HostIds, Plan, Step};

use super::actions::Texts;

/// A failed step: `step` is its place in the plan's list, `errno` the kernel's answer.
///
/// `host` is probed after the failure. Where nothing is known of the cause, the problem says what was
/// refused and how the kernel calls it.
pub fn explain(plan: &Plan, step: usize, errno: i32, host: &HostState) -> Problem {
    let errno = Errno::from_raw(errno);
    let Some(found) = plan.steps.get(step) else {
        let message = format!(
            "step {step}, which no plan has, failed ({})",
            words::of(errno)
        );
        return Problem::error("host.refused", &Origin::Default, message);
    };
    let failed = Failed {
        plan,
        step: found,
        errno,
        host,
        texts: Texts::new(plan),
    };
    let cause = failed.cause().unwrap_or_else(|| failed.unknown());
    failed.problem(cause)
}

/// The cause of a failed step by itself, for who asks before anything is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The stable name of the cause.
    pub code: &'static str,
    /// Why it was refused.
    pub reason: String,
    /// What to do, as an imperative; nothing where only the errno is known.
    pub help: Option<String>,
}

/// As [`explain`], without the step: the same causes, in the same words.
///
/// `step` belongs to the plan.
pub fn cause(plan: &Plan, step: &Step, errno: i32, host: &HostState) -> Told {
    let failed = Failed {
        plan,
        step,
        errno: Errno::from_raw(errno),
        host,
        texts: Texts::new(plan),
    };
    let Cause {
        code, reason, help, ..
    } = failed.cause().unwrap_or_else(|| failed.unknown());
    Told { code, reason, help }
}

/// The program's file is in the tree, but not its `#!` interpreter or its loader; `step` is the place
/// of the step that executes it.
pub fn explain_no_interpreter(plan: &Plan, step: usize) -> Problem {
    program::no_interpreter(plan, step)
}

/// A text of step `step` holds a NUL byte, which no text of the kernel can.
pub fn explain_nul(plan: &Plan, step: usize) -> Problem {
    let origin = plan.steps.get(step).map(|step| step.origin.clone());
    let what = plan.steps.get(step).map_or_else(String::new, |step| {
        Texts::new(plan).action(&step.action).what
    });
    Problem::error(
        "value.nul",
        &origin.unwrap_or(Origin::Default),
        format!("`{what}` holds a NUL byte, which no path and no argument can"),
    )
}

/// Something around the steps failed: `what` is what `sandbox` could not do.
pub fn explain_setup(what: &str, errno: i32) -> Problem {
    let errno = Errno::from_raw(errno);
    let problem = Problem::error(
        "host.setup",
        &Origin::Default,
        format!("`sandbox` cannot {what} ({})", words::of(errno)),
    );
    match errno {
        Errno::EMFILE | Errno::ENFILE => problem.help("raise the limit of open files: `ulimit -n`"),
        _ => problem,
    }
}

/// The first process ended before the program began, with wait status `status`, and no step failed.
pub fn explain_early_end(plan: &Plan, status: i32) -> Problem {
    let how = if libc::WIFSIGNALED(status) {
        format!("by SIG{}", Signal::name_of(libc::WTERMSIG(status)))
    } else {
        format!("with status {}", libc::WEXITSTATUS(status))
    };
    let message = format!("the sandbox was ended before its program began, {how}");
    let memory = plan.settings.group_limits.list.iter();
    let mut memory = memory
        .filter(|limit| matches!(limit.amount, Amount::Memory(_)))
        .map(|limit| (limit.amount.value(), &limit.origin));
    let killed = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL;
    match memory.next() {
        Some((value, origin)) if killed => Problem::error("host.killed", origin, message).help(
            format!("raise `limits.memory` above {value}, or look who sent the signal"),
        ),
        _ => Problem::error("host.killed", &Origin::Default, message),
    }
}

/// Why a step failed.
#[derive(Debug)]
struct Cause {
    /// The stable name of the cause.
    code: &'static str,
    /// The whole message.
    message: String,
    /// The part of it that says why.
    reason: String,
    /// What to do, as an imperative.
    help: Option<String>,
    /// The line that it is about, where that is not the step's own.
    origin: Option<Origin>,
}

impl Cause {
    fn new(code: &'static str, message: String) -> Cause {
        Cause {
            code,
            reason: message.clone(),
            message,
            help: None,
            origin: None,
        }
    }

    fn because(mut self, reason: String) -> Cause {
        self.reason = reason;
        self
    }

    fn help(mut self, help: impl Into<String>) -> Cause {
        self.help = Some(help.into());
        self
    }

    fn at(mut self, origin: &Origin) -> Cause {
        self.origin = Some(origin.clone());
        self
    }
}

/// One failed step with everything that may tell its cause.
#[derive(Clone, Copy)]
struct Failed<'a> {
    plan: &'a Plan,
    step: &'a Step,
    errno: Errno,
    host: &'a HostState,
    texts: Texts<'a>,
}

impl Failed<'_> {
    /// The known cause: of this action, or else of any action.
    fn cause(&self) -> Option<Cause> {
        self.of_action().or_else(|| self.of_any_action())
    }

    fn of_action(&self) -> Option<Cause> {
        match &self.step.action {
            Action::Clone { namespaces } => self.clone(namespaces),
            Action::WriteIdMaps(_) => self.id_maps(),
            Action::BecomeUser(_) => self.become_user(),
            Action::EnterGroups => self.group_entry(),
            Action::NewCgroupNamespace => self.cgroup_namespace(),
            Action::SetClocks(_) => self.clocks(),
            Action::ForbidUserNamespaces => self.forbid_user_namespaces(),
            Action::DropBoundingSet(_) | Action::SetCapabilities(_) => self.capabilities(),
            Action::Fork => self.process_limit(),
            Action::Filter(_) => self.filter(),
            Action::NewSession => self.keys(),
            Action::PrivateMounts | Action::BecomeSubreaper => self.foreign_proc(),
            Action::OpenTree { owner, .. } => self.open_tree(*owner),
            Action::OpenBind(bind) => self.open_bind(bind),
            Action::OpenKept(kept) => self.open_kept(kept),
            Action::Mount(action) => self.mount(action),
            Action::PivotRoot => self.pivot(),
            Action::Program(action) => self.program(action),
            Action::LeaveGroups { .. }
            | Action::MakeGroups(_)
            | Action::JoinNamespaces { .. }
            | Action::Start
            | Action::DieWithParent
            | Action::WaitForStart
            | Action::NoNewPrivileges
            | Action::SetHostName(_)
            | Action::LoopbackUp
            | Action::HideInit
            | Action::Reap => None,
        }
    }

    /// What refuses one action refuses others with the same errno.
    fn of_any_action(&self) -> Option<Cause> {
        match self.errno {
            Errno::EOWNERDEAD => {
                Some(self.refused("host.parent-gone", "`sandbox` itself has ended"))
            }
            Errno::ENOSYS => Some(self.no_such_call()),
            Errno::EPERM | Errno::EACCES => self.denied(),
            Errno::ENOMEM => Some(
                self.refused("host.no-memory", "the kernel has no memory for it")
                    .help("raise `limits.memory`, or free memory on the host"),
            ),
            Errno::EMFILE | Errno::ENFILE => Some(
                self.refused("host.open-files", "too many files are open")
                    .help("raise the limit of open files: `ulimit -n`"),
            ),
            _ => None,
        }
    }

    fn no_such_call(&self) -> Cause {
        if self.host.filtered == Some(Switch::On) {
            return self.container_filter();
        }
        if self.host.traced == Some(Switch::On) {
            let reason = "a tracer such as proot stands between `sandbox` and the kernel";
            return self
                .refused("host.traced", reason)
                .help("start it without the tracer");
        }
        let reason = match self.host.kernel {
            Some((major, minor)) => format!("this kernel, {major}.{minor}, does not have it"),
            None => "this kernel does not have it".to_owned(),
        };
        self.refused("host.kernel-too-old", &reason)
            .help("use Linux 5.12 or newer; emulations of the kernel (gVisor, WSL 1) lack it too")
    }

    /// A security module or a filter that denies what the kernel itself would allow.
    fn denied(&self) -> Option<Cause> {
        let host = self.host;
        if host.apparmor_restricts_user_namespaces == Some(Switch::On) && self.caller_maps_itself()
        {
            let reason = "AppArmor takes all rights from user namespaces of unprivileged programs \
                 (`kernel.apparmor_restrict_unprivileged_userns` is 1)";
            return Some(self.refused("host.apparmor-userns", reason).help(
                "install the AppArmor profile with the rule `userns,` that the package of `sandbox` \
                 ships, or run it as root",
            ));
        }
        if host.filtered == Some(Switch::On) && self.errno == Errno::EPERM {
            return Some(self.container_filter());
        }
        if host.is_confined() {
            let profile = host.apparmor_profile.as_deref().unwrap_or_default();
            let reason = format!("the AppArmor profile `{profile}` of this container forbids it");
            return Some(self.refused("host.container-apparmor", &reason).help(
                "start the container with `--security-opt apparmor=unconfined` (docker, podman) or \
                 `appArmorProfile: { type: Unconfined }` (Kubernetes)",
            ));
        }
        None
    }

    fn container_filter(&self) -> Cause {
        let reason = "the system-call filter of the container that this runs in forbids it";
        self.refused("host.container-seccomp", reason).help(
            "start the container with `--security-opt seccomp=unconfined` (docker, podman) or \
             `seccompProfile: { type: Unconfined }` (Kubernetes)",
        )
    }

    /// Whether the sandbox lies in a user namespace that an unprivileged caller made.
    fn caller_maps_itself(&self) -> bool {
        matches!(self.plan.settings.identity.host, HostIds::Caller(_))
    }

    /// A cause of the host: `what` is refused, since `reason`.
    fn refused(&self, code: &'static str, reason: &str) -> Cause {
        let what = self.what();
        let errno = words::of(self.errno);
        let reason = format!("{reason} ({errno})");
        Cause::new(code, format!("`{what}` is refused: {reason}")).because(reason)
    }

    fn unknown(&self) -> Cause {
        let what = self.what();
        let errno = words::of(self.errno);
        let message = format!("`{what}` is refused by the kernel ({errno})");
        Cause::new("host.refused", message).because(format!("the kernel refuses it ({errno})"))
    }

    fn what(&self) -> String {
        self.texts.action(&self.step.action).what
    }

    fn problem(&self, cause: Cause) -> Problem {
        let Cause {
            code,
            message,
            reason: _,
            help,
            origin,
        } = cause;
        let origin = origin.as_ref().unwrap_or(&self.step.origin);
        let problem = Problem::error(code, origin, message);
        match help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }
}
