//! Locks from outside: whose files they name, what they say, how they tell differences.
#![cfg(test)]

#[path = "../skip.rs"]
mod skip;

mod chance;
mod differences;
mod made_up;
mod packages;
mod rpm;
mod texts;
mod trees;
