//! Archives and images as sources of a tree.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use sandbox::model::{ImageName, PlatformSpec, Sha256};
use sandbox::plan::TreeSource;
use sandbox::rootfs::{Built, Part};
use serde_json::Value;

use crate::hostile::Victim;
use crate::lab::{Lab, file, inside, mode, plan, read, symlink as link_to};
use crate::layout::Layout;
use crate::tarball::{Header, Tarball, gzip, zstd};

fn tar() -> Tarball {
    Tarball::default()
}

fn archive(path: &Path) -> TreeSource {
    archive_in(path, "/")
}

fn archive_in(path: &Path, to: &str) -> TreeSource {
    TreeSource::Archive {
        path: path.to_owned(),
        sha256: None,
        to: to.parse().unwrap(),
    }
}

fn image(path: &Path) -> TreeSource {
    TreeSource::Image(ImageName {
        path: path.to_owned(),
        reference: None,
        platform: PlatformSpec::Machine,
    })
}

/// An archive of the lab's pretended host.
fn packed(lab: &Lab, name: &str, tarball: Tarball) -> PathBuf {
    let path = lab.file(name, "");
    fs::write(&path, tarball.end()).unwrap();
    path
}

fn machine() -> String {
    format!("{}", sandbox::model::Platform::of_machine())
}

fn of_layers(layers: &[Tarball]) -> Layout {
    let layout = Layout::new();
    let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().end()).collect();
    let packed: Vec<Vec<u8>> = layers.iter().map(|layer| gzip(layer)).collect();
    let pairs = packed.iter().zip(&layers);
    let pairs: Vec<_> = pairs
        .map(|(packed, plain)| (&packed[..], &plain[..]))
        .collect();
    layout.index(&[layout.image(&machine(), &pairs, Value::Null)]);
    layout
}

#[test]
fn an_archive_becomes_a_tree() {
    let lab = Lab::new();
    let tarball = tar()
        .header(&Header::new(b'5', "./").mode(0o751))
        .header(&Header::new(b'5', "./d").mode(0o700))
        .pax(&[("mtime", b"1000000000.25")])
        .header(&Header::new(b'0', "./d/f").mode(0o4750).size(4))
        .content(b"text")
        .hard_link("g", "d/f")
        .symlink("l", "d/f")
        .header(&Header::new(b'3', "null"))
        .end();
    let path = lab.file("a", "");
    fs::write(&path, zstd(&tarball)).unwrap();
    let tree = lab.build(&plan([archive(&path)]));
    assert_eq!(read(inside(&tree, "/d/f")), "text");
    assert_eq!(mode(inside(&tree, "/d/f")), 0o750);
    assert_eq!(
        (mode(&tree.root), mode(inside(&tree, "/d"))),
        (0o751, 0o700)
    );
    let meta = |path: &str| fs::symlink_metadata(inside(&tree, path)).unwrap();
    assert_eq!(meta("/d/f").ino(), meta("/g").ino());
    assert_eq!(
        (meta("/g").mtime(), meta("/g").mtime_nsec()),
        (1_000_000_000, 250_000_000)
    );
    assert_eq!(
        fs::read_link(inside(&tree, "/l")).unwrap(),
        Path::new("d/f")
    );
    assert!(!inside(&tree, "/null").exists());
    assert_eq!((tree.notes.special, tree.notes.privileges), (1, 1));
}

#[test]
fn an_archive_goes_where_it_is_told() {
    let lab = Lab::new();
    let path = packed(&lab, "a", tar().file("f", "1").hard_link("g", "f").dir("."));
    let tree = lab.build(&plan([
        archive(&path),
        file("/opt/x/f", "old"),
        archive_in(&path, "/opt/x"),
        file("/opt/x/h", "new"),
    ]));
    assert_eq!(read(inside(&tree, "/opt/x/f")), "1");
    assert_eq!(read(inside(&tree, "/opt/x/g")), "1");
    assert_eq!(read(inside(&tree, "/g")), "1");
    assert_eq!(read(inside(&tree, "/opt/x/h")), "new");
}

