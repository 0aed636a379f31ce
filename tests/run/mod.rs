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

mod applications;
mod attacks;
mod below;
mod below_host;
mod bundles;
mod callers_signals;
mod changed_meanwhile;
mod checkout;
mod classic;
mod deadly;
mod desktop;
mod devices;
mod dispositions;
mod doctor;
mod ends;
mod expect;
mod expect_paths;
mod filter;
mod groups;
mod guards;
mod hostile_tree;
mod identity;
mod ids;
mod images;
mod interpreters;
mod kernel_trees;
mod landlock;
mod leaks;
mod lifecycle;
mod limits;
mod lock;
mod mounts;
mod output;
mod policies;
mod profiles;
mod programs;
mod real;
mod relay;
mod seen;
mod sockets;
mod streams;
mod terminal;
mod told;
mod trees;
mod why;
mod work;
mod wrap;
mod writes;
