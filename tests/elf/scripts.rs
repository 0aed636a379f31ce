//! `#!` lines, held against the kernel where it can be asked.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::elf::{Environment, LineFault, ResolveError, Resolver, Why};

use super::fixture::{Fixture, closure, failure, paths};

/// What the kernel says about running a file: its error number, or nothing.
fn kernel_refusal(program: &Path) -> Option<i32> {
    match Command::new(program).status() {
        Ok(status) => {
            assert_eq!(status.signal(), None);
            None
        }
        Err(error) => Some(error.raw_os_error().expect("an error of the kernel")),
    }
}

/// A row of scripts, each the interpreter of the one before; the last is interpreted by `/bin/true`.
fn row(fixture: &Fixture, count: usize) -> PathBuf {
    let mut interpreter = PathBuf::from("/bin/true");
    for index in (0..count).rev() {
        let line = format!("#!{}\n", interpreter.display());
        interpreter = fixture.file(&format!("row{count}-{index}"), line, 0o755);
    }
    interpreter
}

#[test]
fn kernel_and_closure_stop_at_the_same_depth() {
    let fixture = Fixture::new("deep");
    for count in 1..=5 {
        let first = row(&fixture, count);
        assert_eq!(kernel_refusal(&first), None, "{count} scripts");
        let closure = closure(&first);
        assert_eq!(paths(&closure, Why::Script).len(), count);
        assert_eq!(
            paths(&closure, Why::Script).last(),
            Some(&"/bin/true".into())
        );
    }
    let first = row(&fixture, 6);
    assert_eq!(kernel_refusal(&first), Some(libc::ELOOP));
    let error = failure(&first);
    assert!(matches!(&error, ResolveError::ScriptsTooDeep { scripts } if scripts.len() == 6));
}

/// The kernel and the closure take and refuse the same lines.
#[test]
fn lines_are_read_as_the_kernel_reads_them() {
    let fixture = Fixture::new("lines");
    let long = "x".repeat(400);
    let lines: &[&[u8]] = &[
        b"#!/bin/true",
        b"#! \t /bin/true \t \n",
        b"#!/bin/true\0rest\n",
        b"#!/bin/true -a b\n",
        b"#!/bin/true\r\n",
        b"#!",
        b"#!\n",
        b"#!   \n/bin/true\n",
        b"#!/nonexistent/x\n",
        b"#!/etc/passwd\n",
        b"#!/bin\n",
        &[b"#!/bin/true ", long.as_bytes()].concat(),
        &[b"#!/bin/", long.as_bytes()].concat(),
        &[b"#!", " ".repeat(300).as_bytes(), b"/bin/true\n"].concat(),
    ];
    for (index, line) in lines.iter().enumerate() {
        let script = fixture.file(&format!("line{index}"), line, 0o755);
        let refused = kernel_refusal(&script).is_some();
        let result = super::fixture::resolver(&[]).closure(&script);
        let text = String::from_utf8_lossy(line);
        assert_eq!(result.is_err(), refused, "{index}: {text:?}: {result:?}");
    }
}

#[test]
fn faults_of_lines_are_named() {
    let fixture = Fixture::new("faults");
    let windows = fixture.file("windows", "#!/bin/sh\r\necho\r\n", 0o755);
    let error = failure(&windows).to_string();
    assert!(
        error.contains("`/bin/sh\\r`") && error.contains("carriage return"),
        "{error}"
    );
    let relative = fixture.file("relative", "#!bin/sh\n", 0o755);
    let error = failure(&relative);
    assert!(matches!(
        error,
        ResolveError::BadLine {
            fault: LineFault::Relative(_),
            ..
        }
    ));
    let text = fixture.file("text", "echo\n", 0o755);
    assert!(matches!(failure(&text), ResolveError::NotAProgram { .. }));
    let magic = fixture.file("magic", "#!/proc/self/exe\n", 0o755);
    assert!(matches!(failure(&magic), ResolveError::MagicLink { .. }));
}

#[test]
fn env_is_followed() {
    let fixture = Fixture::new("env");
    let lines = [
        "#!/usr/bin/env sh\n",
        "#!/usr/bin/env -S sh -e\n",
        "#!/usr/bin/env -Ssh -e\n",
        "#!/usr/bin/env -vS A=1 PATH=/nonexistent:/bin sh\n",
        "#!/usr/bin/env -S -i -u HOME B='x y' \"sh\" # rest\n",
        "#!/usr/bin/env -S s\\\"h\n",
    ];
    for (index, line) in lines.iter().enumerate() {
        let script = fixture.file(&format!("env{index}"), line, 0o755);
        let ran = Command::new(&script).status().expect("env runs").success();
        let result = super::fixture::resolver(&[]).closure(&script);
        assert_eq!(result.is_ok(), ran, "{line}: {result:?}");
        if let Ok(closure) = result {
            let scripts = paths(&closure, Why::Script);
            assert_eq!(scripts[0], Path::new("/usr/bin/env"));
            assert!(scripts[1].ends_with("bin/sh"), "{line}: {scripts:?}");
        }
    }
}

#[test]
fn env_without_split_takes_spaces_into_the_name() {
    let fixture = Fixture::new("env-spaces");
    let script = fixture.file("x", "#!/usr/bin/env sh -e\n", 0o755);
    assert_eq!(
        Command::new(&script).status().expect("env runs").code(),
        Some(127)
    );
    let error = failure(&script).to_string();
    assert!(
        error.contains("`sh -e`") && error.contains("is not in `/usr/bin`, `/bin`"),
        "{error}"
    );
}

#[test]
fn scripts_that_run_each_other_are_seen() {
    let fixture = Fixture::new("env-loop");
    let one = fixture.file("one", "#!/usr/bin/env two\n", 0o755);
    fixture.file("two", "#!/usr/bin/env one\n", 0o755);
    let resolver = Resolver::new(Environment {
        path: vec![fixture.path("")],
        library_path: Vec::new(),
    });
    let error = resolver.closure(&one).expect_err("a circle");
    assert_eq!(error, ResolveError::ScriptLoop { script: one });
}
