//! Entries of menus (Desktop Entry Specification): copies that start a wrapper, before the system's.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::entries;

/// The key that marks a copy as ours, with the name of its wrapper.
const MARK: &str = "X-Sandbox-Wrap=";

/// The group that every entry begins with.
const MAIN: &str = "[Desktop Entry]";

/// More than any entry holds.
const LONGEST: u64 = 1 << 20;

/// A copy to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Its file.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// The copies of all entries in `from` that start the program `name`, to start `link` instead.
///
/// # Errors
/// Where a directory or an entry is there and cannot be read.
pub fn copies(from: &[PathBuf], to: &Path, name: &str, link: &Path) -> io::Result<Vec<Copy>> {
    let mut copies: Vec<Copy> = Vec::new();
    for directory in from.iter().filter(|directory| directory.as_path() != to) {
        for path in menu(directory)? {
            let Some(file) = path.file_name() else {
                continue;
            };
            let path_of_copy = to.join(file);
            // The first directory wins, as for who shows the menu.
            if copies.iter().any(|copy| copy.path == path_of_copy) {
                continue;
            }
            let text = read(&path)?;
            copies.extend(
                text.and_then(|text| rewrite(&text, name, link))
                    .map(|text| Copy {
                        path: path_of_copy,
                        text,
                    }),
            );
        }
    }
    Ok(copies)
}

