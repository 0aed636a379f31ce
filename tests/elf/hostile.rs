//! Files made to break a reader: each gets an error, soon and without much memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sandbox::elf::{Defect, ResolveError};

use super::fixture::{Fixture, failure, resolver};

/// Layout of the 64-bit ELF header and program header.
const E_TYPE: usize = 16;
const E_MACHINE: usize = 18;
const E_PHOFF: usize = 32;
const E_PHENTSIZE: usize = 54;
const E_PHNUM: usize = 56;
const PHENT: usize = 56;
const P_OFFSET: usize = 8;
const P_VADDR: usize = 16;
const P_FILESZ: usize = 32;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;

struct Victim {
    fixture: Fixture,
    bytes: Vec<u8>,
}

impl Victim {
    fn new(name: &str) -> Victim {
        let fixture = Fixture::new(name);
        let library = fixture.library("libone.so", "libone.so", &[]);
        let program = fixture.program(
            "x",
            &[library.to_str().expect("text"), "-Wl,-rpath,$ORIGIN"],
        );
        let bytes = fs::read(program).expect("the program");
        Victim { fixture, bytes }
    }

    fn number(&self, at: usize, size: usize) -> usize {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&self.bytes[at..at + size]);
        usize::try_from(u64::from_le_bytes(bytes)).expect("small")
    }

    /// Where the program header of this type starts.
    fn header(&self, kind: u32) -> usize {
        (0..self.number(E_PHNUM, 2))
            .map(|index| self.number(E_PHOFF, 8) + index * PHENT)
            .find(|at| self.number(*at, 4) == kind as usize)
            .expect("such a header")
    }

    fn with(&self, at: usize, value: &[u8]) -> PathBuf {
        let mut bytes = self.bytes.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        self.fixture.file("broken", bytes, 0o755)
    }

    fn defect(&self, at: usize, value: &[u8]) -> Defect {
        match failure(&self.with(at, value)) {
            ResolveError::Malformed { defect, .. } => defect,
            error => panic!("{error}"),
        }
    }
}

/// Wherever the file ends, there is an answer: an error, or the closure when all that matters lies before.
#[test]
fn truncated_files_are_survived() {
    let victim = Victim::new("truncated");
    let whole = resolver(&[])
        .closure(&victim.fixture.path("x"))
        .expect("sound");
    let dynamic = victim.header(PT_DYNAMIC);
    let end_of_dynamic =
        victim.number(dynamic + P_OFFSET, 8) + victim.number(dynamic + P_FILESZ, 8);
    let boundaries = [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        15,
        16,
        E_MACHINE,
        20,
        24,
        E_PHOFF,
        40,
        52,
        E_PHENTSIZE,
        E_PHNUM,
        63,
        64,
    ];
    let strided = (64..victim.bytes.len()).step_by(61);
    for length in boundaries.into_iter().chain(strided) {
        let cut = victim.fixture.file("x", &victim.bytes[..length], 0o755);
        match resolver(&[]).closure(&cut) {
            Ok(closure) => {
                assert!(length >= end_of_dynamic, "{length} bytes are enough?");
                assert_eq!(closure.files, whole.files, "{length}");
            }
            Err(ResolveError::Malformed { .. }) => assert!(length >= 4, "{length}"),
            Err(ResolveError::NotAProgram { .. }) => assert!(length < 4, "{length}"),
            Err(error) => panic!("{length}: {error}"),
        }
    }
}

#[test]
fn every_byte_of_the_headers_may_be_wrong() {
    let victim = Victim::new("every-byte");
    let end = victim.number(E_PHOFF, 8) + victim.number(E_PHNUM, 2) * PHENT;
    for at in 0..end {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let _answer = resolver(&[]).closure(&victim.with(at, &[value]));
        }
    }
}

#[test]
fn every_entry_of_the_dynamic_section_may_be_wrong() {
    let victim = Victim::new("every-entry");
    let header = victim.header(PT_DYNAMIC);
    let start = victim.number(header + P_OFFSET, 8);
    let end = start + victim.number(header + P_FILESZ, 8);
    for at in (start..end).step_by(8) {
        for value in [
            0,
            1,
            5,
            15,
            29,
            u64::MAX,
            u64::MAX - 7,
            i64::MAX as u64,
            1 << 32,
        ] {
            let _answer = resolver(&[]).closure(&victim.with(at, &value.to_le_bytes()));
        }
    }
}

