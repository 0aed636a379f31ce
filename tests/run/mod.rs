//! Real sandboxes, through the real program, on the real kernel: each test tries an attack from
//! inside, and shows that the same attack works where nothing guards.

#[path = "../archive/layout.rs"]
#[allow(dead_code, reason = "made for more than is needed here")]
mod layout;
mod pty;
mod support;
#[path = "../archive/tarball.rs"]
#[allow(dead_code, reason = "made for more than is needed here")]
mod tarball;

mod bundles;
mod callers_signals;
mod classic;
mod ends;
mod filter;
mod hostile_tree;
mod identity;
mod images;
mod interpreters;
mod kernel_trees;
mod leaks;
mod limits;
mod lock;
mod mounts;
mod policies;
mod programs;
mod relay;
mod streams;
mod terminal;
mod trees;
mod work;
mod writes;
