//! Archives that lead out, contradict themselves, or mean two things: each is refused by name.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::recorder::{Recorder, lines, read, read_in_part, refusal, walk};
use crate::tarball::{Header, Tarball, gzip, xz, zstd};

fn tar() -> Tarball {
    Tarball::default()
}

#[test]
fn names_that_lead_out_are_refused_by_name() {
    let cases: [(&[u8], &str); 7] = [
        (b"../x", "archive `A`: member `../x` has `..` in its name"),
        (
            b"a/../../x",
            "archive `A`: member `a/../../x` has `..` in its name",
        ),
        (
            b"/etc/x",
            "archive `A`: member `/etc/x` has an absolute name",
        ),
        (b"//x", "archive `A`: member `//x` has an absolute name"),
        (b"", "archive `A`: member `` has an empty name"),
        (b"..", "archive `A`: member `..` has `..` in its name"),
        (
            b"./",
            "archive `A`: member `./` stands for the root and is no directory",
        ),
    ];
    for (name, expected) in cases {
        let symlink = tar().header(&Header::new(b'2', name).link("x"));
        assert_eq!(refusal(&symlink.end()), expected);
        let file = tar().pax(&[("path", name)]).file("harmless", "x");
        // V7's word for a directory.
        if name != b"./" {
            assert_eq!(refusal(&file.end()), expected);
        }
    }
    let nul = tar().pax(&[("path", b"a\0b")]).file("harmless", "x").end();
    let expected = "archive `A`: member `a\\u{0}b` has a zero byte in its name";
    assert_eq!(refusal(&nul), expected);
    let nul = tar().long(b'L', b"a\0b").file("harmless", "x").end();
    let expected = "archive `A` has a bad header: its long name goes on behind a zero byte";
    assert_eq!(refusal(&nul), expected);
}

#[test]
fn names_that_no_kernel_takes_are_refused() {
    let long = |name: &[u8]| {
        let archive = tar().long(b'L', name).file("x", "");
        refusal(&archive.end())
    };
    let rest = "has a name of more than 255 bytes, or a path of more than 4096";
    assert!(long(&[b'a'; 256]).ends_with(rest));
    assert!(long(&b"ab/".repeat(400)).ends_with("is nested deeper than 256 levels"));
    let wide = [&[b'a'; 250][..], b"/"].concat().repeat(17);
    assert!(long(&wide).ends_with(rest));
}

#[test]
fn names_that_are_no_text_are_kept_as_they_are() {
    let archive = tar().file(b"caf\xe9\x1b[2J", "x").end();
    assert_eq!(lines(&archive), ["layer", "f 644 caf\\xe9\\x1b[2J 1"]);
    let archive = tar().hard_link("b", "caf\u{e9}").end();
    let expected =
        "archive `A`: member `b` is a hard link to `café`, which does not come before it";
    assert_eq!(refusal(&archive), expected);
    let archive = tar().file(b"/caf\xe9\x1b[2J`", "x").end();
    let expected = "archive `A`: member `/caf\\xe9\\u{1b}[2J\\u{60}` has an absolute name";
    assert_eq!(refusal(&archive), expected);
}

#[test]
fn hard_links_name_files_that_the_archive_gave() {
    let link = |target: &str| {
        let archive = tar().dir("d").file("f", "x").symlink("l", "/etc");
        refusal(&archive.hard_link("h", target).end())
    };
    let start = "archive `A`: member `h` is a hard link to";
    let cases = [
        ("/etc/passwd", "`/etc/passwd`, which has an absolute name"),
        ("../x", "`../x`, which has `..` in its name"),
        ("", "``, which has an empty name"),
        ("l/passwd", "`l/passwd`, which does not come before it"),
        ("later", "`later`, which does not come before it"),
        ("h", "`h`, which does not come before it"),
        ("d", "the directory `d`"),
        (".", "the directory `.`"),
    ];
    for (target, rest) in cases {
        assert_eq!(link(target), format!("{start} {rest}"));
    }
}

#[test]
fn hard_links_to_links_are_links_again() {
    let archive = tar()
        .file("f", "x")
        .symlink("l", "../out")
        .hard_link("h", "l");
    let archive = archive.hard_link("f2", "./f").hard_link("f", "f").end();
    let expected = [
        "layer",
        "f 644 f 1",
        "l l -> ../out",
        "l h -> ../out",
        "h f2 = f",
    ];
    assert_eq!(lines(&archive), expected);
}

