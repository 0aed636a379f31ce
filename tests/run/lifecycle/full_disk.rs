//! A log on a disk that fills up: the program goes on, and everybody is told what is missing.

use super::super::mounts::in_own_namespace;
use super::super::support::{Caller, Lab, finish, sandbox};

const WRITTEN: u64 = 300_000;

/// Where the state directory is a file system of 64 KiB.
const SCRIPT: &str = r#"
set -e; state=$1 name=$2 sandbox=$3; shift 3
mkdir -p -m 700 "$state"; mount -t tmpfs -o mode=700,size=64k none "$state"
"$sandbox" "$@" >/dev/null
until "$sandbox" logs "$name" 2>&1 >/dev/null | grep -q missing; do sleep 0.05; done
"$sandbox" ps --json | grep -A 4 "\"$name\"" | grep -q running && echo goes on
"$sandbox" ps --json | grep log_lost_bytes
"$sandbox" kill --signal TERM "$name"
until "$sandbox" ps --all --json | grep -A 1 "\"$name\"" | grep -q ended; do sleep 0.05; done
echo "kept $("$sandbox" logs "$name" 2>/dev/null | wc -c)"
"$sandbox" inspect --json "$name" | grep log_lost_bytes
"$sandbox" logs "$name" >/dev/null
code=0; "$sandbox" wait "$name" || code=$?
echo "code $code"; ls -A "$state"
"#;

#[test]
fn a_log_on_a_full_disk_tells_what_is_missing_and_the_program_goes_on() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let state = match caller {
            Caller::Root => "/run/sandbox".to_owned(),
            Caller::Unprivileged => lab.text("runtime/sandbox"),
        };
        let program = format!(
            "trap 'exit 7' TERM; head -c {WRITTEN} /dev/zero; while :; do sleep 0.05; done"
        );
        let mut arguments = lab.up_arguments(&lab.profile(""), &["bash", "-c", &program]);
        arguments.insert(1, "--detach".to_owned());
        let mut shell = in_own_namespace(&lab);
        shell.args(["sh", "-c", SCRIPT, "sh", &state, &lab.name]);
        let ended = finish(shell.arg(sandbox()).args(arguments));
        assert_eq!(ended.code(), 0, "{caller:?}: {ended:?}");
        let lines: Vec<&str> = ended.out.lines().map(str::trim).collect();
        let number = |line: &str| -> u64 {
            let digits = line.trim_matches(|c: char| !c.is_ascii_digit());
            digits.parse().unwrap()
        };
        let [goes_on, lost, kept, listed, reported, code] = lines[..] else {
            panic!("{caller:?}: {ended:?}");
        };
        assert_eq!(
            (goes_on, code),
            ("goes on", "code 7"),
            "{caller:?}: {ended:?}"
        );
        let lost = number(lost);
        assert!(lost > WRITTEN - 65_536, "{caller:?}: {ended:?}");
        assert_eq!(number(kept) + lost, WRITTEN, "{caller:?}: {ended:?}");
        let told = (number(listed), number(reported));
        assert_eq!(told, (lost, lost), "{caller:?}: {ended:?}");
        let warning = format!(
            "sandbox: warning: {lost} bytes that the program of `{}` wrote are missing in its log: the disk was full\n",
            lab.name
        );
        assert_eq!(ended.err, warning.repeat(2), "{caller:?}: {ended:?}");
        assert_eq!(lab.report()["log_lost_bytes"], lost, "{caller:?}");
    }
}

/// Where nothing more can be made, and a log that is full has no successor.
const NO_MORE_FILES: &str = r#"
set -e; state=$1 name=$2 sandbox=$3; shift 3
mkdir -p -m 700 "$state"; mount -t tmpfs -o mode=700,size=16m,nr_inodes=64 none "$state"
"$sandbox" "$@" >/dev/null
until "$sandbox" logs "$name" | grep -q ready; do sleep 0.05; done
i=0; while (: > "$state/$i") 2>/dev/null; do i=$((i + 1)); done
"$sandbox" kill --signal USR1 "$name"
until "$sandbox" ps --all --json | grep -A 1 "\"$name\"" | grep -q ended; do sleep 0.05; done
"$sandbox" logs "$name" 2>/dev/null | wc -c
"$sandbox" ps --all --json | grep -A 9 "\"$name\"" | sed -n 's/.*"log_lost_bytes": \(.*\),/\1/p'
rm "$state"/[0-9]*
code=0; "$sandbox" wait "$name" 2>/dev/null || code=$?
echo "$code"; ls -A "$state"
"#;

#[test]
fn a_full_log_without_a_successor_loses_nothing_untold() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let state = match caller {
            Caller::Root => "/run/sandbox".to_owned(),
            Caller::Unprivileged => lab.text("runtime/sandbox"),
        };
        let program = "trap 'head -c 20000000 /dev/zero; exit 7' USR1; echo ready; while :; do sleep 0.05; done";
        let mut arguments = lab.up_arguments(&lab.profile(""), &["bash", "-c", program]);
        arguments.insert(1, "--detach".to_owned());
        let mut shell = in_own_namespace(&lab);
        shell.args(["sh", "-c", NO_MORE_FILES, "sh", &state, &lab.name]);
        let ended = finish(shell.arg(sandbox()).args(arguments));
        let numbers: Vec<u64> = ended
            .out
            .lines()
            .map(|line| line.trim().parse().unwrap())
            .collect();
        let [kept, lost, code] = numbers[..] else {
            panic!("{caller:?}: {ended:?}");
        };
        assert_eq!(
            (kept + lost, code),
            (20_000_006, 7),
            "{caller:?}: {kept} {lost}"
        );
        assert!(kept > 8 << 20, "{caller:?}: {kept}");
    }
}
