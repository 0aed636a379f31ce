//! Rule 19 and the terminal of an interactive program.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::pty::Terminal;
use super::support::{Caller, Lab, attack, finish, within};

/// The caller of a lab on a terminal; root plays the other by a program, which keeps the session.
pub(super) fn as_caller(lab: &Lab, command: &Command) -> Command {
    if lab.caller.uid() == nix::unistd::geteuid().as_raw() {
        return clone(command, command.get_program(), &[]);
    }
    let id = lab.caller.uid().to_string();
    let options = [
        "--reuid",
        &id,
        "--regid",
        &id,
        "--clear-groups",
        command.get_program().to_str().unwrap(),
    ];
    clone(command, "setpriv".as_ref(), &options)
}

fn clone(command: &Command, program: &std::ffi::OsStr, before: &[&str]) -> Command {
    let mut copy = Command::new(program);
    copy.args(before).args(command.get_args());
    for (name, value) in command.get_envs() {
        copy.env(name, value.unwrap());
    }
    copy.current_dir(command.get_current_dir().unwrap());
    copy
}

fn on_terminal(lab: &Lab, profile: &str, command: &[&str]) -> Command {
    as_caller(lab, &lab.up(profile, command))
}

#[test]
fn no_key_is_pushed_into_the_callers_terminal() {
    let allowed = fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti")
        .is_ok_and(|value| value.trim() == "1");
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for name in ["tiocsti", "tiocsti-high"] {
            let mut terminal = Terminal::new();
            let mut unguarded = lab.host(attack());
            unguarded.arg(name);
            let mut child = terminal.start(&as_caller(&lab, &unguarded));
            // Linux 6.2 can forbid it everywhere.
            terminal.expect(if allowed { "worked" } else { "EIO" });
            terminal.end(&mut child);

            for (rest, refusal) in [("", "EPERM"), ("command.terminal = \"never\"", "ENXIO")] {
                let mut terminal = Terminal::new();
                let up = on_terminal(&lab, &lab.profile(rest), &[attack(), name]);
                let mut child = terminal.start(&up);
                terminal.expect(refusal);
                assert_eq!(terminal.end(&mut child).code(), Some(1));
            }
        }
        // Without the filter too, what is pushed stays in the sandbox's own terminal.
        let mut terminal = Terminal::new();
        let profile = lab.profile("[security]\nseccomp = \"none\"");
        let mut shell = lab.host("bash");
        shell.args([
            "-c",
            "\"$@\"; read -t 0.5 -n 1 key; echo \"got[$key]\"",
            "bash",
        ]);
        shell
            .arg(super::support::sandbox())
            .args(lab.up_arguments(&profile, &[attack(), "tiocsti"]));
        let mut child = terminal.start(&as_caller(&lab, &shell));
        terminal.expect("got[");
        assert_eq!(terminal.expect("]"), "]");
        terminal.end(&mut child);
    }
}

#[test]
fn the_terminal_is_the_sandboxs_own() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile_with(", { programs = [\"tty\"] }", "");
        let mut terminal = Terminal::new();
        let script = "tty; ls /dev/pts; stat -c '%t %T' /dev/console; readlink /proc/self/fd/0 /proc/self/fd/1; ls /proc/self/fd | cat; echo end";
        let mut child = terminal.start(&on_terminal(&lab, &profile, &["bash", "-c", script]));
        let shown = terminal.expect("end\r\n");
        assert_eq!(terminal.end(&mut child).code(), Some(0));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "/dev/pts/0", "{shown}");
        assert!(
            shown.contains("\n88 0\r"),
            "the console is this terminal: {shown}"
        );
        assert_eq!(shown.matches("/dev/pts/0").count(), 3, "{shown}");
        assert!(!shown.contains("\n4\r"), "no master inside: {shown}");
    }
}

