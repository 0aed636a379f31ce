//! Images: for which machine one is, and what its configuration says.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Invalid;

/// For which machine an image has to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlatformSpec {
    /// The one that this runs on.
    Machine,
    /// This one.
    Named(Platform),
}

impl fmt::Display for PlatformSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlatformSpec::Machine => f.write_str("this machine"),
            PlatformSpec::Named(platform) => platform.fmt(f),
        }
    }
}

impl Serialize for PlatformSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An operating system and a processor, in the words of Go (GOOS, GOARCH), as images use them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`.
    pub architecture: String,
    /// `v7` of `arm`, where it is told.
    pub variant: Option<String>,
}

impl Platform {
    /// The one that this program was built for.
    pub fn of_machine() -> Platform {
        let architecture = match std::env::consts::ARCH {
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "loongarch64" => "loong64",
            other => other,
        };
        Platform::new("linux", architecture, None)
    }

    /// One in its usual words: `amd64` for `x86_64`, no variant where there is but one.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Platform {
        let architecture = match architecture {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            "x86" | "i386" | "i686" => "386",
            other => other,
        };
        let variant = variant.filter(|variant| match architecture {
            "arm64" => *variant != "v8",
            "amd64" => *variant != "v1",
            _ => !variant.is_empty(),
        });
        Platform {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }

    /// Whether an image for `other` does where this one is asked for.
    pub fn takes(&self, other: &Platform) -> bool {
        let Platform {
            os,
            architecture,
            variant,
        } = self;
        *os == other.os
            && *architecture == other.architecture
            && (variant.is_none() || *variant == other.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for PlatformSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<PlatformSpec, Invalid> {
        let word = |word: &&str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !word.is_empty() && word.chars().all(fits)
        };
        let words: Vec<&str> = text.split('/').collect();
        if !words.iter().all(word) {
            return Err(invalid());
        }
        match words.as_slice() {
            [os, architecture] => Ok(PlatformSpec::Named(Platform::new(os, architecture, None))),
            [os, architecture, variant] => Ok(PlatformSpec::Named(Platform::new(
                os,
                architecture,
                Some(variant),
            ))),
            _ => Err(invalid()),
        }
    }
}

fn invalid() -> Invalid {
    Invalid::because("is no platform: an operating system and a processor")
        .help("write it like `linux/amd64` or `linux/arm/v7`")
}

/// Which image of which file or directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ImageName {
    /// Host path of the layout or of the saved image.
    pub path: PathBuf,
    /// Its name there, where several may be.
    pub reference: Option<String>,
    /// For which machine.
    pub platform: PlatformSpec,
}

/// What looking at an image gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFact {
    /// Its configuration.
    Found(ImageConfig),
    /// It cannot be used.
    Refused {
        /// What is wrong, as a sentence about the image.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
}

/// What an image says of the program that it was made for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    /// Names and values, in their order.
    pub env: Vec<(String, String)>,
    /// What is run, with the arguments that it always has.
    pub entrypoint: Vec<String>,
    /// The arguments behind it, or what is run where there is no entry point.
    pub cmd: Vec<String>,
    /// Who the program is, where it is said: `UID`, `USER`, `UID:GID`, `USER:GROUP`.
    pub user: Option<String>,
    /// The directory that it starts in, where it is said.
    pub workdir: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Platform {
        match text.parse().unwrap() {
            PlatformSpec::Named(platform) => platform,
            PlatformSpec::Machine => panic!("a word names a platform"),
        }
    }

    #[test]
    fn a_platform_has_one_spelling() {
        assert_eq!(named("linux/x86_64").to_string(), "linux/amd64");
        assert_eq!(named("linux/aarch64/v8").to_string(), "linux/arm64");
        assert_eq!(named("linux/arm/v7").to_string(), "linux/arm/v7");
        for wrong in ["", "linux", "linux/", "linux/a/b/c", "linux/a b"] {
            assert!(wrong.parse::<PlatformSpec>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_variant_that_was_not_asked_for_is_taken() {
        assert!(named("linux/arm").takes(&named("linux/arm/v7")));
        assert!(!named("linux/arm/v6").takes(&named("linux/arm/v7")));
        assert!(!named("linux/arm/v6").takes(&named("linux/arm")));
        assert!(!named("linux/amd64").takes(&named("windows/amd64")));
    }
}
