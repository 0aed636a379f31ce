//! Every form in which honest archives come.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use sandbox::archive::Archive;
use sandbox::model::Sha256;

use crate::recorder::{Recorder, lines, read, walk};
use crate::skip::{Lack, skip};
use crate::tarball::{Header, Tarball, gzip, xz, zstd};

fn tar() -> Tarball {
    Tarball::default()
}

#[test]
fn packing_is_told_by_the_first_bytes() {
    let archive = tar()
        .dir("./")
        .dir("./d/")
        .file("./d/f", "text")
        .symlink("l", "d/f")
        .end();
    let expected = ["layer", "d 755 .", "d 755 d", "f 644 d/f 4", "l l -> d/f"];
    for packed in [
        archive.clone(),
        gzip(&archive),
        zstd(&archive),
        xz(&archive),
    ] {
        assert_eq!(lines(&packed), expected);
    }
}

#[test]
fn members_frames_and_streams_follow_each_other() {
    let archive = tar().file("a", [1; 3000]).file("b", "x").end();
    let (first, second) = archive.split_at(1000);
    for pack in [gzip, zstd, xz] {
        let packed = [pack(first), pack(second)].concat();
        assert_eq!(lines(&packed), ["layer", "f 644 a 3000", "f 644 b 1"]);
    }
    // As parallel packers of zstd write: a frame to be skipped before each other.
    let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0\x01\x02\x03\x04".to_vec();
    let packed = [skipped.clone(), zstd(first), skipped, zstd(second)].concat();
    assert_eq!(lines(&packed).len(), 3);
}

#[test]
fn long_names_are_read_in_all_three_forms() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(120));
    let expected = format!("f 644 {long} 1");
    let gnu = tar()
        .long(b'L', format!("{long}\0").as_bytes())
        .file("short", "x");
    let pax = tar().pax(&[("path", long.as_bytes())]).file("short", "x");
    for archive in [gnu, pax] {
        assert_eq!(lines(&archive.end())[1], expected);
    }
    let prefix = Header::new(b'0', "f".repeat(100)).with(345, "d".repeat(120).as_bytes());
    let expected = format!("f 644 {}/{} 0", "d".repeat(120), "f".repeat(100));
    assert_eq!(lines(&tar().header(&prefix).end())[1], expected);
    let target = "t".repeat(300);
    let gnu = tar()
        .long(b'K', format!("{target}\0").as_bytes())
        .symlink("l", "short");
    let pax = tar()
        .pax(&[("linkpath", target.as_bytes())])
        .symlink("l", "short");
    for archive in [gnu, pax] {
        assert_eq!(lines(&archive.end())[1], format!("l l -> {target}"));
    }
}

#[test]
fn modes_times_and_attributes_are_told() {
    let capability = b"\x01\0\0\x02\0\x04\0\0\n\0\0\0\0\0\0\0\0\0\0\0";
    let archive = tar()
        .pax(&[
            ("mtime", b"-1.5"),
            ("SCHILY.xattr.user.b", b"two\nlines"),
            ("SCHILY.xattr.security.capability", capability),
            ("comment", b"passed over"),
        ])
        .header(&Header::new(b'0', "f").mode(0o106_755));
    let (recorder, _) = read(&archive.end()).unwrap();
    assert_eq!(recorder.lines[1], "f 6755 f 0");
    assert_eq!(recorder.last_modified, (-2, 500_000_000));
    let names: Vec<_> = recorder
        .last_attributes
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["security.capability", "user.b"]);
    let old = Header::gnu(b'0', "f").with(136, &[0xff; 12]);
    let (recorder, _) = read(&tar().header(&old).end()).unwrap();
    assert_eq!(recorder.last_modified, (-1, 0));
    let far = Header::gnu(b'0', "f").with(
        136,
        &[
            0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ],
    );
    let (recorder, _) = read(&tar().header(&far).end()).unwrap();
    assert_eq!(recorder.last_modified, (i64::MAX, 0));
}

#[test]
fn a_global_header_is_about_all_that_follow() {
    let archive = tar()
        .raw_pax(b'g', b"16 mtime=123456\n18 comment=commit\n")
        .file("a", "")
        .pax(&[("mtime", b"7")])
        .file("b", "");
    let (recorder, _) = read(&archive.clone().end()).unwrap();
    assert_eq!(recorder.last_modified, (7, 0));
    let (recorder, _) = read(&archive.file("c", "").end()).unwrap();
    assert_eq!(recorder.last_modified, (123_456, 0));
}

