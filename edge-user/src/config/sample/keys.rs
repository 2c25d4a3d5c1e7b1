//! The keys of a table, and their values.

use std::fmt::{self, Formatter};

/// A value, as TOML writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(String);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        // Rust escapes printable text as TOML does.
        Self(format!("{text:?}"))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

macro_rules! as_rust_writes_it {
    ($($type:ty),*) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self(value.to_string())
            }
        })*
    };
}

as_rust_writes_it!(bool, i32, u16, u32, u64, usize);

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        Self::from(Vec::<T>::from(values))
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        let values: Vec<String> = values.into_iter().map(|value| value.into().0).collect();
        Self(format!("[{}]", values.join(", ")))
    }
}

impl Value {
    /// An inline table.
    #[must_use]
    pub fn table<const N: usize>(keys: [(&str, Self); N]) -> Self {
        let keys = keys.into_iter().map(|(key, value)| format!("{key} = {}", value.0));
        Self(format!("{{ {} }}", keys.collect::<Vec<_>>().join(", ")))
    }
}

/// The keys of a table, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct SampleKeys(Vec<(String, Value)>);

impl SampleKeys {
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Whether a key has this string.
    pub(super) fn has(&self, key: &str, text: &str) -> bool {
        let text = Value::from(text);
        self.0.iter().any(|(known, value)| known == key && *value == text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn write(&self, header: &str, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{header}")?;
        self.0.iter().try_for_each(|(key, Value(value))| writeln!(f, "{key} = {value}"))
    }
}
