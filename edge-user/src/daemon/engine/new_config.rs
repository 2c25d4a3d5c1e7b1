//! A configuration on its way in.

use std::path::Path;

use super::Engine;
use crate::config::{self, Config, ConfigErrors};

/// A configuration on its way in: its text, and what the text says.
pub struct NewConfig {
    pub(super) text: String,
    /// The configuration that it says.
    pub config: Config,
}

impl NewConfig {
    /// Checks a text that is to be the daemon's file, and reads the files that it names.
    ///
    /// # Errors
    ///
    /// Every mistake in it.
    pub(super) fn new(text: String, config_path: &Path) -> Result<Self, ConfigErrors> {
        let config = config::load_text(&text, config_path, Path::new("the configuration"))?;
        Ok(Self { text, config })
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Engine {
    /// Checks a text that is to be the daemon's file, and reads the files that it names.
    ///
    /// # Errors
    ///
    /// Every mistake in it.
    pub fn new_config(&self, text: String) -> Result<NewConfig, ConfigErrors> {
        NewConfig::new(text, &self.config_path)
    }
}
