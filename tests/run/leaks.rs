//! Rules 15 to 17: what a start could carry in beside the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::support::{Caller, Ended, Lab, attack, finish, sandbox, within};

const NO_FILTER: &str = "[security]\nseccomp = \"none\"";

/// Starts through a shell that first opens descriptors.
fn with_descriptors(lab: &Lab, open: &str, line: &[String]) -> Ended {
    let script = format!("{open}; exec \"$@\"");
    finish(lab.host("bash").args(["-c", &script, "bash"]).args(line))
}

fn line(lab: &Lab, profile: &str, command: &[&str]) -> Vec<String> {
    let mut line = vec![sandbox().to_str().unwrap().to_owned()];
    line.extend(lab.up_arguments(profile, command));
    line
}

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

const OPEN: &str = "exec 9</ 10</etc/hostname 251<.";

#[test]
fn no_descriptor_of_the_caller_passes() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let unguarded = with_descriptors(&lab, OPEN, &words(&[attack(), "descriptors"]));
        assert!(unguarded.out.contains(" 9 10 251 "), "{unguarded:?}");
        let climbed = with_descriptors(&lab, OPEN, &words(&[attack(), "climb-descriptors"]));
        assert_eq!(climbed.out, "worked\n");

        for profile in [lab.profile(""), lab.profile(NO_FILTER)] {
            let listed = with_descriptors(
                &lab,
                OPEN,
                &line(&lab, &profile, &[attack(), "descriptors"]),
            );
            assert_eq!(listed.out, "0 1 2 \n", "{listed:?}");
            let climbed = with_descriptors(
                &lab,
                OPEN,
                &line(&lab, &profile, &[attack(), "climb-descriptors"]),
            );
            assert_eq!(climbed.out, "EBADF\n");
        }
    }
}

#[test]
fn descriptors_that_are_named_pass_alone() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("command.fds = [10]");
        let listed = with_descriptors(
            &lab,
            OPEN,
            &line(&lab, &profile, &[attack(), "descriptors"]),
        );
        assert_eq!(listed.out, "0 1 2 10 \n", "{listed:?}");
        let read = with_descriptors(
            &lab,
            "exec 10<<<passed 11</",
            &line(&lab, &profile, &["bash", "-c", "cat <&10"]),
        );
        assert_eq!(read.out, "passed\n", "{read:?}");
        // Whoever runs the tests may have left one open.
        let missing = with_descriptors(&lab, "exec 10<&-", &line(&lab, &profile, &["true"]));
        assert_eq!(
            missing.code(),
            125,
            "one that is not open is an error: {missing:?}"
        );
    }
}

/// The launcher's own descriptors too, through the files of /proc that the host sees.
#[test]
fn the_first_process_holds_nothing_of_the_host() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mut up = lab.up(&lab.profile(""), &["sh", "-c", "echo up; exec sleep 30"]);
        let mut child = super::support::start(&mut up);
        let processes = super::support::inside(&child);
        let [init, program] = processes[..] else {
            panic!("{processes:?}")
        };
        // Only root may look.
        if caller == Caller::Root {
            for (pid, most) in [(init, 2), (program, 3)] {
                let mut open = Vec::new();
                // The program may run before the first process has closed the last of them.
                within(Duration::from_secs(5), || {
                    open = descriptors(pid);
                    open.len() <= most
                });
                assert!(open.len() <= most, "{open:?}");
                assert!(open.iter().all(|file| !file.is_dir()), "{open:?}");
            }
            for file in ["environ", "cmdline"] {
                let text = fs::read(format!("/proc/{init}/{file}")).unwrap();
                assert!(
                    text.iter().all(|byte| *byte == 0),
                    "{file}: {:?}",
                    String::from_utf8_lossy(&text)
                );
            }
            for pid in [init, program] {
                assert_eq!(
                    fs::read_dir(format!("/proc/{pid}/root")).unwrap().count(),
                    fs::read_dir(format!("/proc/{init}/root")).unwrap().count()
                );
                assert!(!Path::new(&format!("/proc/{pid}/root/home")).exists());
                assert_eq!(
                    fs::read_link(format!("/proc/{pid}/cwd")).unwrap(),
                    Path::new("/")
                );
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// What the descriptors of a process lead to.
fn descriptors(pid: i32) -> Vec<PathBuf> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    // One may be closed between the two calls.
    open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .collect()
}

#[test]
fn the_environment_is_the_allow_list() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let hostile = |command: &mut std::process::Command| {
            let set = [
                ("HOST_SECRET", "do-not-tell"),
                ("LD_PRELOAD", "/hostile.so"),
                ("LC_ALL", "C"),
                ("BASH_ENV", "/x"),
                ("LANG", "C.UTF-8"),
            ];
            finish(command.envs(set))
        };
        let unguarded = hostile(&mut lab.host("env"));
        assert!(unguarded.out.contains("HOST_SECRET=do-not-tell"));

        let strict = hostile(&mut lab.up(&lab.profile(""), &["env"]));
        assert_eq!(strict.out, "HOME=/\nPATH=/usr/bin:/bin\n", "{strict:?}");
        let rest = "env.inherit = [\"LANG\", \"LC_*\"]";
        let chosen = hostile(&mut lab.up(&lab.profile(rest), &["env"]));
        let mut names: Vec<&str> = chosen.out.lines().collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["HOME=/", "LANG=C.UTF-8", "LC_ALL=C", "PATH=/usr/bin:/bin"],
            "{chosen:?}"
        );
        // Neither by a strange name.
        for name in ["HOST_SECRET=", "=HOST_SECRET", "", "*", "HOST SECRET"] {
            let profile = lab.profile(&format!("env.inherit = [\"{name}\"]"));
            let refused = hostile(&mut lab.up(&profile, &["env"]));
            assert!(
                !refused.out.contains("do-not-tell") && refused.code() == 125,
                "{name}: {refused:?}"
            );
        }
    }
}

