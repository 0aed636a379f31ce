//! Text with variables.

use crate::diag::Origin;

/// A text of a profile: literal parts and variables of the caller's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// In order; two literals never stand side by side.
    pub parts: Vec<Part>,
}

/// One part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is (`$${` has become `${`).
    Literal(String),
    /// `${NAME}`, `${env:NAME}`, `${env:NAME:-default}`, `${param:NAME}`.
    Variable {
        /// The spelling between the braces, without a default: `HOME`, `env:LANG`.
        name: String,
        /// What stands for it when it is not set; may hold one variable.
        default: Option<Box<Template>>,
        /// The place of `${…}`.
        origin: Origin,
    },
}

impl Template {
    /// A text without variables.
    pub fn literal(text: impl Into<String>) -> Template {
        Template {
            parts: vec![Part::Literal(text.into())],
        }
    }

    /// The text, when it holds no variable.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}
