//! Differences in words: "libssl3 3.0.15 to 3.0.17".

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use super::compare::{Difference, FileChange, Giver, PackageChange, Presence, Shape, What};
use super::print::Word;
use super::{GivenBy, Installed};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// One line a difference, and no more than so many.
    Lines(usize),
    /// Everything, with the files that an upgrade changed.
    Whole,
}

/// All differences, a line each.
pub fn render(differences: &[Difference], detail: Detail) -> String {
    let mut text = String::new();
    let shown = match detail {
        Detail::Whole => differences.len(),
        // "and 1 more" takes the place of what it stands for.
        Detail::Lines(most) if differences.len() <= most + 1 => differences.len(),
        Detail::Lines(most) => most,
    };
    for difference in differences.iter().take(shown) {
        text.push_str(&format!("{difference}\n"));
        if let (Detail::Whole, Difference::Package { files, .. }) = (detail, difference) {
            for file in files {
                text.push_str(&format!("  {file}\n"));
            }
        }
    }
    match differences.len() - shown {
        0 => {}
        more => text.push_str(&format!("and {more} more\n")),
    }
    text
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Profile { was, is } => {
                let (was, is) = (Quoted(was.as_ref()), Quoted(is.as_ref()));
                write!(f, "the sandbox is named {is}, was named {was}")
            }
            Difference::Package {
                name,
                change,
                files,
            } => {
                package(f, name, change)?;
                match (files.len(), change) {
                    (0, PackageChange::Version { .. }) => f.write_str(" (no file changed)"),
                    (0, _) => Ok(()),
                    (1, _) => f.write_str(" (1 file)"),
                    (count, _) => write!(f, " ({count} files)"),
                }
            }
            Difference::File(change) => change.fmt(f),
            Difference::Live { path, kind, now } => {
                let (path, kind) = (Quoted(path), kind.as_str());
                match now {
                    Presence::Came => write!(f, "{path} is a {kind} now, which is not locked"),
                    Presence::Went => write!(f, "{path} is no {kind} any more"),
                }
            }
        }
    }
}

fn package(f: &mut Formatter<'_>, name: &str, change: &PackageChange) -> fmt::Result {
    match change {
        PackageChange::Version { was, is } if was.manager == is.manager => {
            write!(f, "{name} {} to {}", was.version, is.version)
        }
        PackageChange::Version { was, is } => {
            let was = (&was.version, was.manager);
            write!(
                f,
                "{name} {} of {} to {} of {}",
                was.0, was.1, is.version, is.manager
            )
        }
        PackageChange::Came(Installed { version, .. }) => write!(f, "{name} {version} is new"),
        PackageChange::Went(Installed { version, .. }) => write!(f, "{name} {version} is gone"),
    }
}

impl Display for FileChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let FileChange { path, what, giver } = self;
        write!(f, "{}", Quoted(path))?;
        if *giver == Giver::Profile {
            f.write_str(", which the profile gives,")?;
        }
        for (index, what) in what.iter().enumerate() {
            let before = if index == 0 { " " } else { ", " };
            write!(f, "{before}{what}")?;
        }
        match giver {
            Giver::SameVersion { name, version } if self.is_new_or_gone() => {
                write!(f, ", of {name} {version}")
            }
            Giver::SameVersion { name, version } if !self.is_passed_on() => {
                write!(f, ", same version of {name} {version}")
            }
            _ => Ok(()),
        }
    }
}

impl FileChange {
    /// Then the package may be as it was: the profile takes more or less of it.
    fn is_new_or_gone(&self) -> bool {
        matches!(self.what.as_slice(), [What::Came(_) | What::Went(_)])
    }

    /// Somebody else gives what is the same as before.
    fn is_passed_on(&self) -> bool {
        matches!(self.what.as_slice(), [What::Giver { .. }])
    }
}

impl Display for What {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            What::Came(Shape::File) => f.write_str("is new"),
            What::Came(shape) => write!(f, "is a new {shape}"),
            What::Went(Shape::File) => f.write_str("is gone"),
            What::Went(shape) => write!(f, "is gone, a {shape}"),
            What::Shape { was, is } => write!(f, "is a {is}, was a {was}"),
            What::Content { was, is } if was == is => f.write_str("changed"),
            What::Content { was, is } => write!(f, "changed ({was} to {is} bytes)"),
            What::Mode { was, is } => write!(f, "has mode {is:04o}, had {was:04o}"),
            What::Target { was, is } => {
                let (was, is) = (Quoted(was.as_ref()), Quoted(is.as_ref()));
                write!(f, "leads to {is}, led to {was}")
            }
            What::First { was, is } => {
                write!(f, "is the same file as {}, was {}", Quoted(is), Quoted(was))
            }
            What::Giver { was, is } => {
                let spelling = match (was, is) {
                    (GivenBy::Package(was), GivenBy::Package(is)) if was.name == is.name => {
                        Spelling::Full
                    }
                    _ => Spelling::Name,
                };
                let (was, is) = (Owned(was, spelling), Owned(is, spelling));
                write!(f, "is {is}, was {was}")
            }
            What::BuildId => f.write_str("has the same content and another build-id"),
        }
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Directory => "directory",
            Shape::File => "file",
            Shape::Symlink => "link",
            Shape::HardLink => "second name",
            Shape::Generated => "generated file",
        })
    }
}

/// How a package is called.
#[derive(Clone, Copy)]
enum Spelling {
    Name,
    /// With the architecture.
    Full,
}

/// Whose something is.
struct Owned<'a>(&'a GivenBy, Spelling);

impl Display for Owned<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            GivenBy::Package(name) => match self.1 {
                Spelling::Name => write!(f, "of package {}", name.name),
                Spelling::Full => write!(f, "of package {name}"),
            },
            GivenBy::Host => f.write_str("the host's"),
            GivenBy::Profile => f.write_str("the profile's"),
        }
    }
}

/// A path in a sentence. Written as in the lock, so that it can be found there and does nothing to a
/// terminal.
struct Quoted<'a>(&'a Path);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Word(self.0.as_os_str()))
    }
}
