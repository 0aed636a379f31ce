//! The TOML files of a revision, as git keeps them, laid out in a directory of their own.
//!
//! A repository may be hostile: see [`super::repository`] for how git is asked. A link of the tree never leads a
//! file that is written here elsewhere, and neither the number nor the size of files fills the disk.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use super::repository::{Objects, ask};

pub use super::repository::Refused;

/// More files, and more links, than that no one reviews, and no one waits for.
const MOST_FILES: usize = 10_000;

/// A longer file is no profile.
const MOST_BYTES: u64 = 1 << 20;

/// What all of them may hold together.
const MOST_BYTES_OF_ALL: u64 = 64 << 20;

/// A longer link leads nowhere (PATH_MAX).
const LONGEST_LINK: u64 = 4095;

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

/// A commit of the checkout that the caller stands in.
#[derive(Debug, Clone)]
pub struct Commit(OsString);

impl Commit {
    /// What the caller calls `name`: a branch, a tag, a commit.
    ///
    /// # Errors
    /// When there is no such revision, git is not there or refuses the repository.
    pub fn of(name: &OsStr) -> Result<Commit, Refused> {
        let mut named = name.to_owned();
        named.push("^{commit}");
        // A name that begins with a dash is no option.
        let words = ["rev-parse", "--verify", "--quiet", "--end-of-options"].map(OsStr::new);
        let no_revision = |of: &str| Err(format!("`{}` is no revision{of}", name.display()));
        match ask(&[&words[..], &[&named]].concat()) {
            Ok(commit) if !commit.is_empty() => Ok(Commit(commit)),
            Ok(_) => no_revision(""),
            Err(why) if why.is_empty() => no_revision(" of this checkout"),
            Err(why) => Err(why),
        }
    }

    /// As git abbreviates it, and long enough for any repository.
    pub fn short(&self) -> String {
        self.0.to_string_lossy().chars().take(12).collect()
    }
}

impl Revision {
    /// The files of a commit.
    ///
    /// # Errors
    /// When git does not give them, they are too many, or cannot be laid out.
    pub fn of(commit: &Commit) -> Result<Revision, Refused> {
        let prefix = PathBuf::from(ask(&["rev-parse".as_ref(), "--show-prefix".as_ref()])?);
        let directory = std::env::temp_dir().join("sandbox-revision-XXXXXX");
        let directory = nix::unistd::mkdtemp(&directory)
            .map_err(|why| format!("a directory for temporary files cannot be made: {why}"))?;
        let mut revision = Revision {
            directory,
            files: Vec::new(),
            prefix,
        };
        revision.fill(commit)?;
        Ok(revision)
    }

    /// The directory that stands for the top of the checkout.
    pub fn top(&self) -> &Path {
        &self.directory
    }

