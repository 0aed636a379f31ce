//! Text to spanned raw profile: all mistakes, in file order.

pub mod raw;
mod template;

pub use raw::RawProfile;
pub use template::{Part, Template};
