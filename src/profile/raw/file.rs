//! One file: a profile, and what it says about other files and the command line.

use crate::diag::At;

use super::{Opt, RawProfile};

/// One file as it is written, before its bases are merged into it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawFile {
    /// `extends`: names and paths of bases, in order.
    pub extends: Vec<At<String>>,
    /// `[params]`. Key: the name.
    pub params: Vec<RawParam>,
    /// `[remove]`: what the bases gave and this file drops.
    pub remove: Vec<RawRemoval>,
    /// Everything else.
    pub profile: RawProfile,
}

/// One entry of `[params]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawParam {
    /// The name.
    pub name: At<String>,
    /// What it is where the command line does not say.
    pub default: Opt<String>,
    /// What it may be; anything where there is none.
    pub choices: Vec<At<String>>,
}

/// One word of `[remove]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRemoval {
    /// The way to the table or list that it is dropped from: `env.inherit`.
    pub path: At<String>,
    /// The key of the table or the entry of the list.
    pub word: At<String>,
}
