//! The rpm database of a made-up Fedora. SQLite itself writes it, by Python; headers are encoded by hand.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::chance::Chance;
use crate::made_up::{Host, shown};
use crate::skip::{Lack, skip};

/// One value of a header.
enum Value<'a> {
    Text(&'a str),
    Texts(&'a [&'a str]),
    Numbers(&'a [u32]),
    Bytes(&'a [u8]),
}

/// A header as rpm stores it: the index, then the data.
fn header(values: &[(u32, Value<'_>)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, value) in values {
        let text = |text: &&str| [text.as_bytes(), b"\0"].concat();
        let (kind, count, bytes) = match value {
            Value::Text(one) => (6_u32, 1, text(one)),
            Value::Texts(all) => (8, all.len(), all.iter().flat_map(text).collect()),
            Value::Numbers(all) => {
                // Aligned, as rpm does it.
                data.resize(data.len().next_multiple_of(4), 0);
                (
                    4,
                    all.len(),
                    all.iter().flat_map(|n| n.to_be_bytes()).collect(),
                )
            }
            Value::Bytes(all) => (1, all.len(), all.to_vec()),
        };
        for number in [*tag, kind, data.len() as u32, count as u32] {
            index.extend(number.to_be_bytes());
        }
        data.extend(bytes);
    }
    let head = [values.len() as u32, data.len() as u32];
    [head.map(u32::to_be_bytes).concat(), index, data].concat()
}

fn bash() -> Vec<u8> {
    header(&[
        (1000, Value::Text("bash")),
        (1001, Value::Text("5.2.32")),
        (1002, Value::Text("1.fc41")),
        (1022, Value::Text("x86_64")),
        (1029, Value::Bytes(&[0, 0, 2])),
        (1116, Value::Numbers(&[1, 0, 1])),
        (1117, Value::Texts(&["bash", "bash", "not-installed"])),
        (1118, Value::Texts(&["/etc/skel/", "/bin/"])),
    ])
}

fn openssl() -> Vec<u8> {
    // Large enough that SQLite spreads it over several pages.
    let log = "x".repeat(40_000);
    header(&[
        (1000, Value::Text("openssl-libs")),
        (1001, Value::Text("3.2.2")),
        (1002, Value::Text("7.fc41")),
        (1003, Value::Numbers(&[1])),
        (1022, Value::Text("x86_64")),
        (1082, Value::Text(&log)),
        (1116, Value::Numbers(&[0])),
        (1117, Value::Texts(&["libssl.so.3"])),
        (1118, Value::Texts(&["/usr/lib64/"])),
    ])
}

fn key() -> Vec<u8> {
    header(&[(1000, Value::Text("gpg-pubkey")), (1001, Value::Text("1"))])
}

/// Has SQLite write the database, with these settings before.
fn write(path: &Path, headers: &[Vec<u8>], settings: &str) -> bool {
    const SCRIPT: &str = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.argv[2].splitlines(): db.execute(line)
db.execute('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)')
db.execute('CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)')
db.execute('pragma wal_checkpoint(truncate)')
for line in sys.stdin:
    db.execute('INSERT INTO Packages (blob) VALUES (?)', (bytes.fromhex(line),))
import os
if 'wal' in sys.argv[2]: os._exit(0)
";
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let child = Command::new("python3")
        .args(["-c", SCRIPT, path.to_str().unwrap(), settings])
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        skip("rpm", &Lack::Tool("python3 is not installed"));
        return false;
    };
    let mut input = child.stdin.take().unwrap();
    for header in headers {
        let digits: String = header.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(input, "{digits}").unwrap();
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    true
}

/// A Fedora with these packages, or nothing where it cannot be made.
fn fedora(place: &str, headers: &[Vec<u8>], settings: &str) -> Option<Host> {
    let host = Host::new();
    host.link("bin", "usr/bin");
    let path = host.path(&format!("{place}/rpmdb.sqlite"));
    write(&path, headers, settings).then_some(host)
}

const ASKED: [&str; 5] = [
    "/usr/bin/bash",
    "/etc/skel/bash",
    "/usr/bin/not-installed",
    "/usr/lib64/libssl.so.3",
    "/usr/bin/other",
];

const OWNERS: [&str; 3] = [
    "/etc/skel/bash: rpm bash x86_64 5.2.32-1.fc41",
    "/usr/bin/bash: rpm bash x86_64 5.2.32-1.fc41",
    "/usr/lib64/libssl.so.3: rpm openssl-libs x86_64 1:3.2.2-7.fc41",
];

#[test]
fn headers_are_found_wherever_the_database_lies() {
    for place in ["var/lib/rpm", "usr/lib/sysimage/rpm"] {
        let Some(host) = fedora(place, &[bash(), key(), openssl()], "") else {
            return;
        };
        assert_eq!(host.owners(&ASKED), OWNERS);
    }
}

#[test]
fn a_database_of_many_pages_is_read_whole() {
    let mut headers = vec![openssl(); 40];
    headers.push(bash());
    for page in [512, 4096, 65_536] {
        let settings = format!("pragma page_size = {page}");
        let Some(host) = fedora("var/lib/rpm", &headers, &settings) else {
            return;
        };
        assert_eq!(host.owners(&ASKED), OWNERS);
    }
}

#[test]
fn what_is_still_in_the_log_counts() {
    let settings = "pragma journal_mode = wal\npragma wal_autocheckpoint = 0";
    let Some(host) = fedora("var/lib/rpm", &[bash(), openssl()], settings) else {
        return;
    };
    assert!(host.path("var/lib/rpm/rpmdb.sqlite-wal").exists());
    assert_eq!(host.owners(&ASKED), OWNERS);
}

/// The log's checksum (SQLite's "Database File Format", 4.2), in the order of little-endian machines.
fn checksum(mut sums: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    for pair in bytes.as_chunks::<8>().0 {
        let word = |at: usize| u32::from_le_bytes(pair[at..at + 4].try_into().unwrap());
        sums[0] = sums[0].wrapping_add(word(0)).wrapping_add(sums[1]);
        sums[1] = sums[1].wrapping_add(word(4)).wrapping_add(sums[0]);
    }
    sums
}

/// What the log says of its size bounds what is read and kept in memory.
#[test]
fn a_log_that_promises_more_than_it_holds_is_told() {
    let settings = "pragma journal_mode = wal\npragma wal_autocheckpoint = 0";
    let Some(host) = fedora("var/lib/rpm", &[bash(), openssl()], settings) else {
        return;
    };
    let path = host.path("var/lib/rpm/rpmdb.sqlite-wal");
    let mut log = std::fs::read(&path).unwrap();
    let (head, frames) = log.split_at_mut(32);
    let mut sums = checksum([0, 0], &head[..24]);
    assert_eq!(
        sums.map(u32::to_be_bytes).concat(),
        head[24..],
        "another order"
    );
    for frame in frames.chunks_exact_mut(24 + 4096) {
        if frame[4..8] != [0; 4] {
            frame[4..8].fill(0xff);
        }
        sums = checksum(checksum(sums, &frame[..8]), &frame[24..]);
        frame[16..24].copy_from_slice(&sums.map(u32::to_be_bytes).concat());
    }
    std::fs::write(&path, &log).unwrap();
    let notes = notes(&host);
    assert!(
        notes[0].contains("its log promises more than there is"),
        "{notes:?}"
    );
}

#[test]
fn a_log_that_is_a_pipe_makes_nobody_wait() {
    let Some(host) = fedora("var/lib/rpm", &[bash()], "") else {
        return;
    };
    let path = host.path("var/lib/rpm/rpmdb.sqlite-wal");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (told, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || told.send(notes(&host)));
    let notes = answer
        .recv_timeout(std::time::Duration::from_secs(10))
        .unwrap();
    assert!(notes[0].contains("not a regular file"), "{notes:?}");
}

/// Not only what is asked for costs something.
#[test]
fn rows_that_share_their_bytes_are_told() {
    let Some(host) = fedora("var/lib/rpm", &[], "pragma page_size = 512") else {
        return;
    };
    // Of each text 41 bytes lie in the row, and the rest in 78 pages: all rows lead to the first one's.
    let script = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for i in range(4): db.execute('INSERT INTO Packages (blob) VALUES (?)', ('x' * 39660,))
[root] = db.execute(\"SELECT rootpage FROM sqlite_master WHERE name = 'Packages'\").fetchone()
db.close()
file = bytearray(open(sys.argv[1], 'rb').read())
at = (root - 1) * 512
cells = [int.from_bytes(file[at + 8 + 2 * i:at + 10 + 2 * i], 'big') for i in range(4)]
length = cells[0] - cells[1]
first, *others = [at + cell + length for cell in cells]
for end in others: file[end - 4:end] = file[first - 4:first]
del file[-3 * 78 * 512:]
file[28:32] = (len(file) // 512).to_bytes(4, 'big')
open(sys.argv[1], 'wb').write(file)
";
    let path = host.path("var/lib/rpm/rpmdb.sqlite");
    let done = Command::new("python3")
        .args(["-c", script, path.to_str().unwrap()])
        .status();
    assert!(done.unwrap().success());
    let notes = notes(&host);
    assert!(notes[0].contains("larger than the file"), "{notes:?}");
}

fn notes(host: &Host) -> Vec<String> {
    let owners = host.ask(&ASKED);
    assert!(owners.packages.is_empty(), "{:?}", shown(&owners.packages));
    owners.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn older_formats_are_told() {
    for (name, format) in [("Packages", "Berkeley DB"), ("Packages.db", "ndb")] {
        let host = Host::new();
        host.file(&format!("var/lib/rpm/{name}"), "");
        assert_eq!(
            notes(&host),
            [format!(
                "package database `/var/lib/rpm/{name}` cannot be read: its format is {format}, of before rpm \
                 4.16; `rpmdb --rebuilddb` writes it as SQLite where rpm is configured so"
            )]
        );
    }
}

#[test]
fn a_database_that_is_none_is_told() {
    let host = Host::new();
    let file = host.file("var/lib/rpm/rpmdb.sqlite", "SQLite format 3\0");
    assert_eq!(notes(&host).len(), 1);
    std::fs::write(file, vec![7; 100_000]).unwrap();
    assert_eq!(notes(&host).len(), 1);
    for header in [
        vec![],
        vec![0xff; 64],
        header(&[(1117, Value::Texts(&["a"]))]),
    ] {
        let Some(host) = fedora("var/lib/rpm", &[header], "") else {
            return;
        };
        assert_eq!(notes(&host).len(), 1);
    }
}

/// A header may be whole and lead nowhere.
#[test]
fn indexes_out_of_range_are_told() {
    for (indexes, names) in [(&[7][..], &["/usr/bin/"][..]), (&[0], &[])] {
        let header = header(&[
            (1000, Value::Text("x")),
            (1116, Value::Numbers(indexes)),
            (1117, Value::Texts(&["bash"])),
            (1118, Value::Texts(names)),
        ]);
        let Some(host) = fedora("var/lib/rpm", &[header], "") else {
            return;
        };
        assert_eq!(notes(&host).len(), 1);
    }
}

#[test]
fn no_corruption_makes_it_panic_or_hang() {
    let Some(host) = fedora(
        "var/lib/rpm",
        &[bash(), openssl(), bash()],
        "pragma page_size = 1024",
    ) else {
        return;
    };
    let path = host.path("var/lib/rpm/rpmdb.sqlite");
    let sound = std::fs::read(&path).unwrap();
    let mut chance = Chance::new(1);
    let start = std::time::Instant::now();
    for round in 0..500 {
        let mut bytes = sound.clone();
        for _ in 0..=chance.below(6) {
            // Where the structure is, rather than in the long text.
            let page = chance.below(bytes.len() / 1024) * 1024;
            let at = match round % 3 {
                0 => chance.below(bytes.len()),
                1 => page + chance.below(24),
                _ => chance.below(200),
            };
            bytes[at.min(sound.len() - 1)] = chance.byte();
        }
        if round % 7 == 0 {
            bytes.truncate(chance.below(bytes.len()));
        }
        std::fs::write(&path, &bytes).unwrap();
        host.ask(&ASKED);
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
