//! A problem: stable code, message, labels in a file, help; and a collector that sorts and counts.

mod origin;
mod problem;

pub use origin::{At, FileId, Origin, Source, Sources};
pub use problem::{Label, Problem, Problems, Severity};
