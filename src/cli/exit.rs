//! Exit codes, as the manual lists them.

use std::process::ExitCode;

/// The exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// `check`: yes. Every other command: done.
    pub const DONE: Exit = Exit(0);
    /// `check`: no. Every other command: not done.
    pub const NO: Exit = Exit(1);
    /// Wrong usage of a command that runs no program.
    pub const USAGE: Exit = Exit(2);
    /// `diff`: something is possible that was not.
    pub const WIDER: Exit = Exit(3);
    /// `up`: an error of ours, wrong usage too; nothing ran.
    pub const NOT_STARTED: Exit = Exit(125);
    /// `up`: the program was found but cannot be executed.
    pub const NOT_EXECUTABLE: Exit = Exit(126);
    /// `up`: the program is not in the tree.
    pub const NOT_FOUND: Exit = Exit(127);
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.0)
    }
}
