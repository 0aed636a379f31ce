//! What `why` answers by the text alone holds in the real sandbox.

use serde_json::Value;

use super::expect::judge;
use super::support::{Caller, Lab, finish, sandbox};

const PROFILE: &str = "version = 1\n\
    env.set = { A_TOKEN = \"x\" }\n\
    command.workdir = \"/work\"\n\
    [rootfs]\nwrites = \"deny\"\nsource = [\n\
    { file = \"/etc/note\", text = \"x\" },\n\
    { symlink = \"/note\", target = \"etc/note\" },\n\
    { symlink = \"/to/tmp\", target = \"../tmp\" },\n\
    { symlink = \"/loop\", target = \"loop\" },\n\
    { dir = \"/work\" },\n]\n\
    [system]\nsys = \"read-only\"\nmqueue = true\n\
    [[mount]]\ntmpfs = \"/tmp\"\noptions = [\"noexec\"]\n\
    [[mount]]\ntmpfs = \"/run/x\"\n";

/// A directory that is masked is empty, but there: what the host has in it is asked about. No test looks into
/// `/proc/self`, which is another thing for each process.
///
/// A flag of `why`, the kind of expectation that says the same, and what is asked about.
const ASKED: &[(&[&str], &str, &[&str])] = &[
    (
        &["--path"],
        "read",
        &[
            "/",
            "/etc",
            "/etc/note",
            "/note",
            "/etc/shadow",
            "/loop",
            "/run",
            "/nowhere",
            "/etc/mtab",
            "/proc",
            "/proc/mounts",
            "/proc/cpuinfo",
            "/proc/meminfo",
            "/proc/uptime",
            "/proc/kcore",
            "/proc/keys",
            "/proc/kmsg",
            "/proc/timer_list",
            "/proc/kallsyms",
            "/proc/interrupts",
            "/sys",
            "/sys/firmware/efi",
            "/sys/kernel/debug/x",
            "/sys/kernel/security/lsm",
            "/sys/fs/bpf/x",
            "/sys/fs/cgroup/memory.max",
            "/dev",
            "/dev/null",
            "/dev/zero",
            "/dev/pts",
            "/dev/shm",
            "/dev/mqueue",
            "/dev/kvm",
            "/dev/mem",
            "/dev/null/x",
        ],
    ),
    (
        &["--write", "--path"],
        "write",
        &[
            "/",
            "/etc/note",
            "/note",
            "/etc/new",
            "/tmp/new",
            "/to/tmp/new",
            "/run/x/new",
            "/run/new",
            "/proc/new",
            "/proc/meminfo",
            "/proc/sysrq-trigger",
            "/proc/sys/kernel/hostname",
            "/proc/kcore",
            "/proc/irq/0/smp_affinity",
            "/sys",
            "/sys/power/state",
            "/dev",
            "/dev/new",
            "/dev/null",
            "/dev/zero",
            "/dev/shm/new",
        ],
    ),
    (
        &["--exec", "--path"],
        "exec",
        &["/tmp/new", "/bin/sh", "/proc/cpuinfo", "/dev/null"],
    ),
    (
        &["--connect"],
        "connect",
        &[
            "127.0.0.1:9",
            "[::1]:9",
            "198.51.100.7:443",
            "[2001:db8::1]:443",
            "@bus",
            "/run/x/sock",
            "/run/none",
        ],
    ),
    (
        &["--syscall"],
        "syscall",
        &["read", "mount", "ptrace", "bpf", "clone3"],
    ),
];

#[test]
fn what_is_answered_by_the_text_holds_in_the_sandbox() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let file = lab.file("asked.toml", PROFILE);
        let mut expected: Vec<String> = Vec::new();
        for (flags, kind, all) in ASKED {
            for what in *all {
                let mut why = lab.host(sandbox());
                why.args(["why", "--format", "json"]).arg(&file);
                let ended = finish(why.args(*flags).arg(what));
                let answer: Value = serde_json::from_str(&ended.out)
                    .unwrap_or_else(|_| panic!("{what}: {ended:?}"));
                match answer["verdict"].as_str() {
                    Some("allowed") => expected.push(format!("allow_{kind} = \"{what}\"")),
                    Some("denied") => expected.push(format!("deny_{kind} = \"{what}\"")),
                    _ => {}
                }
            }
        }
        assert!(expected.len() > 50, "{expected:?}");
        let expected: Vec<(&str, bool)> =
            expected.iter().map(|line| (line.as_str(), true)).collect();
        judge(&lab, PROFILE, &expected);
    }
}
