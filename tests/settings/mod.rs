//! `tests/settings/*.toml`: whole profiles, and beside each what it comes to by its text alone
//! (`.text.json`) and on a hand-written host (`.host.json`). `BLESS=1 cargo test` writes them anew.

use std::collections::BTreeSet;

use sandbox::diag::{Problems, Sources};
use sandbox::host::facts;
use sandbox::plan::{Knowledge, resolve, wanted};
use sandbox::profile;
use sandbox::report::problems::{Style, render};

use crate::errors::resolved::{By, nothing_given, settle};
use crate::errors::{directory, stems};

fn printed(stem: &str, by: By) -> String {
    let path = directory(&format!("settings/{stem}.toml"));
    let text = std::fs::read_to_string(path).unwrap();
    let (settings, problems, sources) = settle(&format!("{stem}.toml"), &text, by);
    let settings = settings.unwrap_or_else(|| {
        panic!("{}", render(&problems, &sources, Style::PLAIN));
    });
    let printed = serde_json::to_string_pretty(&settings).unwrap() + "\n";
    assert!(!printed.contains("s3cret"), "{printed}");
    printed
}

#[test]
fn whole_profiles_come_to_exactly_this() {
    let folder = directory("settings");
    let mut wrong = BTreeSet::new();
    for stem in stems(&folder, "toml") {
        for (by, kind) in [(By::Text, "text"), (By::Host, "host")] {
            let found = printed(&stem, by);
            let golden = folder.join(format!("{stem}.{kind}.json"));
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&golden, &found).unwrap();
            }
            if std::fs::read_to_string(&golden).unwrap_or_default() != found {
                wrong.insert(format!("{stem}.{kind}.json is not\n{found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn nothing_is_resolved_where_anything_is_wrong() {
    let text = "version = 1\n[command]\nargs = [\"sh\"]\n[limits]\npids = 1\n";
    for by in [By::Text, By::Host] {
        assert!(settle("test.toml", text, by).0.is_none());
    }
}

#[test]
fn the_real_host_answers_every_question() {
    let text = "version = 1\ncommand.args = [\"sh\"]\ncommand.user = \"nobody\"\n\
        [[rootfs.source]]\nhost = \"/usr\"\n[[rootfs.source]]\nprograms = [\"sh\"]\n\
        [[mount]]\nbind = \"${CWD}\"\ntarget = \"/src\"\n[[mount]]\ntmpfs = \"/src/absent/x\"\n\
        [limits.process]\nnofile = 64\n";
    let mut problems = Problems::new();
    let mut sources = Sources::default();
    let file = sources.add("test.toml", text);
    let raw = profile::parse(file, text, &mut problems).unwrap();
    let given = nothing_given();
    let facts = facts(|facts| wanted(&raw, &given, facts));
    let last = wanted(&raw, &given, &facts);
    let unanswered: Vec<_> = last
        .paths
        .iter()
        .filter(|path| facts.path(path).is_none())
        .collect();
    assert!(unanswered.is_empty(), "{unanswered:?}");
    assert!(
        last.programs
            .iter()
            .all(|name| facts.programs.contains_key(name))
    );
    assert_eq!(facts.rlimits.len(), 1);
    let settings = resolve(&raw, &given, Knowledge::Host(&facts), &mut problems);
    assert!(settings.is_none());
    let codes: Vec<_> = problems
        .sorted()
        .iter()
        .map(|problem| problem.code)
        .collect();
    assert_eq!(codes, ["mount.target-missing"]);
}
