//! A terminal to start programs on, as a person at a keyboard would.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::support::{wait, within};

/// How long something may take to be shown.
const PATIENCE: Duration = Duration::from_secs(15);

/// A pseudo-terminal with a program on it.
pub struct Terminal {
    keys: File,
    slave: OwnedFd,
    shown: Arc<Mutex<String>>,
    /// How much of `shown` was dealt with.
    seen: usize,
}

impl Terminal {
    pub fn new() -> Terminal {
        let pty = nix::pty::openpty(None, None).unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (screen, text) = (
            File::from(pty.master.try_clone().unwrap()),
            Arc::clone(&shown),
        );
        thread::spawn(move || show(screen, &text));
        Terminal {
            keys: pty.master.into(),
            slave: pty.slave,
            shown,
            seen: 0,
        }
    }

    /// Starts a command with this as its controlling terminal.
    pub fn start(&self, command: &Command) -> Child {
        let stream = || Stdio::from(self.slave.try_clone().unwrap());
        let mut session = Command::new("setsid");
        session
            .arg("--ctty")
            .arg(command.get_program())
            .args(command.get_args());
        session.env_clear();
        for (name, value) in command.get_envs() {
            session.env(name, value.unwrap());
        }
        if let Some(directory) = command.get_current_dir() {
            session.current_dir(directory);
        }
        session.stdin(stream()).stdout(stream()).stderr(stream());
        session.spawn().unwrap()
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown, behind what was waited for before; what was shown until then.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let mut found = None;
        let there = within(PATIENCE, || {
            let shown = self.shown.lock().unwrap();
            found = shown[self.seen..]
                .find(text)
                .map(|at| self.seen + at + text.len());
            found.is_some()
        });
        let shown = self.shown.lock().unwrap();
        assert!(there, "`{text}` is not shown: {:?}", &shown[self.seen..]);
        let until = shown[self.seen..found.unwrap()].to_owned();
        self.seen = found.unwrap();
        until
    }

    /// What the terminal's own program says of it, or changes.
    pub fn stty(&self, arguments: &[&str]) -> String {
        let path = nix::unistd::ttyname(&self.slave).unwrap();
        let output = Command::new("stty")
            .arg("-F")
            .arg(path)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn end(&self, child: &mut Child) -> ExitStatus {
        wait(child).unwrap_or_else(|| panic!("it hangs: {:?}", self.shown.lock().unwrap()))
    }
}

fn show(mut screen: File, text: &Mutex<String>) {
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = screen.read(&mut chunk) {
        let chunk = String::from_utf8_lossy(&chunk[..count]).into_owned();
        text.lock().unwrap().push_str(&chunk);
    }
}
