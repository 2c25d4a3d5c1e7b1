//! Refusals as documents.

use edge_api::{ConfigErrorDocument, ErrorDocument};

use crate::config::ConfigErrors;

/// The mistakes of a configuration, whose text is that of `errors`.
#[must_use]
pub fn of_config(errors: &ConfigErrors) -> ErrorDocument {
    let file = errors.path().display();
    let documents = errors.errors().iter().map(|error| {
        let place = match error.position {
            Some(position) => format!("{file}:{position}"),
            None => file.to_string(),
        };
        ConfigErrorDocument::new(place, &error.message)
    });
    ErrorDocument::of_config(documents.collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    #[test]
    fn each_mistake_has_its_place_and_the_text_is_the_same() {
        let source =
            "edge = { name = 'e', nam = 'f' }\nport = [{ name = 'p; q', side = 'cor; e' }]\n";
        let errors = config::parse(source, Path::new("edge.toml")).unwrap_err();
        let document = of_config(&errors);
        assert_eq!(document.to_string(), errors.to_string());
        assert!(document.errors.len() > 1 && document.hint.is_some(), "{document:?}");
        assert_eq!(document.place.as_deref(), Some("edge.toml:1:22"));

        let errors = config::load(Path::new("/nonexistent/edge.toml")).unwrap_err();
        let document = of_config(&errors);
        assert_eq!(document.to_string(), errors.to_string());
        assert_eq!(document.place.as_deref(), Some("/nonexistent/edge.toml"));
    }
}
