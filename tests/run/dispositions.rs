//! Signals that whoever runs the tests ignores, which every process would inherit: nohup(1) ignores SIGHUP, a shell
//! without job control SIGINT and SIGQUIT of what it starts in the background.

use std::ffi::OsStr;
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::signal::Signal;

/// What tests send to `sandbox`.
const SENT: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGTSTP,
];

/// A command that ignores none of them.
pub(super) fn heeding(program: impl AsRef<OsStr>) -> Command {
    if !is_any_ignored() {
        return Command::new(program);
    }
    let names = SENT.map(|signal| signal.as_str().trim_start_matches("SIG"));
    let mut command = Command::new("/usr/bin/env");
    // It becomes the program: the process id is that one's.
    command.arg(format!("--default-signal={}", names.join(",")));
    command.arg(program);
    command
}

fn is_any_ignored() -> bool {
    static IGNORED: OnceLock<bool> = OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
        SENT.iter()
            .any(|signal| mask & (1 << (*signal as i32 - 1)) != 0)
    })
}
