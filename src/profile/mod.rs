//! Text to spanned raw profile: all mistakes, in file order.

mod decode;
mod parse;
mod places;
pub mod raw;
pub mod read;
mod template;

pub use parse::{keys, parse};
pub use raw::RawProfile;
pub use template::{Part, Template, VARIABLES, is_environment_name};
