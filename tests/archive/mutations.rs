//! Small archives and images with random bytes changed: whatever comes of it, it ends, and says so.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::layout::Layout;
use crate::random::Random;
use crate::recorder::{Recorder, walk};
use crate::tarball::{everything, gzip, xz, zstd};
use crate::told;

/// How long each test goes on.
const TIME: Duration = Duration::from_secs(4);

/// One to eight changes: a byte set or flipped, a piece cut out, doubled, or moved.
fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        let end = (at + random.below(1024)).min(bytes.len());
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            3 => bytes.get_mut(at).into_iter().for_each(|byte| *byte = 0),
            _ => {
                let new = random.next();
                bytes
                    .get_mut(at)
                    .into_iter()
                    .for_each(|byte| *byte ^= new.to_le_bytes()[0]);
            }
        }
    }
    bytes
}

/// Mends the checksum of each block that has one, so that a change gets further.
fn mended(mut bytes: Vec<u8>) -> Vec<u8> {
    for block in bytes.as_chunks_mut::<512>().0 {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    bytes
}

#[test]
fn changed_archives_are_read_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let plain = everything();
    assert!(crate::recorder::read(&plain).is_ok());
    let (packed, mut random) = ([gzip(&plain), zstd(&plain), xz(&plain)], Random(0x5eed));
    let (start, mut taken, mut refused) = (Instant::now(), 0, 0);
    while start.elapsed() < TIME {
        let bytes = match random.below(8) {
            0 => mutated(&packed[random.below(3)], &mut random),
            1 => gzip(&mutated(&plain, &mut random)),
            2 => mutated(&plain, &mut random),
            _ => mended(mutated(&plain, &mut random)),
        };
        fs::write(&path, &bytes).unwrap();
        let before = Instant::now();
        match walk(&path, None, &mut Recorder::default()) {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
        assert!(
            before.elapsed() < Duration::from_secs(10),
            "{}",
            bytes.escape_ascii()
        );
    }
    println!("{taken} taken, {refused} refused");
    // Else the changes would not reach what they are to try.
    assert!(
        taken > 20 && refused > 100,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn changed_layouts_are_read_or_refused() {
    let layout = Layout::new();
    let plain = everything();
    let packed = gzip(&plain);
    let image = layout.image("linux/amd64", &[(&packed, &plain)], Value::Null);
    layout.index(&[image]);
    let tar = layout.tar();
    let whole = fs::read(&tar).unwrap();
    let index = fs::read(layout.path().join("index.json")).unwrap();
    let mut random = Random(0xcafe);
    let start = Instant::now();
    let (mut taken, mut refused) = (0, 0);
    let mut count = |result: bool| match result {
        true => taken += 1,
        false => refused += 1,
    };
    while start.elapsed() < TIME {
        fs::write(&tar, mended(mutated(&whole, &mut random))).unwrap();
        count(told::walk(&told::name(&tar)).is_ok());
        layout.write("index.json", &mutated(&index, &mut random));
        count(told::walk(&told::name(&layout.path())).is_ok());
    }
    println!("{taken} taken, {refused} refused");
    assert!(refused > 50, "{taken} taken, {refused} refused");
}
