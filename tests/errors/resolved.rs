//! `tests/errors/plan/*.toml` break rules that the text alone shows, `tests/errors/host/*.toml` rules
//! that only a host shows: a hand-written one, the same on every machine; `tests/errors/check/*.toml` those of `check
//! --host` alone, which a start has no use for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sandbox::diag::{FileId, Problem, Problems, Sources};
use sandbox::model::{
    ByteSize, DiskFact, Facts, Hardware, HostAccount, ImageConfig, ImageFact, ImageName, PartFact,
    PathFact, PathKind, ProgramFact, Rlimit, RlimitValue, Wanted,
};
use sandbox::plan::{Given, Knowledge, Purpose, Settings, resolve, wanted};
use sandbox::profile::{self, RawProfile};
use sandbox::report::problems::{Style, render};

use super::{directory, rule_of, rules, stems};

/// Rules that no profile breaks by itself; their own tests show them.
const WITHOUT_PROFILE: &[&str] = &[
    // These take arguments behind `--`.
    "command.extra-refused",
    "command.no-directory",
    // Their host is root's.
    "command.group-root",
    "security.capability-files",
    "security.nested-root",
    "security.seccomp-past-root",
    "command.user-no-id",
    "namespaces.map-account",
    "namespaces.map-no-block",
    // Its host has subordinate ids, but not what maps them.
    "namespaces.map-kept",
    "namespaces.map-one-group",
    "namespaces.map-no-range",
    // More ranges than anybody reads.
    "namespaces.map-length",
    // What a host path comes to is a path inside.
    "path.invalid",
    // A relative path in a profile that comes from no file.
    "path.relative",
    // The file's name.
    "profile.file-name",
    // Its machine is another one.
    "security.architecture-missing",
];

/// A command line that gives nothing.
pub fn nothing_given() -> Given {
    Given {
        file_stem: "test".to_owned(),
        profile_dirs: BTreeMap::from([(FileId::FIRST, PathBuf::from("/work/profiles"))]),
        ..Given::default()
    }
}

/// What lies at a path of the hand-written host.
fn lies_at(path: &Path) -> PathFact {
    let present = |kind| PathFact::Present {
        kind,
        uid: 1000,
        gid: 1000,
        link: None,
        real: None,
    };
    let link = |text: &str, real: &str| PathFact::Present {
        kind: PathKind::Directory,
        uid: 0,
        gid: 0,
        link: Some(text.into()),
        real: Some(real.into()),
    };
    let path = path.to_str().unwrap();
    match path {
        "/bin" => link("usr/bin", "/usr/bin"),
        "/work/run" => link("/run", "/run"),
        "/work/out" => link("/srv", "/srv"),
        "/dev/kvm" | "/srv/device" => present(PathKind::Device),
        "/run/wayland-0" | "/run/docker.sock" => present(PathKind::Socket),
        "/work/docker" => PathFact::Present {
            kind: PathKind::Socket,
            uid: 0,
            gid: 0,
            link: Some("/run/docker.sock".into()),
            real: Some("/run/docker.sock".into()),
        },
        "/srv/file" | "/usr/bin/bash" | "/dev/notes" => present(PathKind::File),
        "/" | "/usr" | "/opt" | "/store" | "/etc" | "/srv" | "/work" | "/work/profiles"
        | "/home/me" => present(PathKind::Directory),
        _ if path.contains("hidden") || path == "/etc/hosts" => {
            PathFact::Hidden("permission denied".to_owned())
        }
        _ => PathFact::Missing,
    }
}

/// The disk of a path of the hand-written host, which has one.
fn disk_of(path: &Path) -> DiskFact {
    match lies_at(path) {
        PathFact::Missing if path.starts_with("/dev/vda") => DiskFact::Whole {
            major: 254,
            minor: 0,
        },
        PathFact::Present {
            kind: PathKind::Directory,
            ..
        } => DiskFact::Whole {
            major: 254,
            minor: 0,
        },
        PathFact::Present { .. } => DiskFact::None,
        PathFact::Missing => DiskFact::Missing,
        PathFact::Hidden(why) => DiskFact::Hidden(why),
    }
}

