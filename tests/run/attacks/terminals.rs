//! The caller's terminal: keys pushed into it, its selection, and being its owner.

use std::fs;
use std::process::Command;

use super::super::pty::Terminal;
use super::super::support::{Caller, Lab};
use super::super::terminal::as_caller;
use super::{NO_FILTER, probe, profile};

/// What a command says on a terminal of the test's own, one line an attack.
fn on_terminal(lab: &Lab, command: &Command, last: &str) -> String {
    let mut terminal = Terminal::new();
    let mut child = terminal.start(&as_caller(lab, command));
    let shown = terminal.expect(last) + &terminal.expect("\n");
    terminal.end(&mut child);
    shown
}

fn unguarded(lab: &Lab, arguments: &[&str]) -> String {
    let mut command = lab.host(probe());
    command.args(arguments);
    on_terminal(lab, &command, arguments[0])
}

fn guarded(lab: &Lab, rest: &str, arguments: &[&str]) -> String {
    let mut command = vec!["/probe"];
    command.extend(arguments);
    on_terminal(lab, &lab.up(&profile(lab, rest), &command), arguments[0])
}

/// Whether the kernel takes keys from programs at all (Linux 6.2 can forbid it).
fn takes_keys() -> bool {
    fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti").is_ok_and(|value| value.trim() == "1")
}

#[test]
fn cve_2017_5226_no_key_is_pushed() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let free = if takes_keys() {
            "worked"
        } else {
            "refused EIO"
        };
        let control = unguarded(&lab, &["tiocsti"]);
        assert!(control.contains(&format!("tiocsti: {free}")), "{control}");
        let shown = guarded(&lab, "", &["tiocsti"]);
        assert!(shown.contains("tiocsti: refused EPERM"), "{shown}");
        // Without one of its own there is none.
        let shown = guarded(&lab, "command.terminal = \"never\"\n", &["tiocsti"]);
        assert!(shown.contains("tiocsti: refused ENXIO"), "{shown}");
    }
}

/// The kernel looks at 32 bits of the command alone, and so must the filter.
#[test]
fn cve_2019_10063_no_key_is_pushed_by_higher_bits() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let free = if takes_keys() {
            "worked"
        } else {
            "refused EIO"
        };
        for high in ["1", "0x7fffffff", "0x80000000", "0xffffffff"] {
            let control = unguarded(&lab, &["tiocsti", high]);
            assert!(
                control.contains(&format!("tiocsti: {free}")),
                "{high}: {control}"
            );
            let shown = guarded(&lab, "", &["tiocsti", high]);
            assert!(shown.contains("tiocsti: refused EPERM"), "{high}: {shown}");
            let shown = guarded(&lab, "", &["tioclinux", high]);
            assert!(
                shown.contains("tioclinux: refused EPERM"),
                "{high}: {shown}"
            );
        }
    }
}

/// The selection of a console, and a line discipline, which loads modules.
#[test]
fn cve_2023_1523_no_command_of_the_console() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for name in ["tioclinux", "tiocsetd"] {
            let free = unguarded(&lab, &[name]);
            assert!(
                !free.contains("EPERM"),
                "the terminal would answer otherwise: {free}"
            );
            let shown = guarded(&lab, "", &[name]);
            assert!(shown.contains(&format!("{name}: refused EPERM")), "{shown}");
            let unfiltered = guarded(&lab, NO_FILTER, &[name]);
            assert!(
                !unfiltered.contains("EPERM"),
                "the filter alone refuses: {unfiltered}"
            );
        }
    }
}

/// The caller's terminal is nobody's inside: not by /dev/tty, not by a stream.
#[test]
fn attack_28_the_callers_terminal_is_not_taken() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let control = unguarded(&lab, &["open-write", "/dev/tty"]);
        assert!(control.contains("worked"), "{control}");
        // A terminal of its own: the streams are that, and another session cannot take it either.
        let shown = guarded(&lab, NO_FILTER, &["take-terminal", "0"]);
        assert!(shown.contains("take-terminal: refused EPERM"), "{shown}");
        let shown = guarded(&lab, NO_FILTER, &["open-write", "/dev/tty"]);
        assert!(shown.contains("open-write: worked"), "{shown}");
        // The caller's streams as they are, without its terminal.
        let never = "command.terminal = \"never\"\n[security]\nseccomp = \"none\"\n";
        let shown = guarded(&lab, never, &["open-write", "/dev/tty"]);
        assert!(shown.contains("open-write: refused ENXIO"), "{shown}");
        let shown = guarded(&lab, never, &["take-terminal", "0"]);
        assert!(shown.contains("take-terminal: refused EPERM"), "{shown}");
    }
}
