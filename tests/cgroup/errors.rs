//! A limit that cannot hold: refused with its reason, or reported; never half made.

use std::os::unix::process::CommandExt;
use std::process::Command;

use sandbox::cgroup::{Cause, Groups};
use sandbox::host::cgroups::probe;
use sandbox::model::{ByteSize, CgroupFacts, CgroupVersion, Cpus, Hierarchy};
use sandbox::plan::{Amount, Lacking};

use crate::skip::{Lack, skip};
use crate::{alone, groups, limits, limits_with, remove_and_check};

const AMOUNTS: [Amount; 2] = [Amount::Memory(ByteSize(64 << 20)), Amount::Pids(8)];
/// Someone without rights on most systems.
const NOBODY: u32 = 65534;

/// The facts of this host, with one controller in a v1 hierarchy that is a plain directory.
fn with_false_pids() -> CgroupFacts {
    let mut facts = probe();
    for hierarchy in &mut facts.hierarchies {
        hierarchy.controllers.retain(|name| name != "pids");
    }
    let plain = std::env::temp_dir();
    facts.hierarchies.push(Hierarchy {
        version: CgroupVersion::V1,
        controllers: vec!["pids".to_owned()],
        mount: plain.clone(),
        own: plain,
    });
    facts
}

/// Groups of this process below the places that the facts name.
fn own_groups(facts: &CgroupFacts) -> Vec<std::path::PathBuf> {
    let mark = format!("-{}", std::process::id());
    let entries = |hierarchy: &Hierarchy| {
        let nests = [&hierarchy.own, &hierarchy.mount].map(|dir| dir.join("sandbox"));
        let places = nests.into_iter().chain([hierarchy.own.clone()]);
        places
            .filter_map(|dir| std::fs::read_dir(dir).ok())
            .collect::<Vec<_>>()
    };
    let all = facts.hierarchies.iter().flat_map(entries).flatten();
    all.map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && path.to_string_lossy().contains(&mark))
        .collect()
}

#[test]
fn what_was_half_made_is_undone() {
    let _turn = alone();
    let Some(groups) = groups("undo", &AMOUNTS) else {
        return;
    };
    remove_and_check(groups);
    let facts = with_false_pids();
    let error = Groups::create(&limits(&AMOUNTS), &facts, "undo").unwrap_err();
    assert_eq!(error.limit, 1);
    assert_eq!(error.key, "limits.pids");
    assert_eq!(error.failure.cause, Cause::FileMissing, "{error}");
    assert_eq!(own_groups(&facts), [] as [std::path::PathBuf; 0]);
}

#[test]
fn what_may_be_missing_is_reported_and_the_rest_holds() {
    let _turn = alone();
    let Some(all) = groups("part", &AMOUNTS) else {
        return;
    };
    remove_and_check(all);
    let limits = limits_with(Lacking::Reported, &AMOUNTS);
    let facts = with_false_pids();
    let groups = Groups::create(&limits, &facts, "part").unwrap();
    let missing: Vec<&str> = groups.missing().iter().map(|error| error.key).collect();
    assert_eq!(missing, ["limits.pids"]);
    assert!(groups.usage().oom_kills.is_some(), "memory is limited");
    remove_and_check(groups);
    assert_eq!(own_groups(&facts), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_host_without_hierarchies_says_so() {
    let facts = CgroupFacts::default();
    let error = Groups::create(&limits(&AMOUNTS), &facts, "none").unwrap_err();
    assert_eq!(error.failure.cause, Cause::NotMounted);
    assert!(error.fix().is_some());
    let reported = limits_with(Lacking::Reported, &AMOUNTS);
    let groups = Groups::create(&reported, &facts, "none").unwrap();
    assert_eq!(groups.missing().len(), 2);
    assert!(groups.paths().is_empty());
}

/// v1 refuses more than an outer group allows; the tighter outer share is then enough.
#[test]
fn an_outer_share_that_is_smaller_stands_in() {
    let _turn = alone();
    let mut facts = probe();
    if facts.v1_with("cpu").is_none() {
        let reason = "`cpu` is not on cgroup v1 here, and v2 takes any share";
        skip(
            "an_outer_share_that_is_smaller_stands_in",
            &Lack::Layout(reason),
        );
        return;
    }
    let Some(outer) = groups("outer", &[Amount::Cpus(Cpus { thousandths: 500 })]) else {
        return;
    };
    facts
        .hierarchies
        .retain(|hierarchy| hierarchy.controllers.iter().any(|name| name == "cpu"));
    facts.hierarchies[0].own = outer.paths()[0].clone();
    let more = Amount::Cpus(Cpus { thousandths: 2000 });
    let inner = Groups::create(&limits(&[more]), &facts, "inner").unwrap();
    remove_and_check(inner);
    remove_and_check(outer);
}

#[test]
fn without_rights_the_error_says_what_to_do() {
    if !nix::unistd::geteuid().is_root() {
        let reason = "only root can become another user";
        skip(
            "without_rights_the_error_says_what_to_do",
            &Lack::Rights(reason),
        );
        return;
    }
    let copy = std::env::temp_dir().join(format!("cgroup-test-{}", std::process::id()));
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let output = Command::new(&copy)
        .args(["--exact", "errors::as_nobody", "--ignored", "--nocapture"])
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output();
    std::fs::remove_file(&copy).unwrap();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run by `without_rights_the_error_says_what_to_do`, as another user"]
fn as_nobody() {
    assert!(!nix::unistd::geteuid().is_root());
    let facts = probe();
    let error = Groups::create(&limits(&AMOUNTS), &facts, "nobody").unwrap_err();
    let expected = match facts.v1_with("memory") {
        Some(_) => Cause::NeedsRoot,
        None => Cause::NotDelegated,
    };
    assert_eq!(error.failure.cause, expected, "{error}");
    assert_eq!(error.failure.errno, Some(nix::errno::Errno::EACCES));
    assert!(error.fix().is_some());
    let reported = limits_with(Lacking::Reported, &AMOUNTS);
    let groups = Groups::create(&reported, &facts, "nobody").unwrap();
    assert_eq!(groups.missing().len(), 2);
}
