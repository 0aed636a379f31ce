//! Root trees, built from real directories by whichever user runs the tests.

mod copies;
mod faults;
mod hostile;
mod lab;
mod links;
mod programs;
mod sources;
mod stores;
