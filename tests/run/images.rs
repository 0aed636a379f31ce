//! Whole systems out of archives and images, and what an image says of its program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::layout::{Layout, sha256};
use super::support::{Caller, Ended, Lab, Lack, attack, kept, skip};
use super::tarball::{Tarball, zstd};

/// A minimal Debian as a tar archive: the one that `SANDBOX_TESTS_MINBASE` names, else one that is made
/// once and kept.
fn minbase(test: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("SANDBOX_TESTS_MINBASE") {
        return Some(path.into());
    }
    let os = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let codename = os
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let there = Command::new("mmdebstrap").arg("--version").output().is_ok();
    let root = nix::unistd::geteuid().is_root();
    let (Some(codename), true) = (codename, there && root) else {
        let lack =
            "SANDBOX_TESTS_MINBASE names no archive, and only root makes one, with mmdebstrap";
        skip(test, &Lack::Tool(lack));
        return None;
    };
    Some(kept(&format!("minbase-{codename}.tar"), |draft| {
        let tar = draft.with_extension("tar");
        let made = Command::new("mmdebstrap")
            .args(["--quiet", "--variant=minbase", codename])
            .arg(&tar)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{error}");
        fs::rename(&tar, draft).unwrap();
    }))
}

/// What a whole system needs no more: with these, all profiles here have one tree for each source.
const WHOLE: &str = "rootfs.etc.passwd = \"none\"\n\
                     env.set.PATH = \"/usr/sbin:/usr/bin:/sbin:/bin\"\n";

/// A profile whose tree is one source.
fn profile(source: &str, rest: &str) -> String {
    format!("version = 1\nnamespaces.hostname = \"lab\"\nrootfs.source = [{source}]\n{rest}\n")
}

#[track_caller]
fn good(ended: Ended) -> String {
    assert_eq!(ended.code(), 0, "{ended:?}");
    ended.out
}

/// What must work in a Debian, as its root and as nobody in it.
fn is_a_debian(lab: &Lab, profile: &str) {
    let run = |command: &[&str]| good(lab.run(profile, command));
    let packages = run(&["dpkg", "-l"]);
    assert!(packages.contains("\nii  base-files "), "{packages}");
    let listed = run(&["apt", "list", "--installed"]);
    assert!(listed.contains("\nbash/"), "{listed}");
    let script = "set -e; f=$(mktemp); echo a > $f; cat $f; [[ -L /etc/mtab ]]; echo ${BASH_VERSINFO[0]}; \
                  stat -c %a /usr/bin/passwd; perl -e 'print \"perl\\n\"'";
    let said = run(&["bash", "-c", script]);
    let lines: Vec<_> = said.lines().collect();
    // Set-user-id is not carried over.
    assert_eq!(
        (lines[0], lines[2], lines[3]),
        ("a", "755", "perl"),
        "{said}"
    );
    assert_eq!(run(&["dpkg", "-S", "/bin/bash"]), "bash: /bin/bash\n");
}

#[test]
fn a_debian_runs_out_of_an_archive_and_out_of_an_image() {
    let Some(tar) = minbase("a_debian_runs_out_of_an_archive_and_out_of_an_image") else {
        return;
    };
    let bytes = fs::read(&tar).unwrap();
    let hash = sha256(&bytes);
    let packed = zstd(&bytes);
    let layout = Layout::new();
    let config = json!({
        "Entrypoint": ["/bin/bash", "-c"],
        "Cmd": ["echo $0 $FROM_IMAGE; pwd; id -u", "first"],
        "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "FROM_IMAGE=yes"],
        "User": "0", "WorkingDir": "/var",
    });
    let platform = sandbox::model::Platform::of_machine().to_string();
    layout.index(&[layout.image(&platform, &[(&packed, &bytes)], config)]);
    open_to_all(layout.dir.path());
    drop((bytes, packed));
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        let source = format!("{{ archive = {tar:?}, sha256 = \"{hash}\" }}");
        for user in ["root", "caller"] {
            is_a_debian(
                &lab,
                &profile(&source, &format!("{WHOLE}command.user = \"{user}\"")),
            );
        }
        let source = format!("{{ image = {:?} }}", layout.path());
        is_a_debian(
            &lab,
            &profile(&source, &format!("{WHOLE}command.user = \"root\"")),
        );
        let of_image = profile(&source, &format!("{WHOLE}command.args = \"image\""));
        assert_eq!(good(lab.run(&of_image, &[])), "first yes\n/var\n0\n");
    }
}

fn open_to_all(dir: &Path) {
    let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(dir).status();
    assert!(opened.unwrap().success());
}

/// An image that holds nothing but the attacks, which are one static program.
struct Small {
    layout: Layout,
    tar: PathBuf,
}

