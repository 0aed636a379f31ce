//! The manual: pages made of the tables that the program itself reads. Those of commands are of the command line.

mod notes;
mod profile;
mod prose;
mod recipes;
pub mod roff;

pub use profile::profile_page;
pub use recipes::{RECIPES, Recipe, recipes_page};
