//! Numbers that a variable of the caller's says.

/// A number that a variable of the caller's says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByVariable {
    /// The setting, as messages call it.
    pub key: String,
    /// The text with its variable, as it was written.
    pub text: String,
    /// What stands for it in a symbolic plan.
    pub stand_in: StandIn,
}

/// What stands for a number that a variable says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandIn {
    /// What holds where the variable is not set.
    Default,
    /// The widest value: what a reviewer has to assume.
    Widest,
}
