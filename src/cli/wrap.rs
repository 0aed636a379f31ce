//! `sandbox wrap`: the links by which programs start in their sandboxes.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::diag::Problem;
use crate::host::places;
use crate::wrap::links::{self, Lies};
use crate::wrap::{Own, desktop, is_own_name, search};

use super::exit::Exit;
use super::output;
use super::profile::general;
use super::wrapper;

/// Let programs start in their sandboxes whenever they are called
///
/// A wrapper is a link to `sandbox` that has the name of a program and stands before it in PATH. Called by it,
/// `sandbox` starts the program in the sandbox of the profile of that name, with all arguments, and exits as `up`
/// does. Without a profile it fails: it never starts the program outside.
///
/// The profile is looked for in $XDG_CONFIG_HOME/sandbox/profiles, /etc/sandbox/profiles and
/// /usr/share/sandbox/profiles, never in the current directory. The program is the next one of the name in PATH that
/// is no wrapper; entries that are empty or relative are skipped. It takes the place of the first word of
/// `command.args` where that is just its name; arguments come behind it with `extra = "append"`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandbox wrap add git curl          make ~/.local/bin/git and ~/.local/bin/curl
  sandbox wrap add --desktop gimp    and let menus start it
  sandbox wrap list                  show all
  sandbox wrap remove git            let git start outside again")]
pub struct Wrap {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make wrappers; one that is there already stays
    Add(Named),
    /// Take wrappers away, and nothing else
    Remove(Named),
    /// Show all wrappers with what they start
    List(Where),
}

#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    place: Where,
    /// Also the entries of menus, by copies that come before the system's; `remove` takes them away in any case
    #[arg(long)]
    desktop: bool,
    /// The programs
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

/// Whose wrappers: root's are the system's unless it says otherwise.
#[derive(Debug, Clone, Copy, Args)]
struct Where {
    /// In ~/.local/bin
    #[arg(long, conflicts_with = "system")]
    user: bool,
    /// In /usr/local/bin, for everybody
    #[arg(long)]
    system: bool,
}

type Done = Result<(), Box<Problem>>;

impl Wrap {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let done = match &self.action {
            Action::Add(named) => named.each(add),
            Action::Remove(named) => named.each(remove),
            Action::List(place) => list(*place),
        };
        match done {
            Ok(exit) => exit,
            Err(problem) => output::refuse(*problem, Exit::NO),
        }
    }
}

/// Where wrappers and entries of menus go.
struct Places {
    own: Own,
    links: PathBuf,
    entries: PathBuf,
}

impl Where {
    fn places(self) -> Result<Places, Box<Problem>> {
        let own = Own::find();
        let own = own.map_err(|error| failed("find the file of `sandbox`", &error))?;
        let root = nix::unistd::geteuid().is_root();
        if self.system || (root && !self.user) {
            return Ok(Places {
                own,
                links: PathBuf::from("/usr/local/bin"),
                entries: PathBuf::from("/usr/local/share/applications"),
            });
        }
        let no_home = || Box::new(super::tree::no_home());
        Ok(Places {
            own,
            links: places::programs().ok_or_else(no_home)?,
            entries: places::applications().ok_or_else(no_home)?,
        })
    }
}

impl Named {
    /// Every name has its turn, whatever comes of the others.
    fn each(&self, act: fn(&Places, &str, bool) -> Done) -> Result<Exit, Box<Problem>> {
        let places = self.place.places()?;
        let mut exit = Exit::DONE;
        for name in &self.names {
            if let Err(problem) = act(&places, name, self.desktop) {
                exit = output::refuse(*problem, Exit::NO);
            }
        }
        Ok(exit)
    }
}

