//! Profiles: from their text to the plan and everything that is said of either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sandbox::diag::{FileId, Origin, Problem, Problems, Sources};
use sandbox::model::{
    Facts, HostAccount, HostState, ImageConfig, ImageFact, PathFact, PathKind, ProgramFact, Rlimit,
    RlimitValue, Wanted,
};
use sandbox::plan::{Given, Knowledge, Plan, Purpose, Settings, resolve, wanted};
use sandbox::profile::{self, RawProfile};
use sandbox::report::failure::explain;
use sandbox::report::problems::{Style, render};
use sandbox::report::steps::plan_text;

use crate::harness::{Target, safe};

/// Every profile of the repository.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let mut dirs = vec![PathBuf::from("tests"), PathBuf::from("profiles")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                seeds.push(std::fs::read(path).unwrap());
            }
        }
    }
    assert!(seeds.len() > 100);
    seeds.sort();
    seeds
}

/// Profiles nearly as long as one may be, nearly all of it one thing: whoever compares each with each hangs.
fn giants() -> Vec<Vec<u8>> {
    let many = |head: &str, one: &dyn Fn(usize) -> String| {
        // Half for lists, which take seconds in a build for tests.
        let most = if head.ends_with('"') {
            1 << 20
        } else {
            1 << 19
        };
        let mut text = format!("version = 1\n[command]\nargs = [\"x\"]\n{head}");
        for index in 0.. {
            let one = one(index);
            if text.len() + one.len() > most - 2 {
                break;
            }
            text.push_str(&one);
        }
        text
    };
    let links = many("", &|index| match index % 2 {
        0 => "[[rootfs.source]]\nsymlink = \"/a\"\ntarget = \"x\"\n".to_owned(),
        _ => format!("[[mount]]\ntmpfs = \"/a/{index}\"\n"),
    });
    let giants = [
        links,
        many("[security]\ncapabilities = [\"", &|_| "N".to_owned()) + "\"]",
        many("[supervise]\nstop_signal = \"", &|_| "N".to_owned()) + "\"",
        many("", &|index| format!("[[mount]]\ntmpfs = \"/a/{index}\"\n")),
        many("", &|index| format!("[[mount]]\nbind = \"/a/{index}\"\n")),
        many("", &|index| {
            format!("[[mount]]\nvolume = \"a{index}\"\ntarget = \"/a/{index}\"\n")
        }),
        many("", &|index| {
            format!("[[rootfs.source]]\nhost = \"/a/{index}\"\n")
        }),
        many("[env.set]\n", &|index| {
            format!("A{index} = \"${{HOME}}\"\n")
        }),
        many("[system]\ndev = [", &|index| format!("\"/dev/a{index}\",")) + "]",
        many("[[mount]]\ntmpfs = \"", &|_| "/a".to_owned()) + "\"",
        many("[env.set]\nA = \"", &|_| "${HOME}".to_owned()) + "\"",
    ];
    giants.map(String::into_bytes).to_vec()
}

/// What lies at a path: of a kind that its spelling decides.
fn lies_at(path: &Path) -> PathFact {
    let present = |kind, link: Option<&str>| PathFact::Present {
        kind,
        uid: 1000,
        gid: 1000,
        link: link.map(PathBuf::from),
        real: link.map(PathBuf::from),
    };
    match path.as_os_str().len() % 8 {
        0 => PathFact::Missing,
        1 => PathFact::Hidden("permission denied".to_owned()),
        2 => present(PathKind::File, None),
        3 => present(PathKind::Directory, Some("/srv")),
        4 if path.starts_with("/dev") => present(PathKind::Device, None),
        _ => present(PathKind::Directory, None),
    }
}

fn answer(facts: &mut Facts, questions: &Wanted) {
    facts.variables = BTreeMap::from([("HOME".to_owned(), "/home/me".to_owned())]);
    for path in &questions.paths {
        facts.paths.insert(path.clone(), lies_at(path));
    }
    for pattern in &questions.patterns {
        facts
            .matches
            .insert(pattern.clone(), vec!["/dev/dri".into()]);
    }
    for image in &questions.images {
        let config = ImageConfig {
            entrypoint: vec!["/bin/\u{1b}[2J".to_owned()],
            user: Some("7:8".to_owned()),
            workdir: Some("/w\u{202e}".to_owned()),
            ..ImageConfig::default()
        };
        facts.images.insert(image.clone(), ImageFact::Found(config));
    }
    for name in &questions.programs {
        let fact = match name.len() % 2 {
            0 => ProgramFact::Found(Path::new("/usr/bin").join(name)),
            _ => ProgramFact::Missing { nearest: None },
        };
        facts.programs.insert(name.clone(), fact);
    }
    if questions.accounts.is_on() {
        facts.accounts.groups = vec![("audio".to_owned(), 29)];
        facts.accounts.subordinate_users = vec![100_000..=165_535];
        facts.accounts.subordinate_groups = vec![100_000..=165_535];
    }
    let limit = Rlimit {
        soft: RlimitValue::Value(1024),
        hard: RlimitValue::Value(4096),
    };
    facts.rlimits = questions.rlimits.iter().map(|r| (*r, limit)).collect();
}

