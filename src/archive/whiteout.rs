//! Whiteouts: how a layer of an image says that something of an earlier one is gone.

use super::error::Reason;
use super::name::{ROOT, parent};

const PREFIX: &[u8] = b".wh.";

/// Of a directory that shows nothing of earlier layers.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What a name of a layer stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// Itself.
    Plain,
    /// The end of what lies at this path.
    Whiteout(Vec<u8>),
    /// The end of what earlier layers put into this directory.
    Opaque(&'a [u8]),
}

/// What a cleaned path means in a layer.
///
/// # Errors
/// When it would remove the root, a whiteout, or something that no name can stand for, and when a
/// whiteout is used as a directory.
pub(super) fn meaning(path: &[u8]) -> Result<Meaning<'_>, Reason> {
    let above = parent(path);
    let on_the_way = above
        .into_iter()
        .flat_map(|above| above.split(|byte| *byte == b'/'));
    if on_the_way.into_iter().any(|name| name.starts_with(PREFIX)) {
        return Err(Reason::Whiteout("with something below it"));
    }
    let start = above.map_or(0, |above| above.len() + 1);
    let (directory, name) = path.split_at(start);
    let Some(removed) = name.strip_prefix(PREFIX) else {
        return Ok(Meaning::Plain);
    };
    if name == OPAQUE {
        return match above {
            Some(directory) if directory != ROOT => Ok(Meaning::Opaque(directory)),
            _ => Err(Reason::Whiteout("of the root")),
        };
    }
    match removed {
        b"" | b"." if above.is_none() => Err(Reason::Whiteout("of the root")),
        b"" | b"." | b".." => Err(Reason::Whiteout("of no name")),
        name if name.starts_with(PREFIX) => Err(Reason::Whiteout("of a whiteout")),
        name => Ok(Meaning::Whiteout([directory, name].concat())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiteouts_name_what_is_gone() {
        assert_eq!(meaning(b"a/b"), Ok(Meaning::Plain));
        assert_eq!(meaning(b"a/.wh"), Ok(Meaning::Plain));
        assert_eq!(meaning(b".wh.a"), Ok(Meaning::Whiteout(b"a".to_vec())));
        let below = Meaning::Whiteout(b"a/b/.c".to_vec());
        assert_eq!(meaning(b"a/b/.wh..c"), Ok(below));
        assert_eq!(meaning(b"a/b/.wh..wh..opq"), Ok(Meaning::Opaque(b"a/b")));
    }

    #[test]
    fn nothing_but_a_name_of_an_earlier_layer_can_be_removed() {
        let wrong: [(&[u8], &str); 9] = [
            (b".wh.", "of the root"),
            (b".wh..", "of the root"),
            (b".wh...", "of no name"),
            (b"a/.wh.", "of no name"),
            (b"a/.wh..", "of no name"),
            (b"a/.wh...", "of no name"),
            (b".wh..wh..opq", "of the root"),
            (b"a/.wh..wh.b", "of a whiteout"),
            (b".wh.a/b", "with something below it"),
        ];
        for (path, why) in wrong {
            assert_eq!(meaning(path), Err(Reason::Whiteout(why)));
        }
    }
}
