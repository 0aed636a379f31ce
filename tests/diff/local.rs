//! What `NAME.local.toml` makes of a packaged profile.

use std::fs;
use std::process::Command;

use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::plans::compare;
use crate::skip::{Lack, skip};

const PACKAGED: &str = "version = 1\n[command]\nargs = [\"/bin/app\"]\n[limits]\npids = 64\n\
                        [[mount]]\nbind = \"${XDG_DOWNLOAD_DIR}\"\ntarget = \"/downloads\"\n";

const LOCAL: &str = "version = 1\n[limits]\npids = 128\n[remove]\nmount = [\"/downloads\"]\n\
                     [[mount]]\nbind = \"${HOME}\"\ntarget = \"/downloads\"\naccess = \"rw\"\n";

/// The profile by its path is the package's, and by its name what this user starts.
#[test]
fn an_addition_of_ones_own_is_a_change_like_any_other() {
    let name = "an_addition_of_ones_own_is_a_change_like_any_other";
    if !geteuid().is_root() {
        return skip(
            name,
            &Lack::Rights("only root can lay a directory over /usr/share"),
        );
    }
    let place = TempDir::new().unwrap();
    for (path, text) in [
        ("share/sandbox/profiles/app.toml", PACKAGED),
        ("config/sandbox/profiles/app.local.toml", LOCAL),
    ] {
        let path = place.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let script = format!(
        "mount --bind {} /usr/share && exec {} diff /usr/share/sandbox/profiles/app.toml app",
        place.path().join("share").display(),
        env!("CARGO_BIN_EXE_sandbox")
    );
    let words = ["--mount", "--propagation", "private", "sh", "-c", &script];
    let ran = Command::new("unshare")
        .args(words)
        .current_dir(place.path())
        .env("XDG_CONFIG_HOME", place.path().join("config"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(3), "{told}");
    let text = String::from_utf8(ran.stdout).unwrap();
    let text = text.replace(place.path().to_str().unwrap(), "HOME");
    let golden = super::root().join("tests/diff/local.txt");
    assert_eq!(compare(&golden, &text), Ok(()));
}
