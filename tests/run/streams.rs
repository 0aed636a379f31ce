//! What the caller hands over: streams, descriptors, and the name that it calls `sandbox` by.

use super::support::{Caller, Lab, finish, sandbox};

/// From a directory of the host, `..` would lead through all of it.
#[test]
fn no_directory_passes_by_its_number() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("command.fds = [7]");
        let mut shell = lab.host("sh");
        shell
            .args(["-c", "exec 7</; exec \"$@\"", "sh"])
            .arg(sandbox());
        let ended = finish(shell.args(lab.up_arguments(&profile, &["ls", "/proc/self/fd/7/"])));
        assert_eq!(ended.code(), 125, "{ended:?}");
        assert!(
            ended.err.contains("EISDIR") && ended.out.is_empty(),
            "{ended:?}"
        );
    }
}

/// The kernel cuts a name after 15 bytes, here within a letter.
#[test]
fn it_starts_by_any_name() {
    let lab = Lab::new(Caller::Unprivileged);
    let name = lab.path("work/песочница");
    std::fs::copy(sandbox(), &name).unwrap();
    let mut up = lab.host(&name);
    let ended = finish(up.args(lab.up_arguments(&lab.profile(""), &["true"])));
    assert_eq!(ended.code(), 0, "{ended:?}");
}
