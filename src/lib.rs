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
pub mod elf;
pub mod host;
pub mod profile;
pub mod seccomp;

// Layer 2: what decides.
pub mod plan;

// Layer 3: what acts.
pub mod cgroup;
pub mod launch;
pub mod rootfs;

// Layer 4: what watches.
pub mod supervise;

// Layer 5: what is shown.
pub mod report;

// Layer 6: the commands.
pub mod cli;
