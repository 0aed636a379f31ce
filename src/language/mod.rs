//! The profile language as data: each key with its shape, its default, an example, and what it becomes in the
//! kernel. The JSON Schema and the manual page are made of it, so neither can drift from the other; a test compares
//! the keys with those that the decoder asks for.

mod command;
mod env;
mod expect;
mod files;
mod limits;
mod mount;
mod namespaces;
mod rootfs;
mod schema;
mod security;
mod shape;
mod supervise;
mod system;
mod top;

pub use schema::schema;
pub use shape::{Absent, Form, Key, Kind, Shape, Words};
pub use top::PROFILE;
