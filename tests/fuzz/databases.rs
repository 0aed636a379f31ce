//! The databases of package managers.

use std::fs;
use std::path::Path;

use sandbox::packages::owners;

use crate::harness::{Target, directory, kind, safe};

/// Which file an input is, by its first byte.
const PLACES: [&str; 11] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/bash.list",
    "var/lib/dpkg/diversions",
    "var/lib/dpkg/status.d/base",
    "var/lib/dpkg/status.d/base.md5sums",
    "lib/apk/db/installed",
    "var/lib/pacman/local/bash-5/files",
    "var/lib/pacman/local/bash-5/desc",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite-wal",
    "header",
];

const SOUND: [&str; 8] = [
    "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b8\nDescription: shell\n Version: 9\n\nPackage: gone\nStatus: deinstall ok not-installed\nArchitecture: all\nVersion: 1\n",
    "/.\n/bin\n/bin/bash\n/usr/bin/rbash\n/usr/bin/../bin/x\n",
    "/bin/bash\n/bin/bash.distrib\ndash\n/bin/x\n/bin/bash\n:\n",
    "Package: base\nArchitecture: amd64\nVersion: 1\n",
    "0123  usr/bin/bash\n4567  usr/bin/x\n",
    "P:bash\nV:5.2\nA:x86_64\nF:bin\nR:bash\nF:usr/bin\nR:x\n\nP:other\nV:1\nA:x86_64\nF:bin\nR:bash\n",
    "%FILES%\nbin/\nbin/bash\nusr/bin/x\n\n%BACKUP%\n",
    "%NAME%\nbash\n\n%VERSION%\n5.2-1\n\n%ARCH%\nx86_64\n",
];

/// A header as rpm stores it: the index, then the data.
fn header() -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    let values: [(u32, u32, u32, &[u8]); 8] = [
        (1000, 6, 1, b"bash\0"),
        (1001, 6, 1, b"5.2.32\0"),
        (1002, 6, 1, b"1.fc41\0"),
        (1003, 4, 1, &[0, 0, 0, 1]),
        (1022, 6, 1, b"x86_64\0"),
        (1116, 4, 2, &[0, 0, 0, 1, 0, 0, 0, 0]),
        (1117, 8, 2, b"bash\0x\0"),
        (1118, 8, 2, b"/usr/bin/\0/bin/\0"),
    ];
    for (tag, kind, count, bytes) in values {
        if kind == 4 {
            data.resize(data.len().next_multiple_of(4), 0_u8);
        }
        for number in [tag, kind, u32::try_from(data.len()).unwrap(), count] {
            index.extend(number.to_be_bytes());
        }
        data.extend(bytes);
    }
    let head = [8, u32::try_from(data.len()).unwrap()];
    [head.map(u32::to_be_bytes).concat(), index, data].concat()
}

