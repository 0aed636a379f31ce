//! Values of the caller's environment, which no command prints or stores.

use std::collections::BTreeMap;
use std::fmt;

/// A value shorter than this hides nothing, and replacing it would garble every message.
const SHORTEST: usize = 3;

/// Texts that hold values of the caller's environment, each with what is shown instead.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PrivateValues {
    shown: BTreeMap<String, String>,
}

impl PrivateValues {
    /// Takes in that `value` is shown as `shown`, such as `${env:NAME}`.
    pub fn insert(&mut self, value: &str, shown: impl Into<String>) {
        self.shown.insert(value.to_owned(), shown.into());
    }

    /// `text` with every private value in it replaced by its variable, as in `${env:TOKEN}`.
    ///
    /// Longer values first, so that a value which holds another one goes as a whole.
    pub fn hide(&self, text: &str) -> String {
        let long = self
            .shown
            .iter()
            .filter(|(value, _)| value.len() >= SHORTEST);
        let mut long: Vec<(&String, &String)> = long.collect();
        long.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        long.iter().fold(text.to_owned(), |text, (value, shown)| {
            text.replace(value.as_str(), shown)
        })
    }
}

/// What is shown only.
impl fmt::Debug for PrivateValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.shown.values()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_longest_first() {
        let mut private = PrivateValues::default();
        private.insert("abc", "${env:A}");
        private.insert("abcdef", "${env:B}");
        private.insert("1", "${env:C}");
        assert_eq!(private.hide("xabcdef abc 1"), "x${env:B} ${env:A} 1");
        assert!(!format!("{private:?}").contains("abc"));
    }
}
