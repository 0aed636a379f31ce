//! Inputs made out of inputs.

use crate::random::Random;

/// Longer inputs are cut: what they would find, shorter ones find.
pub const LONGEST: usize = 1 << 16;

/// Numbers at the edges of types and of what is read as one.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// The same, as texts.
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "00",
    "1e400",
    "007",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
];

/// What acts on terminals and in paths, whatever the parser.
const HOSTILE: [&[u8]; 16] = [
    b"\0",
    b"\n",
    b"\r",
    b"\x1b[2J",
    b"\x1b]0;x\x07",
    b"\x7f",
    b"\xc2\x9b31m",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xf3\xa0\x81\x81",
    b"../",
    b"/",
    b"..",
    b"\xcc\x81",
    b"\xe2\x80\x8b",
];

/// One to eight changes of `input`, some of them pieces of `other` or words of `dictionary`.
pub fn mutated(input: &[u8], other: &[u8], dictionary: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let changes = 1 << random.below(4);
    for _ in 0..changes {
        change(&mut bytes, other, dictionary, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], dictionary: &[&[u8]], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let reach = 1 << random.below(11);
    let end = (at + random.below(reach)).min(bytes.len());
    match random.below(16) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        // A piece again, here or elsewhere, once or often.
        2 | 3 => {
            let often = 1 + random.below(3) * random.below(20);
            let piece = bytes[at..end].repeat(often);
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, piece.into_iter().take(LONGEST));
        }
        4 | 5 => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(256)).min(other.len());
            let gone = if random.below(2) == 0 { at } else { end };
            bytes.splice(at..gone, other[from..to].iter().copied());
        }
        6 => edge(bytes, at, random),
        7 => number(bytes, at, random),
        8 | 9 if !dictionary.is_empty() => {
            let word = dictionary[random.below(dictionary.len())];
            let gone = if random.below(2) == 0 {
                at
            } else {
                (at + word.len()).min(bytes.len())
            };
            bytes.splice(at..gone, word.iter().copied());
        }
        10 => {
            let word = HOSTILE[random.below(HOSTILE.len())];
            bytes.splice(at..at, word.iter().copied());
        }
        11 => bytes[at..end].fill(0),
        12 | 13 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        14 => {
            if let Some(byte) = bytes.get_mut(at) {
                let by = u8::try_from(random.below(9)).unwrap();
                *byte = byte.wrapping_add(by).wrapping_sub(4);
            }
        }
        _ => {
            let new = random.next().to_le_bytes()[0];
            bytes.insert(at, new);
        }
    }
    bytes.truncate(LONGEST);
}

/// A number of some width and order, at an edge or next to one.
fn edge(bytes: &mut [u8], at: usize, random: &mut Random) {
    let width = 1 << random.below(4);
    // Fields lie at multiples of their width.
    let at = if random.below(4) == 0 {
        at
    } else {
        at / width * width
    };
    let Some(field) = bytes.get_mut(at..at + width) else {
        return;
    };
    let number = match random.below(4) {
        0 => random.next() >> random.below(64),
        1 => EDGES[random.below(EDGES.len())].wrapping_sub(random.below(17) as u64),
        _ => EDGES[random.below(EDGES.len())],
    };
    field.copy_from_slice(&number.to_le_bytes()[..width]);
    if random.below(4) == 0 {
        field.reverse();
    }
}

/// The decimal or octal number at or behind `at`, replaced.
fn number(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = at + start;
    let length = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let new = NUMBERS[random.below(NUMBERS.len())];
    bytes.splice(start..start + length, new.bytes());
}
