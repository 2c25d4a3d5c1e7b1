//! Circuits deliver their rate: the loaded program, with the kernel's clock.

use std::time::Duration;

use edge_user::{
    bench::policer::{Bench, Cell, Load, Size},
    lab::root_or_skip,
};

/// Of the rate, either way.
const TOLERANCE: f64 = 0.005;

#[test]
fn circuits_deliver_their_rate() {
    if !root_or_skip("circuits_deliver_their_rate") {
        return;
    }
    // Rates at which other policers are known to fail, and which a slow machine can exceed.
    let rates_bps = [50_000_000, 123_456_789, 1_000_000_000, 3_700_000_000];
    let bench = Bench::load(&rates_bps).expect("the programs load");
    let all = bench.cpus();
    let cell = |rate_bps, size, cpus, load| Cell { rate_bps, size, cpus, load };
    for cell in [
        cell(50_000_000, Size::Bytes(64), 1, Load::Times(1.05)),
        cell(123_456_789, Size::Imix, all, Load::Times(2.0)),
        cell(1_000_000_000, Size::Bytes(1518), 1, Load::Flat),
        cell(3_700_000_000, Size::Bytes(1518), all, Load::Flat),
        cell(3_700_000_000, Size::Bytes(9000), 1, Load::Times(1.05)),
    ] {
        let row = bench.measure(cell, Duration::from_secs(1)).expect("test runs");
        println!("{row:?}");
        let error = row.error().unwrap_or_else(|| panic!("too little was offered: {row:?}"));
        assert!(
            error.abs() <= TOLERANCE + row.measured.resolution,
            "{:+} ppm: {row:?}",
            error * 1e6
        );
    }
}

#[test]
fn a_load_just_below_the_rate_loses_nothing() {
    if !root_or_skip("a_load_just_below_the_rate_loses_nothing") {
        return;
    }
    let bench = Bench::load(&[50_000_000, 1_000_000_000]).expect("the programs load");
    for rate_bps in [50_000_000, 1_000_000_000] {
        let cell = Cell { rate_bps, size: Size::Imix, cpus: bench.cpus(), load: Load::WITHIN };
        let row = bench.measure(cell, Duration::from_secs(1)).expect("test runs");
        println!("{row:?}");
        // On a busy machine less is offered, of which nothing may be lost, either.
        assert_eq!(row.measured.dropped_frames, 0, "{row:?}");
    }
}
