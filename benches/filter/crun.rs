//! The calls in crun, under the profile that podman and docker install, as an engine would hand it over.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::{Times, times};

/// Set in the process inside that makes the calls.
pub const INSIDE: &str = "SANDBOX_BENCH_FILTER_INSIDE";

/// What crun runs: this program, in a tree that shows the host's libraries.
pub struct Bundle {
    folder: PathBuf,
    id: String,
}

/// One without a filter, one with that of `profile`; they are removed when dropped.
///
/// # Errors
/// Why there are none.
pub fn bundles(profile: &str) -> Result<[Bundle; 2], String> {
    let version = Command::new("crun").arg("--version").output();
    version.map_err(|error| format!("it does not start: {error}"))?;
    if !nix::unistd::geteuid().is_root() {
        return Err("only root measures it".to_owned());
    }
    let text = fs::read_to_string(profile).map_err(|error| format!("{profile}: {error}"))?;
    let profile: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok([
        Bundle::new("without", None)?,
        Bundle::new("with", Some(&seccomp(&profile)))?,
    ])
}

impl Bundle {
    fn new(name: &str, seccomp: Option<&Value>) -> Result<Bundle, String> {
        let id = format!("sandbox-bench-filter-{}-{name}", std::process::id());
        let bundle = Bundle {
            folder: std::env::temp_dir().join(&id),
            id,
        };
        let told = |error: std::io::Error| error.to_string();
        fs::create_dir_all(bundle.folder.join("root/dev")).map_err(told)?;
        let executable = std::env::current_exe().map_err(told)?;
        let config = config(&executable, seccomp).to_string();
        fs::write(bundle.folder.join("config.json"), config).map_err(told)?;
        Ok(bundle)
    }

    /// Runs it once.
    pub fn measure(&self) -> Times {
        // crun refuses a host with both versions of control groups.
        let alone = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"";
        let output = Command::new("unshare")
            .args(["--mount", "--propagation=private", "sh", "-c", alone, "sh"])
            .args(["crun", "--cgroup-manager=disabled"])
            .arg("--root")
            .arg(self.folder.join("state"))
            .args(["run", "--bundle"])
            .arg(&self.folder)
            .arg(&self.id)
            .stdin(File::open("/dev/zero").expect("/dev/zero"))
            .output()
            .expect("crun starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "crun: {said}");
        times(&mut &output.stdout[..])
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // A bench that cannot clean up has nobody left to tell.
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn config(executable: &Path, seccomp: Option<&Value>) -> Value {
    let shown = ["/usr", "/lib", "/lib64"];
    let shown = shown.into_iter().filter(|path| Path::new(path).exists());
    let mut mounts: Vec<Value> = shown.map(|path| bind(Path::new(path), path)).collect();
    for (target, kind) in [("/proc", "proc"), ("/dev", "tmpfs")] {
        mounts.push(json!({ "destination": target, "type": kind, "source": kind }));
    }
    mounts.push(bind(executable, "/bench"));
    let kinds = ["pid", "mount", "ipc", "uts"];
    let namespaces: Vec<Value> = kinds.iter().map(|kind| json!({ "type": kind })).collect();
    let mut linux = json!({ "namespaces": namespaces });
    if let Some(seccomp) = seccomp {
        linux["seccomp"] = seccomp.clone();
    }
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": ["/bench"],
            "env": [format!("{INSIDE}=1")],
            "cwd": "/",
            "noNewPrivileges": true,
        },
        "root": { "path": "root" },
        "mounts": mounts,
        "linux": linux,
    })
}

fn bind(source: &Path, target: &str) -> Value {
    json!({ "destination": target, "type": "bind", "source": source, "options": ["rbind", "ro"] })
}

/// A profile of an engine as the runtime takes it: rules for other machines and for capabilities that nobody
/// has are left out.
fn seccomp(profile: &Value) -> Value {
    let machine = match std::env::consts::ARCH {
        "aarch64" => ("arm64", "SCMP_ARCH_AARCH64"),
        _ => ("amd64", "SCMP_ARCH_X86_64"),
    };
    let rules = profile["syscalls"].as_array().into_iter().flatten();
    let rules = rules.filter(|rule| {
        let arches = rule["includes"]["arches"].as_array();
        let here = arches.is_none_or(|arches| arches.iter().any(|arch| arch == machine.0));
        here && rule["includes"]["caps"].as_array().is_none()
    });
    let rules: Vec<Value> = rules.map(rule).collect();
    let known = profile["archMap"].as_array().into_iter().flatten();
    let here = known.filter(|entry| entry["architecture"] == machine.1);
    let mut architectures = vec![json!(machine.1)];
    architectures.extend(here.flat_map(|entry| {
        let others = entry["subArchitectures"].as_array();
        others.cloned().unwrap_or_default()
    }));
    json!({
        "defaultAction": profile["defaultAction"],
        "architectures": architectures,
        "syscalls": rules,
    })
}

fn rule(rule: &Value) -> Value {
    let mut told = json!({ "names": rule["names"], "action": rule["action"] });
    if let Some(errno) = rule["errnoRet"].as_u64() {
        told["errnoRet"] = json!(errno);
    }
    if let Some(arguments) = rule["args"].as_array() {
        told["args"] = json!(arguments);
    }
    told
}
