//! Peerings of one circuit with different profiles share its bucket: neither drops the other's
//! lease.

use std::path::Path;

use edge_common::Reason;
use edge_tests::frames::{frame, ipv4};
use edge_user::{
    config::{
        self,
        sample::{Sample, SampleCircuit, SamplePort},
    },
    plan::{Capacity, Plan, Police},
    replay::{HostEngine, PathEngine as _},
};

fn sample() -> Sample {
    let circuit = SampleCircuit::new("two-profiles", "10 Gbps")
        .key("burst", "5ms")
        .s_tag(100)
        .peering("private", 10)
        .peering("microsoft", 20)
        .of_peering("microsoft", "qos", "own");
    Sample::new("test")
        .port(SamplePort::new("customer0", "customer"))
        .circuit(circuit)
        .qos("own", [r#"name = "all", dscp = ["default"], mark = 0, burst_share = 0.9"#])
}

#[test]
fn half_the_rate_on_two_profiles_loses_nothing() {
    let config = config::parse(&sample().to_string(), Path::new("test.toml"));
    let config = config.unwrap_or_else(|e| panic!("{e}"));
    let capacity = Capacity::for_config(&config);
    let plan = Plan::new(&config, &capacity.unused(), Police::Purchased).expect("room");
    let mut engine = HostEngine::new(&plan, &plan.ports[0], &capacity);
    let packet = ipv4(0, 1500);
    let frames = [10, 20].map(|c_vid| frame(&[(0x88a8, 100), (0x8100, c_vid)], 0x0800, &packet));
    // 1,522 bytes at 5 Gbps take 2,435 ns.
    for number in 0..200_000 {
        let mut frame = frames[number % 2].clone();
        let outcome = engine.run(&mut frame, 2_435 * number as u64).expect("the path runs");
        assert_eq!(outcome.reason(), Some(Reason::Ok), "frame {number}");
    }
}
