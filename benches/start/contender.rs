//! A command that is measured.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::rc::Rc;

use crate::place::{Place, Timed, timed};
use crate::rivals::OURS;

/// How often each contender runs before it is measured: trees are built, caches filled.
const WARM_UP: usize = 3;

/// Whether a contender puts its program under limits of memory, CPU and pids.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// None.
    Without,
    /// All three.
    With,
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Without => "no limits",
            Self::With => "limits of memory, CPU and pids",
        })
    }
}

/// One command, and the group of commands that it is compared in.
pub struct Contender {
    /// What the tables call it.
    pub name: String,
    /// The group.
    pub limits: Limits,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    place: Option<Rc<Place>>,
}

impl Contender {
    /// A contender without limits; `args` starts with the program.
    pub fn new<A: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = A>) -> Self {
        let bare = Self {
            name: name.to_owned(),
            limits: Limits::Without,
            args: Vec::new(),
            env: Vec::new(),
            place: None,
        };
        bare.args(args)
    }

    /// The same with one more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// The same with more arguments.
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// The same in a group.
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same with a variable set.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// The same started elsewhere.
    pub fn started_from(self, place: Option<Rc<Place>>) -> Self {
        Self { place, ..self }
    }

    /// Runs a command of this contender's, where it is to be started, and waits for it.
    pub fn run(&self, command: Command) -> Timed {
        match &self.place {
            Some(place) => place.run(command),
            None => timed(command),
        }
    }

    /// The command, with no input and no output.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.args[0]);
        command
            .args(&self.args[1..])
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs it once, and says what it printed when it fails. Output goes to a file: a pipe would
    /// wait for whatever outlives the command.
    pub fn attempt(&self) -> Result<(), String> {
        let mut output = tempfile::tempfile().map_err(|error| error.to_string())?;
        let copy = |file: &File| file.try_clone().map_err(|error| error.to_string());
        let mut command = self.command();
        command.stdout(copy(&output)?).stderr(copy(&output)?);
        let (status, _) = self.run(command)?;
        let mut text = String::new();
        output.rewind().map_err(|error| error.to_string())?;
        output
            .read_to_string(&mut text)
            .map_err(|error| error.to_string())?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{status}: {}", beginning(&text))),
        }
    }
}

/// As much of a program's output as a line can hold.
fn beginning(output: &str) -> String {
    let words: Vec<&str> = output.split_whitespace().collect();
    words.join(" ").chars().take(200).collect()
}

/// The contenders that run here, and those that do not, each with its reason.
pub struct Prepared {
    /// Warm.
    pub ready: Vec<Contender>,
    /// As text.
    pub absent: Vec<String>,
}

/// Warms every contender up whose name has one of the words of `only`, or all where it is empty.
/// That the sandbox without limits does not start is an error; that another does not is told.
pub fn prepare(all: Vec<Contender>, only: &[String]) -> Result<Prepared, String> {
    let mut prepared = Prepared {
        ready: Vec::new(),
        absent: Vec::new(),
    };
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| name.contains(word));
    for contender in all {
        if contender.name != OURS && !wanted(&contender.name) {
            continue;
        }
        match (0..WARM_UP).try_for_each(|_| contender.attempt()) {
            Ok(()) => prepared.ready.push(contender),
            Err(reason) if contender.name == OURS && contender.limits == Limits::Without => {
                return Err(format!("{}: {reason}", contender.name));
            }
            Err(reason) => {
                let Contender { name, limits, .. } = contender;
                prepared.absent.push(format!("{name}, {limits}: {reason}"));
            }
        }
    }
    Ok(prepared)
}
