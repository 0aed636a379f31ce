//! `limits.output` and `limits.cpu_time`: what the supervisor itself counts or looks at.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use super::limits::can_limit;
use super::pty::Terminal;
use super::support::{Caller, Lab, finish_started, start, wait};
use super::terminal::as_caller;

const OUTPUT: &str = "[limits]\noutput = \"64K\"";

#[test]
fn more_output_than_allowed_ends_the_run_and_what_fits_is_passed_on() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(OUTPUT);
        let fits = lab.run(&profile, &["head", "-c", "65536", "/dev/zero"]);
        assert_eq!((fits.code(), fits.out.len()), (0, 65536));
        for script in [
            "cat /dev/zero",
            "cat /dev/zero >&2",
            "head -c 60000 /dev/zero; cat /dev/zero >&2",
            "head -c 65537 /dev/zero",
            "trap '' TERM HUP INT PIPE; cat /dev/zero & cat /dev/zero",
        ] {
            let ended = lab.run(&profile, &["bash", "-c", script]);
            assert_eq!(ended.code(), 137, "{script}: {}", ended.err);
            let report = lab.report();
            assert_eq!(report["ending"]["limit"], "output", "{script}");
            assert_eq!(report["limits_hit"][0], "output", "{script}");
            let told = "sandbox: killed: it wrote more than `limits.output` 64K\n";
            let error = ended.err.strip_suffix(told).unwrap();
            assert_eq!(ended.out.len() + error.len(), 65536, "{script}");
        }
    }
}

#[test]
fn both_streams_keep_their_order_where_they_are_one_file() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(OUTPUT);
        let place = lab.file("both", "");
        let file = File::options().append(true).open(&place).unwrap();
        let script = "for i in {1..500}; do echo $i; echo $i >&2; done";
        let mut up = lab.up(&profile, &["bash", "-c", script]);
        up.stdout(file.try_clone().unwrap()).stderr(file);
        assert!(up.status().unwrap().success());
        let expected: String = (1..=500).map(|i| format!("{i}\n{i}\n")).collect();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), expected);
    }
}

/// As without the pipe between: a reader that has gone ends the writer, one that sleeps makes it wait.
#[test]
fn the_reader_decides_as_ever() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("[limits]\noutput = \"1G\"");
        let mut up = start(&mut lab.up(&profile, &["cat", "/dev/zero"]));
        drop(up.stdout.take());
        let ended = finish_started(up);
        assert_eq!(ended.code(), 141, "{ended:?}");

        let profile = lab.profile("[limits]\noutput = \"1G\"\nwall_time = \"1s\"");
        let mut up = start(&mut lab.up(&profile, &["cat", "/dev/zero"]));
        // Nobody reads: the time is over all the same.
        let code = wait(&mut up).and_then(|status| status.code());
        assert_eq!(code, Some(124));
        let mut held = Vec::new();
        up.stdout.take().unwrap().read_to_end(&mut held).unwrap();
        assert!(held.len() < 1 << 21, "{}", held.len());
    }
}

/// A process that goes on with the stream ends with the sandbox, and all that was written comes.
#[test]
fn nobody_inside_holds_the_end_up() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = "sleep 1000 & head -c 60000 /dev/zero; exit 3";
        let ended = lab.run(&lab.profile(OUTPUT), &["sh", "-c", script]);
        assert_eq!((ended.code(), ended.out.len()), (3, 60000));
    }
}

#[test]
fn what_a_terminal_of_its_own_shows_counts_too() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mut terminal = Terminal::new();
        let profile = lab.profile("command.terminal = \"always\"\n[limits]\noutput = \"2K\"");
        let up = lab.up(
            &profile,
            &["sh", "-c", "test -t 1 && while echo y; do :; done"],
        );
        let mut child = terminal.start(&as_caller(&lab, &up));
        terminal.expect("it wrote more than `limits.output` 2K");
        assert_eq!(terminal.end(&mut child).code(), Some(137));
    }
}

#[test]
fn the_processor_time_of_all_processes_is_limited() {
    if !can_limit("the_processor_time_of_all_processes_is_limited") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let profile = lab.profile("[limits]\ncpu_time = \"600ms\"");
    let spin = "while :; do :; done";
    // Short ones too: what has ended counts.
    let short = "while :; do (for i in {1..20000}; do :; done); done";
    for script in [
        spin.to_owned(),
        format!("{spin} & {spin}"),
        short.to_owned(),
    ] {
        let ended = lab.run(&profile, &["bash", "-c", &script]);
        assert_eq!(ended.code(), 137, "{script}: {ended:?}");
        let report = lab.report();
        assert_eq!(report["ending"]["limit"], "cpu-time", "{script}");
        let seconds = |key: &str| report["usage"][key].as_f64().unwrap();
        let used = seconds("user_seconds") + seconds("system_seconds");
        assert!((0.55..5.0).contains(&used), "{script}: {used}");
        assert_eq!(
            ended.err,
            "sandbox: killed: `limits.cpu_time` 600ms was used up\n"
        );
    }
    // Sleep is free.
    let ended = lab.run(&profile, &["sleep", "1"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
}

/// Where nobody counts, it is an error, or a limit that the report calls missing.
#[test]
fn processor_time_that_nobody_counts_is_an_error_unless_it_may_be_missing() {
    let lab = Lab::new(Caller::Unprivileged);
    let limit = "limits.cpu_time = \"1h\"\n";
    let ended = lab.run(&lab.profile(limit), &["true"]);
    if ended.code() == 0 {
        // Its groups are its own.
        assert_eq!(layer(&lab), "enforced");
        return;
    }
    assert_eq!(ended.code(), 125, "{ended:?}");
    assert!(ended.err.contains("limits.cpu_time"), "{}", ended.err);
    let may = format!("{limit}security.allow_degraded = [\"limits.cpu_time\"]");
    let ended = lab.run(&lab.profile(&may), &["true"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(layer(&lab), "degraded");
}

fn layer(lab: &Lab) -> String {
    let report = lab.report();
    let layers = report["isolation"].as_array().unwrap();
    let layer = layers
        .iter()
        .find(|layer| layer["layer"] == "limits.cpu_time");
    layer.unwrap()["state"].as_str().unwrap().to_owned()
}

/// Without the key the program has the caller's descriptors themselves.
#[test]
fn without_the_limit_nothing_lies_between() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let place = lab.file("direct", "");
        let mut up = lab.up(
            &lab.profile(""),
            &["sh", "-c", "exec 3>&1; stat -L -c %i /dev/fd/3"],
        );
        up.stdin(Stdio::null());
        let file = File::options().append(true).open(&place).unwrap();
        assert_eq!(up.stdout(file).status().unwrap().code(), Some(0));
        let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&place).unwrap());
        let told = std::fs::read_to_string(&place).unwrap();
        assert_eq!(told.trim(), inode.to_string());
    }
}