fn add(places: &Places, name: &str, with_entries: bool) -> Done {
    if is_own_name(OsStr::new(name)) {
        let message = format!("`{name}` cannot be wrapped: it is the name of `sandbox` itself");
        return Err(Box::new(general("wrap.name", message)));
    }
    wrapper::profile_of(OsStr::new(name))?;
    let path = std::env::var_os("PATH");
    let program = search::program(OsStr::new(name), path.as_deref(), &places.own);
    let program = program.map_err(|missing| wrapper::of(OsStr::new(name), missing))?;
    let link = places.links.join(name);
    match look(&link, places)? {
        Lies::Link => {}
        Lies::Other => return Err(Box::new(in_the_way(&link))),
        Lies::Nothing => links::make(&link, &places.own).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Box::new(in_the_way(&link)),
            _ => failed(&format!("make `{}`", link.display()), &error),
        })?,
    }
    if !search::is_first(&link, &path.unwrap_or_default()) {
        output::error_text(&format!(
            "sandbox: warning: `{}` does not stand before `{}` in PATH\n",
            link.display(),
            program.display()
        ));
    }
    match with_entries {
        true => add_entries(places, name, &link),
        false => Ok(()),
    }
}

fn add_entries(places: &Places, name: &str, link: &Path) -> Done {
    let copies = desktop::copies(&places::data_directories(), &places.entries, name, link);
    let copies = copies.map_err(|error| failed("read the entries of menus", &error))?;
    if copies.is_empty() {
        output::error_text(&format!(
            "sandbox: warning: no entry of a menu starts `{name}`\n"
        ));
    }
    for copy in copies {
        let written = desktop::write(&copy);
        written.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Box::new(in_the_way(&copy.path)),
            _ => failed(&format!("write `{}`", copy.path.display()), &error),
        })?;
    }
    Ok(())
}

fn remove(places: &Places, name: &str, _: bool) -> Done {
    if name.is_empty() || name.contains('/') {
        let message = format!("`{name}` is no name of a wrapper");
        return Err(Box::new(general("wrap.name", message)));
    }
    let link = places.links.join(name);
    match look(&link, places)? {
        _ if is_own_name(OsStr::new(name)) => return Err(Box::new(in_the_way(&link))),
        Lies::Other => return Err(Box::new(in_the_way(&link))),
        Lies::Link => links::remove(&link)
            .map_err(|error| failed(&format!("remove `{}`", link.display()), &error))?,
        Lies::Nothing => {}
    }
    desktop::remove(&places.entries, name)
        .map_err(|error| failed("remove the entries of menus", &error))
}

fn list(place: Where) -> Result<Exit, Box<Problem>> {
    let places = place.places()?;
    let all = links::all(&places.links, &places.own);
    let what = format!("read `{}`", places.links.display());
    let all = all.map_err(|error| failed(&what, &error))?;
    let path = std::env::var_os("PATH");
    let mut text = String::new();
    for link in all {
        let name = link.file_name().unwrap_or_default();
        let starts = match search::program(name, path.as_deref(), &places.own) {
            Ok(program) => program.display().to_string(),
            Err(_) => "no program".to_owned(),
        };
        let profile = match wrapper::profile_of(name) {
            Ok(_) => "",
            Err(_) => ", no profile: it fails",
        };
        text.push_str(&format!("{} -> {starts}{profile}\n", link.display()));
    }
    match output::told(&text) {
        Ok(()) => Ok(Exit::DONE),
        Err(_) => Ok(Exit::NO),
    }
}

fn look(link: &Path, places: &Places) -> Result<Lies, Box<Problem>> {
    let what = format!("look at `{}`", link.display());
    links::look(link, &places.own).map_err(|error| failed(&what, &error))
}

fn in_the_way(path: &Path) -> Problem {
    let message = format!("`{}` is none of `sandbox wrap`: it stays", path.display());
    general("wrap.not-ours", message).help("look at it, and move it away yourself")
}

fn failed(what: &str, error: &std::io::Error) -> Box<Problem> {
    Box::new(general("wrap.system", format!("cannot {what}: {error}")))
}
