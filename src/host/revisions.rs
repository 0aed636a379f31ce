//! The TOML files of a revision, as git keeps them, laid out in a directory of their own.
//!
//! A repository may be hostile: only what lists and reads objects is run (no hook, no filter, no textconv, no
//! monitor is started by it), nothing is fetched, `GIT_*` of the caller says nothing, and a link of the tree
//! never leads a file that is written here elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

/// More files than that no one reviews, and no one waits for.
const MOST_FILES: usize = 10_000;

/// A longer file is no profile.
const MOST_BYTES: u64 = 1 << 20;

/// Why a revision cannot be read, as one sentence.
pub type Refused = String;

/// A directory with the TOML files of one revision; it is removed in the end.
#[derive(Debug)]
pub struct Revision {
    directory: PathBuf,
    /// The files, by their paths from the top of the checkout.
    pub files: Vec<PathBuf>,
    /// Where the caller stands below the top.
    pub prefix: PathBuf,
}

impl Drop for Revision {
    fn drop(&mut self) {
        // What is left lies in the directory for temporary files.
        std::fs::remove_dir_all(&self.directory).ok();
    }
}

impl Revision {
    /// What the caller calls `name`: a branch, a tag, a commit.
    ///
    /// # Errors
    /// When there is no such revision, git is not there or refuses the repository, or the files cannot be
    /// laid out.
    pub fn of(name: &OsStr) -> Result<Revision, Refused> {
        let commit = commit(name)?;
        let prefix = PathBuf::from(line(git(&[
            "rev-parse".as_ref(),
            "--show-prefix".as_ref(),
        ])?));
        let directory = std::env::temp_dir().join("sandbox-revision-XXXXXX");
        let directory = nix::unistd::mkdtemp(&directory)
            .map_err(|why| format!("a directory for temporary files cannot be made: {why}"))?;
        let mut revision = Revision {
            directory,
            files: Vec::new(),
            prefix,
        };
        revision.fill(&commit)?;
        Ok(revision)
    }

    /// The directory that stands for the top of the checkout.
    pub fn top(&self) -> &Path {
        &self.directory
    }

    fn fill(&mut self, commit: &OsStr) -> Result<(), Refused> {
        let words = ["ls-tree", "-r", "-l", "-z", "--full-tree"].map(OsStr::new);
        let listed = git(&[&words[..], &[commit]].concat())?;
        let mut links = Vec::new();
        for entry in listed
            .split(|byte| *byte == 0)
            .filter(|entry| !entry.is_empty())
        {
            let Some((kind, object, size, path)) = parsed(entry) else {
                return Err("git lists the revision in a way that is not understood".to_owned());
            };
            let is_link = kind == b"120000";
            let wanted =
                path.extension().is_some_and(|ending| ending == "toml") && size <= MOST_BYTES;
            if !(is_link || (wanted && kind.starts_with(b"100"))) || !is_inside(&path) {
                continue;
            }
            let content = git(&["cat-file".as_ref(), "blob".as_ref(), object])?;
            if is_link {
                links.push((path, PathBuf::from(OsString::from_vec(content))));
                continue;
            }
            self.put(&path, &content)
                .map_err(|why| format!("`{}` cannot be laid out: {why}", path.display()))?;
            self.files.push(path);
            if self.files.len() > MOST_FILES {
                return Err(format!(
                    "the revision has more than {MOST_FILES} TOML files"
                ));
            }
        }
        // Behind all files: none is written through a link.
        for (path, target) in links {
            // One that leads elsewhere is not there when it is read, which is an error.
            if path.extension().is_some_and(|ending| ending == "toml") {
                self.files.push(path.clone());
            }
            if stays(&path, &target) {
                self.link(&path, &target)
                    .map_err(|why| format!("`{}` cannot be laid out: {why}", path.display()))?;
            }
        }
        Ok(())
    }

    fn place(&self, path: &Path) -> io::Result<PathBuf> {
        let place = self.directory.join(path);
        let parent = place.parent().unwrap_or(&self.directory);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)?;
        Ok(place)
    }

    fn put(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        options.open(self.place(path)?)?.write_all(content)
    }

    /// A link in a directory that is none itself: a link before it could lead this one elsewhere.
    fn link(&self, path: &Path, target: &Path) -> io::Result<()> {
        let place = self.place(path)?;
        let parent = place.parent().unwrap_or(&self.directory).canonicalize()?;
        match parent.starts_with(self.directory.canonicalize()?) {
            true => symlink(target, place),
            false => Err(io::Error::other("a link of the revision leads out of it")),
        }
    }
}

