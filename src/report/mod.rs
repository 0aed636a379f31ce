<<<<<<< HEAD
//! What happened, as text: pure functions, nothing is printed here.

pub mod problems;
=======
//! What is shown to people.

mod progress;

pub use progress::Bar;
>>>>>>> 88c2254b4b58a7f41de8bc6e52e8296cd4654ab0
