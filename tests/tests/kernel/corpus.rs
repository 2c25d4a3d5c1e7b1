//! Every input of the fuzzer's corpus, without the fuzzer: on the host with the same checks, and
//! in the kernel with the host's results.

use std::{fs, path::Path};

use edge_tests::{
    both::{Both, LEAST_FIRST_LEN_BYTES, MIN_FRAME_LEN_BYTES, splits_frames},
    fixture::Fixture,
    fuzzing::{self, Engines, Input},
};
use edge_user::lab::root_or_skip;

#[test]
fn the_host_path_passes_the_checks_of_the_fuzzer() {
    let mut engines = Engines::new();
    for (name, data) in corpus() {
        // Shown where one fails: the checks know the frame, and not the file.
        println!("{name}");
        let _checked = fuzzing::run(&mut engines, &data);
    }
}

#[test]
fn host_and_kernel_agree_on_the_corpus() {
    if !root_or_skip("host_and_kernel_agree_on_the_corpus") {
        return;
    }
    let engines = Engines::new();
    let corpus = corpus();
    let splits = splits_frames();
    for port in fuzzing::PORTS {
        run(engines.fixture(), port, None, &corpus);
        if splits {
            run(engines.fixture(), port, Some(LEAST_FIRST_LEN_BYTES), &corpus);
        }
    }
}

/// Whole, or with so many bytes in the first buffer.
fn run(
    fixture: &Fixture,
    port: &str,
    first_len_bytes: Option<usize>,
    corpus: &[(String, Vec<u8>)],
) {
    let mut both = Both::new(fixture, port);
    let mut frames = 0;
    for (name, data) in corpus {
        let Some(Input { frame: sent, .. }) = Input::parse(data).filter(|it| it.port == port)
        else {
            continue;
        };
        if sent.len() < MIN_FRAME_LEN_BYTES {
            continue;
        }
        // Shown where one fails.
        println!("{name}");
        let first_len_bytes = first_len_bytes
            .map(|first| u32::try_from(first.min(sent.len())).expect("a short frame"));
        let _reason = both.run(sent, first_len_bytes, 1);
        frames += 1;
    }
    assert!(frames > 0, "no frame is received on {port}");
    println!("{port}, {first_len_bytes:?}: {frames} frames");
    both.check_counters();
}

/// The inputs by the names of their files, in order.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/path");
    let files = fs::read_dir(&folder).expect("the corpus is there");
    let mut inputs: Vec<_> = files
        .map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(path).expect("an input"))
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs
}
