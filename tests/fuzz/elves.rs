//! Programs: ELF files, loaders, `ld.so.cache`, musl's list and `#!` lines. Whatever they say, a closure ends.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sandbox::elf::{Environment, Resolver, build_id};

use crate::harness::{Target, directory, kind};
use crate::made_elf::{Made, NEEDED, RPATH, RUNPATH, SONAME};

/// Stands for the directory of a run in inputs, and has the length of what takes its place.
const HERE: usize = 96;

const X86_64: u16 = 62;
const AARCH64: u16 = 183;
const I386: u16 = 3;

/// What an input is, by its first byte.
const ROLES: [&str; 6] = [
    "bin/x",
    "lib/liba.so.1",
    "lib/ld.so",
    "etc/ld.so.cache",
    "etc/ld-musl-x86_64.path",
    "bin/script",
];

fn here() -> String {
    format!("/{}", "@".repeat(HERE - 1))
}

fn machine() -> (bool, u16) {
    match cfg!(target_arch = "aarch64") {
        true => (true, AARCH64),
        false => (true, X86_64),
    }
}

fn made(interpreter: Option<&str>, dynamic: &[(u64, &str)]) -> Vec<u8> {
    let (wide, machine) = machine();
    Made {
        wide,
        little: true,
        machine,
        interpreter,
        dynamic,
    }
    .bytes()
}

fn program(loader: &str) -> Vec<u8> {
    let loader = format!("{}/lib/{loader}", here());
    made(
        Some(&loader),
        &[
            (NEEDED, "liba.so.1"),
            (NEEDED, "libb.so.2"),
            (RUNPATH, "$ORIGIN/../lib:relative:${LIB}:/$PLATFORM"),
        ],
    )
}

/// A program whose library only the cache leads to.
fn by_cache() -> Vec<u8> {
    let loader = format!("{}/lib/ld.so", here());
    made(Some(&loader), &[(NEEDED, "liba.so.1")])
}

fn library(needs: &str) -> Vec<u8> {
    made(
        None,
        &[
            (SONAME, "liba.so.1"),
            (NEEDED, needs),
            (RPATH, "$ORIGIN:$ORIGIN/../lib"),
        ],
    )
}

fn loader() -> Vec<u8> {
    let texts = format!(
        "\0/lib/\0/usr/lib/\0\0{}/etc/ld.so.cache\0\0x86-64-v4:x86-64-v3:x86-64-v2\0",
        here()
    );
    [made(None, &[(SONAME, "ld.so")]), texts.into_bytes()].concat()
}

/// A cache with two names, one of them twice; some of it behind the table of libc5.
fn cache(old: bool) -> Vec<u8> {
    let path = format!("{}/lib/liba.so.1", here());
    let strings = format!("libb.so.2\0liba.so.1\0{path}\0x86-64-v2\0\0");
    let base = if old { 16 } else { 0 };
    let mut bytes = match old {
        true => b"ld.so-1.7.0\0\0\0\0\0".to_vec(),
        false => Vec::new(),
    };
    bytes.extend(b"glibc-ld.so.cache1.1");
    let start = 48 + 3 * 24;
    let extension = (start + strings.len()).next_multiple_of(4);
    for number in [3, strings.len(), 2, base + extension, 0, 0, 0] {
        bytes.extend(u32::try_from(number).unwrap().to_ne_bytes());
    }
    for (key, hwcap) in [(0, (1_u64 << 62) | (1 << 32)), (0, 0), (10, 0)] {
        for number in [0x0303, start + key, start + 20, 0] {
            bytes.extend(u32::try_from(number).unwrap().to_ne_bytes());
        }
        bytes.extend(u64::to_ne_bytes(hwcap));
    }
    bytes.extend(strings.bytes());
    bytes.resize(base + extension, 0);
    let names = base + extension + 24;
    let name = base + start + 20 + path.len() + 1;
    for number in [0xeaa4_2174, 1, 1, 0, names, 4, name] {
        bytes.extend(u32::try_from(number).unwrap().to_ne_bytes());
    }
    bytes
}

fn seeds() -> Vec<Vec<u8>> {
    let with = |role: u8, bytes: &[u8]| [&[role], bytes].concat();
    let mut seeds = vec![
        with(0, &program("ld.so")),
        with(0, &program("ld-musl-x86_64.so.1")),
        with(0, &made(None, &[])),
        with(0, &loader()),
    ];
    for (wide, little, machine) in [
        (false, true, I386),
        (true, false, 22),
        (false, false, 8),
        (true, true, AARCH64),
    ] {
        let made = Made {
            wide,
            little,
            machine,
            interpreter: Some("/lib/ld.so"),
            dynamic: &[(NEEDED, "libc.so")],
        };
        seeds.push(with(0, &made.bytes()));
    }
    // Circles, and a name of its own.
    seeds.extend(
        [
            "libb.so.2",
            "liba.so.1",
            "$ORIGIN/liba.so.1",
            "ld.so",
            "none.so",
        ]
        .map(|name| with(1, &library(name))),
    );
    seeds.push(with(2, &loader()));
    seeds.extend([with(3, &cache(false)), with(3, &cache(true))]);
    seeds.push(with(
        4,
        format!("/none:{}/lib\nrelative\n", here()).as_bytes(),
    ));
    let env = format!("#!{}/bin/env", here());
    for rest in [
        "x",
        "-S x -y",
        "-S-i PATH=/bin x",
        "-vS 'x y' \"z\\_\" \\c",
        "-S ${HOME} x",
        "-S-u PATH -C / A=b x",
    ] {
        seeds.push(with(5, format!("{env} {rest}\n").as_bytes()));
    }
    seeds.push(with(5, format!("#!{}/bin/script\n", here()).as_bytes()));
    seeds.push(with(
        5,
        format!("#! \t{}/bin/x  -a b \t\nrest", here()).as_bytes(),
    ));
    seeds.push(with(5, b"#!relative\n"));
    seeds
}

