//! Values of the caller's environment, which no command prints or stores.

use std::collections::BTreeMap;
use std::fmt;

/// A value shorter than this hides nothing, and replacing it would garble every message.
const SHORTEST: usize = 3;

/// The values that `${env:NAME}` stood for, by the name of the variable.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PrivateValues {
    by_name: BTreeMap<String, String>,
}

impl PrivateValues {
    /// Takes in that `${env:NAME}` stood for `value`.
    pub fn insert(&mut self, name: &str, value: &str) {
        self.by_name.insert(name.to_owned(), value.to_owned());
    }

    /// `text` with every private value in it replaced by its variable, as in `${env:TOKEN}`.
    ///
    /// Longer values first, so that a value which holds another one goes as a whole.
    pub fn hide(&self, text: &str) -> String {
        let mut values: Vec<(&String, &String)> = self
            .by_name
            .iter()
            .filter(|(_, value)| value.len() >= SHORTEST)
            .collect();
        values.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        values.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(value.as_str(), &format!("${{env:{name}}}"))
        })
    }
}

/// Names only.
impl fmt::Debug for PrivateValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_longest_first() {
        let mut private = PrivateValues::default();
        private.insert("A", "abc");
        private.insert("B", "abcdef");
        private.insert("C", "1");
        assert_eq!(private.hide("xabcdef abc 1"), "x${env:B} ${env:A} 1");
        assert!(!format!("{private:?}").contains("abc"));
    }
}
