//! The files with keys of sessions.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tempfile::TempDir;

use super::{
    super::super::{ConfigDigest, load, load_without_keys},
    ROUTED,
};

/// A configuration in a directory, with its key file.
struct WithKey {
    _directory: TempDir,
    config: PathBuf,
    key: PathBuf,
}

impl WithKey {
    fn new(key: &[u8]) -> Self {
        let directory = TempDir::new().expect("a directory");
        let own = Self {
            config: directory.path().join("edge.toml"),
            key: directory.path().join("contoso.key"),
            _directory: directory,
        };
        let key_path = own.key.to_str().expect("UTF-8");
        fs::write(&own.config, ROUTED.replace("/etc/edge/keys/contoso", key_path)).expect("a file");
        fs::write(&own.key, key).expect("a file");
        own.mode(0o600);
        own
    }

    fn mode(&self, mode: u32) {
        fs::set_permissions(&self.key, Permissions::from_mode(mode)).expect("permissions");
    }

    /// The error of the configuration, by position; `None`: it is correct.
    fn error(&self) -> Option<(usize, usize, String)> {
        let errors = load(&self.config).err()?;
        let [only] = errors.errors() else { panic!("{errors}") };
        let at = only.position.expect("a place");
        Some((at.line, at.column, only.message.clone()))
    }
}

fn expect(with: &WithKey, words: &str) {
    let (line, column, message) = with.error().expect(words);
    let expected = ROUTED.lines().position(|line| line.starts_with("key_file")).expect("there") + 1;
    assert_eq!((line, column), (expected, 12));
    assert!(
        message.starts_with(&format!("`key_file` {:?} ", with.key.display().to_string())),
        "{message}"
    );
    assert!(message.contains(words), "{message}");
    // Others than those who run the edge may read the configuration.
    assert!(load_without_keys(&with.config).is_ok());
}

#[test]
fn a_key_is_one_line_of_a_file_that_its_owner_alone_reads() {
    let with = WithKey::new(b"correct horse\n");
    assert_eq!(with.error(), None);
    for mode in [0o400, 0o600, 0o700] {
        with.mode(mode);
        assert_eq!(with.error(), None, "{mode:o}");
    }
    for mode in [0o640, 0o604, 0o620, 0o610, 0o601, 0o666] {
        with.mode(mode);
        expect(
            &with,
            &format!("can be read or written by others (mode {mode:04o}); `chmod 600` it"),
        );
    }
}

#[test]
fn wrong_keys_are_told_without_the_key() {
    for (key, words) in [
        (&b""[..], "is empty; write the key into it"),
        (b"\n", "is empty"),
        (b"hunter2\nhunter3\n", "character at place 8"),
        (b"hunter\"2", "character at place 7"),
        (b"hunter\x7f", "character at place 7"),
        ("hünter".as_bytes(), "character at place 2"),
        (&[b'h'; 81], "more than 80 bytes"),
        (&vec![b'h'; 100_000], "more than 80 bytes"),
    ] {
        let with = WithKey::new(key);
        expect(&with, words);
        let (_, _, message) = with.error().expect("wrong");
        assert!(!message.contains("hunter") && !message.contains("hhh"), "{message}");
    }
}

#[test]
fn what_is_no_file_has_no_key() {
    let with = WithKey::new(b"key");
    fs::remove_file(&with.key).expect("it was there");
    expect(&with, "can't be read (No such file or directory");
    fs::create_dir(&with.key).expect("a directory");
    expect(&with, "is no regular file");
    fs::remove_dir(&with.key).expect("it was there");
    // Nobody writes into the pipe: the check must not wait.
    mkfifo(&with.key, Mode::S_IRUSR).expect("a pipe");
    expect(&with, "is no regular file");
    fs::remove_file(&with.key).expect("it was there");
    symlink(with.key.with_extension("real"), &with.key).expect("a link");
    expect(&with, "can't be read (No such file");
    fs::write(with.key.with_extension("real"), "key\n").expect("a file");
    with.mode(0o600);
    assert_eq!(with.error(), None);
}

#[test]
fn a_configuration_has_no_key() {
    let with = WithKey::new(b"hunter2");
    let config = load(&with.config).expect("correct");
    let document = serde_json::to_string(&config).expect("a document");
    assert!(!format!("{config:?}{document}").contains("hunter2"));
    let digest = ConfigDigest::new(&config);
    fs::write(&with.key, "hunter3").expect("a file");
    assert_eq!(ConfigDigest::new(&load(&with.config).expect("correct")), digest);
    let session =
        config.circuits[0].peerings[0].routed.as_ref().and_then(|own| own.session.as_ref());
    let path: &Path = session.and_then(|session| session.key_file.as_deref()).expect("a file");
    let key = super::super::super::read_key(path).expect("a key");
    assert_eq!((key.secret(), format!("{key:?}")), ("hunter3", "Md5Key(…)".into()));
}
