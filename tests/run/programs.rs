//! Programs of every kind: each is built into a tree of its own and says there what it says outside.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Caller, Lab, Lack, finish, skip};

/// Writes what it is, what its library answers, and that the C library works.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <string.h>
#include <time.h>
#ifdef LIBRARY
int answer(void);
#else
static int answer(void) { return 0; }
#endif
int main(int count, char **arguments) {
    char day[16];
    time_t zero = 0;
    strftime(day, sizeof day, "%F", gmtime(&zero));
    printf("%d-bit %d %s %s\n", (int)sizeof(void *) * 8, answer(), day, count > 1 ? arguments[count - 1] : "");
    return 0;
}
"#;

const LIBRARY: &str = "int answer(void) { return ANSWER; }\n";

/// Loads the library that is named by its first argument.
const LOADER: &str = r#"
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **arguments) {
    void *library = dlopen(arguments[count - 1], RTLD_NOW);
    if (!library) { puts(dlerror()); return 1; }
    printf("%d\n", ((int (*)(void))dlsym(library, "answer"))());
    return 0;
}
"#;

/// A compiler and its arguments for each loader.
const LOADERS: [(&str, &[&str]); 3] = [("cc", &[]), ("cc", &["-m32"]), ("musl-gcc", &[])];

/// A lab with compilers.
struct Bench {
    lab: Lab,
    compiler: &'static str,
}

impl Bench {
    fn new(caller: Caller, compiler: &'static str) -> Bench {
        let lab = Lab::new(caller);
        lab.keep_apart();
        Bench { lab, compiler }
    }

    /// Compiles `source` to the file `name`, which everyone may run.
    fn compile(&self, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let path = self.lab.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let code = self.lab.file("source.c", source);
        let mut compiler = Command::new(self.compiler);
        let made = finish(compiler.arg(code).args(arguments).arg("-o").arg(&path));
        assert_eq!(made.code(), 0, "{made:?}");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn library(&self, name: &str, answer: u32, arguments: &[&str]) -> PathBuf {
        let define = format!("-DANSWER={answer}");
        let mut all = vec!["-shared", "-fPIC", define.as_str()];
        all.extend(arguments);
        self.compile(name, LIBRARY, &all)
    }

    /// A program that needs `libanswer.so`, which lies in the directory `at`.
    fn user(&self, at: &str, arguments: &[&str]) -> PathBuf {
        let search = format!("-L{}", self.lab.text(at));
        let mut all = vec!["-DLIBRARY", search.as_str(), "-lanswer"];
        all.extend(arguments);
        self.compile("program", PROGRAM, &all)
    }

    /// What a command says outside; it must end well.
    #[track_caller]
    fn outside(&self, command: &[&str], library_path: &str) -> String {
        let mut outside = self.lab.host(command[0]);
        let ended = finish(
            outside
                .args(&command[1..])
                .env("LD_LIBRARY_PATH", library_path),
        );
        assert_eq!(ended.code(), 0, "{ended:?}");
        ended.out
    }

    /// The command says inside what it says outside.
    #[track_caller]
    fn same(&self, command: &[&str], library_path: &str, extra: &str) -> String {
        let outside = self.outside(command, library_path);
        // The default policy ends 32-bit programs: their calls have other numbers.
        let policy = match outside.starts_with("32-bit") {
            true => "none",
            false => "default",
        };
        let profile = format!(
            "version = 1\nsecurity.seccomp = \"{policy}\"\nenv.set = {{ PATH = \"/usr/bin:/bin\", LD_LIBRARY_PATH = \"{library_path}\" }}\n\
             rootfs.source = [{{ programs = [\"@command\"], extra = [{extra}] }}]\n"
        );
        let ended = self.lab.run(&profile, command);
        assert_eq!(
            (ended.code(), &ended.out),
            (0, &outside),
            "{:?}: {ended:?}",
            self.lab.caller
        );
        outside
    }
}

/// Whether a compiler makes programs that run here, with these arguments.
fn makes(compiler: &str, arguments: &[&str]) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let (code, program) = (directory.path().join("x.c"), directory.path().join("x"));
    fs::write(&code, PROGRAM).unwrap();
    let mut command = Command::new(compiler);
    let made = command
        .arg(&code)
        .args(arguments)
        .arg("-o")
        .arg(&program)
        .output();
    made.is_ok_and(|made| made.status.success())
        && Command::new(&program)
            .output()
            .is_ok_and(|ran| ran.status.success())
}

