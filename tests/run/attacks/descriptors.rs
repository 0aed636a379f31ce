//! Descriptors that the caller left open, and ways by their numbers.

use super::super::support::{Caller, Ended, Lab, finish, sandbox};
use super::{NO_FILTER, probe, profile};

/// Starts through a shell that opens descriptors first: the sandbox, and the probe alone as a control.
fn with(lab: &Lab, open: &str, line: &[String]) -> Ended {
    let script = format!("{open}; exec \"$@\"");
    finish(lab.host("bash").args(["-c", &script, "bash"]).args(line))
}

fn up(lab: &Lab, rest: &str, command: &[&str]) -> Vec<String> {
    let mut line = vec![sandbox().to_str().unwrap().to_owned()];
    line.extend(lab.up_arguments(&profile(lab, rest), command));
    line
}

/// A directory, a pipe, a socket's end and a terminal's master that were left open.
const LEAKS: &str = "exec 9</etc 20</ 21>/dev/null 22<>/dev/ptmx 200< <(sleep 0) 251> >(cat)";

#[test]
fn attack_21_leaked_descriptors_do_not_pass() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let control = with(&lab, LEAKS, &[probe().to_owned(), "descriptors".to_owned()]);
        for number in [" 9 ", " 20 ", " 22 ", " 200 ", " 251 "] {
            assert!(control.out.contains(number), "{control:?}");
        }
        for rest in ["", NO_FILTER, "command.terminal = \"never\"\n"] {
            let ended = with(&lab, LEAKS, &up(&lab, rest, &["/probe", "descriptors"]));
            assert_eq!(ended.out, "0 1 2 \n", "{ended:?}");
        }
        let ended = with(
            &lab,
            LEAKS,
            &up(
                &lab,
                "",
                &[
                    "/probe",
                    "list",
                    "/proc/self/fd/9",
                    "--",
                    "open-read",
                    "/proc/self/fd/9",
                ],
            ),
        );
        assert!(
            !ended.out.contains("passwd") && ended.out.contains("refused ENOENT"),
            "{ended:?}"
        );
    }
}

#[test]
fn cve_2024_21626_no_working_directory_by_a_descriptor() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        // The control: a shell that changes to the descriptor is at the host's root.
        let control = with(
            &lab,
            "exec 9</; cd /proc/self/fd/9/etc",
            &[probe().to_owned(), "directory".to_owned()],
        );
        assert_eq!(control.out, "/etc\n", "{control:?}");
        for number in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] {
            for way in [
                "/proc/self/fd",
                "/proc/thread-self/fd",
                "/dev/fd",
                "/proc/1/fd",
            ] {
                let rest = format!("command.workdir = \"{way}/{number}\"\n");
                let ended = with(&lab, LEAKS, &up(&lab, &rest, &["/probe", "list", "."]));
                assert_eq!(
                    (ended.code(), ended.out.as_str()),
                    (125, ""),
                    "{way}/{number}: {ended:?}"
                );
            }
        }
        for rest in [
            "command.workdir = \"/proc/self/cwd\"\n",
            "command.workdir = \"/proc/self/root/etc\"\n",
        ] {
            let ended = with(&lab, LEAKS, &up(&lab, rest, &["/probe", "directory"]));
            assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
        }
        // Where it starts, the directory is a place of the tree.
        let ended = with(&lab, LEAKS, &up(&lab, "", &["/probe", "directory"]));
        assert_eq!(ended.out, "/\n", "{ended:?}");
        let named = with(
            &lab,
            LEAKS,
            &up(
                &lab,
                "command.fds = [9]\ncommand.workdir = \"/proc/self/fd/9\"\n",
                &["/probe", "list", "."],
            ),
        );
        assert_eq!((named.code(), named.out.as_str()), (125, ""), "{named:?}");
    }
}
