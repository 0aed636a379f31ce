//! Archives in every form: what is accepted names nothing outside, and every file has its size.

use std::fs;
use std::io;
use std::path::{Component, Path};

use sandbox::archive::{Archive, Body, Member, Receiver, WalkError};

use crate::harness::{Target, directory, kind};
use crate::tarball::{Header, Tarball, everything, gzip, xz, zstd};

/// Judges members, and keeps none.
#[derive(Default)]
pub struct Judge {
    pub members: u64,
    kinds: u8,
}

/// Relative, without `..`; the root itself is `.`.
fn inside(path: &Path) {
    let root = path == Path::new(".");
    let normal = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    assert!(root || normal && !path.as_os_str().is_empty(), "{path:?}");
    assert!(
        path.as_os_str().len() <= 4096,
        "a path of {} bytes",
        path.as_os_str().len()
    );
}

impl Receiver for Judge {
    type Error = io::Error;

    fn layer(&mut self) {}

    fn member(&mut self, member: Member<'_>) -> io::Result<()> {
        self.members += 1;
        inside(member.path);
        assert_eq!(member.mode & !0o7777, 0, "{:o}", member.mode);
        let names: Vec<_> = member.attributes.iter().map(|(name, _)| name).collect();
        assert!(names.is_sorted(), "{names:?}");
        self.kinds |= match member.body {
            Body::Directory => 1,
            Body::Symlink(_) => 2,
            Body::HardLink(first) => {
                inside(first);
                4
            }
            Body::Whiteout => 8,
            Body::Opaque => 16,
            Body::File { size, content } => {
                assert_eq!(io::copy(content, &mut io::sink())?, size);
                32
            }
        };
        Ok(())
    }
}

impl Judge {
    /// What was seen, roughly.
    pub fn seen(&self) -> String {
        format!("{} members of {:b}", self.members.min(9), self.kinds)
    }
}

/// Archives that put each form at the beginning, where changes are most likely to hit it.
fn forms() -> Vec<Vec<u8>> {
    let start = Tarball::default;
    let old = Header::new(b'0', "old").with(257, &[0; 8]).size(1);
    let prefixed = Header::new(b'0', "name").with(345, b"prefix/dir").size(0);
    let binary = Header::gnu(b'0', "big").with(124, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    vec![
        everything(),
        start().header(&old).content(b"x").end(),
        start().header(&prefixed).end(),
        start().header(&binary).content(b"abc").end(),
        start()
            .pax(&[
                ("GNU.sparse.map", b"0,2,10,2"),
                ("GNU.sparse.size", b"20"),
                ("GNU.sparse.numblocks", b"2"),
            ])
            .file("s", "abcd")
            .end(),
        start()
            .pax(&[("size", b"3"), ("mtime", b"1.5"), ("linkpath", b"d")])
            .file("p", "abc")
            .end(),
        start().long(b'K', b"a/target\0").hard_link("k", "x").end(),
        start()
            .dir("d")
            .file("d/.wh.f", "")
            .file("d/.wh..wh..opq", "")
            .end(),
    ]
}

/// Mends the checksum of each block that has one, so that a change gets further.
pub fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.as_chunks_mut::<512>().0 {
        if block[257..262] == *b"ustar"
            || block[148..156]
                .iter()
                .all(|byte| byte.is_ascii_digit() || b" \0".contains(byte))
        {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    bytes
}

/// The file that an input stands for: its first byte says in which form the rest is.
pub fn formed(input: &[u8]) -> Vec<u8> {
    let Some((form, rest)) = input.split_first() else {
        return Vec::new();
    };
    match form % 6 {
        0 => rest.to_vec(),
        1 => gzip(&mended(rest)),
        2 => zstd(&mended(rest)),
        3 => xz(&mended(rest)),
        _ => mended(rest),
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let with = |form: u8, bytes: &[u8]| [&[form], bytes].concat();
    let mut seeds: Vec<_> = forms()
        .iter()
        .flat_map(|plain| [with(4, plain), with(1, plain)])
        .collect();
    let plain = everything();
    let small = Tarball::default().file("f", "x").end();
    for packed in [
        gzip(&plain),
        zstd(&plain),
        xz(&plain),
        gzip(&small),
        zstd(&small),
        xz(&small),
    ] {
        seeds.push(with(0, &packed));
        seeds.push(with(0, &[&packed[..], &packed].concat()));
    }
    seeds
}

pub const WORDS: &[&[u8]] = &[
    b"ustar\x0000",
    b"ustar  \0",
    b"00000000000\0",
    b"77777777777\0",
    b"\x80\0\0\0\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"30 path=../../etc/passwd\n",
    b" path=",
    b" size=",
    b" linkpath=",
    b"11 size=-1\n",
    b" mtime=",
    b"SCHILY.xattr.",
    b"GNU.sparse.",
    b"22 GNU.sparse.major=1\n",
    b"../",
    b"/etc/",
    b".wh.",
    b".wh..wh..opq",
    b"\x1f\x8b\x08\x00",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ\0",
    b"\x50\x2a\x4d\x18\x04\0\0\0",
    b"x",
    b"g",
    b"L",
    b"K",
    b"S",
    b"1",
    b"2",
    b"5",
];

#[test]
fn archives() {
    let dir = directory();
    let path = dir.path().join("a");
    let target = Target {
        name: "archives",
        seeds: seeds(),
        dictionary: WORDS,
        memory: 32 << 20,
    };
    target.run(|input| {
        fs::write(&path, formed(input)).unwrap();
        let mut judge = Judge::default();
        let walked = match Archive::open(&path, None) {
            Ok(archive) => archive.walk(&mut judge),
            Err(error) => Err(WalkError::Archive(error)),
        };
        match walked {
            Ok(_) => judge.seen(),
            Err(WalkError::Archive(error)) => {
                format!("{} {}", judge.seen(), kind(&error.to_string()))
            }
            // The reader's own, passed through.
            Err(WalkError::Receiver(error)) => kind(&error.to_string()),
        }
    });
}