/// For everyone, with a compiler that has to be there.
fn benches(test: &str, compiler: &'static str, arguments: &[&str]) -> Vec<Bench> {
    if !makes(compiler, arguments) {
        let lack = format!("no {compiler} {}", arguments.join(" "));
        match arguments.contains(&"-m32") && !cfg!(target_arch = "x86_64") {
            true => skip(test, &Lack::Layout(&lack)),
            false => skip(test, &Lack::Tool(&lack)),
        }
        return Vec::new();
    }
    let callers = Caller::all().into_iter();
    callers.map(|caller| Bench::new(caller, compiler)).collect()
}

#[test]
fn programs_run_however_they_are_linked() {
    let name = "programs_run_however_they_are_linked";
    let ways: [(&str, &[&str], &str); 8] = [
        ("cc", &[], "64-bit"),
        ("cc", &["-no-pie"], "64-bit"),
        ("cc", &["-static"], "64-bit"),
        ("cc", &["-static-pie"], "64-bit"),
        ("cc", &["-m32"], "32-bit"),
        ("cc", &["-m32", "-static"], "32-bit"),
        ("musl-gcc", &[], "64-bit"),
        ("musl-gcc", &["-static"], "64-bit"),
    ];
    for (compiler, arguments, bits) in ways {
        for bench in benches(name, compiler, arguments) {
            let program = bench.compile("program", PROGRAM, arguments);
            let said = bench.same(&[program.to_str().unwrap(), "x"], "", "");
            assert_eq!(
                said,
                format!("{bits} 0 1970-01-01 x\n"),
                "{compiler} {arguments:?}"
            );
        }
    }
}

/// The links, and a directory that is one, all come.
#[test]
fn libraries_are_found_through_links() {
    let name = "libraries_are_found_through_links";
    for (compiler, arguments) in LOADERS {
        for bench in benches(name, compiler, arguments) {
            let lab = &bench.lab;
            bench.library(
                "deep/er/libanswer.so.1.2",
                3,
                &[arguments, &["-Wl,-soname,libanswer.so.1"]].concat(),
            );
            symlink("libanswer.so.1.2", lab.path("deep/er/libanswer.so.1")).unwrap();
            symlink("libanswer.so.1", lab.path("deep/er/libanswer.so")).unwrap();
            symlink("deep/er", lab.path("lib")).unwrap();
            let program = bench.user("lib", &[arguments, &["-Wl,-rpath,$ORIGIN/lib"]].concat());
            symlink(&program, lab.path("other-name")).unwrap();
            for start in [program.to_str().unwrap(), &lab.text("other-name")] {
                let said = bench.same(&[start], "", "");
                assert!(said.contains("-bit 3 1970"), "{said}");
            }
        }
    }
}

#[test]
fn the_profiles_library_path_counts() {
    let name = "the_profiles_library_path_counts";
    for (compiler, arguments) in LOADERS {
        for bench in benches(name, compiler, arguments) {
            bench.library("one/libanswer.so", 1, arguments);
            bench.library("two/libanswer.so", 2, arguments);
            let program = bench.user("one", arguments);
            let path = format!("{}:{}", bench.lab.text("two"), bench.lab.text("one"));
            let said = bench.same(&[program.to_str().unwrap()], &path, "");
            assert!(said.contains("-bit 2 1970"), "{said}");
        }
    }
}

/// What this processor takes is what comes; where it takes none, the plain one.
#[test]
fn libraries_for_this_processor_come_first() {
    for bench in benches("libraries_for_this_processor_come_first", "cc", &[]) {
        bench.library("lib/libanswer.so", 1, &[]);
        for (answer, level) in [(2, "x86-64-v2"), (3, "x86-64-v3"), (4, "x86-64-v4")] {
            bench.library(
                &format!("lib/glibc-hwcaps/{level}/libanswer.so"),
                answer,
                &[],
            );
        }
        let program = bench.user("lib", &["-Wl,-rpath,$ORIGIN/lib"]);
        bench.same(&[program.to_str().unwrap()], "", "");
    }
}

