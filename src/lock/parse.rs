//! A lock from its text: strict, every mistake under its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use super::line::{Fault, Words, fault};
use super::print::FIRST_LINE;
use super::{Entry, GivenBy, Installed, LiveKind, Lock, LockedTree};
use crate::diag::{FileId, Origin, Problem, Problems};
use crate::packages::Manager;

/// Mistakes beyond these are of one kind with them.
const MOST_MISTAKES: usize = 10;

/// What git writes around the two sides of a conflict.
const CONFLICT: &str = "a merge left its conflict here";

/// A build-id is never longer, in bytes.
const MOST_BUILD_ID: usize = 64;

/// Reads the text of a lock, which is `file` of the problems' sources.
///
/// Nothing when it has a mistake; each is noted as `lock.syntax`.
pub fn parse(file: FileId, text: &str, problems: &mut Problems) -> Option<Lock> {
    let mut reader = Reader::new(Part::Whole);
    let mistakes = reader.read(text);
    let first = mistakes.is_empty();
    for Mistake { span, message } in mistakes {
        let origin = Origin::profile(file, span);
        problems.push(Problem::error("lock.syntax", &origin, message).help(HELP));
    }
    first.then_some(reader.lock)
}

const HELP: &str = "restore the file from git, or write it anew: `sandbox lock PROFILE`";

/// Reads the lines of a tree alone; nothing when there is a mistake.
pub fn parse_tree(text: &str) -> Option<LockedTree> {
    let mut reader = Reader::new(Part::Tree);
    let mistakes = reader.read(text);
    mistakes.is_empty().then_some(reader.lock.tree)
}

/// What is wrong with bytes `span`.
struct Mistake {
    span: Range<usize>,
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Nothing was read.
    Whole,
    /// The first line was read.
    Head,
    /// The profile's name was read.
    Live,
    /// Only packages and entries follow.
    Tree,
    /// Only entries follow.
    Entries,
}

struct Reader {
    lock: Lock,
    /// How far it is: lines of an earlier part do not come any more.
    part: Part,
    /// Where the line that is read starts.
    start: usize,
    /// Files that second names stand for, and where the text says so.
    firsts: Vec<(Range<usize>, PathBuf)>,
}

impl Reader {
    fn new(part: Part) -> Reader {
        Reader {
            lock: Lock::default(),
            part,
            start: 0,
            firsts: Vec::new(),
        }
    }

