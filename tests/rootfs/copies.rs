//! What a copy keeps, and what it leaves behind.

use std::fs::{self, File, FileTimes};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, SystemTime};

use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use sandbox::plan::{Existing, Missing, TreeSource};
use sandbox::sys::copy::{attribute, set_attribute};

use crate::lab::{Lab, chmod, copy, copy_to, copy_without, inside, is_root, mode, plan, read};

#[test]
fn modes_and_times_come_along_for_files_directories_and_links() {
    let lab = Lab::new();
    let file = lab.file("d/f", "text");
    let link = lab.link("d/l", "f");
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    let stamp = TimeSpec::new(1_000_000_000, 123_456_789);
    utimensat(
        nix::fcntl::AT_FDCWD,
        &link,
        &stamp,
        &stamp,
        UtimensatFlags::NoFollowSymlink,
    )
    .unwrap();
    File::open(&file)
        .unwrap()
        .set_times(FileTimes::new().set_modified(then))
        .unwrap();
    chmod(&file, 0o641);
    chmod(lab.host("d"), 0o555);
    let dir = File::open(lab.host("d")).unwrap();
    dir.set_times(FileTimes::new().set_modified(then)).unwrap();

    let tree = lab.build(&plan([copy_to(lab.host("d"), "/x")]));
    chmod(lab.host("d"), 0o755);

    assert_eq!(mode(inside(&tree, "/x/f")), 0o641);
    assert_eq!(mode(inside(&tree, "/x")), 0o555);
    for name in ["/x", "/x/f", "/x/l"] {
        let made = fs::symlink_metadata(inside(&tree, name)).unwrap();
        assert_eq!(made.modified().unwrap(), then, "{name}");
    }
    assert_eq!(
        fs::read_link(inside(&tree, "/x/l")).unwrap().to_str(),
        Some("f")
    );
    chmod(inside(&tree, "/x"), 0o755);
}

#[test]
fn a_read_only_directory_takes_what_later_sources_put_below_it() {
    let lab = Lab::new();
    lab.file("a/d/one", "1");
    lab.file("b/d/two", "2");
    chmod(lab.host("a/d"), 0o555);
    let tree = lab.build(&plan([
        copy_to(lab.host("a"), "/x"),
        copy_to(lab.host("b/d/two"), "/x/d/two"),
    ]));
    chmod(lab.host("a/d"), 0o755);
    assert_eq!(read(inside(&tree, "/x/d/two")), "2");
    assert_eq!(mode(inside(&tree, "/x/d")), 0o555);
    chmod(inside(&tree, "/x/d"), 0o755);
}

#[test]
fn hard_links_stay_hard_links_across_sources_and_never_lead_to_the_host() {
    let lab = Lab::new();
    let one = lab.file("a/one", "same");
    fs::hard_link(&one, lab.host("a/two")).unwrap();
    lab.file("b/x", "");
    fs::hard_link(&one, lab.host("b/three")).unwrap();
    let tree = lab.build(&plan([
        copy_to(lab.host("a"), "/a"),
        copy_to(lab.host("b"), "/b"),
    ]));
    let made = |path| fs::metadata(inside(&tree, path)).unwrap();
    assert_eq!(made("/a/one").ino(), made("/a/two").ino());
    assert_eq!(made("/a/one").ino(), made("/b/three").ino());
    assert_eq!(made("/a/one").nlink(), 3);
    assert_ne!(made("/a/one").ino(), fs::metadata(&one).unwrap().ino());
    assert_eq!(read(inside(&tree, "/b/three")), "same");
}

#[test]
fn a_replaced_name_leaves_the_other_names_of_its_file_alone() {
    let lab = Lab::new();
    let one = lab.file("a/one", "same");
    fs::hard_link(&one, lab.host("a/two")).unwrap();
    let tree = lab.build(&plan([
        copy_to(lab.host("a"), "/a"),
        crate::lab::file("/a/two", "other"),
    ]));
    assert_eq!(read(inside(&tree, "/a/one")), "same");
    assert_eq!(read(inside(&tree, "/a/two")), "other");
}

#[test]
fn holes_stay_holes() {
    let lab = Lab::new();
    let path = lab.file("big", "");
    let big = File::create(&path).unwrap();
    big.set_len(64 << 20).unwrap();
    big.write_all_at(b"middle", 32 << 20).unwrap();
    drop(big);
    if fs::metadata(&path).unwrap().blocks() > 1024 {
        println!("not tested: no holes on this file system");
        return;
    }
    let tree = lab.build(&plan([copy_to(&path, "/big")]));
    let made = fs::metadata(inside(&tree, "/big")).unwrap();
    assert_eq!(made.len(), 64 << 20);
    assert!(made.blocks() < 1024, "{} blocks", made.blocks());
    let mut middle = [0; 6];
    File::open(inside(&tree, "/big"))
        .unwrap()
        .read_exact_at(&mut middle, 32 << 20)
        .unwrap();
    assert_eq!(&middle, b"middle");
}

