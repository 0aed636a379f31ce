//! What the store reads back: inventories, records, recipes, users. One that is changed is none, and one that is sound
//! by its hash and lies gives no tree that is not as its plan says.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sandbox::model::FileMode;
use sandbox::plan::{Existing, TreePlan, TreeSource};
use sandbox::report::listing;
use sandbox::rootfs::{Collection, Refresh, Silent, Store};
use serde::Serialize;

use crate::harness::{Target, directory, kind, safe};
use crate::trees::plan;

const ROLES: [&str; 5] = ["inventory", "stamps", "recipe", "user", "raw inventory"];

fn text(path: &str, text: &str) -> TreeSource {
    TreeSource::File {
        path: path.parse().unwrap(),
        text: text.to_owned(),
        mode: FileMode(0o640),
        existing: Existing::Replaced,
    }
}

fn link(path: &str) -> TreeSource {
    TreeSource::Symlink {
        path: path.parse().unwrap(),
        target: "f".to_owned(),
        existing: Existing::Replaced,
    }
}

/// Two plans that share a file.
fn plans() -> [TreePlan; 2] {
    let shared = || text("/d/f", "the same in both");
    [
        plan([shared(), text("/g", "of one"), link("/l")]),
        plan([text("/e/h", "of the other"), shared()]),
    ]
}

/// The files of the first plan's tree that are read back, with the hash of its own before most.
fn places(store: &Path) -> [std::path::PathBuf; 4] {
    let only = |folder: &str| {
        fs::read_dir(store.join(folder))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    };
    let tree = only("trees");
    [
        tree.join("inventory"),
        tree.join("stamps"),
        only("recipes"),
        only("users"),
    ]
}

/// An inventory as it is written, to be wrong in any way.
#[derive(Serialize)]
struct Inventory<'a> {
    boot: &'a str,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    path: &'a [u8],
    mode: u32,
    modified: (i64, i64),
    from: Option<&'a [u8]>,
    kind: Kind<'a>,
}

