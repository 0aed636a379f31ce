//! Judgements over plans: pure functions, the same answer on every machine.

pub mod audit;