/// Writes a copy, over none but ours.
///
/// # Errors
/// `AlreadyExists` where the user's own entry is, and what else the system says.
pub fn write(copy: &Copy) -> io::Result<()> {
    let directory = copy.path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    match read(&copy.path) {
        Ok(Some(text)) if text == copy.text => return Ok(()),
        Ok(Some(text)) if mark(&text).is_some() => fs::remove_file(&copy.path)?,
        Ok(_) => return Err(ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&copy.path)?;
    file.write_all(copy.text.as_bytes())
}

/// Removes the copies for the wrapper `name`.
///
/// # Errors
/// What the system says.
pub fn remove(directory: &Path, name: &str) -> io::Result<()> {
    for path in menu(directory)? {
        let text = read(&path)?;
        if text.as_deref().and_then(mark) == Some(name) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The entries of menus in a directory.
fn menu(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = entries(directory)?;
    paths.retain(|path| path.extension() == Some(OsStr::new("desktop")) && path.is_file());
    Ok(paths)
}

/// The text; nothing of what is no text, or too much of it.
fn read(path: &Path) -> io::Result<Option<String>> {
    if fs::metadata(path)?.len() > LONGEST {
        return Ok(None);
    }
    Ok(String::from_utf8(fs::read(path)?).ok())
}

fn mark(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix(MARK))
}

/// The entry with the link in place of the program; nothing where it starts another one.
fn rewrite(text: &str, name: &str, link: &Path) -> Option<String> {
    let link = link.to_str()?;
    let mut changed = false;
    let mut out = String::new();
    for line in text.lines() {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        let key = key.trim_end();
        // Some menus read `Exec[de]` before `Exec`.
        let general = key.split('[').next().unwrap_or(key);
        let new = match general {
            "Exec" => with_link(value, name, link).map(|value| format!("{key}={value}")),
            "TryExec" if names(value.trim(), name) => Some(format!("{key}={link}")),
            // A service of the bus would be started outside.
            "DBusActivatable" => Some(format!("{key}=false")),
            key if key.starts_with(MARK.trim_end_matches('=')) => continue,
            _ => None,
        };
        changed |= new.is_some() && general == "Exec";
        out.push_str(new.as_deref().unwrap_or(line));
        out.push('\n');
        if line.trim_end() == MAIN {
            out.push_str(&format!("{MARK}{name}\n"));
        }
    }
    changed.then_some(out)
}

/// The value of `Exec` with the link as its program.
fn with_link(value: &str, name: &str, link: &str) -> Option<String> {
    let (start, end) = program(value)?;
    if !names(&plain(&value[start..end]), name) {
        return None;
    }
    Some(format!(
        "{}{}{}",
        &value[..start],
        quoted(link),
        &value[end..]
    ))
}

/// Where the word of the program is: behind `env` with its options and variables.
fn program(value: &str) -> Option<(usize, usize)> {
    let mut words = words(value).map(|(start, end)| (start, end, plain(&value[start..end])));
    let (start, end, first) = words.next()?;
    if !names(&first, "env") {
        return Some((start, end));
    }
    while let Some((start, end, word)) = words.next() {
        match word.as_str() {
            // These take the next word.
            "-u" | "--unset" | "-C" | "--chdir" => words.next().map(|_| ())?,
            word if word.starts_with('-') || word.contains('=') => {}
            _ => return Some((start, end)),
        }
    }
    None
}

/// Whether a word is the program's name, or a path to it.
fn names(word: &str, name: &str) -> bool {
    word.rsplit('/').next() == Some(name)
}

/// Where the words of a value of `Exec` are, with their quotes.
fn words(value: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut words = Vec::new();
    let (mut start, mut in_quotes, mut escaped) = (None, false, false);
    for (at, character) in value.char_indices() {
        match character {
            ' ' | '\t' if !in_quotes => words.extend(start.take().map(|start| (start, at))),
            _ => {
                start.get_or_insert(at);
                in_quotes ^= character == '"' && !escaped;
            }
        }
        escaped = character == '\\' && !escaped;
    }
    words.extend(start.map(|start| (start, value.len())));
    words.into_iter()
}

/// A word without its quotes, and without the backslashes of these and of the file.
fn plain(word: &str) -> String {
    let inner = word
        .strip_prefix('"')
        .and_then(|word| word.strip_suffix('"'));
    inner.map_or_else(|| word.to_owned(), |inner| inner.replace('\\', ""))
}

/// A path as a word: `%` is doubled, and what the specification reserves stands in quotes; a backslash that is in
/// them is doubled again, as strings of these files want it.
fn quoted(path: &str) -> String {
    const RESERVED: &str = " \t\n\"'\\><~|&;$*?#()`";
    let path = path.replace('%', "%%");
    if !path.contains(|character| RESERVED.contains(character)) {
        return path;
    }
    let mut out = String::from("\"");
    for character in path.chars() {
        match character {
            '\\' => out.push_str("\\\\\\\\"),
            '"' | '`' | '$' => {
                out.push_str("\\\\");
                out.push(character);
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "[Desktop Entry]\nName=Git\nExec=/usr/bin/git gui %U\nTryExec=git\nDBusActivatable=true\n\
        Actions=new;\n[Desktop Action new]\nExec=env A=\"b c\" \"git\" --new \"%f\"\n";

    #[test]
    fn the_program_alone_is_replaced_in_every_action() {
        let copy = rewrite(ENTRY, "git", Path::new("/home/me/.local/bin/git"));
        let expected = "[Desktop Entry]\nX-Sandbox-Wrap=git\nName=Git\nExec=/home/me/.local/bin/git gui %U\n\
            TryExec=/home/me/.local/bin/git\nDBusActivatable=false\nActions=new;\n[Desktop Action new]\n\
            Exec=env A=\"b c\" /home/me/.local/bin/git --new \"%f\"\n";
        assert_eq!(copy.as_deref(), Some(expected));
        assert_eq!(mark(expected), Some("git"));
        // Of a copy comes the same copy.
        let again = rewrite(expected, "git", Path::new("/home/me/.local/bin/git"));
        assert_eq!(again.as_deref(), Some(expected));
    }

    /// Whatever a menu reads starts the wrapper.
    #[test]
    fn words_for_one_language_and_options_of_env_hide_no_program() {
        let entry = "[Desktop Entry]\nName=Git\nName[de]=Gitte\nExec=git\nExec[de]=git --lang de %U\n\
            TryExec[de]=/usr/bin/git\nDBusActivatable[de]=true\n[Desktop Action a]\n\
            Exec=env -u X --chdir=/ -C / A=b git log\n[Desktop Action b]\nExec=/usr/bin/env -i \"git\"\n";
        let expected = "[Desktop Entry]\nX-Sandbox-Wrap=git\nName=Git\nName[de]=Gitte\nExec=/l/git\n\
            Exec[de]=/l/git --lang de %U\nTryExec[de]=/l/git\nDBusActivatable[de]=false\n[Desktop Action a]\n\
            Exec=env -u X --chdir=/ -C / A=b /l/git log\n[Desktop Action b]\nExec=/usr/bin/env -i /l/git\n";
        let copy = rewrite(entry, "git", Path::new("/l/git"));
        assert_eq!(copy.as_deref(), Some(expected));
        for other in ["env", "env -u git", "env A=git", "A=b git"] {
            let entry = format!("[Desktop Entry]\nExec={other}\n");
            assert_eq!(rewrite(&entry, "git", Path::new("/l/git")), None, "{other}");
        }
    }

    #[test]
    fn entries_of_other_programs_stay() {
        assert_eq!(rewrite(ENTRY, "gi", Path::new("/l/gi")), None);
        assert_eq!(
            rewrite("[Desktop Entry]\nName=x\n", "x", Path::new("/l/x")),
            None
        );
    }

    #[test]
    fn odd_paths_are_quoted() {
        assert_eq!(quoted("/a/b"), "/a/b");
        assert_eq!(quoted("/a b/100%"), "\"/a b/100%%\"");
        assert_eq!(quoted("/a$b"), "\"/a\\\\$b\"");
        assert_eq!(quoted("/a\\b"), "\"/a\\\\\\\\b\"");
    }
}