#[derive(Serialize)]
enum Kind<'a> {
    Directory,
    File(u64, [u8; 32], [u8; 8], Option<[u64; 7]>, u8),
    Symlink(&'a [u8]),
    HardLink(&'a [u8]),
}

/// Inventories that lie.
fn lies() -> Vec<Vec<u8>> {
    let shared = *blake3::hash(b"the same in both").as_bytes();
    let file = |size| Kind::File(size, shared, [0; 8], Some([u64::MAX; 7]), 0xff);
    let lists: [Vec<(&'static str, Kind<'static>)>; 6] = [
        vec![
            ("/", Kind::Directory),
            ("/d", Kind::Directory),
            ("/d/f", file(u64::MAX)),
            ("/d/g", file(u64::MAX)),
        ],
        vec![
            ("/", Kind::Directory),
            ("/../../../../victim/kept", file(16)),
        ],
        vec![("", Kind::HardLink(b"/a")), ("/a", Kind::HardLink(b"/a"))],
        vec![
            ("/d/f/f/f", Kind::Symlink(b"")),
            ("d", file(16)),
            ("/d", file(16)),
            ("/d\0", file(0)),
        ],
        vec![],
        vec![("/g", file(6)), ("/g", file(16)), ("/d/f", file(16))],
    ];
    let items = |list: Vec<(&'static str, Kind<'static>)>| {
        let item = |(path, kind): (&'static str, Kind<'static>)| Item {
            path: path.as_bytes(),
            mode: u32::MAX,
            modified: (i64::MIN, i64::MAX),
            from: Some(b"/h\x1b"),
            kind,
        };
        Inventory {
            boot: "x",
            items: list.into_iter().map(item).collect(),
        }
    };
    lists
        .map(|list| postcard::to_extend(&items(list), b"\0sbxinv01".to_vec()).unwrap())
        .to_vec()
}

/// `bytes` as a file that is sound by its hash.
fn hashed(bytes: &[u8]) -> Vec<u8> {
    [blake3::hash(bytes).as_bytes(), bytes].concat()
}

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn store(&self) -> Store {
        Store::open(&self.dir.path().join("store")).unwrap()
    }

    /// A store with the first plan's tree, and how the files of it are that are read back.
    fn fresh(&self) -> [std::path::PathBuf; 4] {
        let at = self.dir.path().join("store");
        if at.exists() {
            fs::remove_dir_all(&at).unwrap();
        }
        let store = self.store();
        let tree = store
            .tree(&plans()[0], Refresh::Quick, &mut Silent)
            .unwrap();
        let profile = self.dir.path().join("p.toml");
        fs::write(&profile, "").unwrap();
        store.note_user(&tree, &profile).unwrap();
        places(&at)
    }

    fn read(&self, input: &[u8]) -> Vec<String> {
        let Some((role, bytes)) = input.split_first() else {
            return Vec::new();
        };
        let role = usize::from(*role) % ROLES.len();
        let places = self.fresh();
        let planted = if role < 3 {
            hashed(bytes)
        } else {
            bytes.to_vec()
        };
        fs::write(&places[role % 4], planted).unwrap();
        let store = self.store();
        let mut answers = Vec::new();
        let listed = store.list();
        safe(&listing(&listed, std::time::SystemTime::now()));
        answers.push(format!(
            "{:?}",
            listed
                .iter()
                .map(|tree| (tree.files.min(9), tree.key.is_some(), tree.users.len()))
                .collect::<Vec<_>>()
        ));
        let would = store.collect(Duration::ZERO, Collection::DryRun);
        answers.push(would.map_or_else(
            |error| kind(&error.to_string()),
            |would| format!("{} {}", would.trees.len(), would.files.min(9)),
        ));
        let [first, second] = plans();
        for (refresh, plan) in [
            (Refresh::Quick, &first),
            (Refresh::Look, &first),
            (Refresh::Quick, &second),
        ] {
            match store.tree(plan, refresh, &mut Silent) {
                Ok(tree) => answers.push(format!(
                    "{:?}",
                    tree.manifest()
                        .map(|manifest| manifest.entries.len().min(9))
                        .is_ok()
                )),
                Err(error) => answers.push(kind(&error.to_string())),
            }
        }
        // Of the second nothing was changed: whatever was shared is as it says.
        let tree = store.tree(&second, Refresh::Rebuild, &mut Silent).unwrap();
        assert_eq!(
            fs::read_to_string(tree.root.join("d/f")).unwrap(),
            "the same in both"
        );
        assert_eq!(
            fs::read_to_string(tree.root.join("e/h")).unwrap(),
            "of the other"
        );
        answers.push(store.verify().map_or_else(
            |error| kind(&error.to_string()),
            |altered| altered.len().min(9).to_string(),
        ));
        let collected = store.collect(Duration::ZERO, Collection::Remove);
        answers.push(collected.map_or_else(
            |error| kind(&error.to_string()),
            |gone| gone.trees.len().to_string(),
        ));
        let kept = fs::read_to_string(self.dir.path().join("victim/kept")).unwrap();
        assert_eq!(kept, "as it was");
        answers
    }
}

#[test]
fn stores() {
    let bench = Bench { dir: directory() };
    fs::create_dir(bench.dir.path().join("victim")).unwrap();
    fs::write(bench.dir.path().join("victim/kept"), "as it was").unwrap();
    let places = bench.fresh();
    let with = |role: usize, bytes: &[u8]| [&[u8::try_from(role).unwrap()], bytes].concat();
    let mut seeds = lies();
    for (role, place) in places.iter().enumerate() {
        let bytes = fs::read(place).unwrap();
        seeds.push(with(
            role,
            if role < 3 {
                &bytes[blake3::OUT_LEN..]
            } else {
                &bytes
            },
        ));
    }
    seeds.push(with(4, &fs::read(&places[0]).unwrap()));
    let target = Target {
        name: "stores",
        seeds,
        dictionary: &[
            b"sbxinv01",
            b"sbxrec03",
            b"../../../victim",
            b"/../../../../victim/kept",
            b"..",
            b"/",
            b"\x01",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x80\x80\x80\x80\x10",
            b"\x03/d/f",
            b"\0",
            b"\n",
        ],
        memory: 64 << 20,
    };
    target.run(|input| bench.read(input));
}
