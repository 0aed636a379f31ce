//! `[[expect]]` and `sandbox test`: every kind holds and fails where it should, in the real sandbox.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::support::{Caller, Ended, Lab, Lack, finish, root_only, sandbox, skip};

/// A tree with nothing in it that could be executed.
pub(super) const BARE: &str = "version = 1\nenv.set = { A_TOKEN = \"x\" }\n\
    rootfs.source = [{ file = \"/etc/note\", text = \"\" }, { dir = \"/empty\" }]\n";

fn test_as(lab: &Lab, profile: &str, arguments: &[&str], command: &[&str]) -> Ended {
    let file = lab.file("profile.toml", profile);
    let mut test = lab.host(sandbox());
    test.args(["test", "--name", &lab.name])
        .args(arguments)
        .arg(file);
    if !command.is_empty() {
        test.arg("--").args(command);
    }
    finish(&mut test)
}

fn test(lab: &Lab, profile: &str) -> Ended {
    test_as(lab, profile, &[], &[])
}

/// The profile with these expectations, which hold and do not hold as told.
#[track_caller]
pub(super) fn judge(lab: &Lab, profile: &str, expected: &[(&str, bool)]) -> String {
    let tests: String = expected
        .iter()
        .map(|(line, _)| format!("[[expect]]\n{line}\n"))
        .collect();
    let ended = test(lab, &format!("{profile}\n{tests}"));
    let results: Vec<(&str, bool)> = ended
        .out
        .lines()
        .filter_map(|line| {
            let (words, holds) = match line.split_once("  ")? {
                ("holds", words) => (words, true),
                ("FAILS", words) => (words, false),
                _ => return None,
            };
            Some((words.split(": ").next()?, holds))
        })
        .collect();
    assert_eq!(results, expected, "{:?} {ended:?}", lab.caller);
    let code = i32::from(!expected.iter().all(|(_, holds)| *holds));
    assert_eq!(ended.code(), code, "{ended:?}");
    ended.out
}

#[test]
fn a_tree_without_tools_answers_for_its_paths() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = format!(
            "{BARE}rootfs.writes = \"deny\"\n\
             [[mount]]\ntmpfs = \"/tmp\"\noptions = [\"noexec\"]\n[[mount]]\ntmpfs = \"/run/x\"\n"
        );
        judge(
            &lab,
            &profile,
            &[
                ("deny_read = \"/etc/shadow\"", true),
                ("allow_read = \"/etc/note\"", true),
                ("allow_read = \"/etc\"", true),
                ("deny_read = \"/etc/note\"", false),
                ("allow_read = \"/etc/shadow\"", false),
                ("deny_read = \"/proc/1/environ\"", true),
                // Whoever is the program may have this number.
                ("deny_read = \"/proc/77777/environ\"", false),
                ("deny_write = \"/etc/note\"", true),
                ("deny_write = \"/etc/new\"", true),
                ("deny_write = \"/proc/sysrq-trigger\"", true),
                ("deny_write = \"/tmp\"", false),
                ("deny_write = \"/tmp/a/b/c\"", false),
                ("allow_write = \"/tmp/new\"", true),
                ("allow_write = \"/etc\"", false),
                ("allow_write = \"/dev/null\"", true),
                ("deny_exec = \"/tmp\"", true),
                ("deny_exec = \"/tmp/new\"", true),
                ("deny_exec = \"/run/x/new\"", false),
                ("deny_exec = \"/run/x\"", false),
                // What can be read, ld.so can run.
                ("deny_exec = \"/etc/note\"", false),
                ("allow_exec = \"/bin/sh\"", false),
            ],
        );
    }
}

#[test]
fn programs_may_be_executed_where_they_are() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        judge(
            &lab,
            &lab.profile(""),
            &[
                ("allow_exec = \"/usr/bin/bash\"", true),
                ("deny_exec = \"/usr/bin/bash\"", false),
            ],
        );
    }
}