#[test]
fn a_hash_is_checked_before_anything_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    fs::write(&path, gzip(&tar().file("a", "x").end())).unwrap();
    let right = sum(&path);
    let mut recorder = Recorder::default();
    assert_eq!(walk(&path, Some(&right), &mut recorder).unwrap(), 0);
    let wrong = Sha256([7; 32]);
    let mut recorder = Recorder::default();
    let error = walk(&path, Some(&wrong), &mut recorder).unwrap_err();
    let expected = format!(
        "archive `{}` has the SHA-256 `{right}`, not `{wrong}`",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(
        error.help().unwrap(),
        format!("get the right file, or write `sha256 = \"{right}\"` if this one is meant")
    );
    assert!(recorder.lines.is_empty());
}

fn sum(path: &Path) -> Sha256 {
    use sha2::Digest;
    Sha256(sha2::Sha256::digest(fs::read(path).unwrap()).into())
}

#[test]
fn a_file_that_changes_after_its_check_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let archive = tar().file("a", "good").end();
    fs::write(&path, &archive).unwrap();
    let opened = Archive::open(&path, Some(&sum(&path))).unwrap();
    // The same length, the same inode, and the content of the member alone.
    let times = fs::FileTimes::new().set_modified(path.metadata().unwrap().modified().unwrap());
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(b"evil", 512).unwrap();
    file.set_times(times).unwrap();
    let mut recorder = Recorder::default();
    let error = opened.walk(&mut recorder).unwrap_err();
    assert!(format!("{error:?}").contains("Changed"), "{error:?}");
    // Another file under the name changes nothing: the descriptor is kept.
    fs::write(&path, &archive).unwrap();
    let opened = Archive::open(&path, Some(&sum(&path))).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, tar().file("b", "evil").end()).unwrap();
    let mut recorder = Recorder::default();
    match opened.walk(&mut recorder) {
        Ok(_) => assert_eq!(recorder.last, b"good"),
        // Its link count is gone, which some file systems count as a change.
        Err(error) => assert!(format!("{error:?}").contains("Changed"), "{error:?}"),
    }
}

#[test]
fn what_is_no_file_is_no_archive() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let said = |path: &Path| Archive::open(path, None).unwrap_err().to_string();
    let shown = |path: &Path, rest: &str| format!("archive `{}` {rest}", path.display());
    assert_eq!(said(&pipe), shown(&pipe, "is no file"));
    assert_eq!(said(dir.path()), shown(dir.path(), "is no file"));
    let missing = dir.path().join("missing");
    assert_eq!(said(&missing), shown(&missing, "does not exist"));
    assert_eq!(
        said(Path::new("/dev/null")),
        "archive `/dev/null` is no file"
    );
}

/// What GNU tar writes, in each of its formats, is what it read.
#[test]
fn what_tar_writes_is_read() {
    if Command::new("tar").arg("--version").output().is_err() {
        return skip("what_tar_writes_is_read", &Lack::Tool("there is no tar"));
    }
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    let deep = tree.join("d".repeat(90)).join("e".repeat(90));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f".repeat(90)), "deep").unwrap();
    let holes = File::create(tree.join("holes")).unwrap();
    for at in 0..40_u64 {
        holes
            .write_all_at(format!("piece {at}").as_bytes(), at << 17)
            .unwrap();
    }
    holes.set_len(41 << 17).unwrap();
    let expected = fs::read(tree.join("holes")).unwrap();
    fs::hard_link(tree.join("holes"), tree.join("again")).unwrap();
    std::os::unix::fs::symlink("x".repeat(150), tree.join("link")).unwrap();
    let formats = ["--format=gnu", "--format=posix"];
    let sparse = [
        "--sparse-version=0.0",
        "--sparse-version=0.1",
        "--sparse-version=1.0",
    ];
    for (format, sparse) in formats
        .iter()
        .flat_map(|format| sparse.map(|sparse| (format, sparse)))
    {
        let file = dir.path().join("out.tar");
        let tar = Command::new("tar")
            .args([format, sparse, "-S", "--sort=name", "-cf"])
            .arg(&file)
            .arg("-C")
            .arg(&tree)
            .args(["holes", "again", "link", &"d".repeat(90)])
            .status();
        assert!(tar.unwrap().success());
        let mut recorder = Recorder::default();
        walk(&file, None, &mut recorder).unwrap();
        let told = format!("f 644 holes {}", expected.len());
        assert!(recorder.lines.contains(&told), "{:?}", recorder.lines);
        assert!(recorder.lines.contains(&"h again = holes".to_owned()));
        assert_eq!(recorder.last, b"deep");
        let mut alone = Recorder::default();
        let one = Command::new("tar")
            .args([format, sparse, "-S", "-cf"])
            .arg(&file)
            .arg("-C")
            .arg(&tree)
            .arg("holes")
            .status();
        assert!(one.unwrap().success());
        walk(&file, None, &mut alone).unwrap();
        assert!(alone.last == expected, "{format} {sparse}");
        assert!(
            file.metadata().unwrap().len() < 1 << 20,
            "{format} {sparse} kept no holes"
        );
    }
}
