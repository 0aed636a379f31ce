//! The launcher: its binary, its first process, its end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use super::super::layout::sha256;
use super::super::support::{self, Caller, Lab, finish, sandbox, within};
use super::{ALL_RIGHTS, NO_FILTER, all_are, inside, outside, probe, profile, work};

/// Where Landlock keeps no program from `/proc/self/exe`, what stands behind it cannot be written by anybody.
#[test]
fn cve_2019_5736_without_landlock_the_launcher_is_a_sealed_copy() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (rest, sealed) in [
            ("", false),
            ("security.landlock = false\n", true),
            ("security.nested_userns = true\n", true),
        ] {
            let mut up = support::start(&mut lab.up(&profile(&lab, rest), &["/probe", "stay"]));
            let init = support::inside(&up)[0];
            for process in [up.id(), init.try_into().unwrap()] {
                let exe = format!("/proc/{process}/exe");
                // The first process shows its own to root alone.
                let Ok(path) = fs::read_link(&exe) else {
                    assert_eq!(caller, Caller::Unprivileged);
                    continue;
                };
                let found = path.to_str().unwrap().starts_with("/memfd:sandbox");
                assert_eq!(found, sealed, "{rest}: {path:?}");
                let opened = fs::File::options().write(true).open(&exe);
                assert!(opened.is_err(), "{rest}: {exe} can be written");
            }
            up.kill().unwrap();
            up.wait().unwrap();
        }
    }
}

#[test]
fn cve_2019_5736_the_launcher_is_not_reached() {
    let before = sha256(&fs::read(sandbox()).unwrap());
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        // The control: another process of one's own shows its binary.
        let mut other = lab.host(probe()).arg("stay").spawn().unwrap();
        assert_eq!(
            outside(&lab, &[&["open-binaries", "read"]]),
            ["open-binaries: worked"]
        );
        other.kill().unwrap();
        other.wait().unwrap();

        for rest in ["", NO_FILTER, ALL_RIGHTS, "system.proc = \"pids\"\n"] {
            let profile = profile(&lab, rest);
            let attacks: [&[&str]; 6] = [
                &["open-binaries", "read"],
                &["open-binaries", "write"],
                &["open-read", "/proc/1/exe"],
                &["open-write", "/proc/1/exe"],
                &["open-read", "/proc/1/map_files"],
                &["open-write", "/proc/1/root/probe"],
            ];
            for answer in inside(&lab, &profile, &attacks) {
                assert!(answer.contains("refused"), "{rest}: {answer}");
            }
        }
        // A script whose interpreter would be the launcher.
        for interpreter in [
            "/proc/self/exe",
            "/proc/1/exe",
            "/proc/self/task/1/exe",
            "/dev/fd/../exe",
        ] {
            let script = lab.file("work/script", &format!("#!{interpreter} --version\n"));
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
            let profile = profile(&lab, &format!("{NO_FILTER}{}", work(&lab, "rw")));
            let ended = lab.run(&profile, &["/w/script"]);
            assert!(!ended.out.contains("sandbox"), "{interpreter}: {ended:?}");
            assert!(
                (125..=127).contains(&ended.code()),
                "{interpreter}: {ended:?}"
            );
        }
    }
    assert_eq!(sha256(&fs::read(sandbox()).unwrap()), before);
}

/// Nothing of the first process can be read, written, traced or taken, with all rights that there are.
#[test]
fn cve_2016_9962_the_first_process_is_not_touched() {
    let attacks: [&[&str]; 8] = [
        &["ptrace-attach", "1"],
        &["ptrace-seize", "1"],
        &["process_vm_readv", "1"],
        &["process_vm_writev", "1"],
        &["pidfd_getfd", "1", "3"],
        &["kcmp", "1"],
        &["setns-pidfd", "1"],
        &["setns", "/proc/1/ns/mnt"],
    ];
    let own: [&[&str]; 5] = [
        &["ptrace-attach", "child"],
        &["process_vm_readv", "child"],
        &["process_vm_writev", "child"],
        &["pidfd_getfd", "child", "1"],
        &["kcmp", "child"],
    ];
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for rest in ["", NO_FILTER, ALL_RIGHTS] {
            for answer in inside(&lab, &profile(&lab, rest), &attacks) {
                assert!(answer.contains(": refused "), "{rest}: {answer}");
            }
        }
        // The control: with these rights the same attacks work on a child of one's own.
        let answers = inside(&lab, &profile(&lab, ALL_RIGHTS), &own);
        all_are(&answers, &["worked"]);
        // The filter alone forbids them all.
        let answers = inside(&lab, &profile(&lab, ""), &own);
        all_are(&answers, &["refused EPERM", "refused ENOSYS"]);
    }
}