/// A plug-in brings what it needs itself; without `extra` it is not there.
#[test]
fn what_is_opened_at_run_time_is_an_extra() {
    for bench in benches("what_is_opened_at_run_time_is_an_extra", "cc", &[]) {
        let lab = &bench.lab;
        bench.library("hidden/libneeded.so", 5, &[]);
        let needed = format!("-L{}", lab.text("hidden"));
        let path = format!("-Wl,-rpath,{}", lab.text("hidden"));
        let flags = [
            "-shared",
            "-fPIC",
            needed.as_str(),
            "-Wl,--no-as-needed",
            "-lneeded",
            path.as_str(),
        ];
        let plug_in = bench.compile("plug-in.so", "int unused(void) { return 0; }\n", &flags);
        let program = bench.compile("program", LOADER, &["-ldl"]);
        let (program, plug_in) = (program.to_str().unwrap(), plug_in.to_str().unwrap());
        let said = bench.same(&[program, plug_in], "", &format!("\"{plug_in}\""));
        assert_eq!(said, "5\n");
        let without = format!("version = 1\nrootfs.source = [{{ programs = [\"{program}\"] }}]\n");
        let ended = lab.run(&without, &[program, plug_in]);
        assert!(
            ended.code() == 1 && ended.out.contains("cannot open"),
            "{ended:?}"
        );
    }
}

/// A program's own library that is missing is an error before anything runs, unlike that of a plug-in which came along.
#[test]
fn a_program_without_its_library_is_refused() {
    for bench in benches("a_program_without_its_library_is_refused", "cc", &[]) {
        let library = bench.library("lib/libanswer.so", 1, &[]);
        let program = bench.user("lib", &["-Wl,-rpath,$ORIGIN/lib"]);
        fs::remove_file(library).unwrap();
        let profile = "version = 1\nrootfs.source = [{ programs = [\"@command\"] }]\n";
        let ended = bench.lab.run(profile, &[program.to_str().unwrap()]);
        assert_eq!(ended.code(), 125, "{ended:?}");
        assert!(
            ended.err.contains("`libanswer.so` is needed by"),
            "{ended:?}"
        );
    }
}

/// Interpreters that nobody knows, that are scripts themselves, or that `env` finds.
#[test]
fn scripts_of_any_interpreter_run() {
    for bench in benches("scripts_of_any_interpreter_run", "cc", &[]) {
        let own = bench.compile("interpreter", PROGRAM, &[]);
        let own = own.to_str().unwrap();
        let script = |name: &str, line: &str, body: &str| {
            let path = bench.lab.file(name, &format!("#!{line}\n{body}\n"));
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let first = script("first", own, "anything");
        let scripts = [
            script("second", &first, "anything"),
            script("shell", "/bin/sh -e", "echo shell $1"),
            script("found", "/usr/bin/env sh", "echo found $1"),
            script("split", "/usr/bin/env -S sh -e -u", "echo split $1"),
            script("set", "/usr/bin/env -S -i WORD=word sh", "echo set $WORD"),
            first,
        ];
        for script in &scripts {
            let said = bench.same(&[script, "argument"], "", "");
            assert!(
                said.ends_with("argument\n") || said == "set word\n",
                "{said}"
            );
        }
        assert!(Path::new(own).exists());
    }
}

/// A program of the command line that a tmpfs of the profile would cover is shown at its path, also when that is a link.
#[test]
fn a_link_below_a_tmpfs_runs() {
    for bench in benches("a_link_below_a_tmpfs_runs", "cc", &[]) {
        let program = bench.compile("program", PROGRAM, &[]);
        symlink(program, bench.lab.path("link")).unwrap();
        let profile = format!(
            "version = 1\nrootfs.source = [{{ programs = [\"@command\"] }}]\n[[mount]]\ntmpfs = \"{}\"\n",
            bench.lab.text("")
        );
        let ended = bench.lab.run(&profile, &[&bench.lab.text("link")]);
        assert_eq!(ended.out, "64-bit 0 1970-01-01 \n", "{ended:?}");
    }
}