    fn read(&mut self, text: &str) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for line in text.split_inclusive('\n') {
            let content = line.strip_suffix('\n').unwrap_or(line);
            if let Err((message, word)) = self.line(content) {
                let word = word.unwrap_or(0..content.len());
                let span = self.place(word);
                mistakes.push(Mistake { span, message });
            }
            // Without the first line it is another file; everything else would be wrong too.
            if self.part == Part::Whole && !mistakes.is_empty() {
                return mistakes;
            }
            self.start += line.len();
            if mistakes.len() == MOST_MISTAKES {
                return mistakes;
            }
        }
        if mistakes.is_empty() {
            mistakes.extend(self.missing(text));
        }
        // Both sides of a conflict together are in disorder, which is nobody's mistake.
        if mistakes.iter().any(|mistake| mistake.message == CONFLICT) {
            mistakes.retain(|mistake| mistake.message == CONFLICT);
        }
        mistakes
    }

    /// Bytes of the line as bytes of the text.
    fn place(&self, span: Range<usize>) -> Range<usize> {
        self.start + span.start..self.start + span.end
    }

    /// What the end leaves open.
    fn missing(&self, text: &str) -> Option<Mistake> {
        let message = match self.part {
            Part::Whole => format!("it is empty; a lock begins with `{FIRST_LINE}`"),
            Part::Head => "it has no line `profile NAME`".to_owned(),
            _ if !text.is_empty() && !text.ends_with('\n') => "the last line is cut off".to_owned(),
            _ => return self.lost(),
        };
        let span = text.len()..text.len();
        Some(Mistake { span, message })
    }

    /// A second name of a file that is not there.
    fn lost(&self) -> Option<Mistake> {
        let entries = &self.lock.tree.entries;
        let is_lost = |(_, first): &&(Range<usize>, PathBuf)| {
            !matches!(entries.get(first), Some(Entry::File { .. }))
        };
        let (span, _) = self.firsts.iter().find(is_lost)?;
        Some(Mistake {
            span: span.clone(),
            message: "there is no line of a file with this name".to_owned(),
        })
    }

    fn line(&mut self, line: &str) -> Result<(), Fault> {
        refuse_foreign(line)?;
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if self.part == Part::Whole {
            return self.first(line);
        }
        let words = Words::of(line)?;
        match words.first() {
            "profile" => self.profile(&words),
            "not-locked" => self.live(&words),
            "package" => self.package(&words),
            word if word.starts_with('/') => self.entry(&words),
            word => fault(0..word.len(), format!("`{word}` begins no line of a lock")),
        }
    }

    fn first(&mut self, line: &str) -> Result<(), Fault> {
        if line == FIRST_LINE {
            self.part = Part::Head;
            return Ok(());
        }
        let message = match line.strip_prefix("sandbox lock ") {
            Some(version) => format!("version `{version}` of the format is not known; 1 is"),
            None => format!("it is no lock: the first line is not `{FIRST_LINE}`"),
        };
        Err((message, None))
    }

    /// Lines come in the order of [`Part`].
    fn advance(&mut self, part: Part, what: &str) -> Result<(), Fault> {
        if self.part == Part::Head {
            return Err((
                format!("{what} stands before the line `profile NAME`"),
                None,
            ));
        }
        if self.part > part {
            return Err((format!("{what} stands too late"), None));
        }
        self.part = part;
        Ok(())
    }

    fn profile(&mut self, words: &Words<'_>) -> Result<(), Fault> {
        if self.part != Part::Head {
            return Err(("the profile's name stands twice".to_owned(), None));
        }
        let [_, name] = words.exactly("profile NAME")?;
        self.lock.profile = words.name(name)?.to_string_lossy().into_owned();
        self.part = Part::Live;
        Ok(())
    }

    fn live(&mut self, words: &Words<'_>) -> Result<(), Fault> {
        self.advance(Part::Live, "a place that is not locked")?;
        let [_, kind, path] = words.exactly("not-locked KIND PATH")?;
        let word = words.text(kind);
        let known = LiveKind::ALL
            .into_iter()
            .find(|known| known.as_str() == word);
        let Some(kind) = known else {
            return fault(words.span(kind), format!("`{word}` is no kind of mount"));
        };
        let path = words.path(path)?;
        refuse_disorder(&self.lock.live, &path)?;
        self.lock.live.insert(path, kind);
        Ok(())
    }

    fn package(&mut self, words: &Words<'_>) -> Result<(), Fault> {
        self.advance(Part::Tree, "a package")?;
        let [_, name, version, manager] = words.exactly("package NAME:ARCH VERSION MANAGER")?;
        let word = words.text(manager);
        let known = Manager::ALL
            .into_iter()
            .find(|known| known.as_str() == word);
        let Some(manager) = known else {
            let message = format!("`{word}` is no package manager that is known");
            return fault(words.span(manager), message);
        };
        let name = words.package(name, words.text(name))?;
        let version = words.utf8(version, words.text(version))?;
        refuse_disorder(&self.lock.tree.packages, &name)?;
        let installed = Installed { version, manager };
        self.lock.tree.packages.insert(name, installed);
        Ok(())
    }

    fn entry(&mut self, words: &Words<'_>) -> Result<(), Fault> {
        self.advance(Part::Entries, "a path")?;
        let path = words.path(0)?;
        refuse_disorder(&self.lock.tree.entries, &path)?;
        let entry = match words.kind() {
            "dir" => {
                let [_, _, mode] = words.exactly("PATH dir MODE")?;
                Entry::Directory {
                    mode: words.mode(mode)?,
                }
            }
            "file" => self.file(words)?,
            "generated" => {
                let [_, _, mode] = words.exactly("PATH generated MODE")?;
                Entry::Generated {
                    mode: words.mode(mode)?,
                }
            }
            "link" => {
                let [_, _, target, giver] = words.exactly("PATH link TARGET GIVER")?;
                Entry::Symlink {
                    target: words.name(target)?,
                    giver: self.giver(words, giver)?,
                }
            }
            "same" => {
                let [_, _, first] = words.exactly("PATH same PATH")?;
                let first = words.path(first)?;
                self.firsts.push((self.place(words.span(2)), first.clone()));
                Entry::HardLink(first)
            }
            _ => {
                let message =
                    "behind the path stands neither `dir`, `file`, `generated`, `link` nor `same`";
                return Err((message.to_owned(), None));
            }
        };
        self.lock.tree.entries.insert(path, entry);
        Ok(())
    }

    fn file(&self, words: &Words<'_>) -> Result<Entry, Fault> {
        let (mode, size, sha256, build_id, giver) = match words.count() {
            7 => (2, 3, 4, Some(5), 6),
            _ => {
                let form = "PATH file MODE SIZE sha256=DIGEST [build-id=ID] GIVER";
                let [_, _, mode, size, sha256, giver] = words.exactly(form)?;
                (mode, size, sha256, None, giver)
            }
        };
        let build_id = match build_id {
            Some(at) => Some(words.hex(at, "build-id=", |length| {
                (1..=MOST_BUILD_ID).contains(&length)
            })?),
            None => None,
        };
        let digest = words.hex(sha256, "sha256=", |length| length == 32)?;
        Ok(Entry::File {
            mode: words.mode(mode)?,
            size: words.size(size)?,
            sha256: digest.try_into().unwrap_or_default(),
            build_id,
            giver: self.giver(words, giver)?,
        })
    }

    fn giver(&self, words: &Words<'_>, at: usize) -> Result<GivenBy, Fault> {
        match words.text(at) {
            "host" => return Ok(GivenBy::Host),
            "profile" => return Ok(GivenBy::Profile),
            _ => {}
        }
        let Some(name) = words.text(at).strip_prefix("package=") else {
            let message = "it is neither `package=NAME`, `host` nor `profile`";
            return fault(words.span(at), message.to_owned());
        };
        let name = words.package(at, name)?;
        match self.lock.tree.packages.contains_key(&name) {
            true => Ok(GivenBy::Package(name)),
            false => fault(
                words.span(at),
                format!("there is no line of package `{name}`"),
            ),
        }
    }
}

/// What git, an editor or a mailer leaves in a text.
fn refuse_foreign(line: &str) -> Result<(), Fault> {
    const MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
    if MARKERS.iter().any(|marker| line.starts_with(marker)) {
        return Err((CONFLICT.to_owned(), None));
    }
    if line.ends_with('\r') {
        return Err(("the line ends with a carriage return".to_owned(), None));
    }
    Ok(())
}

/// Keys come in order, each once.
fn refuse_disorder<K: Ord, V>(known: &BTreeMap<K, V>, key: &K) -> Result<(), Fault> {
    let message = match known.last_key_value() {
        Some((last, _)) if last == key => "it stands twice",
        Some((last, _)) if last > key => "it stands behind a line that comes after it",
        _ => return Ok(()),
    };
    Err((message.to_owned(), None))
}
