//! `sandbox why`: is this allowed, and by which line?

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};

use crate::host;
use crate::model::InsidePath;
use crate::plan::Settings;
use crate::report::why::{Asked, human, json};
use crate::review::why::{Question, Verdict, why};

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, Params, general};

/// Tell whether a profile allows something, and which line says so
///
/// The text alone is judged, with the same answer on every machine; what only the host can tell is said. A path below
/// the current checkout, the current directory or the home directory is taken as the profile writes it, such as
/// `${GIT_ROOT}/src`.
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
    /// A path inside; it may begin with a variable, as in a profile, or be relative to the current directory
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
        let question = match self.question() {
            Ok(question) => question,
            Err(message) => return usage(message),
        };
        let mut loaded = Loaded::read(&self.profile, given);
        let Some(settings) = loaded.judge_text_aloud() else {
            return Exit::NO;
        };
        let question = as_written(question, &settings);
        let Some(answer) = why(&settings, &question) else {
            return usage(format!(
                "`{}` is no system call that is known",
                self.syscall.unwrap_or_default()
            ));
        };
        let asked = Asked {
            profile: &loaded.path.to_string_lossy(),
            question: &words(&question),
            answer: &answer,
            sources: &loaded.sources,
        };
        let text = match self.format {
            Format::Human => human(&asked),
            Format::Json => json(&asked),
        };
        match output::text(&text) {
            Ok(()) if answer.verdict != Verdict::Denied => Exit::DONE,
            _ => Exit::NO,
        }
    }

    fn question(&self) -> Result<Question, String> {
        if let Some(text) = &self.path {
            let (path, write) = (path(text)?, self.write);
            return Ok(Question::Path { path, write });
        }
        if let Some(to) = &self.connect {
            let port = to.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            let number = port.and_then(|(_, port)| port.parse::<u16>().ok());
            return match number {
                Some(1..) => Ok(Question::Connect(to.clone())),
                _ => Err(format!("`{to}` is no HOST:PORT: write `example.org:443`")),
            };
        }
        if let Some(name) = &self.syscall {
            return Ok(Question::SystemCall(name.clone()));
        }
        let name = self.env.clone().unwrap_or_default();
        match name.is_empty() || name.contains(['=', '\0']) {
            true => Err(format!("`{name}` is no name of a variable")),
            false => Ok(Question::Variable(name)),
        }
    }
}

fn words(question: &Question) -> String {
    match question {
        Question::Path { path, write: true } => format!("write `{path}`"),
        Question::Path { path, write: false } => format!("read `{path}`"),
        Question::Connect(to) => format!("connect to `{to}`"),
        Question::SystemCall(name) => format!("call `{name}`"),
        Question::Variable(name) => format!("see the variable `{name}`"),
    }
}

/// A path as the profile writes it: a shell has made `/home/me/src/x` of what is `${GIT_ROOT}/x` there, and what is
/// mounted at `${GIT_ROOT}` would not be seen. The variable with the longest value wins, as the innermost mount does.
fn as_written(question: Question, settings: &Settings) -> Question {
    let Question::Path { path, write } = &question else {
        return question;
    };
    let Ok(here) = std::env::current_dir() else {
        return question;
    };
    let values = [
        ("${GIT_ROOT}", host::checkout_top(&here)),
        ("${CWD}", Some(here)),
        ("${HOME}", host::places::home()),
    ];
    let targets = || {
        settings
            .mounts
            .iter()
            .map(|mount| mount.value.target.as_str())
    };
    let found = values.into_iter().filter_map(|(name, value)| {
        let value = value?;
        let rest = Path::new(path.as_str()).strip_prefix(&value).ok()?;
        let is_used = targets().any(|target| target.starts_with(name));
        is_used.then(|| (value.as_os_str().len(), Path::new(name).join(rest)))
    });
    let longest = found.max_by_key(|(length, _)| *length);
    let text = longest.and_then(|(_, path)| {
        path.to_str()
            .map(|path| path.trim_end_matches('/').to_owned())
    });
    match text {
        Some(text) => Question::Path {
            path: InsidePath::symbolic(&text),
            write: *write,
        },
        None => question,
    }
}

fn path(text: &str) -> Result<InsidePath, String> {
    let climbs = text.split('/').any(|part| part == "..");
    match text.starts_with("${") && text.contains('}') && !climbs {
        true => Ok(InsidePath::symbolic(text)),
        false => absolute(text)
            .parse()
            .map_err(|why| format!("path `{text}` {why}")),
    }
}

/// A relative path is one of the directory that the caller stands in.
fn absolute(text: &str) -> String {
    let text = text.strip_prefix("./").unwrap_or(text);
    let here = std::env::current_dir().ok();
    let here = here.as_deref().and_then(Path::to_str);
    match here {
        Some(here) if !text.starts_with('/') && !text.is_empty() => {
            format!("{}/{text}", here.trim_end_matches('/'))
        }
        _ => text.to_owned(),
    }
}

fn usage(message: String) -> Exit {
    output::refuse(general("why.question", message), Exit::USAGE)
}
