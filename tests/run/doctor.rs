//! `sandbox doctor` on the real kernel: what works is said to work, what `up` stumbles over is told before,
//! and nothing is left of the trials.

use serde_json::Value;

use super::mounts::own_namespace;
use super::support::{Caller, Ended, Lab, finish, sandbox};

const PLAIN: &str =
    "version = 1\nrootfs = { writes = \"deny\", source = [{ programs = [\"true\"] }] }\n";

/// What this machine may lack, and a host may run without.
const MAY_LACK: [&str; 7] = [
    "namespaces.map-helper",
    "namespaces.map-no-range",
    "host.landlock-old",
    "host.landlock-missing",
    "host.no-listener",
    "limits.not-enforced",
    "host.no-user-manager",
];

fn doctor(lab: &Lab, arguments: &[&str]) -> Ended {
    let mut doctor = lab.host(sandbox());
    finish(doctor.arg("doctor").args(arguments))
}

fn findings(ended: &Ended) -> Vec<Value> {
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    document["findings"].as_array().unwrap().clone()
}

fn codes(ended: &Ended) -> Vec<String> {
    let findings = findings(ended);
    let codes = findings
        .iter()
        .filter_map(|finding| finding["code"].as_str());
    codes.map(str::to_owned).collect()
}

#[test]
fn where_sandboxes_start_all_that_is_tried_works() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let ended = doctor(&lab, &["--json"]);
        assert_eq!(ended.code(), 0, "{ended:?}");
        for code in codes(&ended) {
            assert!(MAY_LACK.contains(&code.as_str()), "{code}: {ended:?}");
        }
        let tried = |name: &str| {
            let all = findings(&ended);
            let found = all.iter().find(|finding| finding["name"] == name);
            found.map(|finding| finding["state"].clone())
        };
        for name in [
            "user namespace",
            "id maps",
            "/proc",
            "overlay",
            "seccomp",
            "pivot_root",
        ] {
            assert_eq!(tried(name), Some("ok".into()), "{name}: {ended:?}");
        }
        let mapped = (caller == Caller::Root).then(|| "ok".into());
        assert_eq!(tried("idmapped mounts"), mapped, "{ended:?}");
    }
}

#[test]
fn nothing_is_made_to_find_out() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let file = lab.file("plain.toml", PLAIN);
        let fresh = lab.path("fresh");
        let ended = finish(
            lab.host(sandbox())
                .env("XDG_CACHE_HOME", &fresh)
                .env("XDG_DATA_HOME", &fresh)
                .env("XDG_STATE_HOME", &fresh)
                .arg("doctor")
                .arg(file),
        );
        assert_eq!(ended.code(), 0, "{ended:?}");
        assert!(!fresh.exists(), "{ended:?}");
    }
}

/// A container's engine covers parts of /proc: both commands run where one is covered.
#[test]
fn a_masked_proc_is_told_before_it_is_stumbled_over() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let file = lab.file("plain.toml", PLAIN);
        let masked = |arguments: &[&str]| {
            let words = own_namespace(caller);
            let script = "mount --bind /dev/null /proc/uptime && exec \"$@\"";
            let mut shell = lab.host(words[0]);
            shell.args(&words[1..]).args(["sh", "-c", script, "sh"]);
            finish(shell.arg(sandbox()).args(arguments))
        };
        let file = file.to_str().unwrap();
        let told = masked(&["doctor", "--json", file]);
        assert_eq!(told.code(), 1, "{told:?}");
        let findings = findings(&told);
        let proc = findings.iter().find(|finding| finding["name"] == "/proc");
        let proc = proc.unwrap();
        assert_eq!(proc["code"], "host.proc-masked", "{told:?}");
        let up = masked(&["up", file, "--", "true"]);
        assert_eq!(up.code(), 125, "{up:?}");
        assert!(up.err.contains("host.proc-masked"), "{up:?}");
        let cause = proc["cause"].as_str().unwrap();
        assert!(cause.contains("`/proc/uptime`"), "{told:?}");
        let without = format!("{PLAIN}system.proc = \"none\"\n");
        let file = lab.file("without.toml", &without);
        let told = masked(&["doctor", file.to_str().unwrap()]);
        assert_eq!(
            told.code(),
            0,
            "without a /proc there is nothing to miss: {told:?}"
        );
    }
}

#[test]
fn what_a_profile_names_is_judged_as_check_does() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = format!("{PLAIN}[[mount]]\nbind = \"/no/such/place\"\ntarget = \"/x\"\n");
        let file = lab.file("missing.toml", &profile);
        let file = file.to_str().unwrap();
        let told = doctor(&lab, &["--json", file]);
        assert_eq!(told.code(), 1, "{told:?}");
        let checked = finish(lab.host(sandbox()).args(["check", "--host", file]));
        let codes = codes(&told);
        let of_profile = codes.iter().find(|code| code.starts_with("mount."));
        assert!(checked.err.contains(of_profile.unwrap()), "{checked:?}");
        let place = findings(&told)[0]["place"].as_str().map(str::to_owned);
        assert!(place.is_some_and(|place| place.ends_with(":4")), "{told:?}");
    }
}

#[test]
fn exit_codes_tell_wrong_usage_from_a_host_that_lacks_something() {
    let lab = Lab::new(Caller::all()[0]);
    assert_eq!(doctor(&lab, &["--no-such-option"]).code(), 2);
    assert_eq!(doctor(&lab, &["a.toml", "b.toml"]).code(), 2);
    let absent = doctor(&lab, &["/no/such/profile.toml"]);
    assert_eq!(absent.code(), 1, "{absent:?}");
    assert!(absent.out.contains("/no/such/profile.toml"), "{absent:?}");
}