#[test]
fn contents_of_many_sizes_are_the_same() {
    let lab = Lab::new();
    for size in [0, 1, 4095, 4096, 4097, 262_143, 262_145, 3_000_001] {
        let bytes: Vec<u8> = (0..size).map(|at: usize| (at * 7 % 251) as u8).collect();
        lab.file("d/x", "");
        fs::write(lab.host(&format!("d/{size}")), bytes).unwrap();
    }
    let tree = lab.build(&plan([copy_to(lab.host("d"), "/d")]));
    for entry in fs::read_dir(lab.host("d")).unwrap() {
        let name = entry.unwrap().file_name();
        let made = inside(&tree, "/d").join(&name);
        assert!(
            fs::read(made).unwrap() == fs::read(lab.host("d").join(&name)).unwrap(),
            "{name:?}"
        );
    }
}

#[test]
fn user_attributes_come_along() {
    let lab = Lab::new();
    let path = lab.file("d/f", "x");
    let open = |path: &std::path::Path| File::open(path).unwrap();
    if set_attribute(open(&path).as_fd(), c"user.note", b"value").is_err() {
        println!("not tested: no user attributes on this file system");
        return;
    }
    set_attribute(open(&lab.host("d")).as_fd(), c"user.dir", &[7; 2000]).unwrap();
    let tree = lab.build(&plan([copy_to(lab.host("d"), "/d")]));
    let (file, dir) = (open(&inside(&tree, "/d/f")), open(&inside(&tree, "/d")));
    assert_eq!(attribute(file.as_fd(), c"user.note").unwrap(), b"value");
    assert_eq!(attribute(dir.as_fd(), c"user.dir").unwrap(), [7; 2000]);
}

#[test]
fn privileges_of_files_are_taken_off_and_special_files_left_out() {
    let lab = Lab::new();
    let suid = lab.file("d/suid", "x");
    lab.file("d/sub/f", "x");
    chmod(&suid, 0o6755);
    chmod(lab.host("d/sub"), 0o2755);
    nix::unistd::mkfifo(&lab.host("d/pipe"), Mode::S_IRUSR).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(lab.host("d/socket")).unwrap();
    let mut privileges = 2;
    if is_root() {
        let caps = lab.file("d/caps", "x");
        // VFS_CAP_REVISION_2 with cap_net_raw.
        let mut value = [0; 20];
        value[..8].copy_from_slice(&[1, 0, 0, 2, 0, 0x20, 0, 0]);
        set_attribute(
            File::open(caps).unwrap().as_fd(),
            c"security.capability",
            &value,
        )
        .unwrap();
        privileges += 1;
    }
    let tree = lab.build(&plan([copy_to(lab.host("d"), "/d")]));
    assert_eq!(mode(inside(&tree, "/d/suid")), 0o755);
    assert_eq!(mode(inside(&tree, "/d/sub")), 0o755);
    assert!(!inside(&tree, "/d/pipe").exists() && !inside(&tree, "/d/socket").exists());
    assert_eq!((tree.notes.special, tree.notes.privileges), (2, privileges));
    if is_root() {
        let caps = File::open(inside(&tree, "/d/caps")).unwrap();
        assert!(attribute(caps.as_fd(), c"security.capability").is_err());
    }
    drop(socket);
    assert_eq!(
        lab.build(&plan([copy_to(lab.host("d/suid"), "/s")]))
            .notes
            .privileges,
        1
    );
}

#[test]
fn a_special_file_as_a_source_is_refused() {
    let lab = Lab::new();
    nix::unistd::mkfifo(&lab.host("pipe"), Mode::S_IRUSR).unwrap();
    let error = lab.refused(&plan([copy(lab.host("pipe"))]));
    assert!(
        error
            .to_string()
            .ends_with("/pipe` is neither a file nor a directory"),
        "{error}"
    );
    let error = lab.refused(&plan([copy("/proc/version")]));
    assert!(
        error.to_string().contains("file system of the kernel"),
        "{error}"
    );
}

