//! A dynamic loader's own rules, read from the loader.
//!
//! Distributions compile their directories into glibc's loader: Debian has `/lib/x86_64-linux-gnu`, Fedora `/lib64`, Nix a
//! directory of its store. The loader that a program names holds them as plain strings, so they are read from there
//! instead of being guessed.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::machine::{Machine, x86_64_level};
use super::store;

/// Where the loader of glibc looks when nothing is compiled in that can be recognised.
const FALLBACK: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];
/// Unstripped loaders have one or two MiB.
const MAX_LOADER: u64 = 16 << 20;
/// Of musl's path file, and far beyond any.
const MAX_PATH_FILE: u64 = 1 << 20;
const MUSL_DIRECTORIES: &[u8] = b"/lib:/usr/local/lib:/usr/lib";

/// How one loader searches.
pub(super) enum Loader {
    Glibc(Glibc),
    Musl(Musl),
}

/// What is compiled into glibc's loader.
#[derive(Debug)]
pub(super) struct Glibc {
    /// The default directories, in order.
    pub directories: Vec<PathBuf>,
    /// What `$LIB` stands for.
    pub lib: OsString,
    /// `/etc/ld.so.cache`, elsewhere with Nix and Guix.
    pub cache: PathBuf,
    /// The `glibc-hwcaps` names that this processor may use, the best first.
    pub hwcaps: Vec<String>,
}

/// What musl's loader reads from beside itself.
#[derive(Debug)]
pub(super) struct Musl {
    /// `/etc/ld-musl-ARCH.path`.
    pub path_file: PathBuf,
    /// Whether that file exists, and so has to be in the tree.
    pub state: PathFile,
    /// The default directories, in order.
    pub directories: Vec<PathBuf>,
}

/// Whether musl finds its list of directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathFile {
    Present,
    Absent,
}

impl Loader {
    /// The rules of the loader at `path`, for programs of `machine`.
    pub fn read(path: &Path, machine: &Machine) -> Loader {
        let musl = path
            .file_name()
            .and_then(|name| name.as_bytes().strip_prefix(b"ld-musl-"))
            .map(|rest| rest.split(|byte| *byte == b'.').next().unwrap_or(rest));
        match musl {
            Some(arch) => Loader::Musl(Musl::read(path, OsStr::from_bytes(arch))),
            None => Loader::Glibc(Glibc::read(path, machine)),
        }
    }
}

impl Glibc {
    fn read(path: &Path, machine: &Machine) -> Glibc {
        Glibc::from_image(&read_at_most(path, MAX_LOADER).unwrap_or_default(), machine)
    }

    fn from_image(image: &[u8], machine: &Machine) -> Glibc {
        let strings = strings(image);
        let mut directories = longest_run(&strings);
        if directories.is_empty() {
            directories = fallback(machine);
        }
        let cache = strings
            .iter()
            .map(|string| string.text)
            .find(|text| text.starts_with(b"/") && text.ends_with(b"/ld.so.cache"))
            .unwrap_or(b"/etc/ld.so.cache");
        Glibc {
            lib: lib_token(&directories),
            directories,
            cache: PathBuf::from(OsStr::from_bytes(cache)),
            hwcaps: usable_hwcaps(&strings),
        }
    }
}

impl Musl {
    /// musl's `load_library`: the directory two levels above the loader, then `etc`.
    fn read(path: &Path, arch: &OsStr) -> Musl {
        let mut name = OsString::from("ld-musl-");
        name.push(arch);
        name.push(".path");
        let prefix = path.parent().and_then(Path::parent);
        let path_file = prefix.unwrap_or(Path::new("/")).join("etc").join(name);
        let (state, list) = match (read_at_most(&path_file, MAX_PATH_FILE), path_file.exists()) {
            (Some(list), _) => (PathFile::Present, list),
            (None, true) => (PathFile::Present, Vec::new()),
            (None, false) => (PathFile::Absent, MUSL_DIRECTORIES.to_vec()),
        };
        Musl {
            path_file,
            state,
            directories: list
                .split(|byte| matches!(byte, b':' | b'\n'))
                .filter(|directory| directory.starts_with(b"/"))
                .map(|directory| PathBuf::from(OsStr::from_bytes(directory)))
                .collect(),
        }
    }
}

fn read_at_most(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let (file, metadata) = store::open_regular(path).ok()?;
    if metadata.len() > limit {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A string in the loader's image.
struct Text<'a> {
    start: usize,
    text: &'a [u8],
}

/// The printable strings that a NUL ends, at least as long as `/lib/`. Data may stand right before one.
///
/// Most of the image is code, so only bytes before a NUL are looked at closer: this scan is most of a first closure's time.
fn strings(image: &[u8]) -> Vec<Text<'_>> {
    let ends = image
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[1] == 0 && pair[0].is_ascii_graphic())
        .map(|(at, _)| at + 1);
    ends.map(|end| {
        let before = image[..end]
            .iter()
            .rposition(|byte| !byte.is_ascii_graphic());
        let start = before.map_or(0, |at| at + 1);
        Text {
            start,
            text: &image[start..end],
        }
    })
    .filter(|string| string.text.len() >= b"/lib/".len())
    .collect()
}