/// A host that answers everything that is asked.
fn host(raw: &RawProfile, given: &Given) -> Facts {
    let mut facts = Facts {
        caller: HostAccount {
            uid: 1000,
            gid: 1000,
            name: "me".to_owned(),
            groups: vec![29],
        },
        environment: BTreeMap::from([("TOKEN".to_owned(), "a\u{1b}]0;b\u{7}\n".to_owned())]),
        current_dir: "/work".into(),
        own_directories: vec!["/store".into()],
        last_capability: 40,
        ..Facts::default()
    };
    // Answers raise new questions, but never without end.
    let mut asked = Wanted::default();
    for _ in 0..50 {
        let new = wanted(raw, given, &facts);
        if new == asked {
            return facts;
        }
        answer(&mut facts, &new);
        asked = new;
    }
    panic!("questions without end");
}

/// Every place lies within the text, between characters.
fn places(problems: &[Problem], text: &str) {
    for problem in problems {
        for label in std::iter::once(&problem.label).chain(&problem.related) {
            if let Origin::Profile { span, .. } = &label.origin {
                assert!(
                    text.get(span.clone()).is_some(),
                    "{}: {span:?}",
                    problem.code
                );
            }
        }
    }
}

fn judge(
    problems: Problems,
    sources: &Sources,
    text: &str,
    settings: Option<&Settings>,
) -> Vec<&'static str> {
    let failed = problems.has_errors();
    let problems = problems.sorted();
    places(&problems, text);
    let shown = render(&problems, sources, Style::PLAIN);
    assert_eq!(problems.is_empty(), shown.is_empty());
    safe(&shown);
    assert!(
        failed || settings.is_some(),
        "nothing is wrong, and nothing comes of it"
    );
    let mut codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    codes.dedup();
    codes.truncate(4);
    codes
}

/// What is said of a plan.
fn plan(settings: Settings, sources: &Sources, text: &str) {
    let plan = Plan::new(settings);
    safe(&plan_text(&plan, sources, Style::PLAIN));
    // One step and one errno a profile: all of them would be most of the time.
    let step = text.len() % plan.steps.len().max(1);
    let errno = i32::try_from(text.len() % 40).unwrap();
    let problem = explain(&plan, step, errno, &HostState::default());
    safe(&render(&[problem], sources, Style::PLAIN));
}

fn read(input: &[u8]) -> Vec<&'static str> {
    let Ok(text) = std::str::from_utf8(input) else {
        return Vec::new();
    };
    let mut sources = Sources::default();
    let file = sources.add("x.toml", text);
    let mut problems = Problems::new();
    let Some(raw) = profile::parse(file, text, &mut problems) else {
        return judge(problems, &sources, text, None);
    };
    let mut given = Given {
        file_stem: "test".to_owned(),
        profile_dirs: BTreeMap::from([(FileId::FIRST, PathBuf::from("/work/profiles"))]),
        ..Given::default()
    };
    let mut by_text = problems.clone();
    let settings = resolve(&raw, &given, Knowledge::Symbolic, &mut by_text);
    let mut codes = judge(by_text, &sources, text, settings.as_ref());
    settings
        .into_iter()
        .for_each(|settings| plan(settings, &sources, text));
    given.purpose = Purpose::Start;
    let facts = host(&raw, &given);
    let settings = resolve(&raw, &given, Knowledge::Host(&facts), &mut problems);
    codes.extend(judge(problems, &sources, text, settings.as_ref()));
    settings
        .into_iter()
        .for_each(|settings| plan(settings, &sources, text));
    codes
}

#[test]
fn profiles() {
    let target = Target {
        name: "profiles",
        seeds: [giants(), seeds()].concat(),
        dictionary: &[
            b"version = 1\n",
            b"${",
            b"${HOME}",
            b"${env:TOKEN}",
            b"${env:TOKEN:-x}",
            b"\"\"\"",
            b"'''",
            b"[[mount]]\n",
            b"[[rootfs.source]]\n",
            b"[command]\n",
            b"[env]\n",
            b"[limits]\n",
            b"[security]\n",
            b"\\u001b",
            b"\\u202e",
            b"\\U000e0041",
            b"\\n",
            b"{ ",
            b" }",
            b"[",
            b"]",
            b"bind = \"",
            b"target = \"/",
            b"args = [",
            b"* ",
            b"**/",
            b"1979-05-27",
            b"0x",
            b"inf",
            b"nan",
            b"# ",
            b"\r\n",
            b"true",
            b"infinity",
            b"1G",
            b"10m",
        ],
        memory: 256 << 20,
    };
    target.run(read);
}