/// No path in a writable bind is safe by its mode alone.
#[test]
fn what_could_be_made_writable_or_replaced_is_not_denied() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let own = lab.file("work/own", "");
        fs::set_permissions(&own, Permissions::from_mode(0o444)).unwrap();
        // Root's, in a directory of the caller's.
        fs::write(lab.path("work/other"), "").unwrap();
        fs::set_permissions(lab.path("work/other"), Permissions::from_mode(0o400)).unwrap();
        let work = lab.text("work");
        let profile =
            format!("{BARE}[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"rw\"\n");
        judge(
            &lab,
            &profile,
            &[
                ("deny_write = \"/w/own\"", false),
                ("deny_write = \"/w/other\"", false),
                ("allow_write = \"/w/other\"", false),
                ("allow_write = \"/w\"", true),
                ("allow_write = \"/w/new\"", true),
            ],
        );
        let file =
            format!("{BARE}[[mount]]\nbind = \"{work}/own\"\ntarget = \"/f\"\naccess = \"rw\"\n");
        judge(&lab, &file, &[("deny_write = \"/f\"", false)]);
        let profile = profile.replace("\"rw\"", "\"ro\"");
        judge(
            &lab,
            &profile,
            &[
                ("deny_write = \"/w/own\"", true),
                ("deny_write = \"/w/new\"", true),
            ],
        );
        let left: Vec<_> = fs::read_dir(lab.path("work")).unwrap().collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}

#[test]
fn links_of_a_hostile_tree_lead_nowhere() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let secret = lab.file("secret", "outside");
        let links = [
            ("/a", secret.to_str().unwrap()),
            ("/b", "/proc/self/exe"),
            ("/c", "/proc/self/root/etc/note"),
            ("/d", "../../../../etc/note"),
            ("/e", "/proc/self/fd/0"),
            ("/f", "/proc/self/environ"),
            ("/g", "/empty-target"),
        ];
        let links = links.map(|(at, to)| format!("{{ symlink = \"{at}\", target = \"{to}\" }}"));
        let profile = format!(
            "version = 1\nrootfs.source = [{{ file = \"/etc/note\", text = \"\" }}, {}]\n",
            links.join(", ")
        );
        judge(
            &lab,
            &profile,
            &[
                ("deny_read = \"/a\"", true),
                // Through the links of whoever looks nothing is said in either way.
                ("deny_read = \"/b\"", false),
                ("allow_read = \"/b\"", false),
                ("deny_exec = \"/b\"", false),
                ("allow_exec = \"/b\"", false),
                ("allow_read = \"/c\"", false),
                ("allow_read = \"/d\"", true),
                ("deny_write = \"/e\"", false),
                ("deny_read = \"/f\"", false),
                ("deny_write = \"/g\"", false),
            ],
        );
        assert_eq!(fs::read_to_string(secret).unwrap(), "outside");
    }
}

#[test]
fn connections_are_tried() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = format!("\"{}\"", listener.local_addr().unwrap());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let shut = format!("\"{}\"", closed.local_addr().unwrap());
    drop(closed);
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let deny = |to: &str| format!("deny_connect = {to}");
        let allow = |to: &str| format!("allow_connect = {to}");
        let socket = "\"/w/socket\"";
        let heard = std::os::unix::net::UnixListener::bind(lab.path("work/socket")).unwrap();
        fs::set_permissions(lab.path("work/socket"), Permissions::from_mode(0o777)).unwrap();
        let bind = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\n",
            lab.text("work")
        );
        judge(
            &lab,
            &format!("{BARE}{bind}"),
            &[
                (&deny(&open), true),
                (&deny(&shut), true),
                (&allow(&open), false),
                (&deny("\"[2001:db8::1]:443\""), true),
                (&deny("\"@nobody\""), true),
                (&deny("\"/run/docker.sock\""), true),
                (&deny(socket), false),
                (&allow(socket), true),
            ],
        );
        drop(heard);
        // The file is there, and tomorrow somebody may listen.
        judge(
            &lab,
            &format!("{BARE}{bind}"),
            &[(&deny(socket), false), (&allow(socket), false)],
        );
        judge(
            &lab,
            &format!("{BARE}[network]\nmode = \"host\"\n"),
            &[
                (&deny(&open), false),
                (&deny(&shut), false),
                (&allow(&open), true),
                (&allow(&shut), false),
            ],
        );
    }
}

