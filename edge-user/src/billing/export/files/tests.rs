use std::{mem, os::unix::fs::MetadataExt as _};

use tempfile::TempDir;

use super::*;
use crate::billing::export::tests::{LEDGER, batch, watermark};

/// A directory to be made, and what holds it.
fn place() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("out");
    (root, dir)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn content(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(name)).unwrap()
}

#[test]
fn a_batch_is_a_file() {
    for format in [RecordFormat::Jsonl, RecordFormat::Csv] {
        let (_root, dir) = place();
        let mut files = Files::new(dir.clone(), format);
        files.deliver(&batch(1, 3)).unwrap();
        files.deliver(&batch(12, 3)).unwrap();
        let name = |number: &str| format!("edge-usage-{LEDGER}-{number}.{}", format.extension());
        assert_eq!(names(&dir), [name("0000000001"), name("0000000012")]);
        assert_eq!(content(&dir, &name("0000000012")), format.encode(&batch(12, 3)).unwrap());
        // The umask can only take from these.
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777 & !0o750, 0);
        let file = fs::metadata(dir.join(name("0000000001"))).unwrap();
        assert_eq!(file.mode() & 0o7777 & !0o640, 0);
        assert_eq!(file.mode() & 0o600, 0o600);
    }
}

/// Checks the files that are there if a run is killed after each step, and that the next run then
/// delivers the batch.
#[test]
fn killed_between_any_two_steps() {
    let whole = RecordFormat::Jsonl.encode(&batch(1, 3)).unwrap();
    let name = format!("edge-usage-{LEDGER}-0000000001.jsonl");
    for steps in 0..=5 {
        for is_collected in [false, true] {
            let (_root, dir) = place();
            let killed = Files::new(dir.clone(), RecordFormat::Jsonl);
            if steps >= 1 {
                killed.prepare(LEDGER).unwrap();
            }
            if steps == 2 {
                let beside = dir.join(format!(".{name}.aBcD0123.tmp"));
                fs::write(beside, &whole[..whole.len() / 2]).unwrap();
            }
            if steps >= 3 {
                let beside = killed.write_beside(&name, &whole).unwrap();
                if steps >= 4 {
                    beside.persist(dir.join(&name)).unwrap();
                } else {
                    // A killed run does not clean up.
                    mem::forget(beside);
                }
            }
            if steps >= 5 {
                sync_dir(&dir).unwrap();
            }
            let seen: Vec<_> = if steps >= 1 { names(&dir) } else { Vec::new() };
            let shown: Vec<_> = seen.iter().filter(|name| !name.starts_with('.')).collect();
            assert_eq!(shown.len(), usize::from(steps >= 4), "{steps}: {seen:?}");
            assert_eq!(seen.len(), usize::from(steps >= 2), "{steps}: {seen:?}");
            for name in shown {
                assert_eq!(content(&dir, name), whole, "{steps}");
                if is_collected {
                    fs::remove_file(dir.join(name)).unwrap();
                }
            }

            Files::new(dir.clone(), RecordFormat::Jsonl).deliver(&batch(1, 3)).unwrap();
            assert_eq!(names(&dir), [name.as_str()], "{steps}");
            assert_eq!(content(&dir, &name), whole, "{steps}");
        }
    }
}

#[test]
fn a_watermark_is_a_file_that_the_next_one_replaces() {
    for format in [RecordFormat::Jsonl, RecordFormat::Csv] {
        let (_root, dir) = place();
        let mut files = Files::new(dir.clone(), format);
        files.announce(&watermark("2026-01-01T01:00:00Z", 2)).unwrap();
        let later = watermark("2026-01-01T02:00:00Z", 3);
        fs::write(dir.join(format!(".edge-watermark-{LEDGER}.json.aBcD0123.tmp")), "{").unwrap();
        Files::new(dir.clone(), format).announce(&later).unwrap();
        let name = format!("edge-watermark-{LEDGER}.json");
        assert_eq!(names(&dir), [name.as_str()]);
        let text = String::from_utf8(content(&dir, &name)).unwrap();
        let expected = format!(
            "{{\"ledger\":\"{LEDGER}\",\"sealed_until\":\"2026-01-01T02:00:00Z\",\"last_seq\":3}}\n"
        );
        assert_eq!(text, expected);
    }
}

#[test]
fn only_own_leftovers_are_removed() {
    let (_root, dir) = place();
    fs::create_dir(&dir).unwrap();
    let own = format!(".edge-usage-{LEDGER}-0000000007.jsonl.aBcD0123.tmp");
    let others = [
        format!(".edge-usage-{}-0000000007.jsonl.aBcD0123.tmp", Uuid::nil()),
        format!(".edge-usage-{LEDGER}-0000000007.csv.aBcD0123.tmp"),
        format!(".edge-usage-{LEDGER}-0000000007.jsonl.aBcD0123"),
        format!(".edge-usage-{LEDGER}-0000000007.jsonl.tmp"),
        format!(".edge-usage-{LEDGER}-0000000007.jsonl.aBcD01234.tmp"),
        format!(".edge-usage-{LEDGER}-000000000x.jsonl.aBcD0123.tmp"),
        format!(".edge-usage-{LEDGER}-7.jsonl.aBcD0123.tmp"),
        format!("edge-usage-{LEDGER}-0000000007.jsonl"),
        ".profile".to_owned(),
        "mine.tmp".to_owned(),
    ];
    for name in others.iter().chain([&own]) {
        fs::write(dir.join(name), "x").unwrap();
    }
    Files::new(dir.clone(), RecordFormat::Jsonl).deliver(&batch(1, 3)).unwrap();
    let mut expected = others.to_vec();
    expected.push(format!("edge-usage-{LEDGER}-0000000001.jsonl"));
    expected.sort();
    assert_eq!(names(&dir), expected);
}

#[test]
fn a_directory_that_comes_and_goes() {
    let (root, dir) = place();
    let mut files = Files::new(dir.join("usage"), RecordFormat::Csv);
    let error = files.deliver(&batch(1, 3)).unwrap_err();
    assert_eq!(error.kind, FailureKind::Local);
    assert!(error.message.contains("mount") && error.message.contains("out/usage"), "{error}");
    assert_eq!(names(root.path()), [""; 0], "a missing mount is not made up for");

    fs::create_dir(&dir).unwrap();
    files.deliver(&batch(1, 3)).unwrap();
    fs::remove_dir_all(dir.join("usage")).unwrap();
    files.deliver(&batch(2, 3)).unwrap_err();
    files.deliver(&batch(2, 3)).unwrap();
    let expected = format!("edge-usage-{LEDGER}-0000000002.csv");
    assert_eq!(names(&dir.join("usage")), [expected]);
}

#[test]
fn what_is_in_the_way_is_an_error_and_stays() {
    let (_root, dir) = place();
    let name = format!("edge-usage-{LEDGER}-0000000001.jsonl");
    fs::create_dir_all(dir.join(&name).join("x")).unwrap();
    let error = Files::new(dir.clone(), RecordFormat::Jsonl).deliver(&batch(1, 3)).unwrap_err();
    assert_eq!(error.kind, FailureKind::Local);
    assert!(error.message.contains(&name), "{error}");
    assert_eq!(names(&dir), [name], "and nothing is left beside it");
}
