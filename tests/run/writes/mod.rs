//! What outlives a run: a kept root, overlays over binds, volumes, and the commands about them.

mod applying;
mod hostile;
mod keeping;
mod looking;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::support::{Caller, Ended, Lab, finish, sandbox};

/// Programs that change files, beside the usual ones.
const CHANGERS: &str = r#", { programs = ["chmod", "ln", "mkfifo", "mv", "touch", "truncate"] }"#;

impl Lab {
    /// Where what is kept under the sandbox's name lies.
    fn kept(&self) -> PathBuf {
        let top = match self.caller {
            Caller::Root => PathBuf::from("/var/lib/sandbox"),
            Caller::Unprivileged => self.path("home/.local/share/sandbox"),
        };
        top.join(&self.name)
    }

    /// A command about what is kept under the sandbox's name, which stands behind its first word.
    fn about_kept(&self, arguments: &[&str]) -> Ended {
        let mut command = self.host(sandbox());
        let (first, rest) = arguments.split_first().unwrap();
        command.args([first, self.name.as_str()]).args(rest);
        finish(&mut command)
    }

    /// The same; it must end well.
    #[track_caller]
    fn kept_says(&self, arguments: &[&str]) -> String {
        let ended = self.about_kept(arguments);
        let caller = self.caller;
        assert_eq!(ended.code(), 0, "{caller:?}: {arguments:?}: {ended:?}");
        ended.out
    }

    /// The same; it must be refused with this code of a problem.
    #[track_caller]
    fn kept_refuses(&self, arguments: &[&str], code: &str) -> Ended {
        let ended = self.about_kept(arguments);
        let told = ended.err.lines().any(|line| line == code);
        assert!(ended.code() == 1 && told, "{arguments:?}: {ended:?}");
        ended
    }

    /// A profile that lays an overlay at /desk over the directory `project`.
    fn overlaid(&self) -> String {
        let mount = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/desk\"\naccess = \"overlay\"\n",
            self.text("project")
        );
        self.profile_with(CHANGERS, &mount)
    }

    /// The directory `project` with a few files, and the overlay's profile.
    fn project(&self) -> String {
        self.directory("project/src");
        self.directory("project/old/deep");
        self.file("project/README", "one\n");
        self.file("project/src/main", "fn\n");
        self.file("project/old/a", "a\n");
        self.file("project/old/deep/b", "b\n");
        self.overlaid()
    }
}

/// What lies below a directory: each path with its kind, mode, owner and content.
fn picture(top: &Path) -> BTreeMap<PathBuf, String> {
    let mut picture = BTreeMap::new();
    let mut left = vec![top.to_owned()];
    while let Some(path) = left.pop() {
        let status = fs::symlink_metadata(&path).unwrap();
        let content = match &status {
            found if found.is_dir() => {
                let entries = fs::read_dir(&path).unwrap();
                left.extend(entries.map(|entry| entry.unwrap().path()));
                String::new()
            }
            found if found.is_symlink() => {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            }
            found if found.is_file() => fs::read_to_string(&path).unwrap(),
            _ => "special".to_owned(),
        };
        let text = format!("{:o} {} {content}", status.mode(), status.uid());
        picture.insert(path.strip_prefix(top).unwrap().to_owned(), text);
    }
    picture
}
