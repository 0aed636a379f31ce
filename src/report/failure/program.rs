//! Why a process did not become the program.

use nix::errno::Errno;

use crate::diag::{At, Origin, Problem};
use crate::model::{InsidePath, MountOption, ProgramFact, Switch};
use crate::plan::{Mount, Plan, ProcessLimit, ProgramAction};

use super::{Cause, Failed, Texts};

const NO_LANDLOCK: &str = "add `landlock` to `lsm=` on the kernel's command line, or set \
    `security.landlock = false`";

impl Failed<'_> {
    pub(super) fn program(&self, action: &ProgramAction) -> Option<Cause> {
        match action {
            ProgramAction::LimitProcess(limit) => self.set_limit(limit),
            ProgramAction::ChangeDirectory(path) => self.workdir(path),
            ProgramAction::CloseDescriptors { keep } => self.descriptors(keep),
            ProgramAction::RefuseMagicLinks { candidates } => self.magic_link(candidates),
            ProgramAction::Execute { candidates, args } => self.execute(candidates, args),
            ProgramAction::Landlock(_) => self.landlock(),
            ProgramAction::OwnProcessGroup
            | ProgramAction::Probe(_)
            | ProgramAction::Answer
            | ProgramAction::SetUmask(_)
            | ProgramAction::ResetSignals => None,
        }
    }

    fn landlock(&self) -> Option<Cause> {
        match self.errno {
            Errno::ENOSYS if self.host.filtered == Some(Switch::On) => None,
            Errno::ENOSYS | Errno::EOPNOTSUPP => Some(
                self.refused(
                    "host.no-landlock",
                    "this kernel has no Landlock, or it was not switched on",
                )
                .help(NO_LANDLOCK),
            ),
            Errno::E2BIG => Some(
                self.refused(
                    "host.landlock-layers",
                    "sixteen programs around this one use Landlock, and the kernel takes no more",
                )
                .help("nest fewer sandboxes, or set `security.landlock = false`"),
            ),
            _ => None,
        }
    }

    fn set_limit(&self, limit: &ProcessLimit) -> Option<Cause> {
        let key = limit.resource.key;
        let hard = limit.limit.value.hard;
        match self.errno {
            Errno::EPERM => {
                let message = format!(
                    "`limits.process.{key}` cannot be {hard}: only root may raise a hard limit, and \
                     nobody above what the kernel allows"
                );
                let help = format!(
                    "write at most the caller's own hard limit of {}",
                    limit.resource.kernel_name
                );
                Some(Cause::new("limits.process-above-host", message).help(help))
            }
            Errno::EINVAL => {
                let message = format!("`limits.process.{key}` has a soft limit above its hard one");
                Some(Cause::new("limits.process-soft-above-hard", message))
            }
            _ => None,
        }
    }

    fn workdir(&self, path: &InsidePath) -> Option<Cause> {
        let path = self.texts.plain(path.as_str());
        match self.errno {
            Errno::ENOENT => Some(
                Cause::new(
                    "command.workdir-missing",
                    format!("working directory `{path}` is not in the tree"),
                )
                .help(format!(
                    "add `{{ dir = \"{path}\" }}` to `rootfs.source`, or mount something there"
                )),
            ),
            Errno::ENOTDIR => Some(Cause::new(
                "command.workdir-kind",
                format!("working directory `{path}` is not a directory, or lies below a file"),
            )),
            Errno::EACCES => Some(
                Cause::new(
                    "command.workdir-hidden",
                    format!("working directory `{path}` may not be entered by the sandbox's user"),
                )
                .help("give that user the right to search every directory on the way to it"),
            ),
            Errno::ELOOP => Some(Cause::new(
                "command.workdir-kind",
                format!("working directory `{path}` is reached by a link that may not be followed"),
            )),
            _ => None,
        }
    }

    fn descriptors(&self, keep: &[u32]) -> Option<Cause> {
        let numbers: Vec<String> = keep.iter().map(|number| format!("`{number}`")).collect();
        let fds = self.plan.settings.command.fds.first()?;
        (self.errno == Errno::EBADF).then(|| {
            let message = format!("not all of the descriptors {} are open", numbers.join(", "));
            Cause::new("command.fd-closed", message)
                .at(&fds.origin)
                .help("open each when `sandbox` is started, as in `sandbox up … 3<file`")
        })
    }

    fn magic_link(&self, candidates: &[String]) -> Option<Cause> {
        let name = candidates.first().and_then(|path| path.rsplit('/').next());
        let name = match candidates {
            [one] => self.texts.plain(one),
            _ => self.texts.plain(name.unwrap_or_default()),
        };
        match self.errno {
            Errno::ELOOP => Some(
                Cause::new(
                    "program.magic-link",
                    format!(
                        "`{name}`, or a `#!` line behind it, is a link of /proc, or a loop of links"
                    ),
                )
                .help("name the program's own file: /proc/self/exe would be `sandbox` itself"),
            ),
            Errno::EACCES => Some(
                Cause::new(
                    "program.not-readable",
                    format!("`{name}`, or an interpreter of it, may be executed but not read"),
                )
                .help("give the sandbox's user the right to read it (`chmod a+r`)"),
            ),
            _ => None,
        }
    }

    fn execute(&self, candidates: &[String], args: &[String]) -> Option<Cause> {
        let name = self.texts.plain(args.first().map_or("", String::as_str));
        match self.errno {
            Errno::ENOENT | Errno::ENOTDIR => Some(self.not_found(&name, candidates)),
            Errno::EACCES => Some(self.not_executable(&name, candidates)),
            Errno::ENOEXEC => Some(
                Cause::new(
                    "program.wrong-format",
                    format!("`{name}` is not a program that this machine can run"),
                )
                .help(
                    "begin a script with `#!`; a binary has to be of this machine's architecture",
                ),
            ),
            Errno::E2BIG => Some(Cause::new(
                "program.arguments-too-long",
                format!(
                    "the arguments and the environment of `{name}` are too long for the kernel"
                ),
            )),
            Errno::ELOOP => Some(Cause::new(
                "program.not-found",
                format!("`{name}` is a loop of links, or its interpreters are nested too deep"),
            )),
            Errno::ETXTBSY => Some(Cause::new(
                "program.not-executable",
                format!("`{name}` is open for writing somewhere"),
            )),
            _ => None,
        }
    }

    fn not_found(&self, name: &str, candidates: &[String]) -> Cause {
        let cause = match candidates {
            [] => Cause::new(
                "program.not-found",
                format!("`{name}` is not found: `PATH` of the program names no directory"),
            )
            .help("set `env.set.PATH`"),
            [one] if self.texts.plain(one) == name => Cause::new(
                "program.not-found",
                format!("`{name}` is not found in the tree"),
            ),
            several => {
                let several = several
                    .iter()
                    .map(|path| format!("`{}`", self.texts.plain(path)));
                let places = several.collect::<Vec<_>>().join(", ");
                let message = format!("`{name}` is not found in the tree: looked for at {places}");
                Cause::new("program.not-found", message)
            }
        };
        match cause.help {
            Some(_) => cause,
            None => cause.help(self.find(name)),
        }
    }

    /// What to do about a program that is not there: a source brings only what the host has.
    fn find(&self, name: &str) -> String {
        match &self.host.program {
            Some(ProgramFact::Missing { nearest }) => {
                let meant = nearest.as_ref();
                let meant = meant.map_or("correct it".to_owned(), |name| format!("write `{name}`"));
                format!("this host has no such program either: {meant}, or install the program")
            }
            Some(ProgramFact::Found(_)) | None => bring(name),
        }
    }

    fn not_executable(&self, name: &str, candidates: &[String]) -> Cause {
        if let Some(mount) = self.noexec_above(candidates) {
            let target = self.texts.plain(mount.value.target.as_str());
            let message =
                format!("`{name}` may not be executed: `{target}` is mounted with `noexec`");
            return Cause::new("program.not-executable", message)
                .at(&mount.origin)
                .help("remove `noexec` from `options`, or put the program elsewhere");
        }
        if self.host.tree_noexec == Some(Switch::On) {
            let message = format!(
                "`{name}` may not be executed: the store of trees lies on a file system with `noexec`"
            );
            return Cause::new("host.store-noexec", message).help(
                "set XDG_CACHE_HOME to a directory on a file system from which programs run",
            );
        }
        let message = format!("`{name}` is found, but the sandbox's user may not execute it");
        Cause::new("program.not-executable", message)
            .help("give it the permission to be executed (`chmod a+rx`, or `mode = \"0755\"`)")
    }

    /// The innermost mount over one of the places, where no program may be run from it.
    fn noexec_above(&self, candidates: &[String]) -> Option<&At<Mount>> {
        let paths = candidates
            .iter()
            .filter_map(|path| path.parse::<InsidePath>().ok());
        let innermost = |path: InsidePath| {
            let above = self.plan.settings.mounts.iter();
            let above = above.filter(move |mount| path.is_within(&mount.value.target));
            above.max_by_key(|mount| mount.value.target.as_str().len())
        };
        let mut over = paths.filter_map(innermost);
        over.find(|mount| mount.value.options.contains(&MountOption::NoExec))
    }
}

/// The program's file is there, but not what it needs to run.
pub(super) fn no_interpreter(plan: &Plan, step: usize) -> Problem {
    let step = plan.steps.get(step);
    let origin = step.map_or(Origin::Default, |step| step.origin.clone());
    let first = plan.settings.command.args.first();
    let name = first.map_or(String::new(), |first| Texts::new(plan).plain(&first.value));
    let message = format!(
        "`{name}` is in the tree, but not its loader or the interpreter that its `#!` line names"
    );
    Problem::error("program.no-interpreter", &origin, message).help(bring(&name))
}

/// What brings a program with everything that it needs.
fn bring(name: &str) -> String {
    format!(
        "add `{{ programs = [\"{name}\"] }}` to `rootfs.source`, which brings its loader, libraries and \
         interpreters"
    )
}
