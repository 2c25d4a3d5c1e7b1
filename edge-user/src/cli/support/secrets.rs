//! The secrets of a configuration, which no archive has.

use std::fs;

use edge_user::config::Config;
use serde_json::Value;

/// Stands where a secret was.
const LEFT_OUT: &str = "(left out)";
/// A secret of so many bytes is no part of other words, and is left out without quotes around it, too.
const UNMISTAKABLE_LEN_BYTES: usize = 8;

/// The secrets of a configuration: service keys, and the content of its key and token files.
#[derive(Debug, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn of(config: &Config) -> Self {
        let mut secrets = Vec::new();
        if let Ok(document) = serde_json::to_value(config) {
            collect(&document, &mut secrets);
        }
        // One that has another in it goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// The text without them.
    pub(super) fn left_out_of(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if secret.len() >= UNMISTAKABLE_LEN_BYTES {
                return text.replace(secret, LEFT_OUT);
            }
            let in_quotes = ['"', '\''].map(|quote| format!("{quote}{secret}{quote}"));
            in_quotes
                .iter()
                .fold(text, |text, quoted| text.replace(quoted, &format!("\"{LEFT_OUT}\"")))
        })
    }
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (&**name, value) {
                    ("service_key", Value::String(key)) => secrets.push(key.clone()),
                    ("key_file" | "token_file", Value::String(path)) => {
                        // A file that can't be read can't get into the archive, either.
                        let content = fs::read_to_string(path).unwrap_or_default();
                        secrets.push(content.trim().to_owned());
                    }
                    (_, value) => collect(value, secrets),
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    secrets.retain(|secret| !secret.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_stays() {
        let secrets = Secrets(vec!["0123456789abcdef".to_owned(), "key".to_owned()]);
        let text = r#"service_key = "key" # the keys; Bearer 0123456789abcdef"#;
        let left = r#"service_key = "(left out)" # the keys; Bearer (left out)"#;
        assert_eq!(secrets.left_out_of(text), left);
    }
}
