//! A configuration on its way in.

use std::path::Path;

use crate::config::{self, Config, ConfigErrors};

/// A configuration on its way in: its text, and what the text says.
pub struct NewConfig {
    pub(super) text: String,
    /// What it says.
    pub config: Config,
}

impl NewConfig {
    /// Checks a text, and reads the key files that it names.
    ///
    /// # Errors
    ///
    /// Every mistake in it.
    pub fn new(text: String) -> Result<Self, ConfigErrors> {
        let config = config::load_text(&text, Path::new("the configuration"))?;
        Ok(Self { text, config })
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
