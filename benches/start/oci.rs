//! OCI runtimes, each with a bundle of the same tree, namespaces and mounts.

use std::path::Path;
use std::rc::Rc;

use nix::unistd::{getegid, geteuid};
use serde_json::{Value, json};

use crate::contender::{Contender, Limits};
use crate::place::Place;
use crate::scratch::Scratch;

/// The id that the program gets on the host when root starts it: nobody's.
const MAPPED: u32 = 100_000;

/// What engines hide in /proc by default; the sandbox hides the same and more.
const MASKED: [&str; 6] = [
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/sched_debug",
];

/// What engines make read-only by default.
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// crun and runc. Without limits crun makes no control group; runc always makes one as root.
pub fn runtimes(
    scratch: &Scratch,
    tree: &Path,
    program: &Path,
    limits: Limits,
) -> Result<Vec<Contender>, String> {
    let name = match limits {
        Limits::Without => "plain",
        Limits::With => "limits",
    };
    let bundle = scratch.folder(&format!("bundle-{name}"))?;
    let config = config(tree, program, limits, name);
    scratch.file(&format!("bundle-{name}/config.json"), &config.to_string())?;
    let state = scratch.folder("oci")?;
    let runtime = |tool: &str, extra: &[&str]| {
        let id = format!("sandbox-bench-{}-{tool}-{name}", std::process::id());
        Contender::new(&format!("{tool} run"), [tool])
            .args(extra)
            .arg("--root")
            .arg(state.join(tool))
            .args(["run", "--bundle"])
            .arg(&bundle)
            .arg(id)
            .limited(limits)
    };
    let no_groups: &[&str] = match limits {
        Limits::Without => &["--cgroup-manager=disabled"],
        Limits::With => &[],
    };
    let place = match geteuid().is_root() && Place::is_hybrid() {
        true => Some(Rc::new(Place::without_unified()?)),
        false => None,
    };
    let crun = runtime("crun", no_groups).started_from(place);
    Ok(vec![crun, runtime("runc", &[])])
}

fn config(tree: &Path, program: &Path, limits: Limits, name: &str) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": process(program),
        "root": { "path": tree, "readonly": true },
        "hostname": "bench",
        "mounts": mounts(),
        "linux": linux(limits, name),
    })
}

fn process(program: &Path) -> Value {
    json!({
        "terminal": false,
        "user": { "uid": 0, "gid": 0 },
        "args": [program],
        "env": ["PATH=/usr/bin:/bin"],
        "cwd": "/",
        "noNewPrivileges": true,
        "capabilities": {
            "bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": [],
        },
    })
}

fn mounts() -> Value {
    let mount = |target: &str, kind: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": kind, "options": options });
    let data = ["nosuid", "nodev", "mode=1777", "size=16m"];
    let terminals = [
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
    ];
    json!([
        mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount(
            "/dev",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=64k"]
        ),
        mount("/dev/pts", "devpts", &terminals),
        mount("/dev/shm", "tmpfs", &data),
        mount("/tmp", "tmpfs", &data),
    ])
}

fn linux(limits: Limits, name: &str) -> Value {
    let root = geteuid().is_root();
    let (user, group) = match root {
        true => (MAPPED, MAPPED),
        false => (geteuid().as_raw(), getegid().as_raw()),
    };
    let map = |outside: u32| json!([{ "containerID": 0, "hostID": outside, "size": 1 }]);
    let kinds = ["user", "pid", "network", "ipc", "uts", "mount", "cgroup"];
    let mut linux = json!({
        "namespaces": kinds.map(|kind| json!({ "type": kind })),
        "uidMappings": map(user),
        "gidMappings": map(group),
        "maskedPaths": MASKED,
        "readonlyPaths": READ_ONLY,
    });
    if limits == Limits::With {
        linux["resources"] = resources();
    }
    if root {
        linux["cgroupsPath"] = json!(format!("/sandbox-bench-{}-{name}", std::process::id()));
    }
    linux
}

/// The same amounts as in the profile.
fn resources() -> Value {
    json!({
        "memory": { "limit": 256 << 20 },
        "cpu": { "quota": 100_000, "period": 100_000 },
        "pids": { "limit": 64 },
    })
}
