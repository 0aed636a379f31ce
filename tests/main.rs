//! The one integration binary: everything is tested through the library or the program.
#![cfg(test)]

mod audit;
mod diff;
mod display;
mod docs;
mod doctor;
mod errors;
mod explain;
mod extends;
mod failures;
mod fmt;
mod generated;
mod house;
mod language;
mod plans;
mod random;
mod reports;
mod run;
mod schemas;
mod settings;
mod skip;
mod why;
