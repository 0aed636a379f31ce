//! What a test does that cannot run on this host.
//!
//! It prints `skipped: NAME: REASON`, the one form that is searched for, and returns. As Cargo hides
//! the output of tests that pass, the line is also added to the file that `SANDBOX_TESTS_SKIPPED`
//! names. With `SANDBOX_TESTS_REQUIRED=1`, as in `.ci/run`, a test that should run there fails instead.
#![allow(dead_code, reason = "not every test binary lacks everything")]

use std::fs::File;
use std::io::Write;

/// What the host does not have.
pub(crate) enum Lack<'a> {
    /// A program or a header that can be installed: required where tests are.
    Tool(&'a str),
    /// Rights, of root or delegated to the caller: required where tests are and root runs them.
    Rights(&'a str),
    /// A kernel or a layout of control groups that another machine has: told, never required.
    Layout(&'a str),
}

/// Says that the test `name` does not run here; the caller returns after it.
///
/// Panics where tests are required and the host should not lack this.
pub(crate) fn skip(name: &str, lack: &Lack<'_>) {
    let root = nix::unistd::geteuid().is_root();
    let (reason, due) = match lack {
        Lack::Tool(reason) => (reason, true),
        Lack::Rights(reason) => (reason, root),
        Lack::Layout(reason) => (reason, false),
    };
    let line = format!("skipped: {name}: {reason}");
    let required = std::env::var_os("SANDBOX_TESTS_REQUIRED").is_some_and(|value| value == "1");
    assert!(
        !(required && due),
        "{line}, and SANDBOX_TESTS_REQUIRED is set"
    );
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("SANDBOX_TESTS_SKIPPED") {
        // One write of one line: tests of several binaries add to this file at once.
        let mut list = File::options()
            .append(true)
            .create(true)
            .open(path)
            .expect("SANDBOX_TESTS_SKIPPED names a file that can be written");
        list.write_all(format!("{line}\n").as_bytes())
            .expect("the list of skipped tests can grow");
    }
}
