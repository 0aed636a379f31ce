//! The one integration binary: everything is tested through the library or the program.
#![cfg(test)]

mod errors;
mod house;
mod run;
mod settings;
