//! Errors as documents.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error: the fault, its cure, and its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDocument {
    /// The fault. For a configuration with several mistakes, this is the first one.
    pub error: String,
    /// Its cure.
    #[serde(default)]
    pub hint: Option<String>,
    /// The place of the mistake in the configuration: `FILE:LINE:COLUMN`, where both numbers count
    /// from 1 and the column is in characters, or `FILE` for a fault of the whole file.
    #[serde(default, rename = "where")]
    pub place: Option<String>,
    /// Every mistake in the configuration, by place; the first one is in `error`, too. Absent where
    /// the error is not one of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<ConfigErrorDocument>,
}

/// One mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigErrorDocument {
    /// The mistake's place: `FILE:LINE:COLUMN`, where both numbers count from 1 and the column is
    /// in characters, or `FILE` for a fault of the whole file.
    #[serde(rename = "where")]
    pub place: String,
    /// The fault.
    pub error: String,
    /// Its cure.
    #[serde(default)]
    pub hint: Option<String>,
}

impl ErrorDocument {
    /// An error without a place in the configuration.
    #[must_use]
    pub fn new(error: impl Into<String>, hint: Option<String>) -> Self {
        Self { error: error.into(), hint, place: None, errors: Vec::new() }
    }

    /// A configuration with these mistakes.
    #[must_use]
    pub fn of_config(errors: Vec<ConfigErrorDocument>) -> Self {
        match errors.first().cloned() {
            Some(ConfigErrorDocument { place, error, hint }) => {
                Self { error, hint, place: Some(place), errors }
            }
            None => Self::default(),
        }
    }

    /// Whether the error is one of the configuration: [`fmt::Display`] then writes a line for each
    /// mistake.
    #[must_use]
    pub fn is_of_config(&self) -> bool {
        !self.errors.is_empty()
    }
}

impl ConfigErrorDocument {
    /// A mistake from a `message` that has the fault and, behind the last semicolon, the cure. As
    /// text the mistake is that message again.
    #[must_use]
    pub fn new(place: String, message: &str) -> Self {
        let (error, hint) = match message.rsplit_once("; ") {
            Some((error, hint)) => (error, Some(hint.to_owned())),
            None => (message, None),
        };
        Self { place, error: error.to_owned(), hint }
    }
}

/// Writes the fault and its cure in one line; for a configuration one line for each mistake, as
/// compilers print them.
impl fmt::Display for ErrorDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.errors.iter().enumerate() {
            let new_line = if number == 0 { "" } else { "\n" };
            write!(f, "{new_line}{error}")?;
        }
        if self.errors.is_empty() { sentence(f, &self.error, self.hint.as_ref()) } else { Ok(()) }
    }
}

impl fmt::Display for ConfigErrorDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: error: ", self.place)?;
        sentence(f, &self.error, self.hint.as_ref())
    }
}

fn sentence(f: &mut fmt::Formatter<'_>, error: &str, hint: Option<&String>) -> fmt::Result {
    f.write_str(error)?;
    hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        let document = ErrorDocument::new("no circuit \"a\"", Some("is it \"b\"?".to_owned()));
        let json = r#"{"error":"no circuit \"a\"","hint":"is it \"b\"?","where":null}"#;
        assert_eq!(serde_json::to_string(&document).unwrap(), json);
        assert_eq!(serde_json::from_str::<ErrorDocument>(json).unwrap(), document);
        assert_eq!(document.to_string(), "no circuit \"a\"; is it \"b\"?");
        let brief: ErrorDocument = serde_json::from_str(r#"{"error":"busy"}"#).unwrap();
        assert_eq!((brief.to_string().as_str(), brief.is_of_config()), ("busy", false));
    }

    #[test]
    fn each_mistake_of_a_configuration_is_a_line_and_as_it_was() {
        let messages = ["`side` is \"a; b\"; give \"core\"", "no port; add `[[port]]`", "strange"];
        let places = ["e.toml:6:8", "e.toml:7:1", "e.toml"];
        let errors = places.iter().zip(messages);
        let errors = errors.map(|(place, text)| ConfigErrorDocument::new((*place).into(), text));
        let document = ErrorDocument::of_config(errors.collect());
        assert_eq!(document.hint.as_deref(), Some("give \"core\""));
        let lines = "e.toml:6:8: error: `side` is \"a; b\"; give \"core\"\n\
                     e.toml:7:1: error: no port; add `[[port]]`\ne.toml: error: strange";
        assert_eq!(document.to_string(), lines);
        let json = serde_json::to_string(&document).unwrap();
        let start = r#"{"error":"`side` is \"a; b\"","hint":"give \"core\"","where":"e.toml:6:8","errors":[{"where":"e.toml:6:8","error":"#;
        assert!(json.starts_with(start), "{json}");
        assert_eq!(serde_json::from_str::<ErrorDocument>(&json).unwrap(), document);
    }
}
