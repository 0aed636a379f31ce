//! The one integration binary: everything is tested through the library or the program.
#![cfg(test)]

mod errors;
mod settings;
