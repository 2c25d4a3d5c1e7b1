//! The keys of one table. A reader asks for each key once, and all other keys are errors.

use strsim::levenshtein;
use toml_span::{Span, Spanned, Value, value::Table};

use super::{
    error::Errors,
    values::{Read, wrong},
};

/// The content of a key in a file.
#[derive(Clone, Debug)]
pub(super) enum Field<T> {
    /// The key is absent: the default holds.
    Absent,
    /// The value is wrong, and reported. Checks that depend on it are left out.
    Bad,
    /// A value.
    Given(Spanned<T>),
}

impl<T> Field<T> {
    pub(super) fn given(&self) -> Option<&Spanned<T>> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }

    /// The value or the default; `None` where the value is wrong.
    pub(super) fn value_or(&self, default: T) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Absent => Some(default),
            Self::Bad => None,
            Self::Given(value) => Some(value.value.clone()),
        }
    }

    /// The value as [`Some`], so that the default can be [`None`].
    pub(super) fn optional(&self) -> Field<Option<T>>
    where
        T: Clone,
    {
        self.and_then(|value| Some(Some(value.value.clone())))
    }

    /// As [`Option::map`], with the value's place.
    pub(super) fn and_then<U>(&self, f: impl FnOnce(&Spanned<T>) -> Option<U>) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Bad => Field::Bad,
            Self::Given(value) => match f(value) {
                Some(mapped) => Field::Given(Spanned::with_span(mapped, value.span)),
                None => Field::Bad,
            },
        }
    }
}

/// Reads the keys of one table.
pub(super) struct Keys<'a, 'de> {
    table: &'a Table<'de>,
    at: Span,
    /// As messages call it, for example `[[port]]`.
    what: &'static str,
    known: Vec<&'static str>,
    errors: &'a Errors<'a>,
}

impl<'a, 'de> Keys<'a, 'de> {
    pub(super) fn new(
        table: &'a Table<'de>,
        at: Span,
        what: &'static str,
        errors: &'a Errors<'a>,
    ) -> Self {
        Self { table, at, what, known: Vec::new(), errors }
    }

    pub(super) fn at(&self) -> Span {
        self.at
    }

    /// The value of `key`, unchecked.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value<'de>> {
        self.known.push(key);
        self.table.get(key)
    }

    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'de>) -> Read<T>,
    ) -> Field<T> {
        let Some(value) = self.value(key) else { return Field::Absent };
        match read(value) {
            Ok(read) => Field::Given(Spanned::with_span(read, self.start(value))),
            Err(refusal) => {
                self.errors.add(self.start(value), format!("`{key}` {refusal}"));
                Field::Bad
            }
        }
    }

    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'de>) -> Read<T>,
    ) -> Field<T> {
        let field = self.optional(key, read);
        self.present(key, field)
    }

    /// An array of at least one value. Wrong entries are reported and left out.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Value<'de>) -> Read<T>,
    ) -> Field<Vec<Spanned<T>>> {
        let Some(value) = self.value(key) else { return Field::Absent };
        let Some(array) = value.as_array() else {
            let refusal = wrong(value, "give an array, [ … ]");
            self.errors.add(self.start(value), format!("`{key}` {refusal}"));
            return Field::Bad;
        };
        if array.is_empty() {
            self.errors.add(value.span, format!("`{key}` is empty; give at least one entry"));
            return Field::Bad;
        }
        let entries = array.iter().filter_map(|entry| match read(entry) {
            Ok(read) => Some(Spanned::with_span(read, self.start(entry))),
            Err(refusal) => {
                self.errors.add(self.start(entry), format!("an entry of `{key}` {refusal}"));
                None
            }
        });
        Field::Given(Spanned::with_span(entries.collect(), value.span))
    }

    /// A table. Messages show `form`, as it is written.
    pub(super) fn table(&mut self, key: &'static str, form: &str) -> Field<&'a Table<'de>> {
        let Some(value) = self.value(key) else { return Field::Absent };
        let Some(table) = value.as_table() else {
            let refusal = wrong(value, &format!("write {form}"));
            self.errors.add(self.start(value), format!("`{key}` {refusal}"));
            return Field::Bad;
        };
        Field::Given(Spanned::with_span(table, value.span))
    }

    /// The tables of an array of tables. Messages show `form`, as one is written.
    pub(super) fn tables(&mut self, key: &'static str, form: &str) -> Vec<(&'a Table<'de>, Span)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(array) = value.as_array() else {
            let help = format!("write {form} for each one");
            self.errors.add(self.start(value), format!("`{key}` {}", wrong(value, &help)));
            return Vec::new();
        };
        array.iter().filter_map(|entry| self.table_entry(key, entry)).collect()
    }

    /// A table, or the tables of an array; `None`: no such key. Messages show `form`, as one is
    /// written.
    pub(super) fn one_or_more_tables(
        &mut self,
        key: &'static str,
        form: &str,
    ) -> Option<Vec<(&'a Table<'de>, Span)>> {
        let value = self.value(key)?;
        if let Some(table) = value.as_table() {
            return Some(vec![(table, value.span)]);
        }
        let Some(array) = value.as_array() else {
            let refusal = wrong(value, &format!("write {form}, or an array of such tables"));
            self.errors.add(self.start(value), format!("`{key}` {refusal}"));
            return Some(Vec::new());
        };
        if array.is_empty() {
            self.errors.add(value.span, format!("`{key}` is empty; give at least one entry"));
        }
        Some(array.iter().filter_map(|entry| self.table_entry(key, entry)).collect())
    }

    /// Reports the keys that no reader asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys().filter(|key| !self.known.contains(&&*key.name)) {
            let help = match nearest(&key.name, self.known.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("the keys are `{}`", self.known.join("`, `")),
            };
            let what = self.what;
            self.errors
                .add(key.span, format!("{what} has no key `{}`; {help}", key.name.escape_debug()));
        }
    }

    fn present<T>(&self, key: &str, field: Field<T>) -> Field<T> {
        if !matches!(field, Field::Absent) {
            return field;
        }
        self.errors.add(self.at, format!("{} has no `{key}`; add `{key} = …`", self.what));
        Field::Bad
    }

    fn table_entry(&self, key: &str, entry: &'a Value<'de>) -> Option<(&'a Table<'de>, Span)> {
        let table = entry.as_table();
        if table.is_none() {
            let refusal = wrong(entry, "give a table");
            self.errors.add(self.start(entry), format!("an entry of `{key}` {refusal}"));
        }
        Some((table?, entry.span))
    }

    /// The place of a value in messages: that of its opening quote, if it has one.
    pub(super) fn start(&self, value: &Value<'_>) -> Span {
        if value.as_str().is_some() { self.errors.with_quote(value.span) } else { value.span }
    }
}

/// The known name that `name` is most likely a misspelling of.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // A very long key is no misspelling, and would take long to compare.
    if name.len() > 64 {
        return None;
    }
    let close = known.map(|known| (levenshtein(name, known), known));
    let most = (name.chars().count() / 3).clamp(1, 2);
    close.filter(|(distance, _)| *distance <= most).min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_are_recognized() {
        let known = ["name", "bandwidth", "s_tag", "ports"];
        for (name, expected) in [
            ("bandwith", Some("bandwidth")),
            ("s-tag", Some("s_tag")),
            ("port", Some("ports")),
            ("zzz", None),
            ("colour", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
    }
}
