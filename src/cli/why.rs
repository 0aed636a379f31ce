//! `sandbox why`: is this allowed, and by which line?

use std::io;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};

use crate::host;
use crate::model::{InsidePath, PathUse};
use crate::plan::Settings;
use crate::report::why::{Asked, human, json};
use crate::review::why::{AskedPath, NotAnAddress, Question, Target, Verdict, why};

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
  sandbox why dev --path build/tool --exec       may it be run, from where the program starts?
  sandbox why dev --connect example.org:443      may it be connected to?
  sandbox why dev --connect /run/app.sock        does a socket of the host answer there?
  sandbox why dev --syscall ptrace               does it run, and with which arguments not?
  sandbox why dev --env AWS_SECRET_ACCESS_KEY    does the program have it?")]
pub struct WhyCommand {
    /// A path inside; it may begin with a variable, as in a profile. A relative one is of the directory that the
    /// program starts in
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Whether the path may be written, and not only read
    #[arg(long, requires = "path", conflicts_with = "exec")]
    write: bool,
    /// Whether the path may be run as a program
    #[arg(long, requires = "path")]
    exec: bool,
    /// An address: HOST:PORT with a name, an IPv4 or a bracketed IPv6 address; a Unix socket: its path inside,
    /// or @NAME of an abstract one
    #[arg(long, value_name = "ADDRESS")]
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
            Err(wrong) => return usage(wrong),
        };
        let mut loaded = Loaded::read(&self.profile, given);
        let Some(settings) = loaded.judge_text_aloud() else {
            return Exit::NO;
        };
        let question = as_written(question, &settings);
        let Some(answer) = why(&settings, &question) else {
            let name = self.syscall.unwrap_or_default();
            return usage((format!("`{name}` is no system call that is known"), None));
        };
        let asked = Asked {
            profile: &loaded.path.to_string_lossy(),
            question: &words(&question),
            answer: &answer,
            sources: &loaded.sources,
        };
        let text = match self.format {
            Format::Human => human(&asked, output::style(&io::stdout())),
            Format::Json => json(&asked),
        };
        match output::told(&text) {
            Ok(()) if answer.verdict != Verdict::Denied => Exit::DONE,
            _ => Exit::NO,
        }
    }

    fn question(&self) -> Result<Question, Wrong> {
        if let Some(text) = &self.path {
            let using = match (self.write, self.exec) {
                (true, _) => PathUse::Write,
                (_, true) => PathUse::Execute,
                (false, false) => PathUse::Read,
            };
            let path = path(text)?;
            return Ok(Question::Path { path, using });
        }
        if let Some(text) = &self.connect {
            let target: Result<Target, NotAnAddress> = text.parse();
            return target.map(Question::Connect).map_err(|NotAnAddress(help)| {
                (format!("`{text}` is nothing to connect to"), Some(help))
            });
        }
        if let Some(name) = &self.syscall {
            return Ok(Question::SystemCall(name.clone()));
        }
        let name = self.env.clone().unwrap_or_default();
        match name.is_empty() || name.contains(['=', '\0']) {
            true => Err((format!("`{name}` is no name of a variable"), None)),
            false => Ok(Question::Variable(name)),
        }
    }
}

fn words(question: &Question) -> String {
    match question {
        Question::Path { path, using } => {
            let verb = match using {
                PathUse::Read => "read",
                PathUse::Write => "write",
                PathUse::Execute => "run",
            };
            match path {
                AskedPath::Absolute(path) => format!("{verb} `{path}`"),
                AskedPath::Relative(text) => format!("{verb} `{text}`"),
            }
        }
        Question::Connect(target) => format!("connect to `{target}`"),
        Question::SystemCall(name) => format!("call `{name}`"),
        Question::Variable(name) => format!("see the variable `{name}`"),
    }
}

/// A path as the profile writes it: a shell has made `/home/me/src/x` of what is `${GIT_ROOT}/x` there, and what is
/// mounted at `${GIT_ROOT}` would not be seen. The variable with the longest value wins, as the innermost mount does.
fn as_written(question: Question, settings: &Settings) -> Question {
    let Question::Path {
        path: AskedPath::Absolute(path),
        using,
    } = &question
    else {
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
    let is_used = |name: &str| {
        let mut mounts = settings.mounts.iter();
        mounts.any(|mount| mount.value.target.as_str().starts_with(name))
    };
    let found = values.into_iter().filter_map(|(name, value)| {
        let value = value?;
        let rest = Path::new(path.as_str()).strip_prefix(&value).ok()?;
        is_used(name).then(|| (value.as_os_str().len(), Path::new(name).join(rest)))
    });
    let longest = found.max_by_key(|(length, _)| *length);
    let written = longest.as_ref().and_then(|(_, path)| path.to_str());
    match written {
        Some(text) => Question::Path {
            path: AskedPath::Absolute(InsidePath::symbolic(text.trim_end_matches('/'))),
            using: *using,
        },
        None => question,
    }
}

/// What is wrong with a question, and how it is written where that can be said.
type Wrong = (String, Option<&'static str>);

fn path(text: &str) -> Result<AskedPath, Wrong> {
    let climbs = text.split('/').any(|part| part == "..");
    let starts_inside = text.starts_with('/') || (text.starts_with("${") && text.contains('}'));
    if climbs {
        let help = "write the path that is meant: where a link lies on the way, `..` is not what it looks like";
        return Err((format!("path `{text}` holds `..`"), Some(help)));
    }
    let parsed = match (text.is_empty(), starts_inside) {
        (true, _) => return Err(("path `` is empty".to_owned(), None)),
        // By the same rules as one from the root.
        (_, false) => format!("/{text}")
            .parse::<InsidePath>()
            .map(|path| AskedPath::Relative(path.as_str().trim_start_matches('/').to_owned())),
        (_, true) if text.starts_with("${") => Ok(AskedPath::Absolute(InsidePath::symbolic(text))),
        (_, true) => text.parse().map(AskedPath::Absolute),
    };
    parsed.map_err(|why| (format!("path `{}` {why}", text.escape_debug()), None))
}

fn usage((message, help): Wrong) -> Exit {
    let problem = general("why.question", message);
    output::refuse(
        match help {
            Some(help) => problem.help(help),
            None => problem,
        },
        Exit::USAGE,
    )
}
