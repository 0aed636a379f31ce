//! Real programs run under the default policy, in the host's `/usr` with a home in memory: what people
//! start in sandboxes, doing a little of all that such programs do.

use super::support::{Caller, Lab, Lack, skip};

/// A program, how its presence is seen, and a script that ends with `NAME ok`.
struct Real {
    name: &'static str,
    wants: &'static str,
    script: &'static str,
    /// What it needs beside the default.
    rest: &'static str,
}

const fn plain(name: &'static str, wants: &'static str, script: &'static str) -> Real {
    Real {
        name,
        wants,
        script,
        rest: "",
    }
}

const PROGRAMS: &[Real] = &[
    plain("bash", "command -v bash", include_str!("bash.sh")),
    plain("python", "command -v python3", include_str!("python.sh")),
    plain("node", "command -v node", include_str!("node.sh")),
    plain("gcc", "command -v gcc", include_str!("gcc.sh")),
    plain(
        "cargo",
        "command -v /usr/bin/cargo",
        include_str!("cargo.sh"),
    ),
    plain("git", "command -v git", include_str!("git.sh")),
    plain("perl", "command -v perl", include_str!("perl.sh")),
    plain("java", "command -v javac", include_str!("java.sh")),
    plain("go", "command -v go", include_str!("go.sh")),
    plain(
        "postgres",
        "ls /usr/lib/postgresql/*/bin/initdb",
        include_str!("postgres.sh"),
    ),
    plain(
        "imagemagick",
        "command -v convert",
        include_str!("imagemagick.sh"),
    ),
    Real {
        name: "chromium",
        wants: "command -v chromium",
        script: include_str!("chromium.sh"),
        // Its own sandbox is of user namespaces; without them it starts with --no-sandbox only.
        rest: "security.nested_userns = true\n",
    },
];

#[track_caller]
fn runs(name: &str) {
    let real = PROGRAMS.iter().find(|real| real.name == name).unwrap();
    let seen = super::support::finish(Caller::all()[0].command("sh").args(["-c", real.wants]));
    if seen.code() != 0 {
        skip(name, &Lack::Tool("the program is not installed"));
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = format!(
            "version = 1\ncommand.user = \"1000:1000\"\ncommand.workdir = \"/tmp\"\n{}\
             env.set = {{ PATH = \"/usr/local/bin:/usr/bin:/bin\", HOME = \"/tmp\", LANG = \"C.UTF-8\" }}\n\
             rootfs.source = [{{ host = \"/usr\" }}, {{ host = \"/etc\" }}]\n\
             [[mount]]\ntmpfs = \"/tmp\"\nsize = \"2G\"\n",
            real.rest
        );
        let ended = lab.run(&profile, &["/bin/bash", "-c", real.script]);
        let last = ended.out.lines().last().unwrap_or_default();
        assert_eq!(last, format!("{name} ok"), "{caller:?}: {ended:?}");
    }
}

/// One test a program, so that each is seen by its name.
macro_rules! programs {
    ($($test:ident: $name:literal;)+) => {
        $(#[test] fn $test() { runs($name); })+

        #[test]
        fn every_program_has_its_test() {
            let tests = [$($name),+];
            let names: Vec<&str> = PROGRAMS.iter().map(|real| real.name).collect();
            assert_eq!(tests[..], names[..]);
        }
    };
}

programs! {
    bash_runs: "bash";
    python_runs: "python";
    node_runs: "node";
    gcc_runs: "gcc";
    cargo_runs: "cargo";
    git_runs: "git";
    perl_runs: "perl";
    java_runs: "java";
    go_runs: "go";
    postgres_runs: "postgres";
    imagemagick_runs: "imagemagick";
    chromium_runs: "chromium";
}
