//! Real sandboxes, through the real program, on the real kernel: each test tries an attack from
//! inside, and shows that the same attack works where nothing guards.

mod pty;
mod support;

<<<<<<< HEAD
mod classic;
=======
mod callers_signals;
>>>>>>> 2b037e61b01ff827c074b486d2370b4a5d176691
mod ends;
mod filter;
mod hostile_tree;
mod identity;
mod kernel_trees;
mod leaks;
mod limits;
mod mounts;
<<<<<<< HEAD
mod terminal;
mod work;
=======
mod relay;
>>>>>>> 2b037e61b01ff827c074b486d2370b4a5d176691
