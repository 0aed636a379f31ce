//! The binary under another program's name: that program in the sandbox of its profile.

use std::ffi::{OsStr, OsString};

use crate::diag::Problem;
use crate::model::SandboxName;
use crate::wrap::search::{self, Missing};
use crate::wrap::{self, Called, Own};

use super::exit::Exit;
use super::output;
use super::profile::{general, own_shelves};
use super::up::Up;

/// Does a wrapper's work, where the process was called as one.
///
/// Whatever goes wrong, the program does not run.
pub fn read() -> Option<Exit> {
    let mut arguments = std::env::args_os();
    let first = arguments.next().unwrap_or_default();
    // Most starts are no wrapper's, and nothing else is looked at for them.
    if wrap::is_command(&first) {
        return None;
    }
    let own = match Own::find() {
        Ok(own) => own,
        Err(error) => {
            let message = format!("cannot find out what a wrapper leads to: {error}");
            let problem = general("wrap.own", message);
            return Some(output::refuse(problem, Exit::NOT_STARTED));
        }
    };
    match wrap::called(&first, &own) {
        Called::Command => None,
        Called::Wrapper(name) => Some(match start(&name, arguments, &own) {
            Ok(up) => up.run(),
            Err((problem, exit)) => output::refuse(*problem, exit),
        }),
    }
}

type Refusal = (Box<Problem>, Exit);

fn start(
    name: &OsStr,
    arguments: impl Iterator<Item = OsString>,
    own: &Own,
) -> Result<Up, Refusal> {
    let not_started = |problem| (Box::new(problem), Exit::NOT_STARTED);
    let profile = profile_of(name).map_err(not_started)?;
    let path = std::env::var_os("PATH");
    let program = search::program(name, path.as_deref(), own);
    let program = program.map_err(|missing| (Box::new(of(name, missing)), Exit::NOT_FOUND))?;
    let program = text(program.into_os_string()).map_err(not_started)?;
    let arguments: Result<Vec<String>, Problem> = arguments.map(text).collect();
    let arguments = arguments.map_err(not_started)?;
    Ok(Up::for_wrapper(profile.as_str(), program, arguments))
}

/// The name of the profile, which is there.
pub fn profile_of(name: &OsStr) -> Result<SandboxName, Problem> {
    let shown = name.to_string_lossy();
    let shown = shown.escape_debug();
    let parsed = name.to_str().unwrap_or("\u{fffd}").parse::<SandboxName>();
    let parsed = parsed.map_err(|invalid| {
        let message = format!("`{shown}` cannot be wrapped: as the name of a profile it {invalid}");
        general("wrap.name", message)
            .help("start it with `sandbox up PROFILE`, where PROFILE may have another name")
    })?;
    let shelves = own_shelves();
    match shelves.all(&parsed).is_empty() {
        false => Ok(parsed),
        true => {
            let places = shelves.places();
            let message =
                format!("`{shown}` is wrapped, and there is no profile `{shown}` in {places}");
            Err(general("wrap.no-profile", message)
                .help("write one there; those of the current directory do not count for wrappers"))
        }
    }
}

/// Why there is nothing to start.
pub fn of(name: &OsStr, missing: Missing) -> Problem {
    let shown = name.to_string_lossy();
    let shown = shown.escape_debug();
    match missing {
        Missing::NoPath => general(
            "wrap.no-program",
            format!("`{shown}` cannot be found: PATH is not set"),
        )
        .help("set PATH, with the directory of the program behind that of the wrapper"),
        Missing::Nowhere => {
            let message =
                format!("no directory of PATH holds the program `{shown}`, only wrappers");
            general("wrap.no-program", message).help(
                "install it, or add its directory to PATH; entries that are empty or relative are skipped",
            )
        }
        Missing::Circle(script) => {
            let message = format!(
                "`{}` is a script that names the wrapper as its interpreter",
                script.display()
            );
            general("wrap.circle", message).help("let its first line name the real interpreter")
        }
    }
}

fn text(word: OsString) -> Result<String, Problem> {
    word.into_string().map_err(|word| {
        let shown = word.to_string_lossy();
        let message = format!("`{}` is not UTF-8", shown.escape_debug());
        general("wrap.text", message).help("start it under a name that is text")
    })
}
