//! Places in a profile by line and column, as texts for machines name them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diag::{Origin, Source, Sources};

/// A part of a file; lines and columns count from 1, columns in characters, the end is the first behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// The file of an origin, and where in it; nothing for what no file says.
pub(super) fn region<'a>(origin: &Origin, sources: &'a Sources) -> Option<(&'a Source, Region)> {
    let Origin::Profile { file, span } = origin else {
        return None;
    };
    let source = sources.file(*file)?;
    let (line, column) = position(&source.text, span.start);
    let (end_line, end_column) = position(&source.text, span.end.max(span.start));
    let region = Region {
        line,
        column,
        end_line,
        end_column,
    };
    Some((source, region))
}

/// Who says so.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Origin", rename_all = "kebab-case")]
pub(super) enum OriginJson {
    /// A line of a profile.
    Profile,
    /// Nobody: it is what holds where a profile is silent.
    Default,
    /// An argument of the command.
    CommandLine,
}

impl From<&Origin> for OriginJson {
    fn from(origin: &Origin) -> OriginJson {
        match origin {
            Origin::Profile { .. } => OriginJson::Profile,
            Origin::Default => OriginJson::Default,
            Origin::CommandLine => OriginJson::CommandLine,
        }
    }
}

/// A part of a file; lines and columns count from 1, columns in characters, the end is the first behind.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Place")]
pub(super) struct PlaceJson<'a> {
    /// The file, as it was named.
    file: &'a str,
    /// Where it starts.
    line: usize,
    /// Where it starts.
    column: usize,
    /// Where it ends.
    end_line: usize,
    /// Where it ends.
    end_column: usize,
}

/// The place of an origin; nothing where no file says it.
pub(super) fn place<'a>(origin: &Origin, sources: &'a Sources) -> Option<PlaceJson<'a>> {
    region(origin, sources).map(|(source, region)| PlaceJson {
        file: &source.name,
        line: region.line,
        column: region.column,
        end_line: region.end_line,
        end_column: region.end_column,
    })
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.char_indices().take_while(|(at, _)| *at < offset);
    before.fold((1, 1), |(line, column), (_, c)| match c {
        '\n' => (line + 1, 1),
        _ => (line, column + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::FileId;

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::default();
        sources.add("a.toml", "x = \"é\"\ny = 1\n");
        let of = |span| {
            region(&Origin::profile(FileId::FIRST, span), &sources)
                .unwrap()
                .1
        };
        assert_eq!(
            (of(4..8).line, of(4..8).column, of(4..8).end_column),
            (1, 5, 8)
        );
        assert_eq!((of(9..10).line, of(9..10).column), (2, 1));
        assert_eq!(of(4..10).end_line, 2);
        assert!(region(&Origin::Default, &sources).is_none());
    }
}
