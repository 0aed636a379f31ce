//! Starts a plan, watches it, ends all of it, and says what happened.

mod outcome;
mod relay;
mod state;
mod watch;

pub use state::{Claim, Place, StateDirectory};
pub use watch::Seen;
