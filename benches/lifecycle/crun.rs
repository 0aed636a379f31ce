//! A container of crun that stays, to be entered: the same tree and namespaces, no control group and no filter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::place::{Place, timed};

/// A container that runs `sleep`; deleted when dropped.
pub struct Container {
    folder: PathBuf,
    id: String,
    /// Where it is started from on a host whose control groups crun refuses.
    place: Option<Place>,
}

impl Container {
    /// Starts it in `folder`, which holds the tree as `rootfs`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn start(folder: &Path) -> Result<Self, String> {
        let root = nix::unistd::geteuid().is_root();
        let mut spec = Command::new("crun");
        spec.arg("spec").args((!root).then_some("--rootless"));
        spec.current_dir(folder);
        done(timed(quiet(spec)))?;
        let told = |error: std::io::Error| error.to_string();
        let config = folder.join("config.json");
        let text = fs::read_to_string(&config).map_err(told)?;
        let mut value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        value["process"]["args"] = json!(["/usr/bin/sleep", "100000"]);
        value["process"]["terminal"] = json!(false);
        fs::write(&config, value.to_string()).map_err(told)?;
        let container = Container {
            folder: folder.to_owned(),
            id: format!("sandbox-many-{}", std::process::id()),
            place: (root && Place::is_hybrid())
                .then(Place::without_unified)
                .transpose()?,
        };
        container.run(&["run", "--detach", "--bundle"], |run| {
            run.arg(folder).arg(&container.id)
        })?;
        Ok(container)
    }

    /// Runs `true` in it once.
    ///
    /// # Errors
    /// When it fails.
    pub fn enter(&self) -> Result<Duration, String> {
        self.run(&["exec"], |exec| exec.arg(&self.id).arg("/usr/bin/true"))
    }

    fn run(
        &self,
        words: &[&str],
        more: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Duration, String> {
        let mut command = Command::new("crun");
        command.arg("--cgroup-manager=disabled").arg("--root");
        command.arg(self.folder.join("state")).args(words);
        more(&mut command);
        let command = quiet(command);
        done(match &self.place {
            Some(place) => place.run(command),
            None => timed(command),
        })
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let deleted = self.run(&["delete", "--force"], |delete| delete.arg(&self.id));
        if let Err(error) = deleted {
            println!("  crun left `{}` behind: {error}", self.id);
        }
    }
}

/// With no input and no output.
fn quiet(mut command: Command) -> Command {
    let streams = command.stdin(Stdio::null()).stdout(Stdio::null());
    streams.stderr(Stdio::null());
    command
}

fn done(timed: crate::place::Timed) -> Result<Duration, String> {
    match timed? {
        (status, time) if status.success() => Ok(time),
        (status, _) => Err(format!("crun: {status}")),
    }
}