/// Both ends of `BASE...HEAD`, from where the two parted, or of `BASE..HEAD`.
///
/// # Errors
/// When it is no such range, or one end is no revision.
pub fn ends(range: &OsStr) -> Result<(OsString, OsString), Refused> {
    let text = range.to_str().ok_or("the range is not UTF-8")?;
    let or_head = |name: &str| {
        if name.is_empty() {
            "HEAD".to_owned()
        } else {
            name.to_owned()
        }
    };
    let three = text.split_once("...");
    let Some((base, head)) = three.or_else(|| text.split_once("..")) else {
        return Err(format!("`{text}` is no range: write `BASE...HEAD`"));
    };
    let (base, head) = (
        commit(or_head(base).as_ref())?,
        commit(or_head(head).as_ref())?,
    );
    let base = match three {
        Some(_) => OsString::from(line(git(&["merge-base".as_ref(), &base, &head])?)),
        None => base,
    };
    Ok((base, head))
}

/// The commit of a name; one that begins with a dash is no option.
fn commit(name: &OsStr) -> Result<OsString, Refused> {
    let mut named = name.to_owned();
    named.push("^{commit}");
    let words = ["rev-parse", "--verify", "--quiet", "--end-of-options"].map(OsStr::new);
    let found = git(&[&words[..], &[&named]].concat());
    match found.map(line) {
        Ok(commit) if !commit.is_empty() => Ok(commit.into()),
        Ok(_) => Err(format!("`{}` is no revision", name.display())),
        Err(why) if why.is_empty() => Err(format!(
            "`{}` is no revision of this checkout",
            name.display()
        )),
        Err(why) => Err(why),
    }
}

/// Runs git and gives back what it prints.
fn git(words: &[&OsStr]) -> Result<Vec<u8>, Refused> {
    let mut command = Command::new("git");
    let of_git = std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"GIT_"));
    for (name, _) in of_git {
        command.env_remove(name);
    }
    command.env("GIT_NO_LAZY_FETCH", "1");
    command.env("GIT_OPTIONAL_LOCKS", "0");
    command.env("GIT_NO_REPLACE_OBJECTS", "1");
    for setting in [
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "protocol.allow=never",
    ] {
        command.args(["-c", setting]);
    }
    let output = command
        .arg("--no-pager")
        .args(words)
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|why| format!("git cannot be run: {why}"))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().next().unwrap_or_default();
            Err(first.trim_start_matches("fatal: ").to_owned())
        }
    }
}

fn line(printed: Vec<u8>) -> String {
    String::from_utf8_lossy(&printed)
        .trim_end_matches('\n')
        .to_owned()
}

/// Mode, object, size and path of one line of `ls-tree -l`.
fn parsed(entry: &[u8]) -> Option<(&[u8], &OsStr, u64, PathBuf)> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let (words, path) = (entry.get(..tab)?, entry.get(tab + 1..)?);
    let mut words = words
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let (mode, _, object, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
    // A submodule has none.
    let size = std::str::from_utf8(size).ok()?.parse().unwrap_or(u64::MAX);
    let path = PathBuf::from(OsStr::from_bytes(path));
    Some((mode, OsStr::from_bytes(object), size, path))
}

fn is_inside(path: &Path) -> bool {
    let mut parts = path.components();
    !path.as_os_str().is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Whether a link at `path` leads to something of the same tree.
fn stays(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count() - 1;
    target.components().all(|part| match part {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir if depth > 0 => {
            depth -= 1;
            true
        }
        Component::ParentDir | Component::RootDir | Component::Prefix(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_in_its_tree_or_is_left_out() {
        let stays = |path: &str, target: &str| super::stays(path.as_ref(), target.as_ref());
        assert!(stays("a/b.toml", "../c.toml") && stays("b.toml", "./c/d.toml"));
        assert!(!stays("b.toml", "../c.toml") && !stays("a/b.toml", "/etc/x.toml"));
        assert!(!stays("a/b.toml", "../../c.toml"));
    }

    #[test]
    fn a_line_of_the_list_is_taken_apart() {
        let (mode, object, size, path) = parsed(b"100644 blob abc      12\ta b.toml").unwrap();
        assert_eq!(
            (mode, object, size),
            (&b"100644"[..], OsStr::new("abc"), 12)
        );
        assert_eq!(path, Path::new("a b.toml"));
        assert!(!is_inside(Path::new("../x.toml")) && is_inside(Path::new("a/x.toml")));
    }
}
