//! `sandbox why`: is this allowed, and by which line?

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use crate::model::InsidePath;
use crate::report::why::{Asked, human, json};
use crate::review::why::{Question, Verdict, why};

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, Params, general};

/// Tell whether a profile allows something, and which line says so
///
/// The text alone is judged, with the same answer on every machine; what only the host can tell is said.
///
/// Exits with 0 when it is allowed, also where the host has to have it; with 1 when it is denied, and when the
/// profile has an error; with 2 for wrong usage.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("question").required(true).args(["path", "connect", "syscall", "env"])))]
#[command(after_help = "\
Examples:
  sandbox why dev --path /etc/shadow             may it be read?
  sandbox why dev --path '${HOME}/x' --write     may it be written?
  sandbox why dev --connect example.org:443      may it be connected to?
  sandbox why dev --syscall ptrace               does it run, and with which arguments not?
  sandbox why dev --env AWS_SECRET_ACCESS_KEY    does the program have it?")]
pub struct WhyCommand {
    /// A path inside; it may begin with a variable, as in a profile
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Whether the path may be written, and not only read
    #[arg(long, requires = "path")]
    write: bool,
    /// An address: a name or a number, and a port
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
    /// A system call, by the kernel's name
    #[arg(long, value_name = "NAME")]
    syscall: Option<String>,
    /// A variable of the environment
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    params: Params,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For scripts, by schemas/why.schema.json
    Json,
}

impl WhyCommand {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let given = match self.params.alone() {
            Ok(given) => given,
            Err(exit) => return exit,
        };
        let (question, asked) = match self.question() {
            Ok(question) => question,
            Err(message) => return usage(message),
        };
        let mut loaded = Loaded::read(&self.profile, given);
        let Some(settings) = loaded.judge_text_aloud() else {
            return Exit::NO;
        };
        let Some(answer) = why(&settings, &question) else {
            return usage(format!(
                "`{}` is no system call that is known",
                self.syscall.unwrap_or_default()
            ));
        };
        let asked = Asked {
            profile: &loaded.path.to_string_lossy(),
            question: &asked,
            answer: &answer,
            sources: &loaded.sources,
        };
        let text = match self.format {
            Format::Human => human(&asked),
            Format::Json => json(&asked),
        };
        match output::told(&text) {
            Ok(()) if answer.verdict != Verdict::Denied => Exit::DONE,
            _ => Exit::NO,
        }
    }

    /// The question, and its words.
    fn question(&self) -> Result<(Question, String), String> {
        if let Some(text) = &self.path {
            let path = path(text)?;
            let write = self.write;
            let asked = format!("{} `{path}`", if write { "write" } else { "read" });
            return Ok((Question::Path { path, write }, asked));
        }
        if let Some(to) = &self.connect {
            let port = to.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            let number = port.and_then(|(_, port)| port.parse::<u16>().ok());
            return match number {
                Some(1..) => Ok((Question::Connect(to.clone()), format!("connect to `{to}`"))),
                _ => Err(format!("`{to}` is no HOST:PORT: write `example.org:443`")),
            };
        }
        if let Some(name) = &self.syscall {
            return Ok((Question::SystemCall(name.clone()), format!("call `{name}`")));
        }
        let name = self.env.clone().unwrap_or_default();
        match name.is_empty() || name.contains(['=', '\0']) {
            true => Err(format!("`{name}` is no name of a variable")),
            false => Ok((
                Question::Variable(name.clone()),
                format!("see the variable `{name}`"),
            )),
        }
    }
}

fn path(text: &str) -> Result<InsidePath, String> {
    let climbs = text.split('/').any(|part| part == "..");
    match text.starts_with("${") && text.contains('}') && !climbs {
        true => Ok(InsidePath::symbolic(text)),
        false => text.parse().map_err(|why| format!("path `{text}` {why}")),
    }
}

fn usage(message: String) -> Exit {
    output::refuse(general("why.question", message), Exit::USAGE)
}
