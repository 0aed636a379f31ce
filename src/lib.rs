//! Declarative sandboxes for Linux: a reviewed TOML profile in, a finished program out.
//!
//! Data flows one way: profile text, spanned raw profile, plan (plain data), root tree, cgroup,
//! launch, supervision, report. A module imports only from the layers above it in this list;
//! `tests/house.rs` keeps that table.

// Layer 0: the kernel, problems, the vocabulary.
pub mod diag;
pub mod model;
#[expect(unsafe_code, reason = "the one folder that talks to the kernel")]
pub mod sys;

// Layer 1: what reads.
pub mod host;
pub mod profile;

// Layer 2: what decides.
pub mod plan;

// Layer 3: what acts.
pub mod cgroup;

// Layer 5: what tells.
pub mod report;
