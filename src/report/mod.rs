//! What happened, as text: pure functions, nothing is printed here.

pub mod problems;
