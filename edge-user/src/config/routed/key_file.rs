//! The files with keys of BGP sessions.
//!
//! A key is read where it is needed, and kept nowhere else: no configuration, digest, message or log has it.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::{libc::O_NONBLOCK, unistd::geteuid};

/// The longest key in bytes: `TCP_MD5SIG_MAXKEYLEN` of the kernel.
const MAX_LEN_BYTES: usize = 80;

/// Whether the files that a configuration names are read with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum KeyFiles {
    /// They are read, and must have keys.
    Read,
    /// They are left alone.
    Leave,
}

/// A key of a BGP session: 1 to 80 printable ASCII characters without a double quote.
#[derive(Clone, PartialEq, Eq)]
pub struct Md5Key(String);

impl Md5Key {
    /// The key itself, for the kernel or the routing daemon's configuration and nobody else.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Md5Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5Key(…)")
    }
}

/// A file without a usable key. The message is the rest of a sentence that begins with the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file can't be read.
    #[error("can't be read ({0}); check that it exists and that this user may read it")]
    Unreadable(#[from] io::Error),
    /// It is a directory, a device or a pipe.
    #[error("is no regular file; name a file with the key alone")]
    NotAFile,
    /// Others than the owner can read or write it.
    #[error("can be read or written by others (mode {mode:04o}); `chmod 600` it")]
    Open {
        /// The permission bits.
        mode: u32,
    },
    /// Somebody else could put another key there.
    #[error("belongs to user {uid}; have root, or the user that runs edge, own it")]
    Foreign {
        /// The owner.
        uid: u32,
    },
    /// There is no key in it.
    #[error("is empty; write the key into it, in one line")]
    Empty,
    /// The key is longer than the kernel takes.
    #[error(
        "has a key of more than 80 bytes, which TCP's MD5 option does not take; shorten the key"
    )]
    TooLong,
    /// The key has a character that the daemon's configuration can't express.
    #[error(
        "has a character at place {0} that a key can't have; give one line of printable ASCII \
         characters, without a double quote"
    )]
    Character(usize),
}

/// Reads the key in the file at `path`. One end of line behind it is no part of it.
pub fn read_key(path: &Path) -> Result<Md5Key, KeyFileError> {
    // Opening a pipe must not wait for a writer.
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile);
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open { mode });
    }
    let uid = metadata.uid();
    if uid != 0 && uid != geteuid().as_raw() {
        return Err(KeyFileError::Foreign { uid });
    }
    let mut bytes = Vec::new();
    // Enough to tell that a key is too long, however long the file is.
    file.take(MAX_LEN_BYTES as u64 + 3).read_to_end(&mut bytes)?;
    key(&bytes)
}

fn key(bytes: &[u8]) -> Result<Md5Key, KeyFileError> {
    let key = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    let is_taken = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'"';
    if let Some(place) = key.iter().position(|byte| !is_taken(byte)) {
        return Err(KeyFileError::Character(place + 1));
    }
    match key.len() {
        0 => Err(KeyFileError::Empty),
        1..=MAX_LEN_BYTES => Ok(Md5Key(key.iter().copied().map(char::from).collect())),
        _ => Err(KeyFileError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_one_line_of_what_a_daemon_takes() {
        let longest = "x".repeat(80);
        for (bytes, expected) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            (" two words ~'\\ \n", " two words ~'\\ "),
            (&longest, &longest),
            (&format!("{longest}\r\n"), &longest),
        ] {
            assert_eq!(key(bytes.as_bytes()).expect("a key").secret(), expected);
        }
        for (bytes, words) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            (b"a\nb\n", "character at place 2"),
            (b"a\"b", "character at place 2"),
            (b"a\tb", "character at place 2"),
            (b"secret\n\n", "character at place 7"),
            ("sécret".as_bytes(), "character at place 2"),
            (&[b'x'; 81], "more than 80 bytes"),
        ] {
            let error = key(bytes).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn no_text_of_a_key_or_an_error_has_the_key() {
        let key = Md5Key("hunter2".into());
        assert_eq!((format!("{key:?}"), key.secret()), ("Md5Key(…)".into(), "hunter2"));
        for bytes in ["hunter2\0", &"hunter2".repeat(12)] {
            let error = super::key(bytes.as_bytes()).expect_err("no key");
            assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
        }
    }
}
