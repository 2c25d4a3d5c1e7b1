//! An array of tables in either of TOML's notations.

use serde_json::Value as Json;
use toml_edit::{Array, ArrayOfTables, InlineTable, Item, Table, TableLike, Value};

use super::{EditError, EditKeys};

/// A table in either notation.
pub(super) enum AnyTable<'d> {
    /// With a header.
    Headed(&'d mut Table),
    /// In braces: all tables in it are, too.
    Braced(&'d mut InlineTable),
}

impl<'d> AnyTable<'d> {
    fn into_like(self) -> (&'d mut dyn TableLike, bool) {
        match self {
            Self::Headed(table) => (table, false),
            Self::Braced(table) => (table, true),
        }
    }

    /// Sets keys.
    pub(super) fn set(self, keys: &EditKeys) -> Result<(), EditError> {
        set(self.into_like().0, keys)
    }
}

/// The tables of one key.
pub(super) struct TableList<'d> {
    parent: &'d mut dyn TableLike,
    key: &'static str,
    is_braced: bool,
}

impl<'d> TableList<'d> {
    /// The tables of a key, which may have none yet.
    pub(super) fn of(parent: AnyTable<'d>, key: &'static str) -> Result<Self, EditError> {
        let (parent, is_braced) = parent.into_like();
        match parent.get(key) {
            None | Some(Item::None | Item::ArrayOfTables(_) | Item::Value(Value::Array(_))) => {
                Ok(Self { parent, key, is_braced })
            }
            Some(_) => Err(EditError::Text(format!("`{key}` is no array"))),
        }
    }

    /// The place of the table in which `name_key` is `name`.
    pub(super) fn position(&self, name_key: &str, name: &str) -> Option<usize> {
        let is_it = |table: &dyn TableLike| {
            table.get(name_key).and_then(Item::as_str).is_some_and(|own| own == name)
        };
        match self.parent.get(self.key)? {
            Item::ArrayOfTables(tables) => tables.iter().position(|table| is_it(table)),
            Item::Value(Value::Array(values)) => values
                .iter()
                .position(|value| value.as_inline_table().is_some_and(|table| is_it(table))),
            Item::None | Item::Value(_) | Item::Table(_) => None,
        }
    }

    /// The table at a place.
    pub(super) fn get(&mut self, place: usize) -> Result<AnyTable<'_>, EditError> {
        let found = match self.parent.get_mut(self.key) {
            Some(Item::ArrayOfTables(tables)) => tables.get_mut(place).map(AnyTable::Headed),
            Some(Item::Value(Value::Array(values))) => {
                values.get_mut(place).and_then(Value::as_inline_table_mut).map(AnyTable::Braced)
            }
            _ => None,
        };
        found.ok_or_else(|| EditError::Text(format!("`{}` has no such table", self.key)))
    }

    /// Adds a table behind the others, in their notation. Its name comes first.
    pub(super) fn push(
        &mut self,
        (name_key, name): (&str, &str),
        keys: &EditKeys,
    ) -> Result<(), EditError> {
        let is_braced = match self.parent.get(self.key) {
            Some(Item::ArrayOfTables(_)) => false,
            Some(Item::Value(_)) => true,
            _ => self.is_braced,
        };
        let name = Item::Value(name.into());
        let item = self.parent.entry(self.key);
        if is_braced {
            let mut table = InlineTable::new();
            TableLike::insert(&mut table, name_key, name);
            set(&mut table, keys)?;
            let array = item.or_insert_with(|| Item::Value(Array::new().into()));
            if let Some(array) = array.as_array_mut() {
                array.push(table);
            }
        } else {
            let mut table = Table::new();
            table.insert(name_key, name);
            set(&mut table, keys)?;
            let array = item.or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
            if let Some(array) = array.as_array_of_tables_mut() {
                array.push(table);
            }
        }
        Ok(())
    }

    /// Takes the table at a place out, and with the last one the key.
    pub(super) fn remove(&mut self, place: usize) {
        let is_empty = match self.parent.get_mut(self.key) {
            Some(Item::ArrayOfTables(tables)) => {
                tables.remove(place);
                tables.is_empty()
            }
            Some(Item::Value(Value::Array(values))) => {
                values.remove(place);
                values.is_empty()
            }
            _ => false,
        };
        if is_empty {
            self.parent.remove(self.key);
        }
    }
}

/// Sets keys of a table. The remark behind a value stays there.
fn set(table: &mut dyn TableLike, keys: &EditKeys) -> Result<(), EditError> {
    for (key, json) in keys {
        let Some(mut new) = value(json).map_err(|()| EditError::Value(key.clone()))? else {
            table.remove(key);
            continue;
        };
        if let Some(old) = table.get(key).and_then(Item::as_value) {
            *new.decor_mut() = old.decor().clone();
        }
        table.insert(key, Item::Value(new));
    }
    Ok(())
}

/// A value in TOML; `None` for a null.
fn value(json: &Json) -> Result<Option<Value>, ()> {
    Ok(Some(match json {
        Json::Null => return Ok(None),
        Json::Bool(it) => (*it).into(),
        Json::String(it) => it.as_str().into(),
        Json::Number(it) => match (it.as_i64(), it.as_f64()) {
            (Some(integer), _) => integer.into(),
            (None, Some(float)) if it.is_f64() => float.into(),
            (None, _) => return Err(()),
        },
        Json::Array(entries) => {
            let mut array = Array::new();
            for entry in entries {
                array.push(value(entry)?.ok_or(())?);
            }
            array.into()
        }
        Json::Object(keys) => {
            let mut table = InlineTable::new();
            for (key, json) in keys {
                table.insert(key, value(json)?.ok_or(())?);
            }
            table.into()
        }
    }))
}
