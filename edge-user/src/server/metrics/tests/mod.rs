//! Answers, read back by a strict reader.

mod documents;
mod large;
mod reader;

use std::{collections::BTreeSet, fs, path::Path};

use self::{
    documents::{circuit, figures, status},
    reader::{Answer, read},
};
use super::{
    exposition,
    families::families,
    format::TextFormat,
    reference::reference,
    selection::{DetailSelection, RefusedQuery},
};
use edge_api::CircuitStatus;

/// Series of the routed part: 3 sessions, one of them without BFD, 2 neighbours, a domain and its link.
const ROUTED: usize = 3 * 4 - 1 + 2 + 2 + 3;

const FORMATS: [TextFormat; 2] = [TextFormat::OpenMetrics, TextFormat::Text];

fn of_circuits(names: &[&str]) -> DetailSelection {
    DetailSelection { circuits: names.iter().map(|name| (*name).to_owned()).collect(), all: false }
}

/// The answer, which has the same samples in both formats.
fn answer(circuits: Vec<CircuitStatus>, selection: &DetailSelection) -> Answer {
    let figures = figures(circuits);
    let [open, plain] = FORMATS.map(|format| {
        let text = exposition(figures.clone(), selection, format).expect("a text");
        read(&text, format).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
    });
    assert_eq!(open.samples, plain.samples);
    open
}

#[test]
fn an_answer_has_the_sums_of_each_circuit() {
    let answer = answer(vec![circuit("contoso", 0), circuit("fabrikam", 100)], &of_circuits(&[]));
    for (sample, value) in [
        ("edge_info{edge=ams-1,version=0.1.0}", "1"),
        ("edge_uptime_seconds{}", "12.5"),
        ("edge_port_frames_total{port=C1,reason=ok}", "7"),
        ("edge_port_frames_total{port=C1,reason=no-egress}", "2"),
        ("edge_port_attached{port=C1}", "1"),
        ("edge_port_attached{port=P1}", "0"),
        ("edge_port_up{port=C1}", "1"),
        ("edge_port_up{port=P1}", "0"),
        ("edge_port_carrier{port=C1}", "1"),
        ("edge_port_carrier{port=P1}", "0"),
        ("edge_port_carrier_changes_total{port=C1}", "4"),
        ("edge_port_speed_bps{port=C1}", "10000000000"),
        ("edge_port_sold_bps{port=C1}", "2000000000"),
        ("edge_port_sold_bps{port=P1}", "2000000000"),
        ("edge_port_mtu_bytes{port=C1}", "1504"),
        ("edge_ledger_ok{}", "1"),
        ("edge_ledger_last_booked_timestamp_seconds{}", "1700000000"),
        ("edge_export_ok{export=billing}", "0"),
        ("edge_export_batches_total{export=billing}", "3"),
        ("edge_router_ok{}", "0"),
        ("edge_config_saved{}", "0"),
        ("edge_config_confirmed{}", "1"),
        ("edge_condition{kind=port-dead,port=P1,circuit=,export=,direction=,link=}", "1"),
        (
            "edge_condition{kind=over-rate,port=,circuit=contoso,export=,direction=inbound,link=primary}",
            "1",
        ),
        ("edge_conditions_left_out{}", "3"),
        ("edge_circuit_bandwidth_bps{circuit=contoso}", "1000000000"),
        // Two peerings of 1 and 2 frames in each of two classes, 10 times as much outbound.
        ("edge_circuit_forwarded_frames_total{circuit=contoso,direction=inbound}", "6"),
        ("edge_circuit_forwarded_frames_total{circuit=contoso,direction=outbound}", "60"),
        ("edge_circuit_forwarded_bytes_total{circuit=contoso,direction=inbound}", "600"),
        ("edge_circuit_forwarded_bytes_total{circuit=contoso,direction=outbound}", "6000"),
        ("edge_circuit_dropped_frames_total{circuit=contoso,direction=inbound}", "12"),
        ("edge_circuit_dropped_frames_total{circuit=contoso,direction=outbound}", "120"),
        ("edge_circuit_refused_frames_total{circuit=contoso}", "198"),
        ("edge_circuit_forwarded_frames_total{circuit=fabrikam,direction=inbound}", "406"),
        // 6 of each of 8 classes, and 6 of each of 2 buckets, of both circuits.
        ("edge_series_left_out{}", "120"),
    ] {
        assert_eq!(answer.samples.get(sample).map(String::as_str), Some(value), "{sample}");
    }
    assert_eq!(answer.samples.len(), 28 + 2 * 8 + ROUTED);
}

#[test]
fn an_answer_has_each_session_neighbour_and_domain() {
    let answer = answer(vec![circuit("contoso", 0)], &of_circuits(&[]));
    let up = "circuit=contoso,peering=private,link=primary,vnet=,family=ipv4";
    let over = "circuit=contoso,peering=private,link=secondary,vnet=,family=ipv4";
    let hub = "circuit=contoso,peering=private,link=,vnet=hub,family=ipv6";
    for (name, labels, value) in [
        ("bgp_up", up, Some("1")),
        ("bgp_up", over, Some("0")),
        ("bgp_up", hub, Some("0")),
        ("bfd_up", up, Some("1")),
        ("bfd_up", over, Some("0")),
        ("bfd_up", hub, None),
        ("routes", up, Some("12")),
        ("route_limit", up, Some("4000")),
        ("route_limit", hub, Some("100")),
        ("neighbour_up", up, Some("1")),
        ("neighbour_up", hub, Some("0")),
        ("fib_swaps_total", "circuit=contoso,peering=private", Some("3")),
        ("fib_lag_seconds", "circuit=contoso,peering=private", Some("2.5")),
        ("arp_availability_percent", "circuit=contoso,peering=private,link=primary", Some("100.0")),
        ("bgp_availability_percent", "circuit=contoso,peering=private,link=primary", Some("98.5")),
        ("drained", "circuit=contoso,peering=private,link=primary", Some("0.0")),
    ] {
        let sample = format!("edge_{name}{{{labels}}}");
        assert_eq!(answer.samples.get(&sample).map(String::as_str), value, "{sample}");
    }
}

