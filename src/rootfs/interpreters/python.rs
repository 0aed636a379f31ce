//! Python: `getpath.py` of CPython, by which it finds its own library.
//!
//! - `pyvenv.cfg` beside the program as it was started, or one directory above: a virtual environment. Its `home` names the
//!   directory of the interpreter that it was made from. What was installed into it is what it is for, and comes too.
//! - From the directory of the program upwards, the first that has `lib/pythonX.Y/os.py` is the prefix; the first with
//!   `lib/pythonX.Y/lib-dynload` is that of the extension modules. Fedora's builds say `lib64` in both.
//! - `lib/pythonXY.zip` of the prefix comes before the directory.
//!
//! PYTHONHOME is not followed. `site-packages` and Debian's `dist-packages` hold what was installed beside it, and stay out.

use std::path::{Path, PathBuf};

use super::{Interpreter, Piece};
use crate::rootfs::view::View;

/// `sys.platlibdir` of the builds that are known.
const LIBRARIES: [&str; 2] = ["lib", "lib64"];

/// The library's own source in the two forms that getpath takes.
const LANDMARKS: [&str; 2] = ["os.py", "os.pyc"];

/// The prefixes that are compiled in, for a program that was moved away from its library.
const PREFIXES: [&str; 2] = ["/usr/local", "/usr"];

/// What of the library is none: packages, what extensions are built with, and its tests.
const EXCLUDED: &[&str] = &[
    "/site-packages",
    "/dist-packages",
    "/config-*",
    "/test",
    "*.a",
];

/// A `pyvenv.cfg` is some lines.
const LARGEST_SETTINGS: u64 = 1 << 16;

/// What a Python needs.
pub(super) fn pieces(view: &View, interpreter: &Interpreter<'_>) -> Vec<Piece> {
    let Some(environment) = Environment::find(view, interpreter.started) else {
        let start = interpreter.file.parent().unwrap_or(Path::new("/"));
        return library(view, start, version(interpreter, None).as_deref());
    };
    let version = version(interpreter, Some(&environment));
    let start = environment.home.as_deref();
    let start = start
        .or(interpreter.file.parent())
        .unwrap_or(Path::new("/"));
    let mut pieces = vec![Piece::whole(environment.settings)];
    for lib in LIBRARIES.map(|lib| environment.prefix.join(lib)) {
        let installed = versions(view, &lib, version.as_deref());
        let installed = installed.into_iter().filter(|path| view.is_dir(path));
        pieces.extend(installed.map(Piece::whole));
    }
    pieces.extend(library(view, start, version.as_deref()));
    pieces
}

/// A virtual environment (PEP 405).
struct Environment {
    prefix: PathBuf,
    settings: PathBuf,
    home: Option<PathBuf>,
    version: Option<String>,
}

impl Environment {
    fn find(view: &View, started: &Path) -> Option<Environment> {
        let bin = started.parent()?;
        let mut near = [Some(bin), bin.parent()].into_iter().flatten();
        let prefix = near.find(|dir| view.is_file(&dir.join("pyvenv.cfg")))?;
        let settings = prefix.join("pyvenv.cfg");
        let text = view.read(&settings, LARGEST_SETTINGS);
        let text = String::from_utf8_lossy(&text).into_owned();
        let value = |key: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            let pair = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(key));
            pair.map(|(_, value)| value.trim().to_owned())
        };
        let home = value("home").map(PathBuf::from);
        // `venv` writes the one, `virtualenv` and uv the other.
        let version = value("version").or_else(|| value("version_info"));
        Some(Environment {
            prefix: prefix.to_owned(),
            settings,
            home: home.filter(|home| home.is_absolute()),
            version: version.and_then(|version| two_numbers(&version)),
        })
    }
}

/// "3.11" of `3.11.2`.
fn two_numbers(version: &str) -> Option<String> {
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?);
    Some(format!("{major}.{minor}"))
}

/// "3.11", or "3.13t" of the build without a global lock: from the names of the program, of the environment's
/// settings or of the library that is linked.
fn version(interpreter: &Interpreter<'_>, environment: Option<&Environment>) -> Option<String> {
    let of_name = |name: &str| {
        let rest = name.trim_start_matches("lib").strip_prefix("python")?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != 't');
        let version = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
        version.contains('.').then(|| version.to_owned())
    };
    let of_library = |path: &&Path| {
        let name = path.file_name()?.to_str()?;
        of_name(
            name.starts_with("libpython")
                .then_some(name)?
                .split(".so")
                .next()?,
        )
    };
    of_name(interpreter.name())
        .or_else(|| environment?.version.clone())
        .or_else(|| interpreter.libraries.iter().find_map(of_library))
}

/// The `pythonX.Y` of a `lib`: of the version that is known, or all.
fn versions(view: &View, lib: &Path, version: Option<&str>) -> Vec<PathBuf> {
    match version {
        Some(version) => vec![lib.join(format!("python{version}"))],
        None => view.matching(&lib.join("python*.*")),
    }
}

/// The library that is found from the directory `start` upwards.
fn library(view: &View, start: &Path, version: Option<&str>) -> Vec<Piece> {
    let candidates = |prefix: &Path| {
        let libs = LIBRARIES.map(|lib| prefix.join(lib));
        let found = libs.iter().flat_map(|lib| versions(view, lib, version));
        found.collect::<Vec<_>>()
    };
    let has_landmark = |dir: &PathBuf| LANDMARKS.iter().any(|name| view.is_file(&dir.join(name)));
    let compiled_in = PREFIXES.map(Path::new);
    let mut prefixes = start.ancestors().chain(compiled_in);
    let sources = prefixes.find_map(|prefix| {
        let mut dirs = candidates(prefix);
        let zips: Vec<PathBuf> = dirs.iter().filter_map(|dir| zip(view, dir)).collect();
        dirs.retain(has_landmark);
        dirs.extend(zips);
        (!dirs.is_empty()).then_some(dirs)
    });
    let extensions = start.ancestors().find_map(|prefix| {
        let mut dirs = candidates(prefix);
        dirs.retain(|dir| view.is_dir(&dir.join("lib-dynload")));
        (!dirs.is_empty()).then_some(dirs)
    });
    let mut found = sources.unwrap_or_default();
    for dir in extensions.into_iter().flatten() {
        if !found.contains(&dir) {
            found.push(dir.join("lib-dynload"));
        }
    }
    let piece = |path| Piece {
        path,
        exclude: EXCLUDED,
    };
    found.into_iter().map(piece).collect()
}

/// `lib/python311.zip` for `lib/python3.11`.
fn zip(view: &View, dir: &Path) -> Option<PathBuf> {
    let name = dir.file_name()?.to_str()?.replace('.', "");
    let zip = dir.with_file_name(format!("{name}.zip"));
    view.is_file(&zip).then_some(zip)
}