#[test]
fn defects_are_named() {
    let victim = Victim::new("defects");
    let (interpreter, dynamic) = (victim.header(PT_INTERP), victim.header(PT_DYNAMIC));
    let huge = u64::MAX.to_le_bytes();
    assert_eq!(victim.defect(4, &[9]), Defect::Invalid("ELF class"));
    assert_eq!(victim.defect(5, &[9]), Defect::Invalid("ELF header"));
    assert_eq!(
        victim.defect(E_TYPE, &[4, 0]),
        Defect::NeitherProgramNorLibrary
    );
    let table = "program header table";
    assert_eq!(victim.defect(E_PHOFF, &huge), Defect::Truncated(table));
    assert_eq!(victim.defect(E_PHENTSIZE, &[1, 0]), Defect::Invalid(table));
    assert_eq!(
        victim.defect(E_PHNUM, &[0xff, 0xff]),
        Defect::TooLarge(table)
    );
    let loader = "name of the loader";
    assert_eq!(
        victim.defect(interpreter + P_FILESZ, &huge),
        Defect::TooLarge(loader)
    );
    assert_eq!(
        victim.defect(interpreter + P_FILESZ, &[1]),
        Defect::Invalid(loader)
    );
    assert_eq!(
        victim.defect(interpreter + P_OFFSET, &huge),
        Defect::Truncated(loader)
    );
    let section = "dynamic section";
    assert_eq!(
        victim.defect(dynamic + P_FILESZ, &huge),
        Defect::TooLarge(section)
    );
    assert_eq!(
        victim.defect(dynamic + P_VADDR, &huge),
        Defect::Unmapped(section)
    );
    assert_eq!(
        victim.defect(dynamic + P_FILESZ, &[0; 8]),
        Defect::Unterminated(section)
    );
}

#[test]
fn foreign_machine_is_refused() {
    let victim = Victim::new("foreign");
    let error = failure(&victim.with(E_MACHINE, &[243, 0]));
    assert!(matches!(error, ResolveError::WrongArchitecture { .. }));
    let text = error.to_string();
    assert!(
        text.ends_with("is built for 64-bit RISC-V, which this machine does not run"),
        "{text}"
    );
}

/// A file of terabytes that claims to be all strings: only what is needed is read.
#[test]
fn sparse_giants_are_answered_at_once() {
    let victim = Victim::new("giant");
    let header = victim.header(PT_DYNAMIC);
    let path = victim.with(header + P_FILESZ, &(1_u64 << 40).to_le_bytes());
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the file");
    file.set_len(1 << 42).expect("a sparse file");
    let start = Instant::now();
    assert!(matches!(failure(&path), ResolveError::Malformed { .. }));
    let zeros = victim.fixture.file("zeros", "", 0o755);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&zeros)
        .expect("the file");
    file.set_len(1 << 42).expect("a sparse file");
    assert!(matches!(failure(&zeros), ResolveError::NotAProgram { .. }));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn links_in_a_circle_are_named() {
    let fixture = Fixture::new("circle");
    let one = fixture.link("one", "two");
    fixture.link("two", "one");
    assert!(matches!(failure(&one), ResolveError::LinkLoop { .. }));
    let script = fixture.file("script", format!("#!{}\n", one.display()), 0o755);
    let error = failure(&script).to_string();
    assert!(
        error.contains("lead in a circle; it is needed by"),
        "{error}"
    );
    let library = fixture.library("libone.so", "libone.so", &[]);
    let program = fixture.program(
        "x",
        &[library.to_str().expect("text"), "-Wl,-rpath,$ORIGIN"],
    );
    fs::remove_file(&library).expect("the library");
    fixture.link("libone.so", "libone.so");
    let error = failure(&program);
    assert!(matches!(&error, ResolveError::LinkLoop { chain, .. } if chain.0 == [program]));
}

/// Libraries that need each other are each taken once.
#[test]
fn libraries_in_a_circle_end() {
    let fixture = Fixture::new("library-circle");
    let first = fixture.library("libtwo.so", "libtwo.so", &[]);
    let one = fixture.library("libone.so", "libone.so", &[first.to_str().expect("text")]);
    fixture.library("libtwo.so", "libtwo.so", &[one.to_str().expect("text")]);
    let program = fixture.program(
        "x",
        &[
            one.to_str().expect("text"),
            "-Wl,--disable-new-dtags,-rpath,$ORIGIN",
        ],
    );
    super::fixture::agrees(&program, &[], &fixture.path("libtwo.so"));
}

/// Opening a pipe would wait for its writer, opening a device may act.
#[test]
fn special_files_are_refused_without_waiting() {
    let fixture = Fixture::new("special");
    let pipe = fixture.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("mkfifo")
            .success()
    );
    let socket = fixture.path("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    for path in [
        pipe.as_path(),
        &socket,
        Path::new("/dev/zero"),
        &fixture.path(""),
    ] {
        let error = failure(path);
        assert!(matches!(error, ResolveError::NotAFile { .. }), "{error}");
    }
}

#[test]
fn what_is_absent_is_named() {
    let fixture = Fixture::new("absent");
    let path = fixture.path("none");
    assert_eq!(
        failure(&path),
        ResolveError::NotFound { path: path.clone() }
    );
    assert!(matches!(
        failure(Path::new("bin/sh")),
        ResolveError::Relative { .. }
    ));
    let interpreter = format!("-Wl,--dynamic-linker,{}", path.display());
    let program = fixture.program("x", &[&interpreter]);
    let text = failure(&program).to_string();
    assert_eq!(
        text,
        format!(
            "the loader `{}` of `{}` does not exist",
            path.display(),
            program.display()
        )
    );
}
