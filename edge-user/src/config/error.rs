//! Every error of a file, with its position.

use std::{
    cell::RefCell,
    fmt,
    path::{Path, PathBuf},
    string::FromUtf8Error,
};

use toml_span::{ErrorKind, Span};

/// All errors of a file, by position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    path: PathBuf,
    text: String,
    errors: Vec<ConfigError>,
}

/// One error of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// The error's place; `None`: the whole file.
    pub position: Option<Position>,
    /// The first byte of the place in the file, and the byte behind its last one.
    pub bytes: Option<(usize, usize)>,
    /// The message: what is wrong, and what to do.
    pub message: String,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl ConfigErrors {
    /// The errors, by position: at least one.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's text, up to the first byte that is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An error of the file at `path` as a whole.
    #[must_use]
    pub fn of_file(path: &Path, message: String) -> Self {
        let error = ConfigError { position: None, bytes: None, message };
        Self { path: path.into(), text: String::new(), errors: vec![error] }
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let message =
            format!("the file can't be read ({error}); check that it exists and may be read");
        Self::of_file(path, message)
    }

    pub(super) fn not_utf8(path: &Path, error: &FromUtf8Error) -> Self {
        let valid_len = error.utf8_error().valid_up_to();
        let valid = String::from_utf8_lossy(error.as_bytes().get(..valid_len).unwrap_or_default());
        let errors = Errors::new(&valid, path);
        errors.add(Span::new(valid_len, valid_len), "not UTF-8; save the file as UTF-8".into());
        errors.into_sorted()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.path.display();
        for (number, ConfigError { position, message, .. }) in self.errors.iter().enumerate() {
            let new_line = if number == 0 { "" } else { "\n" };
            match position {
                Some(position) => write!(f, "{new_line}{file}:{position}: error: {message}")?,
                None => write!(f, "{new_line}{file}: error: {message}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Collects the errors of one file. All readers of the file share it, so that none has to stop at
/// the first error.
pub(super) struct Errors<'s> {
    source: &'s str,
    path: &'s Path,
    line_starts: Vec<usize>,
    found: RefCell<Vec<ConfigError>>,
}

impl<'s> Errors<'s> {
    pub(super) fn new(source: &'s str, path: &'s Path) -> Self {
        let after_newlines = source.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after_newlines).collect();
        Self { source, path, line_starts, found: RefCell::default() }
    }

    pub(super) fn add(&self, at: Span, message: String) {
        let position = Some(self.position(at));
        let bytes = Some(self.bytes(at));
        self.found.borrow_mut().push(ConfigError { position, bytes, message });
    }

    /// Does the same as [`Self::add`], and names the other place at the message's end.
    pub(super) fn add_claimed(&self, at: Span, message: &str, other: Span, owner: &str) {
        let place = self.place(other);
        self.add(at, format!("{message} (also claimed at {place} by {owner})"));
    }

    pub(super) fn add_syntax(&self, error: &toml_span::Error) {
        let first = if let ErrorKind::DuplicateKey { first, .. }
        | ErrorKind::DuplicateTable { first, .. }
        | ErrorKind::DottedKeyInvalidType { first } = &error.kind
        {
            Some(*first)
        } else {
            None
        };
        let what = escape_controls(&error.to_string());
        let message = match first {
            Some(first) => format!("{what}; keep one of them (first at {})", self.place(first)),
            None => format!("{what}; correct the TOML here"),
        };
        self.add(error.span, message);
    }

    /// Number of errors so far.
    pub(super) fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// `FILE:LINE:COL`.
    pub(super) fn place(&self, at: Span) -> String {
        format!("{}:{}", self.path.display(), self.position(at))
    }

    /// The span from the opening quote of a string: the parser's is what is between the quotes.
    pub(super) fn with_quote(&self, text: Span) -> Span {
        let before = self.source.get(..text.start).unwrap_or_default();
        let opening = before.trim_end_matches(['"', '\'']).len();
        Span::new(opening, text.end)
    }

    pub(super) fn into_sorted(self) -> ConfigErrors {
        let mut errors = self.found.into_inner();
        errors.sort_by_key(|error| error.position);
        // A `[[vnet]]` is looked at once for each link to it.
        errors.dedup();
        ConfigErrors { path: self.path.into(), text: self.source.to_owned(), errors }
    }

    /// The span within the file, from the start of a character to the start of another: the parser's may lie
    /// behind the end, or within a character.
    fn bytes(&self, at: Span) -> (usize, usize) {
        let start = self.source.floor_char_boundary(at.start);
        (start, self.source.ceil_char_boundary(at.end).max(start))
    }

    fn position(&self, at: Span) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= at.start);
        let line_start = line.checked_sub(1).and_then(|line| self.line_starts.get(line));
        let in_line = line_start.and_then(|start| self.source.get(*start..));
        // An offset may lie behind the end, or within a character where the parser counts bytes.
        let before = at.start.saturating_sub(line_start.copied().unwrap_or(0));
        let characters = in_line.unwrap_or_default().char_indices();
        Position { line, column: 1 + characters.take_while(|(byte, _)| *byte < before).count() }
    }
}

/// An error is a line: a control character in what it quotes must not make two of it.
fn escape_controls(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let errors = Errors::new("é = 1\r\nüü = \"x\"\n", Path::new("f"));
        for (start, line, column) in
            [(0, 1, 1), (1, 1, 2), (2, 1, 2), (3, 1, 3), (8, 2, 1), (15, 2, 6), (19, 3, 1)]
        {
            assert_eq!(errors.position(Span::new(start, start)), Position { line, column });
        }
        assert_eq!(errors.position(Span::new(99, 99)).line, 3);
    }

    #[test]
    fn a_string_starts_at_its_quote() {
        let errors = Errors::new("a = \"\"\nb = '''x'''", Path::new("f"));
        assert_eq!(errors.with_quote(Span::new(5, 5)).start, 4);
        assert_eq!(errors.with_quote(Span::new(14, 15)).start, 11);
    }

    #[test]
    fn a_file_that_is_not_there_is_one_error() {
        let errors = crate::config::load(Path::new("/nonexistent/edge.toml")).expect_err("absent");
        assert_eq!(errors.errors().len(), 1);
        let text = errors.to_string();
        assert!(
            text.starts_with("/nonexistent/edge.toml: error: the file can't be read"),
            "{text}"
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_have_a_position() {
        let error = String::from_utf8(b"a = 1\nb = \xff".to_vec()).expect_err("0xff");
        let errors = ConfigErrors::not_utf8(Path::new("f"), &error);
        assert_eq!(errors.to_string(), "f:2:5: error: not UTF-8; save the file as UTF-8");
    }
}
