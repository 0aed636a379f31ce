//! What stays out of a copy.

use std::ffi::OsStr;
use std::path::Path;

use glob::{MatchOptions, Pattern};

use super::error::Trouble;
use crate::rootfs::error::Shape;

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The patterns of one source, in the manner of a .gitignore.
///
/// A pattern without a slash means a name at any depth (`*.pyc`). One with a slash means a path
/// relative to the source (`lib/*.a`, `/cache`), where `**` crosses directories. A slash at the
/// end means directories only. What is excluded stays out with all that is below.
pub(super) struct Exclude {
    rules: Vec<Rule>,
}

struct Rule {
    pattern: Pattern,
    about: About,
    only: Option<Shape>,
}

enum About {
    Name,
    Path,
}

impl Exclude {
    /// Reads patterns.
    pub(super) fn new(patterns: &[String]) -> Result<Exclude, Trouble> {
        let rules = patterns
            .iter()
            .map(|pattern| rule(pattern))
            .collect::<Result<_, _>>()?;
        Ok(Exclude { rules })
    }

    /// Whether a file of the copy stays out; `path` is relative to the source.
    pub(super) fn holds(&self, name: &OsStr, path: &Path, shape: Shape) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.matches(name, path, shape))
    }
}

impl Rule {
    fn matches(&self, name: &OsStr, path: &Path, shape: Shape) -> bool {
        let text = match self.about {
            About::Name => name.to_string_lossy(),
            About::Path => path.to_string_lossy(),
        };
        self.only.is_none_or(|only| only == shape) && self.pattern.matches_with(&text, OPTIONS)
    }
}

fn rule(written: &str) -> Result<Rule, Trouble> {
    let bad = |reason: &str| Trouble::Pattern {
        pattern: written.to_owned(),
        reason: reason.to_owned(),
    };
    let bare = written.trim_end_matches('/');
    if bare.is_empty() {
        return Err(bad("it names nothing"));
    }
    let about = if bare.contains('/') {
        About::Path
    } else {
        About::Name
    };
    let pattern = Pattern::new(bare.trim_start_matches('/'))
        .map_err(|error| bad(&error.msg.to_lowercase()))?;
    let only = (bare.len() < written.len()).then_some(Shape::Directory);
    Ok(Rule {
        pattern,
        about,
        only,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(pattern: &str, path: &str, shape: Shape) -> bool {
        let path = Path::new(path);
        let name = path.file_name().unwrap();
        let Ok(exclude) = Exclude::new(&[pattern.to_owned()]) else {
            panic!("`{pattern}` is refused");
        };
        exclude.holds(name, path, shape)
    }

    #[test]
    fn a_pattern_without_a_slash_is_a_name_at_any_depth() {
        assert!(holds("*.pyc", "a/b/c.pyc", Shape::File));
        assert!(holds("*.pyc", "c.pyc", Shape::File));
        assert!(!holds("*.pyc", "a.pyc/b", Shape::File));
        assert!(holds(".git", "x/.git", Shape::Directory));
    }

    #[test]
    fn a_pattern_with_a_slash_is_a_path_from_the_source_on() {
        assert!(holds("/cache", "cache", Shape::Directory));
        assert!(!holds("/cache", "a/cache", Shape::Directory));
        assert!(holds("lib/*.a", "lib/x.a", Shape::File));
        assert!(!holds("lib/*.a", "lib/deep/x.a", Shape::File));
        assert!(holds("lib/**/*.a", "lib/deep/x.a", Shape::File));
    }

    #[test]
    fn a_slash_at_the_end_means_directories() {
        assert!(holds("target/", "a/target", Shape::Directory));
        assert!(!holds("target/", "a/target", Shape::File));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["", "/", "a[", "a***"] {
            assert!(Exclude::new(&[pattern.to_owned()]).is_err(), "`{pattern}`");
        }
    }
}