/// What lies below a directory of the hand-written host.
fn lies_below(part: &Path) -> PartFact {
    match part.to_str().unwrap() {
        ".git/hooks" | "secrets" => PartFact::Directory,
        ".git/config" | ".env" | "vendor/a/.git" => PartFact::File { names: 1 },
        "linked" => PartFact::File { names: 3 },
        "link/x" => PartFact::Link,
        "closed/x" => PartFact::Hidden("permission denied".to_owned()),
        _ => PartFact::Missing,
    }
}

/// What an image of the hand-written host says of its program.
fn says(image: &ImageName) -> ImageFact {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let reference = image.reference.as_deref();
    let mut config = ImageConfig {
        env: vec![("PATH".to_owned(), "/image/bin".to_owned())],
        entrypoint: words(&["/image/bin/init"]),
        cmd: words(&["--serve"]),
        user: Some("7:8".to_owned()),
        workdir: Some("/image".to_owned()),
    };
    match reference {
        Some("root") => config.user = Some("root".to_owned()),
        Some("named") => config.user = Some("app:app".to_owned()),
        Some("relative") => config.workdir = Some("srv".to_owned()),
        Some("silent") => config = ImageConfig::default(),
        Some("absent") => {
            return ImageFact::Refused {
                message: format!("image `{}` has no name `absent`", image.path.display()),
                help: Some("write another name".to_owned()),
            };
        }
        _ => {}
    }
    ImageFact::Found(config)
}

/// The answers of the hand-written host, whose caller is no root.
fn answer(facts: &mut Facts, questions: &Wanted) {
    let text = |text: &str| text.to_owned();
    facts.variables = BTreeMap::from([(text("HOME"), text("/home/me"))]);
    for path in &questions.paths {
        facts.paths.insert(path.clone(), lies_at(path));
    }
    for part in &questions.parts {
        facts.parts.insert(part.clone(), lies_below(&part.1));
    }
    for pattern in &questions.patterns {
        facts.matches.insert(pattern.clone(), Vec::new());
    }
    for image in &questions.images {
        facts.images.insert(image.clone(), says(image));
    }
    for name in &questions.programs {
        let fact = match name.as_str() {
            "bash" => ProgramFact::Found("/usr/bin/bash".into()),
            _ => ProgramFact::Missing {
                nearest: sandbox::model::nearest(name, ["bash", "python3"]).map(text),
            },
        };
        facts.programs.insert(name.clone(), fact);
    }
    if questions.accounts.is_on() {
        facts.accounts.groups = vec![(text("audio"), 29), (text("me"), 1000)];
        facts.accounts.subordinate_users = vec![100_000..=165_535];
        facts.accounts.subordinate_groups = vec![100_000..=165_535];
    }
    let limit = Rlimit {
        soft: RlimitValue::Value(1024),
        hard: RlimitValue::Value(4096),
    };
    for path in &questions.disks {
        facts.disks.insert(path.clone(), disk_of(path));
    }
    if questions.hardware.is_on() {
        facts.hardware = Some(Hardware {
            cpus: "0-3".parse().unwrap(),
            nodes: "0".parse().unwrap(),
            huge_pages: vec![ByteSize(2 << 20), ByteSize(1 << 30)],
            memory: Some(ByteSize(8 << 30)),
        });
    }
    facts.rlimits = questions.rlimits.iter().map(|r| (*r, limit)).collect();
}

