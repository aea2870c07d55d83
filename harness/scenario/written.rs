//! How values stand in the file that are not written there as they are: taken from the environment, or from a file.

use std::collections::BTreeMap;
use std::fmt;

/// By the key under `[target]`: the value, and the text for which it stands.
#[derive(Clone, Default)]
pub(super) struct Written(BTreeMap<String, (String, String)>);

impl Written {
    /// Notes that the file has `source` where the scenario has `value`.
    pub(super) fn note(&mut self, key: &str, value: &str, source: &str) {
        if value != source {
            self.0
                .insert(key.to_owned(), (value.to_owned(), source.to_owned()));
        }
    }

    /// What a file has for `value`: what it had when it was read, unless the value was changed since.
    pub(super) fn source<'w>(&'w self, key: &str, value: &'w str) -> &'w str {
        match self.0.get(key) {
            Some((known, source)) if known == value => source,
            _ => value,
        }
    }
}

/// Shows keys alone: values may be secret.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