/// An input with the directory's name in place of its mark.
fn placed(bytes: &[u8], dir: &Path) -> Vec<u8> {
    let mark = here();
    let name = dir.to_str().unwrap();
    assert!(name.len() <= HERE, "TMPDIR is too long for this test");
    // As long as the mark, so that no offset moves.
    let mut name = name.to_owned();
    while name.len() + 2 <= HERE {
        name.push_str("/.");
    }
    name.push_str(&"/"[..HERE - name.len()]);
    let mut bytes = bytes.to_vec();
    let mut from = 0;
    while let Some(at) = bytes[from..]
        .windows(HERE)
        .position(|window| window == mark.as_bytes())
    {
        from += at;
        bytes[from..from + HERE].copy_from_slice(name.as_bytes());
    }
    bytes
}

struct Bench {
    dir: tempfile::TempDir,
    sound: Vec<(PathBuf, Vec<u8>)>,
}

impl Bench {
    fn new() -> Bench {
        let dir = directory();
        let path = |name: &str| dir.path().join(name);
        for name in ["bin", "lib", "etc"] {
            fs::create_dir(path(name)).unwrap();
        }
        let sound = [
            ("bin/x", program("ld.so")),
            ("bin/c", by_cache()),
            ("bin/m", program("ld-musl-x86_64.so.1")),
            ("bin/env", made(None, &[])),
            ("bin/script", b"#!/none\n".to_vec()),
            ("lib/ld.so", loader()),
            ("lib/ld-musl-x86_64.so.1", made(None, &[])),
            ("lib/liba.so.1", library("libb.so.2")),
            ("lib/libb.so.2", library("liba.so.1")),
            ("etc/ld.so.cache", cache(false)),
            ("etc/ld-musl-x86_64.path", b"/lib\n".to_vec()),
        ];
        let sound = sound
            .map(|(name, bytes)| (path(name), placed(&bytes, dir.path())))
            .to_vec();
        for (path, bytes) in &sound {
            fs::write(path, bytes).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        Bench { dir, sound }
    }

    fn read(&self, input: &[u8]) -> Vec<String> {
        let Some((role, bytes)) = input.split_first() else {
            return Vec::new();
        };
        let role = usize::from(*role) % ROLES.len();
        let path = self.dir.path().join(ROLES[role]);
        fs::write(&path, placed(bytes, self.dir.path())).unwrap();
        let programs: &[&str] = match role {
            0 | 5 => &[],
            3 => &["bin/c"],
            4 => &["bin/m"],
            _ => &["bin/x", "bin/m"],
        };
        let mut answers = Vec::new();
        if role != 3 && role != 4 {
            answers.push(self.closure(&path));
            let id = build_id(&File::open(&path).unwrap());
            answers.push(format!("{:?}", id.map(|id| id.len())));
        }
        answers.extend(
            programs
                .iter()
                .map(|name| self.closure(&self.dir.path().join(name))),
        );
        let sound = self.sound.iter().find(|(name, _)| *name == path);
        fs::write(path, &sound.unwrap().1).unwrap();
        answers
    }

    fn closure(&self, path: &Path) -> String {
        let resolver = Resolver::new(Environment {
            path: vec![self.dir.path().join("bin")],
            library_path: vec![self.dir.path().join("none")],
        });
        match resolver.closure(path) {
            Ok(closure) => {
                let mut paths: Vec<_> = closure.files.iter().map(|file| &file.path).collect();
                assert!(paths.iter().all(|path| path.is_absolute()), "{paths:?}");
                paths.sort();
                let all = paths.len();
                paths.dedup();
                assert_eq!(paths.len(), all, "a file stands twice in {paths:?}");
                format!("{all} files")
            }
            Err(error) => kind(&error.to_string()),
        }
    }
}

#[test]
fn elves() {
    run("elves", seeds());
}

#[test]
fn caches() {
    let of_loaders = |seed: &Vec<u8>| matches!(seed[0], 3 | 4);
    run("caches", seeds().into_iter().filter(of_loaders).collect());
}

fn run(name: &str, seeds: Vec<Vec<u8>>) {
    let bench = Bench::new();
    // With the cache, where that is what leads to a library.
    for (name, files) in [("bin/x", "4 files"), ("bin/c", "5 files")] {
        let found = bench.closure(&bench.dir.path().join(name));
        assert_eq!(found, files, "{name}");
    }
    let here = here();
    let target = Target {
        name,
        seeds,
        dictionary: &[
            here.as_bytes(),
            b"\x7fELF",
            b"#!",
            b"$ORIGIN",
            b"${ORIGIN}",
            b"$LIB",
            b"$PLATFORM",
            b"${",
            b":",
            b";",
            b"-S",
            b"\\c",
            b"\\_",
            b"'",
            b"\"",
            b"PATH=",
            b"/lib/",
            b"liba.so.1\0",
            b"libb.so.2\0",
            b"glibc-ld.so.cache1.1",
            b"ld.so-1.7.0\0",
            b"\x74\x21\xa4\xea",
            b"\x03\x03\0\0",
            b"/../",
            b"libc.so",
            b"x86-64-v2\0",
            b"\x01\0\0\0\0\0\0\0",
            b"\x1d\0\0\0\0\0\0\0",
        ],
        memory: 64 << 20,
    };
    target.run(|input| bench.read(input));
}