pub fn hand_written(raw: &RawProfile, given: &Given) -> Facts {
    let pairs = [
        ("TOKEN", "s3cret//of/./mine"),
        ("TERM", "xterm"),
        ("LINES", "a\nb"),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut facts = Facts {
        caller: HostAccount {
            uid: 1000,
            gid: 1000,
            name: "me".to_owned(),
            groups: vec![],
        },
        environment: BTreeMap::from(pairs),
        current_dir: "/work".into(),
        own_directories: vec!["/store".into()],
        last_capability: 37,
        ..Facts::default()
    };
    let mut asked = Wanted::default();
    loop {
        let new = wanted(raw, given, &facts);
        if new == asked {
            return facts;
        }
        answer(&mut facts, &new);
        asked = new;
    }
}

/// What is judged: the text alone, or the hand-written host too.
#[derive(Clone, Copy, PartialEq)]
pub enum By {
    Text,
    Host,
}

/// A profile's settings, and all that is wrong with it: by its text as `check` judges it, by the host as `up` does.
pub fn settle(name: &str, text: &str, by: By) -> (Option<Settings>, Vec<Problem>, Sources) {
    let purpose = match by {
        By::Text => Purpose::Judge,
        By::Host => Purpose::Start,
    };
    settle_for(purpose, name, text, by)
}

/// The same as `check --host` judges it.
pub fn settle_to_judge(name: &str, text: &str) -> (Option<Settings>, Vec<Problem>, Sources) {
    settle_for(Purpose::Judge, name, text, By::Host)
}

fn settle_for(
    purpose: Purpose,
    name: &str,
    text: &str,
    by: By,
) -> (Option<Settings>, Vec<Problem>, Sources) {
    let mut sources = Sources::default();
    let mut problems = Problems::new();
    let file = sources.add(name, text);
    let given = Given {
        purpose,
        ..nothing_given()
    };
    let raw = profile::parse(file, text, &mut problems);
    let settings = raw.and_then(|raw| match by {
        By::Text => resolve(&raw, &given, Knowledge::Symbolic, &mut problems),
        By::Host => {
            let facts = hand_written(&raw, &given);
            resolve(&raw, &given, Knowledge::Host(&facts), &mut problems)
        }
    });
    (settings, problems.sorted(), sources)
}

/// Compares every report of a folder, or writes it; gives back the rules that it shows.
fn goldens(folder: &str, purpose: Purpose, by: By) -> BTreeSet<String> {
    let place = directory(&format!("errors/{folder}"));
    let mut shown = BTreeSet::new();
    let mut wrong = Vec::new();
    for stem in stems(&place, "toml") {
        let text = std::fs::read_to_string(place.join(format!("{stem}.toml"))).unwrap();
        let name = format!("tests/errors/{folder}/{stem}.toml");
        let (_, problems, sources) = settle_for(purpose, &name, &text, by);
        let rule = rule_of(&stem).to_owned();
        let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert!(codes.contains(&rule.as_str()), "{name}: {codes:?}");
        shown.insert(rule);
        let found = render(&problems, &sources, Style::PLAIN);
        let golden = place.join(format!("{stem}.txt"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        if std::fs::read_to_string(&golden).unwrap_or_default() != found {
            wrong.push(format!("{stem}.txt is not\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(stems(&place, "toml"), stems(&place, "txt"));
    shown
}

#[test]
fn every_rule_of_a_plan_has_a_golden_report() {
    let mut shown = goldens("plan", Purpose::Judge, By::Text);
    shown.extend(goldens("host", Purpose::Start, By::Host));
    shown.extend(goldens("check", Purpose::Judge, By::Host));
    shown.extend(WITHOUT_PROFILE.iter().map(|rule| (*rule).to_owned()));
    let of_text = stems(&directory("errors"), "toml");
    shown.extend(of_text.iter().map(|stem| rule_of(stem).to_owned()));
    let mut rules = BTreeSet::new();
    rules::collect(&directory("../src/plan/resolve"), &mut rules);
    assert!(rules.len() > 60, "{rules:?}");
    let missing: Vec<_> = rules.difference(&shown).collect();
    assert!(missing.is_empty(), "no profile breaks {missing:?}");
}

#[test]
fn no_value_of_the_environment_is_in_a_report() {
    let text = "version = 1\n[command]\nargs = [\"x\"]\n[[mount]]\nbind = \"/gone/${env:TOKEN}\"\n";
    let (_, problems, sources) = settle("test.toml", text, By::Host);
    let report = render(&problems, &sources, Style::PLAIN);
    assert!(
        report.contains("`/gone/${env:TOKEN}` does not exist"),
        "{report}"
    );
    assert!(!report.contains("s3cret"), "{report}");
}

#[test]
fn the_full_profile_is_sound_by_its_text() {
    let text = std::fs::read_to_string(directory("profiles/full.toml")).unwrap();
    let (settings, problems, sources) = settle("tests/profiles/full.toml", &text, By::Text);
    let report = render(&problems, &sources, Style::PLAIN);
    assert!(settings.is_some(), "{report}");
}