#[test]
fn layers_lie_over_each_other() {
    let layout = of_layers(&[
        tar()
            .file("a", "1")
            .file("d/b", "2")
            .file("d/c", "3")
            .file("x/y", "4")
            .symlink("l", "x"),
        tar()
            .file(".wh.a", "")
            .file("d/.wh.b", "")
            .file("l", "file")
            .file("d/new", "5"),
        tar().file("x", "now a file").dir("l").file("l/in", "6"),
        tar().file("d/.wh..wh..opq", "").file("d/last", "7"),
    ]);
    for path in [layout.path(), layout.tar()] {
        let lab = Lab::new();
        let tree = lab.build(&plan([file("/a", "under"), image(&path)]));
        let names = |path: &str| {
            let entries = fs::read_dir(inside(&tree, path)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names("/d"), ["last"]);
        assert_eq!(names("/"), ["d", "l", "x"]);
        assert_eq!(read(inside(&tree, "/x")), "now a file");
        assert_eq!(read(inside(&tree, "/l/in")), "6");
    }
}

#[test]
fn what_did_not_change_is_not_unpacked_again() {
    let lab = Lab::new();
    let path = packed(&lab, "real", tar().file("f", "1"));
    let link = lab.link("link", "second");
    lab.link("second", "real");
    let layout = of_layers(&[tar().file("g", "1")]);
    let recipe = plan([archive(&link), image(&layout.path())]);
    let first = lab.build(&recipe);
    assert_eq!(first.built, Built::Now);
    let again = lab.build(&recipe);
    assert_eq!((again.built, &again.id), (Built::Before, &first.id));
    // In place, of the same length.
    let times = fs::FileTimes::new().set_modified(path.metadata().unwrap().modified().unwrap());
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&tar().file("f", "2").end(), 0).unwrap();
    file.set_times(times).unwrap();
    let third = lab.build(&recipe);
    assert_eq!(
        (third.built, read(inside(&third, "/f"))),
        (Built::Now, "2".to_owned())
    );
    // Another file behind the second link.
    packed(&lab, "other", tar().file("f", "3"));
    fs::remove_file(lab.host("second")).unwrap();
    symlink("other", lab.host("second")).unwrap();
    assert_eq!(read(inside(&lab.build(&recipe), "/f")), "3");
    // A layer of the image.
    let changed = of_layers(&[tar().file("g", "2")]);
    for name in ["index.json", "blobs"] {
        let (from, to) = (changed.path().join(name), layout.path().join(name));
        match from.is_dir() {
            true => fs::remove_dir_all(&to).unwrap(),
            false => fs::remove_file(&to).unwrap(),
        }
        fs::rename(from, to).unwrap();
    }
    assert_eq!(read(inside(&lab.build(&recipe), "/g")), "2");
}

#[test]
fn one_archive_in_two_profiles_is_kept_once() {
    let lab = Lab::new();
    let path = packed(&lab, "a", tar().file("f", "a content"));
    let first = lab.build(&plan([archive(&path)]));
    let second = lab.build(&plan([archive(&path), file("/more", "x")]));
    let inode = |tree| fs::metadata(inside(tree, "/f")).unwrap().ino();
    assert_eq!(inode(&first), inode(&second));
}

#[test]
fn another_file_than_the_hash_says_is_refused() {
    let lab = Lab::new();
    let path = packed(&lab, "a", tar().file("f", "1"));
    let wrong = TreeSource::Archive {
        path: path.clone(),
        sha256: Some(Sha256([7; 32])),
        to: "/".parse().unwrap(),
    };
    let error = lab.refused(&plan([file("/x", ""), wrong]));
    assert!(
        matches!(error.part, Part::Source { index: 1, .. }),
        "{error:?}"
    );
    let start = format!("archive `{}` has the SHA-256 `", path.display());
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(
        error
            .help()
            .unwrap()
            .starts_with("get the right file, or write `sha256 = ")
    );
}

/// What is said of an archive, with its path taken out.
fn refusal(lab: &Lab, tarball: Tarball) -> String {
    let path = packed(lab, "hostile", tarball);
    let error = lab.refused(&plan([archive(&path)])).to_string();
    error.replace(&path.display().to_string(), "A")
}

#[test]
fn hostile_archives_touch_nothing() {
    let victim = Victim::new();
    let lab = &victim.lab;
    let out = victim.text();
    let up = format!("{}{out}/file", "../".repeat(12));
    let evil = |archive: Tarball| refusal(lab, archive);
    let cases = [
        (
            tar().pax(&[("path", up.as_bytes())]).file("f", "x"),
            "has `..` in its name",
        ),
        (
            tar().pax(&[("path", out.as_bytes())]).file("f", "x"),
            "has an absolute name",
        ),
        (
            tar().hard_link("h", &format!("{out}/file")),
            "which has an absolute name",
        ),
        (
            tar().symlink("l", out).hard_link("h", "l/file"),
            "`l/file`, which does not come before it",
        ),
        (
            tar().dir("d").file("d", "x"),
            "is a directory and something else",
        ),
        (tar().file("d", "x").dir("d"), "is a file and a directory"),
        (
            tar().file("d", "x").file("d/e", "x"),
            "lies below the file `d`",
        ),
    ];
    for (archive, expected) in cases {
        let error = evil(archive);
        assert!(error.ends_with(expected), "{error}");
        victim.is_untouched();
    }
}

