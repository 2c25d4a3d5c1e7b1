//! A session's secret.

use std::{fmt, fs, io, path::Path};

/// A TCP MD5 key. It has 1 to 80 printable ASCII characters (`TCP_MD5SIG_MAXKEYLEN` in
/// `linux/tcp.h`) and no quotation mark, for which BIRD's configuration has no notation.
/// Its text appears in no log and no error.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey(String);

impl SessionKey {
    /// The longest, in bytes.
    pub const MAX_LEN_BYTES: usize = 80;

    /// A key of this text.
    pub fn new(text: impl Into<String>) -> Result<Self, KeyFault> {
        let text = text.into();
        if text.is_empty() {
            return Err(KeyFault::Empty);
        }
        if text.len() > Self::MAX_LEN_BYTES {
            return Err(KeyFault::TooLong(text.len()));
        }
        let is_fit = |byte: u8| (byte == b' ' || byte.is_ascii_graphic()) && byte != b'"';
        match text.bytes().position(|byte| !is_fit(byte)) {
            Some(position) => Err(KeyFault::Character(position + 1)),
            None => Ok(Self(text)),
        }
    }

    /// Reads the key in a file: one line, without its end.
    pub fn read(path: &Path) -> Result<Self, KeyFault> {
        let text = fs::read_to_string(path).map_err(KeyFault::File)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Self::new(line.strip_suffix('\r').unwrap_or(line))
    }

    /// The text, for the file of keys and nothing else.
    pub(in crate::routing::bird) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

/// Why a text can't be a session's key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// No character.
    #[error("the key is empty; write 1 to 80 characters")]
    Empty,
    /// Too many bytes.
    #[error("the key has {0} bytes, and TCP MD5 takes at most 80; shorten it on both ends")]
    TooLong(usize),
    /// A character that can't be written, by its position from 1 on.
    #[error(
        "byte {0} of the key is a quotation mark, or not printable ASCII; choose another key on \
         both ends"
    )]
    Character(usize),
    /// The file can't be read as text.
    #[error(transparent)]
    File(io::Error),
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn keys_are_what_tcp_and_bird_take() {
        for good in ["a", "with space", "semi;colon#$'\\/*", &"k".repeat(80)] {
            assert!(SessionKey::new(good).is_ok(), "{good}");
        }
        assert!(matches!(SessionKey::new(""), Err(KeyFault::Empty)));
        assert!(matches!(SessionKey::new("k".repeat(81)), Err(KeyFault::TooLong(81))));
        for bad in ["ab\"c", "ab\nc", "ab\0c", "abéc"] {
            assert!(matches!(SessionKey::new(bad), Err(KeyFault::Character(3))), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_in_no_message() {
        let key = SessionKey::new("hunter2").expect("a key");
        assert!(!format!("{key:?}").contains("hunter2"));
        let error = SessionKey::new("hunter2\"").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_has_one_line() -> io::Result<()> {
        for (text, key) in [
            ("secret\n", Some("secret")),
            ("secret", Some("secret")),
            ("a\r\n", Some("a")),
            ("a\n\n", None),
            ("\n", None),
        ] {
            let mut file = tempfile::NamedTempFile::new()?;
            file.write_all(text.as_bytes())?;
            let read = SessionKey::read(file.path()).ok();
            assert_eq!(read.as_ref().map(SessionKey::secret), key, "{text:?}");
        }
        assert!(matches!(SessionKey::read(Path::new("/nonexistent")), Err(KeyFault::File(_))));
        Ok(())
    }
}