/// A script whose interpreter is `/proc/self/exe` would run the launcher inside (CVE-2019-5736).
#[test]
fn the_launcher_is_not_run_or_reached_inside() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let bind = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\naccess = \"rw\"",
            lab.text("work")
        );
        for interpreter in ["/proc/self/exe", "/proc/1/exe", "/proc/thread-self/exe"] {
            let script = lab.file("work/script", &format!("#!{interpreter} --version\n"));
            fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
            for security in ["", NO_FILTER] {
                let ended = lab.run(&lab.profile(&format!("{security}\n{bind}")), &["/w/script"]);
                assert!(!ended.out.contains("sandbox"), "{interpreter}: {ended:?}");
                assert_eq!(ended.code(), 126, "{interpreter}: {ended:?}");
            }
        }
        for program in ["/proc/self/exe", "/proc/1/exe", "/dev/fd/0"] {
            let ended = lab.run(&lab.profile(NO_FILTER), &[program, "--version"]);
            assert!(!ended.out.contains("sandbox"), "{program}: {ended:?}");
            assert!(
                [125, 126, 127].contains(&ended.code()),
                "{program}: {ended:?}"
            );
        }
        let rest = "[security]\nseccomp = \"none\"\ncapabilities = [\"CAP_SYS_PTRACE\", \"CAP_DAC_OVERRIDE\"]";
        for open in ["open-read", "open-write"] {
            let opened = lab.attack(&lab.profile(rest), &[open, "/proc/1/exe"]);
            assert_ne!(opened, "worked", "{open}");
        }
    }
}

/// Rule 11: a set-id file made through a writable bind would count on the host.
#[test]
fn no_set_id_file_is_made_for_the_host() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.file("work/file", "");
        let bind = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\naccess = \"rw\"\n",
            lab.text("work")
        );
        let listless = format!("{NO_FILTER}\n{bind}");
        for mode in ["4755", "2755", "6777"] {
            for rest in [&bind, &listless] {
                assert_eq!(
                    lab.attack(&lab.profile(rest), &["chmod", "/w/file", mode]),
                    "EPERM",
                    "{mode}"
                );
            }
        }
        assert_eq!(
            lab.attack(&lab.profile(&bind), &["chmod", "/w/file", "0755"]),
            "worked"
        );
        // Whoever may write it makes one outside.
        let file = lab.text("work/file");
        assert_eq!(lab.unguarded(&["chmod", &file, "4755"]), "worked\n");
    }
}

/// A directory as a standard stream is a descriptor that leads out, whatever its number.
#[test]
fn no_standard_stream_is_a_directory() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("");
        for redirection in ["0</", "2</"] {
            let script = format!("exec \"$@\" {redirection}");
            let mut shell = lab.host("sh");
            shell.args(["-c", &script, "sh"]);
            shell
                .arg(super::support::sandbox())
                .args(lab.up_arguments(&profile, &["ls", "/proc/self/fd/0/root"]));
            let ended = super::support::finish(&mut shell);
            assert_eq!(ended.code(), 125, "{redirection}: {ended:?}");
        }
    }
}

/// A report goes through no link that an earlier run has laid, and waits for no reader of a pipe.
#[test]
fn a_report_is_not_written_through_a_link() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let victim = lab.file("victim", "as it was");
        lab.directory("work");
        lab.link("work/report.json", &victim);
        let pipe = lab.path("work/pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let profile = lab.profile("");
        for report in [lab.path("work/report.json"), pipe] {
            let mut up = lab.host(super::support::sandbox());
            up.args(["up", "--report"])
                .arg(&report)
                .arg(lab.file("profile.toml", &profile))
                .args(["--", "true"]);
            let ended = super::support::finish(&mut up);
            assert_eq!(ended.code(), 125, "{report:?}: {ended:?}");
        }
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "as it was");
    }
}
