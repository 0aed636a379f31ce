//! Values of the caller's environment, which no command prints or stores.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

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

    /// Each value, with what is shown instead.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let pairs = self.shown.iter();
        pairs
            .map(|(value, shown)| (value.clone(), shown.clone()))
            .collect()
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
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

impl PrivateValues {
    /// A printed structure with every private value in its texts replaced.
    pub fn hide_in(&self, printed: Value) -> Value {
        match printed {
            Value::String(text) => Value::String(self.hide(&text)),
            Value::Array(list) => list.into_iter().map(|item| self.hide_in(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(key, value)| (key, self.hide_in(value)))
                .collect(),
            other => other,
        }
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
        let printed = serde_json::json!({ "a": ["abc", 1], "b": { "c": "-abc" } });
        let hidden = serde_json::json!({ "a": ["${env:A}", 1], "b": { "c": "-${env:A}" } });
        assert_eq!(private.hide_in(printed), hidden);
        assert!(!format!("{private:?}").contains("abc"));
    }
}
