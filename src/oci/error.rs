//! What is wrong with an image.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::archive::{ArchiveError, Reason};
use crate::model::{Platform, PlatformSpec};

/// An image that is not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageError {
    /// The image at this path is at fault.
    Image {
        /// As the profile names it.
        path: PathBuf,
        /// Why.
        fault: Fault,
    },
    /// One of its layers, or the file that it is in.
    Archive(ArchiveError),
}

impl From<ArchiveError> for ImageError {
    fn from(error: ArchiveError) -> ImageError {
        ImageError::Archive(error)
    }
}

/// What is wrong with an image as a whole. Each reads on from "image `PATH`".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be opened or read.
    File(Reason),
    /// A file of it cannot be read, or is not what its name says.
    Part {
        /// Its name in the layout.
        name: String,
        /// Why not; reads on from the name.
        why: String,
    },
    /// Neither an OCI layout nor what `docker save` writes.
    NoImage,
    /// It is packed as a whole, with this.
    Packed(&'static str),
    /// A version of layouts that nobody knows.
    Version(String),
    /// Indexes within indexes, too deep or too many.
    Nested,
    /// It has no image of the name that was asked for.
    NoName {
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: Vec<String>,
    },
    /// It has no image for the machine.
    NoPlatform {
        /// What was asked for.
        wanted: Platform,
        /// What there is.
        found: Vec<Platform>,
    },
    /// It has several images that would do.
    Several {
        /// What tells them apart.
        found: Vec<String>,
    },
    /// A layer that comes from elsewhere.
    Foreign(usize),
    /// A layer of a kind that is not read.
    LayerType {
        /// Which, from 1.
        layer: usize,
        /// Its media type.
        kind: String,
    },
    /// As many hashes of content as layers are needed.
    Count {
        /// Layers.
        layers: usize,
        /// Hashes in the configuration.
        hashes: usize,
    },
}

impl ImageError {
    pub(super) fn new(path: &Path, fault: Fault) -> ImageError {
        ImageError::Image {
            path: path.to_owned(),
            fault,
        }
    }

    /// What to do about it, as an imperative.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let (path, fault) = match self {
            ImageError::Archive(error) => return error.help(),
            ImageError::Image { path, fault } => (path.display(), fault),
        };
        let help = match fault {
            Fault::Packed(_) => "unpack it first: an image is read in place".to_owned(),
            Fault::NoImage => {
                "write `archive` for a plain archive, or make a layout, as `skopeo copy … oci:DIR` does"
                    .to_owned()
            }
            Fault::NoName { found, .. } | Fault::Several { found } => {
                let first = found.first()?;
                match first.parse::<PlatformSpec>() {
                    Ok(platform) => format!("write `platform = \"{platform}\"`"),
                    Err(_) => format!("write `image = \"{path}:{first}\"`"),
                }
            }
            Fault::NoPlatform { found, .. } => {
                format!("write `platform = \"{}\"` if it is meant", found.first()?)
            }
            Fault::Foreign(_) => "copy the image with all its layers".to_owned(),
            Fault::Part { .. } => "get the image again".to_owned(),
            _ => return None,
        };
        Some(help)
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::Image { path, fault } => write!(f, "image `{}` {fault}", path.display()),
            ImageError::Archive(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ImageError {}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, words: &[T]) -> fmt::Result {
    words.iter().enumerate().try_for_each(|(at, word)| {
        let before = if at == 0 { "" } else { ", " };
        write!(f, "{before}`{word}`")
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::File(reason) => reason.fmt(f),
            Fault::Part { name, why } => write!(f, "is damaged: `{name}` {why}"),
            Fault::NoImage => f.write_str("holds neither an OCI layout nor a saved image"),
            Fault::Packed(name) => write!(f, "is packed with {name}"),
            Fault::Version(version) => {
                write!(
                    f,
                    "is a layout of version `{version}`, and `1.0.0` is known"
                )
            }
            Fault::Nested => f.write_str("has more indexes, or deeper ones, than are read"),
            Fault::NoName { wanted, found } if found.is_empty() => {
                write!(f, "has no name `{wanted}`, nor any other")
            }
            Fault::NoName { wanted, found } => {
                write!(f, "has no name `{wanted}`; it has ")?;
                list(f, found)
            }
            Fault::NoPlatform { wanted, found } if found.is_empty() => {
                write!(f, "holds nothing for `{wanted}`")
            }
            Fault::NoPlatform { wanted, found } => {
                write!(f, "holds nothing for `{wanted}`, but for ")?;
                list(f, found)
            }
            Fault::Several { found } => {
                f.write_str("holds several images: ")?;
                list(f, found)
            }
            Fault::Foreign(layer) => {
                write!(
                    f,
                    "does not come with its layer {layer}, which is to be had elsewhere"
                )
            }
            Fault::LayerType { layer, kind } => {
                write!(f, "has a layer {layer} of the unknown type `{kind}`")
            }
            Fault::Count { layers, hashes } => {
                write!(f, "has {layers} layers, and names the content of {hashes}")
            }
        }
    }
}
