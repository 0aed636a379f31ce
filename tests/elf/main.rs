//! What programs need to run, against the loader and the kernel themselves.

mod cache;
mod fixture;
mod hostile;
mod installed;
mod scripts;
mod search;