/// `system_dirs`: the longest row of absolute directories that end in a slash and lie in a `lib` directory.
fn longest_run(strings: &[Text<'_>]) -> Vec<PathBuf> {
    let directories: Vec<&Text<'_>> = strings
        .iter()
        .filter(|string| is_library_directory(string.text))
        .collect();
    directories
        .chunk_by(|one, two| one.start + one.text.len() + 1 == two.start)
        // The first of equals: `max_by_key` takes the last.
        .rev()
        .max_by_key(|run| run.len())
        .unwrap_or_default()
        .iter()
        .map(|string| PathBuf::from(OsStr::from_bytes(&string.text[..string.text.len() - 1])))
        .collect()
}

fn is_library_directory(text: &[u8]) -> bool {
    text.len() > 1
        && text.starts_with(b"/")
        && text.ends_with(b"/")
        && text
            .split(|byte| *byte == b'/')
            .any(|name| name.starts_with(b"lib"))
}

fn fallback(machine: &Machine) -> Vec<PathBuf> {
    let multiarch = machine.traits().map(|traits| traits.multiarch);
    let debian = multiarch.into_iter().flat_map(|name| {
        [
            Path::new("/lib").join(name),
            Path::new("/usr/lib").join(name),
        ]
    });
    debian.chain(FALLBACK.map(PathBuf::from)).collect()
}

/// `$LIB`: the last part of the first directory, from `lib` on (`lib64`; with Debian `lib/x86_64-linux-gnu`).
fn lib_token(directories: &[PathBuf]) -> OsString {
    let first = directories
        .first()
        .map_or(Path::new("lib"), PathBuf::as_path);
    let token: PathBuf = first
        .iter()
        .skip_while(|name| !name.as_bytes().starts_with(b"lib"))
        .collect();
    token.into_os_string()
}

/// The subdirectories that this loader knows and this processor supports; loaders before 2.33 know none.
fn usable_hwcaps(strings: &[Text<'_>]) -> Vec<String> {
    let level = x86_64_level();
    let known = strings
        .iter()
        .map(|string| string.text)
        .find(|text| text.starts_with(b"x86-64-v"));
    known
        .and_then(|text| std::str::from_utf8(text).ok())
        .into_iter()
        .flat_map(|text| text.split(':'))
        .filter(|name| {
            let number = name.strip_prefix("x86-64-v");
            number.is_some_and(|number| number.parse().is_ok_and(|number: u32| number <= level))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::Endianness;

    const X86_64: Machine = Machine {
        number: object::elf::EM_X86_64,
        class: super::super::machine::Class::Bits64,
        order: Endianness::Little,
    };

    fn read(image: &[u8]) -> (Vec<PathBuf>, OsString, PathBuf) {
        let Glibc {
            directories,
            lib,
            cache,
            hwcaps: _,
        } = Glibc::from_image(image, &X86_64);
        (directories, lib, cache)
    }

    #[test]
    fn directories_of_distributions_are_recognised() {
        let (directories, lib, cache) =
            read(b"\x01\x80/lib64/\0/usr/lib64/\0\0\0/etc/ld.so.cache\0");
        assert_eq!(directories, [Path::new("/lib64"), Path::new("/usr/lib64")]);
        assert_eq!((lib, cache), ("lib64".into(), "/etc/ld.so.cache".into()));
        let (directories, lib, cache) =
            read(b"\0/nix/store/x-glibc-2.40/lib/\0\0/nix/store/x-glibc-2.40/etc/ld.so.cache\0");
        assert_eq!(directories, [Path::new("/nix/store/x-glibc-2.40/lib")]);
        assert_eq!(lib, "lib");
        assert_eq!(cache, Path::new("/nix/store/x-glibc-2.40/etc/ld.so.cache"));
    }

    /// A lone directory elsewhere in the image does not win over the row.
    #[test]
    fn longest_row_wins() {
        let (directories, lib, _) = read(
            b"/var/lib/x/\0\0\x7f\x03/lib/a-b/\0/usr/lib/a-b/\0/lib/\0/usr/lib/\0\0/lib/profile/\0",
        );
        assert_eq!(directories[0], Path::new("/lib/a-b"));
        assert_eq!(directories.len(), 4);
        assert_eq!(lib, "lib/a-b");
    }

    #[test]
    fn image_without_strings_has_the_usual_directories() {
        let (directories, lib, cache) = read(&[0xff; 64]);
        assert_eq!(directories[0], Path::new("/lib/x86_64-linux-gnu"));
        assert!(directories.ends_with(&["/lib".into(), "/usr/lib".into()]));
        assert_eq!(
            (lib, cache),
            ("lib/x86_64-linux-gnu".into(), "/etc/ld.so.cache".into())
        );
    }

    /// The place and the form of the list are those of `load_library` in musl's `dynlink.c`.
    #[test]
    fn musl_reads_its_path_file() {
        let root = std::env::temp_dir().join(format!("sandbox-musl-{}", std::process::id()));
        std::fs::create_dir_all(root.join("etc")).unwrap();
        let loader = root.join("lib/ld-musl-x86_64.so.1");
        let musl = Musl::read(&loader, OsStr::new("x86_64"));
        assert_eq!(musl.state, PathFile::Absent);
        assert_eq!(
            musl.directories,
            ["/lib", "/usr/local/lib", "/usr/lib"].map(PathBuf::from)
        );
        std::fs::write(
            root.join("etc/ld-musl-x86_64.path"),
            "/a:/b\n/c\nrelative\n",
        )
        .unwrap();
        let musl = Musl::read(&loader, OsStr::new("x86_64"));
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(musl.state, PathFile::Present);
        assert_eq!(musl.directories, ["/a", "/b", "/c"].map(PathBuf::from));
    }
}