#[test]
fn detail_is_of_the_circuits_that_are_asked_for() {
    let circuits = || vec![circuit("contoso", 0), circuit("fabrikam", 0)];
    let few = answer(circuits(), &of_circuits(&[]));
    let one = answer(circuits(), &of_circuits(&["fabrikam"]));
    let all = answer(circuits(), &DetailSelection { all: true, ..DetailSelection::default() });
    assert_eq!(
        [few.samples.len(), one.samples.len(), all.samples.len()],
        [44, 104, 164].map(|of_wires| of_wires + ROUTED)
    );
    assert_eq!(one.samples["edge_series_left_out{}"], "60");
    assert_eq!(all.samples["edge_series_left_out{}"], "0");
    let bulk = "circuit=fabrikam,peering=private,port=P1,link=primary,direction=outbound,class=low";
    for (sample, value) in [
        (format!("edge_forwarded_frames_total{{{bulk}}}"), "10"),
        (format!("edge_forwarded_bytes_total{{{bulk}}}"), "1000"),
        (format!("edge_dropped_frames_total{{{bulk}}}"), "20"),
        (format!("edge_dropped_bytes_total{{{bulk}}}"), "2000"),
        (format!("edge_refused_frames_total{{{bulk}}}"), "30"),
        (format!("edge_refused_bytes_total{{{bulk}}}"), "3000"),
    ] {
        assert_eq!(one.samples.get(&sample).map(String::as_str), Some(value), "{sample}");
    }
    let bucket = "circuit=fabrikam,peering=,class=,direction=inbound,link=primary";
    for (name, value) in [
        ("rate_bps", "1000000000"),
        ("used_bytes", "11"),
        ("peak_1ms_bps", "12"),
        ("peak_100ms_bps", "13"),
        ("leases_total", "14"),
        ("retries_total", "15"),
    ] {
        let sample = format!("edge_policer_{name}{{{bucket}}}");
        assert_eq!(one.samples.get(&sample).map(String::as_str), Some(value), "{sample}");
    }
    let detail = ["_forwarded_", "_dropped_", "_refused_", "_policer_"];
    let of_another = |sample: &&String| {
        let is_detail = detail.iter().any(|name| sample.starts_with(&format!("edge{name}")));
        is_detail && sample.contains("contoso")
    };
    assert_eq!(one.samples.keys().find(of_another), None);
}

#[test]
fn a_circuit_that_is_not_there_is_refused() {
    let status = status(vec![circuit("contoso", 0)]);
    assert_eq!(of_circuits(&["contoso"]).check(&status), Ok(()));
    let refused = of_circuits(&["contoso", "kontoso"]).check(&status).expect_err("no such circuit");
    let text = "there is no circuit \"kontoso\"; did you mean \"contoso\"?";
    assert_eq!(refused.to_string(), text);
    let refused = of_circuits(&["a\nb"]).check(&status).expect_err("no such circuit");
    assert_eq!(refused, RefusedQuery::Circuit { name: "a\nb".to_owned(), nearest: None });
    assert_eq!(refused.to_string(), "there is no circuit \"a\\nb\"");
}

#[test]
fn labels_are_escaped() {
    let name = "a \"quoted\" \\ name\n{of=three,lines}\n# EOF";
    let answer = answer(vec![circuit(name, 0)], &of_circuits(&[name]));
    assert_eq!(
        answer.samples[&format!("edge_circuit_bandwidth_bps{{circuit={name}}}")],
        "1000000000"
    );
    let of_it = answer.samples.keys().filter(|sample| sample.contains(name)).count();
    assert_eq!(of_it, 8 + 60);
}

#[test]
fn each_family_of_the_table_is_in_an_answer() {
    let answer = answer(vec![circuit("contoso", 0)], &of_circuits(&["contoso"]));
    let mut names = BTreeSet::new();
    for family in families() {
        let name = family.name();
        let begin = format!("{name}{{{}", family.labels.first().map_or("", |label| label));
        assert!(answer.samples.keys().any(|sample| sample.starts_with(&begin)), "{begin}");
        let help = family.help;
        let is_a_sentence = help.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
            && help.ends_with('.')
            && !help.contains("  ")
            && !help.contains(['\\', '\n', '|', '"']);
        assert!(is_a_sentence, "{name}: {help}");
        // The rule of the reference's second job.
        let rest = name.strip_prefix("edge_").expect("the prefix");
        let detailed = ["forwarded_", "dropped_", "refused_", "policer_"];
        let is_kept = detailed.iter().any(|prefix| rest.starts_with(prefix));
        assert_eq!(is_kept, family.extent().is_detail(), "{name}");
        assert!(names.insert(name), "{}", family.name());
    }
    assert_eq!(answer.families, families().count());
}

#[test]
fn the_document_has_each_family() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    if std::env::var_os("EDGE_WRITE_DOCS").is_some() {
        fs::write(&path, reference()).expect("writing the document");
    }
    let document = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        document == reference(),
        "docs/metrics.md is not as the table of metrics has it; write it again with \
         `EDGE_WRITE_DOCS=1 cargo test -p edge-user --lib metrics`",
    );
}