    fn fill(&mut self, Commit(commit): &Commit) -> Result<(), Refused> {
        let words = ["ls-tree", "-r", "-l", "-z", "--full-tree"].map(OsStr::new);
        let listed = ask(&[&words[..], &[commit]].concat())?;
        let (mut files, mut links) = (Vec::new(), Vec::new());
        let entries = listed.as_bytes().split(|byte| *byte == 0);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let entry = Entry::parsed(entry)
                .ok_or("objects of the revision are missing, or git lists it in an unknown way")?;
            match entry.mode {
                b"120000" if is_inside(&entry.path) => links.push(entry),
                mode if mode.starts_with(b"100") && entry.is_wanted() => files.push(entry),
                _ => {}
            }
        }
        judge_amount(&files, &links)?;
        let mut objects = Objects::open()?;
        for file in files {
            let content = objects.blob(file.object, MOST_BYTES)?;
            self.put(&file.path, &content)
                .map_err(|why| not_laid_out(&file.path, &why))?;
            self.files.push(file.path);
        }
        // Behind all files: none is written through a link.
        links
            .into_iter()
            .try_for_each(|link| self.lay_link(&link, &mut objects))
    }

    /// One that leads elsewhere is left out: it is not there when it is read, which is an error.
    fn lay_link(&mut self, link: &Entry<'_>, objects: &mut Objects) -> Result<(), Refused> {
        let path = &link.path;
        if is_toml(path) {
            self.files.push(path.clone());
        }
        if link.size > LONGEST_LINK {
            return Ok(());
        }
        let target = objects.blob(link.object, LONGEST_LINK)?;
        let target = PathBuf::from(OsString::from_vec(target));
        match stays(path, &target) {
            true => self
                .link(path, &target)
                .map_err(|why| not_laid_out(path, &why)),
            false => Ok(()),
        }
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

fn not_laid_out(path: &Path, why: &io::Error) -> Refused {
    format!("`{}` cannot be laid out: {why}", path.display())
}

fn judge_amount(files: &[Entry<'_>], links: &[Entry<'_>]) -> Result<(), Refused> {
    for (what, all) in [("TOML files", files), ("links", links)] {
        if all.len() > MOST_FILES {
            return Err(format!("the revision has more than {MOST_FILES} {what}"));
        }
    }
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    match bytes > MOST_BYTES_OF_ALL {
        true => Err("the TOML files of the revision hold more than 64 MiB".to_owned()),
        false => Ok(()),
    }
}

/// Both ends of `BASE...HEAD`, from where the two parted, or of `BASE..HEAD`.
///
/// # Errors
/// When it is no such range, or one end is no revision.
pub fn ends(range: &OsStr) -> Result<(Commit, Commit), Refused> {
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
        Commit::of(or_head(base).as_ref())?,
        Commit::of(or_head(head).as_ref())?,
    );
    let base = match three {
        Some(_) => ask(&["merge-base".as_ref(), &base.0, &head.0])
            .map(Commit)
            .map_err(|why| match why.is_empty() {
                true => format!("the two ends of `{text}` have nothing in common"),
                false => why,
            })?,
        None => base,
    };
    Ok((base, head))
}

/// One line of `ls-tree -l`.
struct Entry<'a> {
    mode: &'a [u8],
    object: &'a OsStr,
    /// What has none, as a submodule, is as large as can be.
    size: u64,
    path: PathBuf,
}

impl Entry<'_> {
    fn parsed(entry: &[u8]) -> Option<Entry<'_>> {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let (words, path) = (entry.get(..tab)?, entry.get(tab + 1..)?);
        let mut words = words
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        let (mode, _) = (words.next()?, words.next()?);
        let (object, size) = (words.next()?, words.next()?);
        let size = match size {
            b"-" => u64::MAX,
            // `BAD` of an object that is missing, as in a partial clone.
            size => std::str::from_utf8(size).ok()?.parse().ok()?,
        };
        Some(Entry {
            mode,
            object: OsStr::from_bytes(object),
            size,
            path: PathBuf::from(OsStr::from_bytes(path)),
        })
    }

    fn is_wanted(&self) -> bool {
        is_toml(&self.path) && self.size <= MOST_BYTES && is_inside(&self.path)
    }
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "toml")
}

/// No tree of git's own making has a `.git`, nor anything else that leads out.
fn is_inside(path: &Path) -> bool {
    let mut parts = path.components();
    !path.as_os_str().is_empty()
        && parts.all(|part| matches!(part, Component::Normal(name) if name != ".git"))
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
        let entry = Entry::parsed(b"100644 blob abc      12\ta\n b.toml").unwrap();
        assert_eq!((entry.mode, entry.size), (&b"100644"[..], 12));
        assert_eq!(entry.object, "abc");
        assert_eq!(entry.path, Path::new("a\n b.toml"));
        let submodule = Entry::parsed(b"160000 commit abc      -\tx.toml").unwrap();
        assert_eq!(submodule.size, u64::MAX);
        assert!(Entry::parsed(b"100644 blob abc      BAD\tx.toml").is_none());
        assert!(!is_inside(Path::new("../x.toml")) && is_inside(Path::new("a/x.toml")));
        assert!(!is_inside(Path::new("a/.git/x.toml")));
    }
}