#[test]
fn one_archive_does_not_put_two_things_at_one_path() {
    let over = tar().dir("a").file("a", "x").end();
    assert_eq!(
        refusal(&over),
        "archive `A`: member `a` is a directory and something else"
    );
    let over = tar().file("a/b", "").symlink("a", "/etc").end();
    assert_eq!(
        refusal(&over),
        "archive `A`: member `a` is a directory and something else"
    );
    let over = tar().file("a", "x").dir("a/").end();
    assert_eq!(
        refusal(&over),
        "archive `A`: member `a/` is a file and a directory"
    );
    let below = tar().file("a", "x").file("a/b/c", "x").end();
    assert_eq!(
        refusal(&below),
        "archive `A`: member `a/b/c` lies below the file `a`"
    );
}

#[test]
fn what_comes_twice_is_told_twice() {
    let archive = tar()
        .file("a", "1")
        .file("./a", "22")
        .symlink("a", "b")
        .dir("d")
        .dir("d")
        .end();
    let expected = [
        "layer",
        "f 644 a 1",
        "f 644 a 2",
        "l a -> b",
        "d 755 d",
        "d 755 d",
    ];
    assert_eq!(lines(&archive), expected);
}

#[test]
fn devices_are_left_out_and_counted() {
    let device = |kind, name: &str| {
        Header::new(kind, name)
            .with(329, b"0000001\0")
            .with(337, b"0000003\0")
    };
    let archive = tar()
        .header(&device(b'3', "dev/null"))
        .header(&device(b'4', "dev/sda"))
        .header(&device(b'6', "run/pipe"))
        .hard_link("dev/zero", "dev/null")
        .file("after", "x");
    let (recorder, skipped) = read(&archive.end()).unwrap();
    assert_eq!((recorder.lines.len(), skipped), (2, 4));
    let filled = tar()
        .header(&device(b'3', "null").size(512))
        .content(&[7; 512]);
    assert_eq!(
        refusal(&filled.end()),
        "archive `A` has a bad header: it has content, and only files have"
    );
}

/// GHSA-3cv2-h65g-fgmm: the size of pax is about the member, not about a header between the two.
#[test]
fn a_size_is_about_the_member_alone() {
    let hidden = tar().file("hidden", "x").end();
    // A reader that takes the size for the long name's would find `hidden` at another place.
    let archive = tar()
        .pax(&[("size", format!("{}", hidden.len()).as_bytes())])
        .long(b'L', b"name")
        .header(&Header::new(b'0', "x"))
        .content(&hidden);
    let expected = ["layer".to_owned(), format!("f 644 name {}", hidden.len())];
    assert_eq!(lines(&archive.end()), expected);
    let two = tar().pax(&[("size", b"0")]).file("a", &hidden);
    assert_eq!(
        refusal(&two.end()),
        "archive `A` has a bad header: it gives two sizes"
    );
    // One that a reader by lines would find, and one by lengths would not.
    let value = b"x\n11 size=99\n";
    let inner = tar()
        .pax(&[("SCHILY.xattr.user.a", value)])
        .file("a", "12345");
    let (recorder, _) = read(&inner.end()).unwrap();
    assert_eq!(recorder.lines, ["layer", "f 644 a 5"]);
    assert_eq!(
        recorder.last_attributes,
        [("user.a".to_owned(), value.to_vec())]
    );
}

#[test]
fn headers_that_mean_two_things_are_refused() {
    let header = |what: &str| format!("archive `A` has a bad header: {what}");
    let cases = [
        (
            tar().pax(&[]).pax(&[]).file("a", ""),
            header("it says one thing twice"),
        ),
        (
            tar().long(b'L', b"a").long(b'L', b"b").file("c", ""),
            header("it says one thing twice"),
        ),
        (
            tar().long(b'L', b"a").pax(&[("path", b"b")]).file("c", ""),
            header("it says one thing twice"),
        ),
        (
            tar().pax(&[("path", b"a"), ("path", b"b")]).file("c", ""),
            header("it says one thing twice"),
        ),
        (
            tar().pax(&[("path", b"a")]),
            header("it describes a member that does not come"),
        ),
        (
            tar().raw_pax(b'x', b"9 path=ab\n").file("c", ""),
            header("a pax record is misshapen"),
        ),
        (
            tar().raw_pax(b'g', b"10 path=a\n").file("c", ""),
            header("a global header describes a single member"),
        ),
        (
            tar()
                .header(&Header::new(b'2', "l").link("x").size(512))
                .content(&[1; 512]),
            header("it has content, and only files have"),
        ),
        (
            tar().pax(&[("size", b"512")]).hard_link("a", "a"),
            header("it has content, and only files have"),
        ),
        (
            tar().header(&Header::new(b'0', "a").with(124, &[0xff; 12])),
            header("its size is negative"),
        ),
        (
            tar()
                .file("a", "")
                .header(&Header::new(b'0', "b").with(100, b"rwxr-xr-")),
            header("its mode is no number"),
        ),
        (
            tar().header(&Header::new(b'2', "l")),
            "archive `A`: member `l` has a bad header: it is a link to nothing".to_owned(),
        ),
        (
            tar().header(&Header::new(b'Z', "l")),
            "archive `A` is of the unknown type `Z`".to_owned(),
        ),
    ];
    let cases = cases.into_iter().chain([(
        tar().pax(&[("path", b"a/")]).file("b", "x"),
        "archive `A`: member `a/` has a bad header: it is a file with a `/` behind its name"
            .to_owned(),
    )]);
    for (at, (archive, expected)) in cases.enumerate() {
        // The first header decides whether it is a tar at all.
        let archive = Tarball {
            bytes: [tar().dir("first").bytes, archive.bytes].concat(),
        };
        assert_eq!(refusal(&archive.end()), expected, "case {at}");
    }
}

