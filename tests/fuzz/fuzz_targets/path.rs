//! The packet path of the host on whatever libFuzzer comes up with; the check itself is in
//! `edge_tests::fuzzing`, and runs without libFuzzer on the committed corpus.
#![no_main]

use std::{
    cell::RefCell,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::atomic::{AtomicU8, Ordering},
};

use edge_tests::fuzzing::{self, Engines, Input};
use libfuzzer_sys::fuzz_target;

/// What libFuzzer takes for coverage beside the code's: each port, reason, peering and class once.
/// The path decides by tables, so that the same code runs for all circuits.
#[used]
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static OUTCOMES: [AtomicU8; 4096] = [const { AtomicU8::new(0) }; 4096];

thread_local! {
    static ENGINES: RefCell<Engines> = RefCell::new(Engines::new());
}

fuzz_target!(|data: &[u8]| {
    let Some(left) = ENGINES.with_borrow_mut(|engines| fuzzing::run(engines, data)) else {
        return;
    };
    let mut outcome = DefaultHasher::new();
    Input::parse(data).map(|input| input.port).hash(&mut outcome);
    (left.reason, left.peering, left.class, left.dscp.is_some()).hash(&mut outcome);
    let place = outcome.finish() % OUTCOMES.len() as u64;
    OUTCOMES[place as usize].store(1, Ordering::Relaxed);
});
