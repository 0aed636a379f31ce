//! Text to spanned raw profile: its bases merged, its parameters filled in, all mistakes in file order.

mod decode;
pub mod load;
mod merge;
pub mod params;
mod parse;
mod places;
pub mod raw;
pub mod read;
pub mod shelves;
mod template;
pub mod trust;
mod walk;

pub use load::{load, parse};
pub use parse::{keys, may_be_profile, syntax};
pub use raw::RawProfile;
pub use template::{Part, Template, VARIABLES, is_environment_name};
