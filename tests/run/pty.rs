//! A terminal to start programs on, as a person at a keyboard would.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::stat::Mode;

use super::support::{wait, within};

/// How long something may take to be shown.
const PATIENCE: Duration = Duration::from_secs(15);

/// A pseudo-terminal with a program on it. Dropping it hangs up.
pub struct Terminal {
    keys: File,
    slave: OwnedFd,
    screen: Arc<Screen>,
    reader: Option<thread::JoinHandle<()>>,
    /// How much of what was shown was dealt with.
    seen: usize,
}

#[derive(Default)]
struct Screen {
    shown: Mutex<String>,
    is_off: AtomicBool,
}

impl Terminal {
    pub fn new() -> Terminal {
        // Nobody else may hold it, or there is no hanging up.
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = open(ptsname_r(&master).unwrap().as_str(), flags, Mode::empty()).unwrap();
        let master = master.as_fd().try_clone_to_owned().unwrap();
        let screen = Arc::new(Screen::default());
        let (output, shared) = (File::from(master.try_clone().unwrap()), Arc::clone(&screen));
        Terminal {
            keys: master.into(),
            slave,
            screen,
            reader: Some(thread::spawn(move || show(output, &shared))),
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
            let shown = self.screen.shown.lock().unwrap();
            found = shown[self.seen..]
                .find(text)
                .map(|at| self.seen + at + text.len());
            found.is_some()
        });
        let shown = self.screen.shown.lock().unwrap();
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
        wait(child).unwrap_or_else(|| panic!("it hangs: {:?}", self.screen.shown.lock().unwrap()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.screen.is_off.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}

fn show(mut output: File, screen: &Screen) {
    let mut chunk = [0; 4096];
    while !screen.is_off.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, 50u8).unwrap() == 0 {
            continue;
        }
        let Ok(count @ 1..) = output.read(&mut chunk) else {
            return;
        };
        let chunk = String::from_utf8_lossy(&chunk[..count]).into_owned();
        screen.shown.lock().unwrap().push_str(&chunk);
    }
}
