//! Bases and named profiles that somebody else made, or that are no files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};
use tempfile::TempDir;

use super::{said, sandbox};
use crate::skip::{Lack, skip};

const BASE: &str = "version = 1\ncommand.args = [\"/bin/sh\"]\n";

/// A profile that extends `base.toml`, which `make` makes.
fn with_base(make: impl FnOnce(&Path)) -> (Option<i32>, String) {
    let place = TempDir::new().unwrap();
    let main = "version = 1\nextends = [\"base.toml\"]\n";
    fs::write(place.path().join("main.toml"), main).unwrap();
    make(&place.path().join("base.toml"));
    let output = sandbox(place.path(), &["check", "main.toml"]);
    (output.status.code(), said(&output))
}

fn refused(rule: &str, make: impl FnOnce(&Path)) {
    let (code, text) = with_base(make);
    assert_eq!(code, Some(1), "{rule}: {text}");
    assert!(text.starts_with(&format!("{rule}\n")), "{rule}: {text}");
    assert!(text.contains("[main.toml:2:12]"), "{rule}: {text}");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_base_is_a_regular_text_file() {
    refused("profile.not-a-file", |path| fs::create_dir(path).unwrap());
    refused("profile.not-a-file", |path| {
        mkfifo(path, Mode::S_IRWXU).unwrap();
    });
    refused("profile.not-a-file", |path| {
        symlink("/dev/zero", path).unwrap();
    });
    refused("profile.not-found", |path| symlink("gone", path).unwrap());
    refused("profile.unreadable", |path| {
        symlink("base.toml", path).unwrap();
    });
    refused("extends.loop", |path| symlink("main.toml", path).unwrap());
    refused("extends.loop", |path| {
        fs::hard_link(path.with_file_name("main.toml"), path).unwrap();
    });
    refused("profile.not-utf8", |path| {
        fs::write(path, b"# \xff\n").unwrap();
    });
    refused("profile.too-large", |path| {
        fs::write(path, vec![b'#'; (1 << 20) + 1]).unwrap();
    });
}

/// A link is followed, to a file that is as well kept.
#[test]
fn a_base_may_be_a_link() {
    let (code, text) = with_base(|path| {
        let other = path.with_file_name("other.toml");
        fs::write(&other, BASE).unwrap();
        symlink(&other, path).unwrap();
    });
    assert_eq!(code, Some(0), "{text}");
    refused("profile.others-write", |path| {
        let other = path.with_file_name("other.toml");
        fs::write(&other, BASE).unwrap();
        mode(&other, 0o666);
        symlink(&other, path).unwrap();
    });
}

#[test]
fn a_base_that_others_may_write_is_refused() {
    refused("profile.others-write", |path| {
        fs::write(path, BASE).unwrap();
        mode(path, 0o646);
    });
    refused("profile.others-write", |path| {
        fs::write(path, BASE).unwrap();
        mode(path.parent().unwrap(), 0o777);
    });
    // Nobody can replace a file of another's in it.
    let (code, text) = with_base(|path| {
        fs::write(path, BASE).unwrap();
        mode(path.parent().unwrap(), 0o1777);
    });
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_base_of_another_user_is_refused() {
    if !geteuid().is_root() {
        return skip(
            "a_base_of_another_user_is_refused",
            &Lack::Rights("only root can give a file away"),
        );
    }
    refused("profile.foreign-owner", |path| {
        fs::write(path, BASE).unwrap();
        chown(path, Some(4711), None).unwrap();
    });
    // Whoever owns the file that names it could have written the same there.
    let (code, text) = with_base(|path| {
        fs::write(path, BASE).unwrap();
        chown(path, Some(4711), None).unwrap();
        chown(path.with_file_name("main.toml"), Some(4711), None).unwrap();
    });
    assert_eq!(code, Some(0), "{text}");
}

/// A name is looked up: what it finds was not named by its path.
#[test]
fn a_name_finds_only_what_others_cannot_write() {
    let place = TempDir::new().unwrap();
    let shelf = place.path().join("profiles");
    fs::create_dir(&shelf).unwrap();
    let file = shelf.join("dev.toml");
    fs::write(&file, BASE).unwrap();
    let check = |profile: &str| {
        let output = sandbox(place.path(), &["check", profile]);
        (output.status.code(), said(&output))
    };
    assert_eq!(check("dev").0, Some(0));
    mode(&file, 0o666);
    let (code, text) = check("dev");
    assert_eq!(code, Some(1));
    assert!(text.starts_with("profile.others-write\n"), "{text}");
    assert_eq!(check("profiles/dev.toml").0, Some(0));
}

#[test]
fn a_profile_is_made_of_so_many_files_only() {
    let place = TempDir::new().unwrap();
    let names: Vec<String> = (0..300)
        .map(|number| format!("\"{number}.toml\""))
        .collect();
    for number in 0..300 {
        fs::write(place.path().join(format!("{number}.toml")), BASE).unwrap();
    }
    let main = format!("version = 1\nextends = [{}]\n", names.join(","));
    fs::write(place.path().join("main.toml"), main).unwrap();
    let output = sandbox(place.path(), &["check", "main.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).starts_with("extends.files\n"));
}

/// Each word of `[remove]` is looked for in every entry, of which a megabyte holds many.
#[test]
fn so_many_things_are_removed_only() {
    let place = TempDir::new().unwrap();
    let words = "\"A\",".repeat(1025);
    let main =
        format!("version = 1\nextends = [\"base.toml\"]\n[remove]\nenv.inherit = [{words}]\n");
    fs::write(place.path().join("main.toml"), main).unwrap();
    let base = format!("{BASE}env.inherit = [\"A\"]\n");
    fs::write(place.path().join("base.toml"), base).unwrap();
    let output = sandbox(place.path(), &["check", "main.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("remove.too-many\n"));
}

/// A program that can write a base of its own profile chooses what the next start allows.
#[test]
fn the_audit_names_a_base_that_its_sandbox_can_write() {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join("lib")).unwrap();
    fs::write(place.path().join("lib/base.toml"), BASE).unwrap();
    let main = "version = 1\nextends = [\"lib/base.toml\"]\n[[mount]]\nbind = \"lib\"\ntarget = \"/lib-of-it\"\n";
    let audit = |access: &str, options: &[&str]| {
        let text = format!("{main}access = \"{access}\"\n");
        fs::write(place.path().join("main.toml"), text).unwrap();
        let mut arguments = vec!["audit", "main.toml"];
        arguments.extend(options);
        let output = sandbox(place.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        said(&output)
    };
    for options in [&[][..], &["--host"][..]] {
        let text = audit("rw", options);
        assert!(text.contains("audit.writable-profile"), "{text}");
        let text = audit("ro", options);
        assert!(!text.contains("audit.writable-profile"), "{text}");
    }
}