/// None of these calls runs: the machine would notice.
#[test]
fn system_calls_are_judged_by_the_real_filter_and_do_not_run() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let calls = |holds: bool| {
            [
                ("deny_syscall = \"mount\"", holds),
                ("deny_syscall = \"bpf\"", holds),
                ("allow_syscall = \"reboot\"", !holds),
                ("allow_syscall = \"exit_group\"", true),
                ("allow_syscall = \"pause\"", true),
                ("deny_syscall = \"read\"", false),
            ]
        };
        judge(&lab, BARE, &calls(true));
        let none = format!("{BARE}[security]\nseccomp = \"none\"\n");
        judge(&lab, &none, &calls(false));
    }
}

#[test]
fn the_environment_and_open_files_are_judged() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        judge(
            &lab,
            &format!("{BARE}[limits.process]\nnofile = {{ soft = 64, hard = 100 }}\n"),
            &[
                ("env_absent = \"B_*\"", true),
                ("env_absent = \"A_TOKEN\"", false),
                ("env_absent = \"A_*\"", false),
                ("max_open_files = 100", true),
                // The soft limit is the program's own to raise.
                ("max_open_files = 64", false),
            ],
        );
    }
}

/// A limit of each process is none of the sandbox: two of them have twice as much.
#[test]
fn memory_is_that_of_all_processes_together() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        judge(
            &lab,
            &format!("{BARE}[limits.process]\nas = \"64M\"\n"),
            &[("max_memory = \"96M\"", false)],
        );
    }
}

#[test]
fn groups_hold_and_the_sandbox_survives_until_the_last_test() {
    let name = "groups_hold_and_the_sandbox_survives_until_the_last_test";
    if !root_only(name) {
        return;
    }
    if !fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap()
        && !fs::exists("/sys/fs/cgroup/memory").unwrap()
    {
        skip(name, &Lack::Layout("no control groups are mounted"));
        return;
    }
    let lab = Lab::new(Caller::Root);
    let out = judge(
        &lab,
        &format!("{BARE}[limits]\nmemory = \"64M\"\nswap = \"0\"\npids = 30\n"),
        &[
            ("max_memory = \"80M\"", true),
            ("max_pids = 30", true),
            ("max_pids = 29", false),
            ("max_pids = 31", true),
            ("max_memory = \"64M\"", true),
            ("max_memory = \"32M\"", false),
            ("deny_read = \"/etc/shadow\"", true),
        ],
    );
    // Whoever meets the limit ends the sandbox: it has to come last.
    assert!(out.contains("32M were used at once"), "{out}");
}

#[test]
fn exit_codes_tell_wrong_usage_from_a_sandbox_that_does_not_start() {
    let lab = Lab::new(Caller::Unprivileged);
    let none = test(&lab, BARE);
    assert_eq!(none.code(), 1, "{none:?}");
    assert!(none.err.contains("the profile expects nothing"), "{none:?}");
    let usage = test_as(&lab, BARE, &["--format", "xml"], &[]);
    assert_eq!(usage.code(), 2, "{usage:?}");
    let name = finish(
        lab.host(sandbox())
            .args(["test", "--name", "Not A Name", "x.toml"]),
    );
    assert_eq!(name.code(), 2, "{name:?}");
    let lost = format!("{BARE}command.workdir = \"/lost\"\n[[expect]]\ndeny_read = \"/x\"\n");
    let lost = test_as(&lab, &lost, &["--format", "tap"], &[]);
    assert_eq!(lost.code(), 1, "{lost:?}");
    assert!(lost.err.contains("command.workdir-missing"), "{lost:?}");
    assert_eq!(
        lost.out,
        "TAP version 13\nBail out! the sandbox did not start\n"
    );
}