fn small(config: Value) -> Small {
    let layout = Layout::new();
    let layer = Tarball::default()
        .file("etc/passwd", "app:x:7:7::/:/bin/sh\n")
        .dir("srv")
        .dir("made")
        .file("srv/.keep", "")
        .end();
    let platform = sandbox::model::Platform::of_machine().to_string();
    layout.index(&[layout.image(&platform, &[(&layer, &layer)], config)]);
    let tar = layout.tar();
    open_to_all(layout.dir.path());
    Small { layout, tar }
}

/// A profile of a small image, and of the tools of the host that are to be run in it.
fn with_tools(path: &Path, rest: &str) -> String {
    let tools = format!(
        "{{ programs = [\"sh\", \"env\", \"id\", \"{}\"] }}",
        attack()
    );
    profile(&format!("{tools}, {{ image = {path:?} }}"), rest)
}

#[test]
fn what_the_profile_says_wins_over_what_the_image_says() {
    let config = json!({
        "Entrypoint": ["/bin/sh", "-c"],
        "Cmd": ["echo $A $B $C; pwd; id -u; id -g"],
        "Env": ["A=image", "B=image", "PATH=/bin:/usr/bin"],
        "User": "7:8", "WorkingDir": "/srv",
    });
    let image = small(config);
    for path in [image.layout.path(), image.tar.clone()] {
        let lab = Lab::new(Caller::Unprivileged);
        lab.keep_apart();
        let plain = with_tools(&path, "command.args = \"image\"");
        assert_eq!(good(lab.run(&plain, &[])), "image image\n/srv\n7\n8\n");
        let own = "command = { args = \"image\", user = \"9:9\", workdir = \"/made\" }\nenv.set = { B = \"own\", C = \"own\" }";
        let own = with_tools(&path, own);
        assert_eq!(good(lab.run(&own, &[])), "image own own\n/made\n9\n9\n");
        // What stands behind `--` takes the command's place, and nothing else's.
        assert_eq!(
            good(lab.run(&plain, &["sh", "-c", "echo $A; pwd; id -u"])),
            "image\n/srv\n7\n"
        );
        let more = with_tools(&path, "command = { args = \"image\", extra = \"append\" }");
        assert_eq!(good(lab.run(&more, &["zero"])), "image image\n/srv\n7\n8\n");
        // Without `args = "image"` nothing of it counts.
        let none = with_tools(&path, "command.args = [\"sh\", \"-c\", \"echo -$A-; pwd\"]");
        assert_eq!(good(lab.run(&none, &[])), "--\n/\n");
    }
}

/// What is said of a profile that does not run, without the place.
fn refused(lab: &Lab, profile: &str) -> String {
    let ended = lab.run(profile, &[]);
    assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
    ended.err
}

#[test]
fn what_an_image_does_not_tell_has_to_be_written() {
    let lab = Lab::new(Caller::Unprivileged);
    let image = small(json!({ "Cmd": ["/bin/sh"], "User": "app" }));
    let path = image.layout.path();
    let error = refused(&lab, &with_tools(&path, "command.args = \"image\""));
    assert!(
        error.contains("the image's user `app` is a name"),
        "{error}"
    );
    let image = small(Value::Null);
    let path = image.layout.path();
    let error = refused(&lab, &with_tools(&path, "command.args = \"image\""));
    assert!(error.contains("the image says no command"), "{error}");
    let missing = format!("{{ image = \"{}:none\" }}", path.display());
    let error = refused(&lab, &profile(&missing, "command.args = \"image\""));
    assert!(
        error.contains("has no name `none`, nor any other"),
        "{error}"
    );
    let error = refused(&lab, &profile(&missing, "command.args = [\"sh\"]"));
    assert!(
        error.contains("has no name `none`, nor any other"),
        "{error}"
    );
}

/// The line of the profile that names the archive is shown with what is wrong in it.
#[test]
fn a_hostile_archive_is_shown_under_its_line() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let path = lab.file("evil.tar", "");
        fs::write(
            &path,
            Tarball::default().file("../../evil\u{1b}[2J", "x").end(),
        )
        .unwrap();
        let source = format!("\n  {{ archive = {path:?} }},\n");
        let error = refused(&lab, &profile(&source, "command.args = [\"sh\"]"));
        let error = error.replace(&lab.text(""), "").replace("\n  │ ", " ");
        assert!(error.contains("evil.tar`"), "{error}");
        // A line may be broken behind a slash too.
        let words = error.replace(' ', "");
        assert!(
            words.contains("member`../../evil\\u{1b}[2J`has`..`initsname"),
            "{error}"
        );
        assert!(error.contains("4 │   { archive = "), "{error}");
        assert!(!lab.path("evil").exists() && !lab.path("../evil").exists());
    }
}
