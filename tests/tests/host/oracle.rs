//! The host path against an oracle that uses the configuration and no table.

use std::collections::BTreeMap;

use edge_common::Reason;
use edge_tests::{
    fixture::{CONFIG, Fixture},
    frames::{any_frame, how_many},
    oracle::check,
};
use edge_user::plan::Police;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

#[test]
fn the_host_path_does_what_the_configuration_says() {
    let frames = how_many("EDGE_ORACLE_FRAMES", 80_000);
    let fixture = Fixture::of(CONFIG, Police::Off);
    for port in ["customer0", "core0"] {
        let mut host = fixture.host(port);
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let strategy = any_frame();
        let mut seen = BTreeMap::new();
        for _ in 0..frames / 2 {
            let sent = strategy.new_tree(&mut runner).expect("a frame").current();
            let prediction = check(&fixture, port, &mut host, &sent);
            let circuit = prediction.peering.map(|(circuit, kind)| format!("{circuit} {kind}"));
            *seen.entry((prediction.reason.as_str(), circuit)).or_insert(0u64) += 1;
        }
        println!("{port}: {seen:#?}");
        for circuit in &fixture.config.circuits {
            for peering in &circuit.peerings {
                let name = format!("{} {}", circuit.name, peering.kind.as_str());
                let reason = if circuit.enabled { Reason::Ok } else { Reason::CircuitDisabled };
                assert!(seen.contains_key(&(reason.as_str(), Some(name.clone()))), "{name}");
            }
        }
    }
}
