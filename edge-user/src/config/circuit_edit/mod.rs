//! A circuit's tables in the text of a configuration: added, changed, removed. All other text stays as it is, with its
//! remarks.
//!
//! Keys and values are those of the configuration. The function does not check the new text: [`super::load_text`] does that.

mod tables;

use serde_json::{Map, Value as Json};
use toml_edit::DocumentMut;

use self::tables::{AnyTable, TableList};

/// Keys of a table, as JSON. A null takes the key out.
pub type EditKeys = Map<String, Json>;

/// A change of the text.
#[derive(Clone, Debug, PartialEq)]
pub enum CircuitEdit {
    /// A new circuit with these keys, its name among them.
    Add(EditKeys),
    /// Other values of some keys.
    Set(EditKeys),
    /// Other values of some keys of a part, which is made where there is none.
    SetPart(CircuitPart, String, EditKeys),
    /// One part less.
    RemovePart(CircuitPart, String),
    /// No such circuit any more.
    Remove,
}

/// A kind of tables that a circuit has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitPart {
    /// `[[circuit.peering]]`, by its kind.
    Peering,
    /// `[[circuit.vnet_link]]`, by the network's name.
    VnetLink,
}

impl CircuitPart {
    const fn key(self) -> &'static str {
        match self {
            Self::Peering => "peering",
            Self::VnetLink => "vnet_link",
        }
    }

    const fn name_key(self) -> &'static str {
        match self {
            Self::Peering => "kind",
            Self::VnetLink => "vnet",
        }
    }

    const fn said(self) -> &'static str {
        match self {
            Self::Peering => "peering",
            Self::VnetLink => "VNet link",
        }
    }
}

/// A text that can't be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Nobody has this name.
    #[error("there is no circuit {0:?}, and nothing was changed")]
    NoCircuit(String),
    /// Somebody has it already.
    #[error("there is a circuit {0:?} already, and nothing was changed")]
    Exists(String),
    /// The circuit has no such part.
    #[error("circuit {0:?} has no {1} {2:?}, and nothing was changed")]
    NoPart(String, &'static str, String),
    /// A value has no place in TOML.
    #[error("`{0}` has a value that a configuration can't have, and nothing was changed")]
    Value(String),
    /// The text is no TOML, or has something else in the place of circuits.
    #[error(
        "the configuration's text can't be changed ({0}); change the file by hand, and `edge apply` it"
    )]
    Text(String),
}

/// The text after a change of the circuit with this name.
///
/// # Errors
///
/// The text has no such circuit or part, or has one already.
pub fn edited(text: &str, circuit: &str, edit: &CircuitEdit) -> Result<String, EditError> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| EditError::Text(error.message().into()))?;
    let no_circuit = || EditError::NoCircuit(circuit.to_owned());
    let mut circuits = TableList::of(AnyTable::Headed(document.as_table_mut()), "circuit")?;
    let place = circuits.position("name", circuit);
    match edit {
        CircuitEdit::Add(keys) => {
            if place.is_some() {
                return Err(EditError::Exists(circuit.to_owned()));
            }
            circuits.push(("name", circuit), keys)?;
        }
        CircuitEdit::Set(keys) => {
            circuits.get(place.ok_or_else(no_circuit)?)?.set(keys)?;
        }
        CircuitEdit::SetPart(part, name, keys) => {
            let own = circuits.get(place.ok_or_else(no_circuit)?)?;
            let mut parts = TableList::of(own, part.key())?;
            match parts.position(part.name_key(), name) {
                Some(place) => parts.get(place)?.set(keys)?,
                None => parts.push((part.name_key(), name), keys)?,
            }
        }
        CircuitEdit::RemovePart(part, name) => {
            let own = circuits.get(place.ok_or_else(no_circuit)?)?;
            let mut parts = TableList::of(own, part.key())?;
            let place = parts
                .position(part.name_key(), name)
                .ok_or_else(|| EditError::NoPart(circuit.to_owned(), part.said(), name.clone()))?;
            parts.remove(place);
        }
        CircuitEdit::Remove => circuits.remove(place.ok_or_else(no_circuit)?),
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests;
