//! Reports about circuits of each kind, by the host's path.

use super::*;
use crate::{
    config::{
        self,
        sample::{Sample, SampleCircuit},
    },
    plan::{Capacity, Police},
    replay::HostEngine,
};

fn report(sample: &Sample, police: Police) -> VerifyReport {
    let config = config::parse(&sample.to_string(), "edge.toml".as_ref()).expect("a configuration");
    let capacity = Capacity::for_config(&config);
    let plan = Plan::new(&config, &capacity.unused(), police).expect("a plan");
    let engine = |port: &PortPlan| -> Result<Box<dyn PathEngine>> {
        Ok(Box::new(HostEngine::new(&plan, port, &capacity)))
    };
    verify(&config, &plan, &config.circuits[0], engine).expect("the host's path runs")
}

fn contoso(bandwidth: &str) -> SampleCircuit {
    SampleCircuit::new("contoso", bandwidth).s_tag(100).peering("private", 10)
}

#[test]
fn a_sound_circuit_passes_each_step_whatever_its_keys() {
    for (bandwidth, key, value) in [
        ("64 kbps", "accounting", "l1"),
        ("50 Mbps", "accounting", "l3"),
        ("1 Gbps", "fairness", "flow"),
        ("2.5 Gbps", "ecn", "mark"),
        ("10 Gbps", "accounting", "mef"),
        ("100 Gbps", "policing", "peering-link"),
    ] {
        // A small burst takes fewer frames.
        let circuit = contoso(bandwidth).key(key, value).key("burst", "128 KB");
        let report = report(&Sample::lab().circuit(circuit), Police::Purchased);
        assert!(report.passed, "{bandwidth}, {key}: {report:#?}");
        assert_eq!(report.services.len(), 2);
        for service in &report.services {
            assert_eq!(service.steps.len(), 15);
            let above = service.steps.iter().filter(|step| step.load_percent == 110);
            assert!(above.clone().all(|step| step.lost.contains_key("over-rate")), "{service:#?}");
            assert_eq!(above.count(), 3);
        }
    }
}

#[test]
fn a_burst_larger_than_any_default_is_used_up_before_the_rate_is_judged() {
    let circuit = contoso("1 Gbps").key("burst", "160 MB");
    let report = report(&Sample::lab().circuit(circuit), Police::Purchased);
    assert!(report.passed, "{report:#?}");
}

#[test]
fn faults_are_found() {
    let open = report(&Sample::lab().circuit(contoso("1 Gbps")), Police::Off);
    assert!(!open.passed);
    let above = open.services[0].steps.iter().filter(|step| step.load_percent == 110);
    assert!(above.clone().all(|step| step.verdict == StepVerdict::TooMuch), "{open:#?}");

    let closed = contoso("1 Gbps").key("enabled", false);
    let closed = report(&Sample::lab().circuit(closed), Police::Purchased);
    assert!(!closed.passed);
    let first = &closed.services[0].steps[0];
    assert_eq!((first.verdict, first.lost["circuit-disabled"]), (StepVerdict::Loss, 2_000));
}

#[test]
fn tags_of_each_side_and_a_class_with_its_own_rate_are_those_of_the_configuration() {
    let circuit = contoso("1 Gbps")
        .key("core_s_tag", 2100)
        .key("burst", "128 KB")
        .of_peering("private", "core_c_tag", 0)
        .of_peering("private", "bandwidth", "100 Mbps");
    let report = report(&Sample::lab().circuit(circuit), Police::Purchased);
    assert!(report.passed, "{report:#?}");
    let rates: Vec<u64> = report.services.iter().map(|service| service.rate_bps).collect();
    assert_eq!(rates, [100_000_000; 2]);
}