/// SQLite's variable-length number.
fn varint(number: usize) -> Vec<u8> {
    let mut groups = vec![(number & 0x7f) as u8];
    let mut rest = number >> 7;
    while rest > 0 {
        groups.insert(0, (rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    groups
}

/// A leaf page of a table with one row.
fn page(before: usize, row: &[u8], size: usize) -> Vec<u8> {
    let cell = [varint(row.len()), varint(1), row.to_vec()].concat();
    let start = size - cell.len();
    let place = u16::try_from(start).unwrap().to_be_bytes();
    let mut page = vec![0; before];
    page.extend([13, 0, 0, 0, 1]);
    page.extend(place);
    page.push(0);
    page.extend(place);
    page.resize(start, 0);
    page.extend(cell);
    page
}

/// The smallest database with one table `Packages` and one row that holds `blob`.
fn database(blob: &[u8]) -> Vec<u8> {
    const SIZE: usize = 8192;
    let blob = &blob[..blob.len().min(SIZE - 200)];
    let sql = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)";
    let text = |text: &str| varint(13 + 2 * text.len());
    let kinds = [
        text("table"),
        text("Packages"),
        text("Packages"),
        vec![1],
        text(sql),
    ]
    .concat();
    let length = u8::try_from(kinds.len() + 1).unwrap();
    let schema = [
        &[length],
        &kinds[..],
        b"table",
        b"Packages",
        b"Packages",
        &[2],
        sql.as_bytes(),
    ]
    .concat();
    let mut first = page(100, &schema, SIZE);
    first[..16].copy_from_slice(b"SQLite format 3\0");
    first[16..18].copy_from_slice(&u16::try_from(SIZE).unwrap().to_be_bytes());
    first[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
    first[28..32].copy_from_slice(&2_u32.to_be_bytes());
    first[44..48].copy_from_slice(&4_u32.to_be_bytes());
    first[56..60].copy_from_slice(&1_u32.to_be_bytes());
    let kind = varint(12 + 2 * blob.len());
    let head = [&[u8::try_from(kind.len() + 2).unwrap(), 0], &kind[..]].concat();
    [first, page(0, &[&head[..], blob].concat(), SIZE)].concat()
}

fn put(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes the file of an input, with sound neighbours.
fn plant(root: &Path, place: usize, bytes: &[u8]) {
    let name = PLACES[place];
    for (index, sound) in SOUND.iter().enumerate() {
        let neighbour = PLACES[index];
        let same = |one: &str, other: &str| one.split('/').nth(2) == other.split('/').nth(2);
        if neighbour != name && same(neighbour, name) && place < 8 && neighbour.starts_with("var") {
            put(root, neighbour, sound.as_bytes());
        }
    }
    match name {
        "header" => put(root, "var/lib/rpm/rpmdb.sqlite", &database(bytes)),
        "var/lib/rpm/rpmdb.sqlite-wal" => {
            put(root, "var/lib/rpm/rpmdb.sqlite", &database(&header()));
            put(root, name, bytes);
        }
        name => put(root, name, bytes),
    }
}

fn read(dir: &Path, input: &[u8]) -> (usize, Vec<String>) {
    let Some((first, bytes)) = input.split_first() else {
        return (0, Vec::new());
    };
    let place = usize::from(*first) % PLACES.len();
    let root = dir.join("root");
    plant(&root, place, bytes);
    let asked = [
        "/usr/bin/bash",
        "/bin/bash",
        "/usr/bin/rbash",
        "/usr/bin/x",
        "/bin/bash.distrib",
    ];
    let found = owners(&root, asked.iter().map(Path::new));
    fs::remove_dir_all(&root).unwrap();
    let mut answer = Vec::new();
    for (path, package) in &found.packages {
        assert!(asked.contains(&path.to_str().unwrap()), "{path:?}");
        for word in [&package.name, &package.architecture, &package.version] {
            assert!(
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()),
                "{word:?}"
            );
        }
        answer.push(format!("{path:?} {}", package.name.len().min(9)));
    }
    for note in &found.notes {
        safe(&note.to_string());
        answer.push(kind(&note.reason));
    }
    (place, answer)
}

#[test]
fn databases() {
    let dir = directory();
    let with = |place: usize, bytes: &[u8]| [&[u8::try_from(place).unwrap()], bytes].concat();
    let mut seeds: Vec<_> = SOUND
        .iter()
        .enumerate()
        .map(|(place, text)| with(place, text.as_bytes()))
        .collect();
    seeds.push(with(8, &database(&header())));
    // The first texts are small and soon known: most changes are for what has numbers.
    seeds.push(with(10, &header()[..40]));
    // The head of a log, with nothing behind it.
    seeds.push(with(
        9,
        &[
            &[0x37, 0x7f, 0x06, 0x82, 0, 0x2d, 0xe2, 0x18, 0, 0, 0x20, 0][..],
            &[0; 20],
            &[0; 24],
        ]
        .concat(),
    ));
    seeds.push(with(10, &header()));
    let sound = read(dir.path(), seeds.last().unwrap());
    assert!(
        !sound.1.is_empty() && sound.1[0].contains("bash"),
        "{sound:?}"
    );
    let target = Target {
        name: "databases",
        seeds,
        dictionary: &[
            b"\n\n",
            b"Package: ",
            b"Status: ",
            b"Version: ",
            b"Architecture: ",
            b"%FILES%\n",
            b"%NAME%\n",
            b"P:",
            b"F:",
            b"R:",
            b"../",
            b"/bin/bash\n",
            b"SQLite format 3\0",
            b"\x05",
            b"\x0d",
            b"\x02",
            b"\x0a",
            b"\0\0\x03\xe8",
            b"\0\0\x04\x5c",
            b"\0\0\x04\x5d",
            b"\0\0\x04\x5e",
            b"\0\0\0\x08",
            b"\0\0\0\x04",
        ],
        memory: 32 << 20,
    };
    target.run(|input| read(dir.path(), input));
}