#[test]
fn links_of_an_archive_stay_in_the_tree() {
    let victim = Victim::new();
    let out = victim.text();
    let tarball = tar()
        .symlink("out", out)
        .file("out/file", "inside")
        .header(&Header::new(b'5', "out").mode(0o777))
        .file("out/sub/new", "inside")
        .symlink("out/file", "/etc/passwd")
        .hard_link("out/again", "out/sub/new")
        .symlink("up", "../../../../..")
        .file("up/from-up", "x")
        .symlink("loop", "loop");
    let path = packed(&victim.lab, "links", tarball);
    let tree = victim
        .lab
        .build(&plan([archive(&path), file("/out/later", "x")]));
    victim.is_untouched();
    assert_eq!(read(inside(&tree, &victim.dir).join("sub/new")), "inside");
    assert_eq!(read(inside(&tree, &victim.dir).join("again")), "inside");
    assert_eq!(read(inside(&tree, &victim.dir).join("later")), "x");
    assert_eq!(read(inside(&tree, "/from-up")), "x");
    let error = refusal(
        &Lab::new(),
        tar().symlink("a", "b").symlink("b", "a").file("a/x", ""),
    );
    assert!(error.ends_with("leads through too many links"), "{error}");
}

#[test]
fn whiteouts_reach_no_further_than_their_image() {
    let victim = Victim::new();
    let layout = of_layers(&[
        tar().symlink("out", victim.text()).file("mine", "x"),
        tar()
            .file("out/.wh.file", "")
            .file("out/.wh..wh..opq", "")
            .file(".wh.mine", "")
            .file(".wh.yours", ""),
    ]);
    let tree = victim.lab.build(&plan([
        file("/yours", "kept"),
        file(&format!("{}/file", victim.text()), "kept"),
        image(&layout.path()),
    ]));
    victim.is_untouched();
    assert_eq!(read(inside(&tree, "/yours")), "kept");
    assert_eq!(read(inside(&tree, &victim.dir).join("file")), "kept");
    assert!(!inside(&tree, "/mine").exists());
}

#[test]
fn sources_that_contradict_an_archive_are_named() {
    let lab = Lab::new();
    let path = packed(&lab, "a", tar().dir("x"));
    let error = lab.refused(&plan([file("/x", ""), archive(&path)]));
    assert_eq!(
        error.to_string(),
        "`/x` would be a directory, but source 1 made it a file"
    );
    let error = lab.refused(&plan([archive(&path), file("/x", "")]));
    assert_eq!(
        error.to_string(),
        "`/x` would be a file, but source 1 made it a directory"
    );
    // Behind a link of another source.
    let tree = lab.build(&plan([link_to("/x", "y"), archive(&path)]));
    assert!(inside(&tree, "/y").is_dir());
}

#[test]
fn a_bomb_leaves_nothing_behind() {
    let lab = Lab::new();
    let header = Header::gnu(b'S', "holes").with(483, b"77777777777\0");
    let error = refusal(&lab, tar().header(&header));
    assert_eq!(error, "archive `A` unpacks to more than 200 times its size");
    let objects = |dir: &Path| -> u64 {
        let mut sum = 0;
        let mut ahead = vec![dir.to_owned()];
        while let Some(dir) = ahead.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap().is_dir() {
                    true => ahead.push(entry.path()),
                    false => sum += entry.metadata().unwrap().blocks() * 512,
                }
            }
        }
        sum
    };
    assert!(objects(&lab.store_dir()) < 1 << 20);
}

#[test]
fn names_that_are_no_text_are_unpacked() {
    use std::os::unix::ffi::OsStrExt;
    let lab = Lab::new();
    let path = packed(&lab, "a", tar().file(b"caf\xe9\n", "x"));
    let tree = lab.build(&plan([archive(&path)]));
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9\n");
    assert_eq!(read(tree.root.join(name)), "x");
}

#[test]
fn what_a_layer_brings_stays_wherever_in_it_the_whiteouts_are() {
    let layout = of_layers(&[
        tar()
            .file("d/e/old", "1")
            .file("gone/old", "2")
            .file("first", "3"),
        // No entries of the directories, and the whiteouts last.
        tar()
            .file("d/e/new", "4")
            .hard_link("d/e/link", "first")
            .file("gone/new", "5")
            .file("d/.wh..wh..opq", "")
            .file(".wh.gone", ""),
    ]);
    let lab = Lab::new();
    let tree = lab.build(&plan([image(&layout.path())]));
    assert_eq!(read(inside(&tree, "/d/e/new")), "4");
    assert_eq!(read(inside(&tree, "/d/e/link")), "3");
    assert_eq!(read(inside(&tree, "/gone/new")), "5");
    assert!(!inside(&tree, "/d/e/old").exists());
    assert!(!inside(&tree, "/gone/old").exists());
}

#[test]
fn a_time_that_the_stores_file_system_cannot_hold_is_no_alteration() {
    let lab = Lab::new();
    let late = tar()
        .pax(&[("mtime", b"99999999999.5")])
        .header(&Header::new(b'0', "f").size(4))
        .content(b"text")
        .pax(&[("mtime", b"99999999999.5")])
        .header(&Header::new(b'5', "d"));
    let path = packed(&lab, "a", late);
    let plan_of = |to| plan([archive_in(&path, to)]);
    drop(lab.build(&plan_of("/a")));
    let second = lab.build(&plan_of("/b"));
    assert_eq!((&second.altered, second.notes.shared_files), (&vec![], 1));
    assert_eq!(lab.store.verify().unwrap(), [""; 0].map(PathBuf::from));
}
