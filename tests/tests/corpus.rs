//! Every input of the fuzzer's corpus, without the fuzzer: on the host with the same checks, and
//! in the kernel with the host's results.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use edge_common::{Action, abi::Outcome};
use edge_tests::{
    fixture::Fixture,
    fuzzing::{self, Engines, Input},
};
use edge_user::{
    lab::root_or_skip,
    replay::{Engine, KernelEngine},
};

/// XDP actions (linux/bpf.h).
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_REDIRECT: u32 = 4;
/// The kernel runs nothing shorter than an Ethernet header.
const MIN_FRAME_LEN_BYTES: usize = 14;

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
    for port in fuzzing::PORTS {
        run(engines.fixture(), port, Delivery::Whole, &corpus);
        let mut kernel = engines.fixture().kernel(port).expect("the program loads");
        if Delivery::InBuffers.run(&mut kernel, &mut vec![0; 64]).is_ok() {
            run(engines.fixture(), port, Delivery::InBuffers, &corpus);
        } else {
            println!("SKIPPED: frames in several buffers: this kernel runs them whole");
        }
    }
}

/// How frames get to the kernel, and so to which program.
#[derive(Clone, Copy, Debug)]
enum Delivery {
    Whole,
    /// With nothing but the header and two tags in the first buffer.
    InBuffers,
}

impl Delivery {
    fn run(self, kernel: &mut KernelEngine, frame: &mut Vec<u8>) -> Result<(Outcome, u32)> {
        const FIRST_LEN_BYTES: u32 = 22;
        match self {
            Self::Whole => kernel.run_for_action(frame, 1),
            Self::InBuffers => {
                let len_bytes = u32::try_from(frame.len()).context("a short frame")?;
                kernel.run_in_buffers(frame, FIRST_LEN_BYTES.min(len_bytes), 1)
            }
        }
    }
}

fn run(fixture: &Fixture, port: &str, delivery: Delivery, corpus: &[(String, Vec<u8>)]) {
    let mut host = fixture.host(port);
    let mut kernel = fixture.kernel(port).expect("the program loads");
    let mut frames = 0;
    for (name, data) in corpus {
        let Some(Input { frame: sent, .. }) = Input::parse(data).filter(|it| it.port == port)
        else {
            continue;
        };
        if sent.len() < MIN_FRAME_LEN_BYTES {
            continue;
        }
        let told = format!("{name} on {port}, {delivery:?}: {sent:02x?}");
        let (mut by_host, mut by_kernel) = (sent.to_vec(), sent.to_vec());
        let by_path = host.run(&mut by_host, 1).expect("the host path runs");
        let (outcome, action) =
            delivery.run(&mut kernel, &mut by_kernel).expect("the program runs");
        assert_eq!(outcome, by_path, "{told}");
        assert_eq!(by_kernel, by_host, "{told}");
        let expected = match by_path.reason().map(|it| it.action(fixture.config.edge.unmatched)) {
            Some(Action::Forward) => XDP_REDIRECT,
            Some(Action::Pass) => XDP_PASS,
            Some(Action::Drop) => XDP_DROP,
            None => panic!("without a reason: {told}"),
        };
        assert_eq!(action, expected, "{told}");
        frames += 1;
    }
    assert!(frames > 0, "no frame is received on {port}");
    println!("{port}, {delivery:?}: {frames} frames");

    let counters = |engine: &dyn Engine| {
        let attachments = fixture.plan.attachments.iter();
        let meters = attachments.map(|known| engine.meter(known.index).expect("a meter"));
        (engine.port_counters().expect("counters"), meters.collect::<Vec<_>>())
    };
    assert_eq!(counters(&kernel), counters(&host), "{port}, {delivery:?}");
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