/// The files of the first process, one by one.
#[test]
fn rule_16_the_first_process_shows_nothing() {
    const FILES: [&str; 14] = [
        "root",
        "exe",
        "environ",
        "mem",
        "maps",
        "cwd",
        "cmdline",
        "fd",
        "fdinfo",
        "ns/mnt",
        "stack",
        "auxv",
        "io",
        "map_files",
    ];
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let paths = FILES.map(|name| format!("/proc/1/{name}"));
        let attacks: Vec<[&str; 2]> = paths
            .iter()
            .flat_map(|path| [["open-read", path.as_str()], ["open-write", path]])
            .collect();
        let attacks: Vec<&[&str]> = attacks.iter().map(|attack| &attack[..]).collect();
        for rest in ["", NO_FILTER, "system.proc = \"pids\"\n"] {
            let answers = inside(&lab, &profile(&lab, rest), &attacks);
            all_are(&answers, &["refused ENOENT"]);
        }
        // With CAP_SYS_PTRACE over the sandbox the process is seen, and gives nothing away all the same.
        let secret = ("HOST_SECRET", "do-not-tell");
        let profile = profile(&lab, ALL_RIGHTS);
        let mut command = vec!["/probe"];
        let reads: Vec<&[&str]> = vec![
            &["read", "/proc/1/environ"],
            &["read", "/proc/1/cmdline"],
            &["list", "/proc/1/fd"],
            &["list", "/proc/1/root/"],
            &["list", "/proc/1/cwd/"],
        ];
        command.extend(reads.join(&"--"));
        let ended = finish(lab.up(&profile, &command).env(secret.0, secret.1));
        assert!(
            !ended.out.contains(secret.1) && !ended.out.contains("profile.toml"),
            "{ended:?}"
        );
        assert!(!ended.out.contains("home\n"), "{ended:?}");
        let control = outside(
            &lab,
            &[&["open-read", "/proc/self/environ"], &["list", "/"]],
        );
        assert!(control.contains(&"home".to_owned()), "{control:?}");
    }
}

/// Starts something that hides from its parent, and gives the ids of all processes.
fn scattered(lab: &Lab) -> (Child, Vec<i32>) {
    let child = support::start(&mut lab.up(&profile(lab, NO_FILTER), &["/probe", "scatter"]));
    let mut found = Vec::new();
    let all = within(Duration::from_secs(10), || {
        let first = support::children(child.id());
        found = first.into_iter().flat_map(descendants).collect();
        found.len() == 4
    });
    assert!(all, "{found:?}");
    (child, found)
}

fn descendants(pid: i32) -> Vec<i32> {
    let mut found = vec![pid];
    for child in support::children(pid.try_into().unwrap()) {
        found.extend(descendants(child));
    }
    found
}

fn lives(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    support::field(&status, "State").is_some_and(|state| !state.starts_with('Z'))
}

#[test]
fn attack_48_the_end_of_the_launcher_ends_everything() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let (mut child, processes) = scattered(&lab);
        assert!(processes.iter().all(|pid| lives(*pid)), "{processes:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        let gone = within(Duration::from_secs(5), || {
            !processes.iter().any(|pid| lives(*pid))
        });
        assert!(gone, "{caller:?}: {processes:?}");
        // The control: without a sandbox the one that left its session lives on.
        let mut plain = support::start(lab.host(probe()).arg("scatter"));
        let root = i32::try_from(plain.id()).unwrap();
        let orphan = || {
            let all = fs::read_dir("/proc")
                .unwrap()
                .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
            let mine = |pid: &i32| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                line == format!("{}\0scatter\0", probe()).into_bytes()
                    && !descendants(root).contains(pid)
                    && fs::metadata(format!("/proc/{pid}")).is_ok_and(|found| {
                        std::os::unix::fs::MetadataExt::uid(&found) == caller.uid()
                    })
            };
            all.filter(mine).collect::<Vec<i32>>()
        };
        let mut left = Vec::new();
        assert!(
            within(Duration::from_secs(5), || {
                left = orphan();
                left.len() == 1
            }),
            "{left:?}"
        );
        plain.kill().unwrap();
        plain.wait().unwrap();
        assert!(lives(left[0]));
        let pid = nix::unistd::Pid::from_raw(left[0]);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}

#[test]
fn attack_48_many_short_runs_end() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let text = profile(&lab, "");
        for run in 0..100 {
            let ended = lab.run(&text, &["/probe", "descriptors"]);
            assert_eq!(
                (ended.code(), ended.out.as_str()),
                (0, "0 1 2 \n"),
                "run {run}: {ended:?}"
            );
        }
        assert!(!lab.state_file().exists());
        assert!(Path::new(probe()).exists());
    }
}