/// What a consumer of TAP 13 needs: a version, a plan, numbered points, closed YAML blocks.
fn points(text: &str) -> Vec<bool> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("TAP version 13"));
    let plan = lines.next().unwrap().strip_prefix("1..").unwrap();
    let mut points = Vec::new();
    let mut in_block = false;
    for line in lines {
        match line {
            "  ---" => in_block = true,
            "  ..." => in_block = false,
            line if in_block => assert!(line.starts_with("  ") && line.contains(": \""), "{line}"),
            line => {
                let (is_ok, rest) = match line.strip_prefix("not ok ") {
                    Some(rest) => (false, rest),
                    None => (true, line.strip_prefix("ok ").unwrap()),
                };
                points.push(is_ok);
                assert!(rest.starts_with(&format!("{} - ", points.len())), "{line}");
            }
        }
    }
    assert!(!in_block);
    assert_eq!(plan, points.len().to_string());
    points
}

#[test]
fn machines_read_the_same_results() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = format!(
            "{BARE}[[expect]]\ndeny_read = \"/etc/shadow\"\n\
             [[expect]]\ndeny_read = \"/etc/note\"\nwhy = \"a \\\"note\\\"\"\n"
        );
        let tap = test_as(&lab, &profile, &["--format", "tap"], &[]);
        assert_eq!(points(&tap.out), [true, false], "{tap:?}");
        let json = test_as(&lab, &profile, &["--format", "json"], &[]);
        let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(json["name"], lab.name);
        assert_eq!((&json["total"], &json["failed"]), (&2.into(), &1.into()));
        assert_eq!(json["results"][1]["why"], "a \"note\"");
        let place = json["results"][1]["at"].as_str().unwrap();
        assert!(place.ends_with("profile.toml:7"), "{place}");
    }
}

/// Every shipped profile keeps what it promises.
#[test]
fn the_shipped_profiles_hold() {
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    for caller in Caller::all() {
        for name in ["minimal", "untrusted", "dev", "classic-chroot"] {
            let lab = Lab::new(caller);
            let done = finish(lab.host("git").args(["init", "-q", "."]));
            assert_eq!(done.code(), 0, "{done:?}");
            let mut profile = fs::read_to_string(profiles.join(format!("{name}.toml"))).unwrap();
            if name == "classic-chroot" {
                // The whole of /bin and /lib is copied in other tests.
                let (before, after) = profile.split_once("{ copy = \"/lib\", ").unwrap();
                profile = before.to_owned() + after.split_once("] },").unwrap().1;
                profile = profile.replace("{ copy = \"/bin\" }", "{ programs = [\"/bin/bash\"] }");
            }
            // Where no groups are delegated the other limits are tested all the same.
            let limited = caller == Caller::Root;
            if !limited && name == "untrusted" {
                let (before, after) = profile.split_once("[limits]").unwrap();
                profile = format!(
                    "{before}[limits.process]{}",
                    after.split_once("[limits.process]").unwrap().1
                );
                profile = without_group_limits(&profile);
            }
            if !limited && name == "dev" {
                profile = without_group_limits(&profile);
            }
            // Below a tmpfs of the program's own the directories on the way to a mount can be renamed.
            if name == "dev" && lab.path("").starts_with("/tmp") {
                profile = profile.replace("tmpfs = \"/tmp\"", "tmpfs = \"/var/tmp\"");
            }
            let ended = test_as(&lab, &profile, &[], &["/bin/true"]);
            assert_eq!(ended.code(), 0, "{caller:?} {name}: {ended:?}");
        }
    }
}

fn without_group_limits(profile: &str) -> String {
    let blocks = profile.split("\n\n");
    let kept = blocks.filter(|block| !block.contains("max_memory") && !block.contains("max_pids"));
    kept.collect::<Vec<_>>().join("\n\n")
}