#[test]
fn excluded_names_and_paths_stay_out() {
    let lab = Lab::new();
    for name in [
        "d/a.pyc",
        "d/s/b.pyc",
        "d/s/b.py",
        "d/cache/x",
        "d/s/cache/x",
    ] {
        lab.file(name, "x");
    }
    let tree = lab.build(&plan([copy_without(
        lab.host("d"),
        "/d",
        &["*.pyc", "/cache"],
    )]));
    let there = |name: &str| inside(&tree, name).exists();
    assert!(there("/d/s/b.py") && there("/d/s/cache/x"));
    assert!(!there("/d/a.pyc") && !there("/d/s/b.pyc") && !there("/d/cache"));
    let error = lab
        .try_build(&plan([copy_without(lab.host("d"), "/d", &["a["])]))
        .unwrap_err();
    assert!(
        error.to_string().starts_with("`a[` is not a pattern"),
        "{error}"
    );
}

#[test]
fn a_missing_source_is_refused_or_skipped_as_the_profile_says() {
    let lab = Lab::new();
    let gone = lab.host("gone");
    let error = lab.refused(&plan([crate::lab::dir("/x", 0o755), copy(&gone)]));
    assert_eq!(
        error.to_string(),
        format!("`{}` does not exist", gone.display())
    );
    assert_eq!(
        error.origin(),
        Some(&plan([copy("/"), copy("/")]).sources[1].origin)
    );
    let optional = plan([TreeSource::Copy {
        from: gone.clone(),
        to: None,
        exclude: Vec::new(),
        missing: Missing::Skipped,
        existing: Existing::Replaced,
    }]);
    let first = lab.build(&optional);
    assert!(!inside(&first, &gone).exists());
    lab.file("gone", "here now");
    let second = lab.build(&optional);
    assert_eq!(read(inside(&second, &gone)), "here now");
}

#[test]
fn files_that_cannot_be_read_are_counted_and_the_first_is_named() {
    if is_root() {
        println!("not tested: root reads everything");
        return;
    }
    let lab = Lab::new();
    for name in ["d/a", "d/b/c", "d/b/d"] {
        chmod(lab.file(name, "secret"), 0o000);
    }
    lab.file("d/z", "x");
    let error = lab.refused(&plan([copy_to(lab.host("d"), "/d")]));
    let first = lab.host("d/a");
    let said = format!(
        "`{}` and 2 more cannot be read: permission denied",
        first.display()
    );
    assert_eq!(error.to_string(), said);
    assert!(
        error.help().unwrap().contains("exclude"),
        "{:?}",
        error.help()
    );
    let tree = lab.build(&plan([copy_without(lab.host("d"), "/d", &["a", "b/"])]));
    assert_eq!(read(inside(&tree, "/d/z")), "x");
}

#[test]
fn a_store_inside_the_copied_directory_is_not_copied_into_itself() {
    let lab = Lab::new();
    lab.file("x", "x");
    let top = lab.host("..").canonicalize().unwrap();
    let tree = lab.build(&plan([copy_to(&top, "/all")]));
    assert_eq!(read(inside(&tree, "/all/h/x")), "x");
    assert_eq!(
        fs::read_dir(inside(&tree, "/all/store")).unwrap().count(),
        0
    );
}

#[test]
fn directories_nested_without_end_are_an_error_and_no_crash() {
    let lab = Lab::new();
    let deep = "d/".repeat(450);
    let mut at = lab.host("");
    for name in deep.split_terminator('/') {
        at.push(name);
        fs::create_dir(&at).unwrap();
    }
    let error = lab.refused(&plan([copy_to(lab.host("d"), "/d")]));
    let text = error.to_string();
    assert!(
        text.ends_with("is nested too deep") || text.contains("open files"),
        "{text}"
    );
}

#[test]
fn what_an_overlay_writes_into_attributes_stays_behind() {
    let lab = Lab::new();
    let path = lab.file("d/f", "x");
    let open = |path: &std::path::Path| fs::File::open(path).unwrap();
    if set_attribute(open(&path).as_fd(), c"user.overlay.whiteout", b"").is_err() {
        println!("not tested: no user attributes on this file system");
        return;
    }
    set_attribute(open(&lab.host("d")).as_fd(), c"user.overlay.opaque", b"x").unwrap();
    let tree = lab.build(&plan([copy_to(lab.host("d"), "/d")]));
    let (file, dir) = (open(&inside(&tree, "/d/f")), open(&inside(&tree, "/d")));
    assert!(attribute(file.as_fd(), c"user.overlay.whiteout").is_err());
    assert!(attribute(dir.as_fd(), c"user.overlay.opaque").is_err());
}