#[test]
fn what_is_cut_off_or_goes_on_is_refused() {
    let whole = tar().file("a", [7; 2000]).file("b", "x").end();
    let cut = |length: usize| refusal(&whole[..length]);
    assert_eq!(cut(0), "archive `A` is cut off");
    assert_eq!(cut(100), "archive `A` is cut off");
    assert_eq!(cut(1000), "archive `A`: member `a` is cut off");
    // Between two members, and before the end mark: nothing else would tell.
    assert_eq!(cut(512 + 2048), "archive `A` is cut off");
    assert_eq!(cut(whole.len() - 1024), "archive `A` is cut off");
    let twice = [whole.clone(), whole.clone()].concat();
    assert_eq!(refusal(&twice), "archive `A` goes on behind its end mark");
    for packed in [gzip(&whole), zstd(&whole), xz(&whole)] {
        assert!(read(&packed).is_ok());
        for length in 1..packed.len() {
            let error = refusal(&packed[..length]);
            let known = ["is cut off", "is no tar archive", "is damaged"];
            assert!(
                known.iter().any(|known| error.contains(known)),
                "{length}: {error}"
            );
        }
        let garbage = [packed, vec![b'g'; 64]].concat();
        let error = refusal(&garbage);
        assert!(error.starts_with("archive `A` is damaged: "), "{error}");
    }
}

#[test]
fn what_is_no_tar_is_called_so() {
    assert_eq!(refusal(&[b'x'; 4096]), "archive `A` is no tar archive");
    assert_eq!(
        refusal(&gzip(&[b'x'; 4096])),
        "archive `A` is no tar archive"
    );
    let bzip = "archive `A` is packed with bzip2, which is not read";
    assert_eq!(refusal(b"BZh91AY"), bzip);
    assert_eq!(
        refusal(b"PK\x03\x04"),
        "archive `A` is packed with zip, which is not read"
    );
}

#[test]
fn a_million_members_are_not_taken_in() {
    let one = tar().file("x", "").bytes;
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..1_000_000 {
        std::io::Write::write_all(&mut encoder, &one).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let expected = "archive `A` unpacks to more than 200 times its size";
    assert_eq!(refusal(&packed), expected);
}

#[test]
fn a_million_members_of_an_honest_size_are_not_taken_in_either() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    let one = tar().dir("d").bytes;
    for _ in 0..500_001 {
        std::io::Write::write_all(&mut file, &one).unwrap();
    }
    drop(file);
    let mut recorder = Recorder {
        thrown_away: true,
        ..Recorder::default()
    };
    let error = walk(&path, None, &mut recorder).unwrap_err().to_string();
    assert!(error.ends_with("holds more than 500000 members"), "{error}");
    assert_eq!(recorder.members, 500_000);
}

/// Everything about a directory that an outsider could change.
fn state(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let times = (
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
        );
        let content = fs::read(&path).unwrap_or_default();
        found.push(format!("{path:?} {:o} {times:?} {content:?}", meta.mode()));
        if meta.is_dir() {
            found.extend(state(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn reading_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("victim");
    fs::create_dir_all(victim.join("below")).unwrap();
    fs::write(victim.join("below/file"), "untouched").unwrap();
    let before = state(dir.path());
    let out = victim.to_str().unwrap();
    let archive = tar()
        .symlink("out", out)
        .file("out/below/file", "changed")
        .dir("out/below")
        .end();
    let (recorder, result) = read_in_part(&archive);
    assert!(
        result.is_ok()
            && recorder
                .lines
                .contains(&"f 644 out/below/file 7".to_owned())
    );
    assert_eq!(state(dir.path()), before);
}