#[test]
fn a_shell_has_job_control_and_the_size_of_the_terminal() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile_with(
            ", { programs = [\"stty\"] }",
            "env.set.PS1 = \"ready> \"\nenv.set.TERM = \"dumb\"",
        );
        let mut terminal = Terminal::new();
        terminal.stty(&["rows", "33", "cols", "111"]);
        let before = terminal.stty(&["-g"]);
        let mut child = terminal.start(&on_terminal(
            &lab,
            &profile,
            &["bash", "--norc", "--noprofile", "-i"],
        ));
        let prompt = terminal.expect("ready> ");
        assert!(!prompt.contains("job control"), "{prompt}");
        terminal.press("stty size; echo $((6 * 7))\n");
        terminal.expect("33 111\r\n42\r\n");
        terminal.expect("ready> ");

        // Ctrl-Z stops the job alone, Ctrl-C ends it.
        terminal.press("sleep 100\n");
        terminal.expect("sleep 100\r\n");
        std::thread::sleep(std::time::Duration::from_millis(200));
        terminal.press("\x1a");
        terminal.expect("Stopped");
        terminal.expect("ready> ");
        terminal.press("fg\n");
        terminal.expect("sleep 100\r\n");
        std::thread::sleep(std::time::Duration::from_millis(200));
        terminal.press("\x03");
        terminal.expect("ready> ");
        terminal.press("echo code $?\n");
        terminal.expect("code 130\r\n");

        terminal.stty(&["rows", "44", "cols", "99"]);
        terminal.press("sleep 0.3; stty size\n");
        terminal.expect("44 99\r\n");
        terminal.press("exit 7\n");
        assert_eq!(terminal.end(&mut child).code(), Some(7));
        terminal.stty(&["rows", "33", "cols", "111"]);
        assert_eq!(terminal.stty(&["-g"]), before, "the modes are as they were");
    }
}

/// The program is stopped by a key of its own terminal, or of the caller's: so is `sandbox`, as any job of the
/// caller's shell.
#[test]
fn a_stopped_program_stops_the_job_of_the_callers_shell() {
    for caller in Caller::all() {
        for settings in ["", "command.terminal = \"never\""] {
            let lab = Lab::new(caller);
            let profile = lab.profile(settings);
            let mut terminal = Terminal::new();
            let mut shell = lab.host("bash");
            shell
                .env("PS1", "outer> ")
                .env("TERM", "dumb")
                .args(["--norc", "--noprofile", "-i"]);
            let mut child = terminal.start(&as_caller(&lab, &shell));
            terminal.expect("outer> ");
            let script = "echo inside; sleep 2; echo over";
            let line = lab
                .up_arguments(&profile, &["bash", "-c", script])
                .join(" ");
            let line = line.replace(script, &format!("'{script}'"));
            terminal.press(&format!("{} {line}\n", super::support::sandbox().display()));
            terminal.expect("inside\r\n");
            terminal.press("\x1a");
            terminal.expect("Stopped");
            terminal.expect("outer> ");
            terminal.press("fg\n");
            terminal.expect("over\r\n");
            terminal.expect("outer> ");
            terminal.press("exit 0\n");
            assert_eq!(terminal.end(&mut child).code(), Some(0));
        }
    }
}

#[test]
fn without_a_terminal_nothing_is_made_of_one() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let ended = lab.run(
            &lab.profile(""),
            &[
                "sh",
                "-c",
                "test -t 0 || test -t 1 || echo none; echo error >&2",
            ],
        );
        assert_eq!(
            (ended.out.as_str(), ended.err.as_str()),
            ("none\n", "error\n")
        );
        let forced = finish(&mut lab.up(
            &lab.profile("command.terminal = \"always\""),
            &["sh", "-c", "test -t 0 && test -t 1 && echo both"],
        ));
        assert_eq!(forced.out, "both\r\n", "{forced:?}");
    }
}

#[test]
fn a_terminal_that_hangs_up_ends_the_sandbox() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("[supervise]\nstop_timeout = \"500ms\"");
        let mut terminal = Terminal::new();
        let stubborn = "trap '' HUP TERM; echo inside; sleep 1000; sleep 1000";
        let up = on_terminal(&lab, &profile, &["bash", "-c", stubborn]);
        let mut child = terminal.start(&up);
        terminal.expect("inside\r\n");
        drop(terminal);
        let ended = within(Duration::from_secs(10), || {
            child.try_wait().unwrap().is_some()
        });
        assert!(ended, "{caller:?}: it lives on without a terminal");
        assert!(!lab.state_file().exists());
    }
}
