//! Images as others write them: umoci and skopeo, from one another's.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::skip::{Lack, skip};
use crate::told::{lines, name, tagged};

fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok()
}

fn run(dir: &Path, program: &str, args: &[&str]) -> Output {
    let output = Command::new(program)
        .args(args)
        .current_dir(dir)
        // Both keep files of their own below these.
        .env("HOME", dir)
        .env("XDG_RUNTIME_DIR", dir)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {error}");
    output
}

/// A layout of umoci's, with an image of two layers, the second of which takes something away.
fn by_umoci(dir: &Path) {
    let umoci = |args: &[&str]| drop(run(dir, "umoci", args));
    let rootless: &[&str] = match nix::unistd::geteuid().is_root() {
        true => &[],
        false => &["--rootless"],
    };
    let unpack = [
        &["unpack"],
        rootless,
        &["--image", "layout:first", "bundle"],
    ]
    .concat();
    umoci(&["init", "--layout", "layout"]);
    umoci(&["new", "--image", "layout:first"]);
    umoci(&unpack);
    let root = dir.join("bundle/rootfs");
    fs::create_dir_all(root.join("etc/gone")).unwrap();
    fs::write(root.join("etc/kept"), "kept").unwrap();
    fs::write(root.join("etc/gone/file"), "gone").unwrap();
    fs::hard_link(root.join("etc/kept"), root.join("etc/again")).unwrap();
    umoci(&["repack", "--image", "layout:first", "bundle"]);
    fs::remove_dir_all(dir.join("bundle")).unwrap();
    umoci(&unpack);
    fs::remove_dir_all(root.join("etc/gone")).unwrap();
    umoci(&["repack", "--image", "layout:second", "bundle"]);
    umoci(&[
        "config",
        "--image",
        "layout:second",
        "--config.cmd",
        "/bin/true",
    ]);
}

/// What every form of the second image gives, directories apart.
fn judge(told: &[String], form: &str) {
    let at = |line: &str| told.iter().position(|told| told.starts_with(line));
    let kept = at("f 644 etc/kept 4").or(at("f 644 etc/again 4"));
    assert!(kept.is_some(), "{form}: {told:?}");
    assert!(
        at("h etc/kept = etc/again")
            .or(at("h etc/again = etc/kept"))
            .is_some()
    );
    let (file, gone) = (at("f 644 etc/gone/file 4"), at("w etc/gone"));
    assert!(file.is_some() && gone > file, "{form}: {told:?}");
}

#[test]
fn what_umoci_and_skopeo_write_is_read() {
    const NAME: &str = "what_umoci_and_skopeo_write_is_read";
    if !has("umoci") || !has("skopeo") {
        return skip(NAME, &Lack::Tool("umoci and skopeo are not installed"));
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    by_umoci(dir);
    judge(&lines(&tagged(&dir.join("layout"), "second")), "umoci");
    let copy = |to: &str, more: &[&str]| {
        let policy = ["--insecure-policy", "--tmpdir", "."];
        let what = ["oci:layout:second", to];
        run(
            dir,
            "skopeo",
            &[&policy[..], &["copy", "-q"], more, &what].concat(),
        );
    };
    copy("oci:plain:again", &[]);
    copy(
        "oci:zstd:again",
        &["--dest-compress-format", "zstd", "--dest-compress"],
    );
    copy("oci-archive:oci.tar:again", &[]);
    copy("docker-archive:docker.tar:registry.example/again:7", &[]);
    copy("dir:dir", &["--format", "v2s2"]);
    for form in ["plain", "zstd", "oci.tar", "docker.tar"] {
        judge(&lines(&name(&dir.join(form))), form);
    }
    judge(
        &lines(&tagged(&dir.join("docker.tar"), "again:7")),
        "docker.tar",
    );
}
