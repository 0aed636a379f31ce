//! `ps`, `inspect`, `stats` and names.

use super::super::support::{Caller, Lab, finish, sandbox, start, wait};
use super::limited;

#[test]
fn a_second_run_of_a_name_has_a_number() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("");
        let runs = [(); 3].map(|()| lab.detach(&profile, &["sleep", "1000"]));
        let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
        let name = &lab.name;
        assert_eq!(
            names,
            [name.clone(), format!("{name}-2"), format!("{name}-3")]
        );
        let list = lab.done(&["ps"]);
        assert!(names.iter().all(|name| list.contains(name)), "{list}");
        let completed = lab.done(&["ps", "--names"]);
        assert!(
            names
                .iter()
                .all(|name| completed.lines().any(|line| line == name))
        );
        lab.done(&["down", "--time", "0s", &names[1]]);
        assert_eq!(lab.told(&names[1]), None);
        assert_eq!(lab.detach(&profile, &["sleep", "1000"]).name, names[1]);
    }
}

/// `| head`, of a program that goes on and of one that is silent from then on.
#[test]
fn a_reader_of_the_log_that_leaves_ends_the_wait() {
    for script in [
        "while :; do echo line; sleep 0.05; done",
        "echo line; exec sleep 1000",
    ] {
        let lab = Lab::new(Caller::Unprivileged);
        let run = lab.detach(&lab.profile(""), &["bash", "-c", script]);
        run.expect("line\n");
        let mut logs = lab.host(sandbox());
        let mut logs = start(logs.args(["logs", "-f", &run.name]));
        let mut first = [0; 5];
        let mut output = logs.stdout.take().unwrap();
        std::io::Read::read_exact(&mut output, &mut first).unwrap();
        drop(output);
        let status = wait(&mut logs).expect("it waits for nobody");
        assert!(status.success(), "{status:?}");
        // Naming it twice is no mistake.
        lab.done(&["down", "--time", "0s", &run.name, &run.name]);
    }
}

#[test]
fn an_unknown_name_is_an_error_with_the_nearest() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&lab.profile(""), &["sleep", "1000"]);
        let near = &run.name[..run.name.len() - 1];
        let near = format!("{near}x");
        for (arguments, code) in [
            (vec!["exec", &near, "--", "true"], 125),
            (vec!["wait", &near], 125),
            (vec!["logs", &near], 1),
            (vec!["stats", &near], 1),
            (vec!["pause", &near], 1),
            (vec!["resume", &near], 1),
            (vec!["kill", &near], 1),
            (vec!["down", &near], 1),
            (vec!["inspect", &near], 1),
        ] {
            let ended = lab.finished(&arguments);
            assert_eq!(ended.code(), code, "{arguments:?}: {ended:?}");
            assert!(ended.err.contains("running.unknown"), "{ended:?}");
            assert!(ended.err.contains("help: write `test-"), "{ended:?}");
        }
        for (arguments, code) in [
            (vec!["exec", &run.name], 125),
            (vec!["wait"], 125),
            (vec!["down"], 2),
            (vec!["kill", "-s", "NONSENSE", &run.name], 2),
            (vec!["kill", "-s", "65", &run.name], 2),
            (vec!["down", "--time", "soon", &run.name], 2),
        ] {
            let ended = lab.finished(&arguments);
            assert_eq!(ended.code(), code, "{arguments:?}: {ended:?}");
        }
    }
}

#[test]
fn the_plan_that_runs_is_shown_with_its_origins_and_no_private_value() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("env.inherit = [\"TOKEN\"]\n[limits.process]\nnofile = 99\n");
        let mut up = lab.up_detached(&profile, &["sleep", "1000"]);
        let ended = finish(up.env("TOKEN", "do-not-tell"));
        assert_eq!(ended.code(), 0, "{ended:?}");
        let run = super::Detached {
            lab: &lab,
            name: lab.name.clone(),
        };
        let shown = lab.done(&["inspect", &run.name]);
        assert!(
            shown.contains("nofile 99") && shown.contains("profile.toml:7"),
            "{shown}"
        );
        let printed = lab.done(&["inspect", "--json", &run.name]);
        crate::schemas::judge("inspect", &printed);
        let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(json["sandbox"]["name"], run.name.as_str());
        assert!(json["plan"]["plan"]["steps"].as_array().unwrap().len() > 20);
        assert!(
            json["plan"]["files"][0]
                .as_str()
                .unwrap()
                .ends_with("profile.toml")
        );
        assert!(!shown.contains("do-not-tell") && !json.to_string().contains("do-not-tell"));
        let kept = std::fs::read_dir(lab.state(&run.name)).unwrap();
        for file in kept
            .map(|file| file.unwrap())
            .filter(|file| file.file_type().unwrap().is_file())
        {
            let text = std::fs::read(file.path()).unwrap();
            assert!(
                !String::from_utf8_lossy(&text).contains("do-not-tell"),
                "{file:?}"
            );
        }
        // A further program has it, as the first one does.
        let told = lab.finished(&["exec", &run.name, "--", "sh", "-c", "echo $TOKEN"]);
        assert_eq!(told.out, "do-not-tell\n", "{told:?}");
    }
}

#[test]
fn figures_are_told_and_null_where_nobody_counts() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let memory = match caller {
            Caller::Root => "memory = \"64M\"\n",
            Caller::Unprivileged => "",
        };
        let profile = lab.profile(&format!("{}{memory}", limited(caller)));
        let run = lab.detach(&profile, &["sleep", "1000"]);
        let printed = lab.done(&["stats", "--json", &run.name]);
        crate::schemas::judge("stats", &printed);
        let list: Vec<serde_json::Value> = serde_json::from_str(&printed).unwrap();
        let [told] = &list[..] else {
            panic!("{list:?}")
        };
        assert_eq!(told["name"], run.name.as_str());
        match caller {
            Caller::Root => {
                assert_eq!(told["pids"], 2, "{told}");
                assert_eq!(told["pids_limit"], 64, "{told}");
                assert_eq!(told["memory_limit_bytes"], 64 << 20, "{told}");
                assert!(told["memory_bytes"].as_u64().unwrap() > 0, "{told}");
            }
            Caller::Unprivileged => assert!(told.get("memory_bytes").is_some(), "{told}"),
        }
        assert!(lab.done(&["stats"]).contains(&run.name));
        // Piped, it is shown once.
        assert!(
            lab.done(&["stats", "--watch", &run.name])
                .contains(&run.name)
        );
    }
}

/// What comes from inside a profile never acts on the terminal of who lists it.
#[test]
fn listings_are_printable() {
    let lab = Lab::new(Caller::Unprivileged);
    let run = lab.detach(
        &lab.profile(""),
        &["sh", "-c", "sleep 1000", "\u{1b}[2J\nx"],
    );
    for arguments in [&["ps"][..], &["ps", "--json"], &["inspect", &run.name]] {
        let text = lab.done(arguments);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    assert!(sandbox().exists());
}
