//! Files of prefixes: one in each line, and comments behind `#`.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use nix::libc::O_NONBLOCK;
use toml_span::{Span, Spanned};

use super::super::{PrefixesFile, error::Errors, keys::Field, routed::service_prefix};

/// The longest file in bytes: several times all prefixes that a forwarding table has room for.
const MAX_LEN_BYTES: u64 = 1 << 20;

/// Whether the files of prefixes that a configuration names are read with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum PrefixesFiles<'a> {
    /// They are read; relative names are in this directory.
    In(&'a Path),
    /// They are left alone, and taken for empty.
    Leave,
}

/// The prefixes of a file, each with its line.
pub(in super::super) struct ReadPrefixes {
    /// The key that names the file.
    pub(in super::super) at: Span,
    /// The file, as the key has it.
    pub(in super::super) name: String,
    pub(in super::super) lines: Vec<(IpNet, usize)>,
}

impl ReadPrefixes {
    /// Reads the file that a key names. Its first mistake is reported at the key, with the file's line.
    pub(super) fn read(
        name: &Field<String>,
        files: PrefixesFiles<'_>,
        errors: &Errors<'_>,
    ) -> Field<Self> {
        name.and_then(|name| {
            let Spanned { value: text, span } = name;
            let refuse = |refusal: String| {
                errors.add(*span, format!("`prefixes_file` {text:?} {refusal}"));
                None
            };
            if text.is_empty() || text.chars().any(char::is_control) {
                return refuse("is no file's name; give the path of a file of prefixes".to_owned());
            }
            let lines = match files {
                PrefixesFiles::Leave => Ok(Vec::new()),
                PrefixesFiles::In(directory) => lines_of(&directory.join(text)),
            };
            match lines {
                Ok(lines) => Some(Self { at: *span, name: text.clone(), lines }),
                Err(refusal) => refuse(refusal),
            }
        })
    }

    /// The file as the configuration has it.
    pub(super) fn file(&self) -> PrefixesFile {
        let mut prefixes: Vec<IpNet> = self.lines.iter().map(|(prefix, _)| *prefix).collect();
        prefixes.sort_unstable();
        PrefixesFile { path: PathBuf::from(&self.name), prefixes }
    }
}

/// The prefixes of a file with their lines; or the rest of a sentence that begins with the file.
fn lines_of(path: &Path) -> Result<Vec<(IpNet, usize)>, String> {
    let text = text_of(path).map_err(|error| {
        format!("can't be read ({error}); check that it exists and that this user may read it")
    })?;
    let text = text?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let text = line.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        match service_prefix(text) {
            Ok(prefix) => lines.push((prefix, number)),
            Err(refusal) => return Err(format!("is wrong in line {number}, which {refusal}")),
        }
    }
    if lines.is_empty() {
        return Err("has no prefix; write one into each line, or remove the key".to_owned());
    }
    Ok(lines)
}

/// The text of a regular file that is not too long.
fn text_of(path: &Path) -> io::Result<Result<String, String>> {
    // Opening a pipe must not wait for a writer.
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(Err("is no regular file; name a file of prefixes".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_LEN_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LEN_BYTES {
        return Ok(
            Err("has more than 1 MiB; give the prefixes that customers are told".to_owned()),
        );
    }
    Ok(String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8 in line {line}; save the file as UTF-8")
    }))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(String, usize)>, String> {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("prefixes.txt");
        std::fs::write(&path, bytes).expect("written");
        let lines = lines_of(&path)?;
        Ok(lines.into_iter().map(|(prefix, line)| (prefix.to_string(), line)).collect())
    }

    #[test]
    fn a_line_has_a_prefix_and_perhaps_a_comment() {
        let text = b"# services\n\n 20.33.0.0/16 # web\r\n2a01:111::/32\n\t13.64.0.0/11#\n";
        let expected = [("20.33.0.0/16", 3), ("2a01:111::/32", 4), ("13.64.0.0/11", 5)];
        let expected = expected.map(|(prefix, line)| (prefix.to_owned(), line));
        assert_eq!(read(text), Ok(expected.to_vec()));
    }

    #[test]
    fn a_mistake_has_its_line_and_what_to_do() {
        for (bytes, words) in [
            (&b""[..], "has no prefix; write one"),
            (b"# none\n\n", "has no prefix"),
            (
                b"20.33.0.0/16\n20.33.0.1/24\n",
                "in line 2, which is \"20.33.0.1/24\", which has bits",
            ),
            (b"\n20.33.0.0\n", "in line 2, which is \"20.33.0.0\"; give a prefix such as"),
            (b"0.0.0.0/0\n", "in line 1, which is 0.0.0.0/0, the default route"),
            (b"10.1.0.0/16", "in line 1, which is 10.1.0.0/16, which is private (RFC 1918)"),
            (b"8.0.0.0/6", "and so has 10.0.0.0/8, which is private"),
            (b"224.0.0.0/8", "multicast"),
            (b"20.33.0.0/16 20.34.0.0/16", "in line 1"),
            (b"20.33.0.0/16\n\xff\n", "is not UTF-8 in line 2"),
        ] {
            let refusal = read(bytes).expect_err(words);
            assert!(refusal.contains(words), "{refusal}");
        }
        let long = "# a comment of some length\n".repeat(50_000);
        assert!(read(long.as_bytes()).expect_err("long").contains("more than 1 MiB"));
        assert!(lines_of(Path::new("/nonexistent")).expect_err("none").contains("can't be read"));
        assert!(lines_of(Path::new("/proc")).expect_err("none").contains("no regular file"));
    }
}
