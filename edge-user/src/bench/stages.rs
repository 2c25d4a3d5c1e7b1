//! The cost of the path on this machine, against a program that does nothing.

use std::{sync::Barrier, thread};

use anyhow::Result;
use aya::{Ebpf, programs::Xdp};
use edge_common::abi::qos::MAX_RULES;
use etherparse::PacketBuilder;
use serde::Serialize;

use super::{
    edge, load,
    look_ups::{LookUp, RandomTables},
    online_cpus,
    routed::{RoutedPort, STAGES},
    test_run,
    traced::TracedStage,
    udp,
};
use crate::{
    config::sample::{Sample, SampleCircuit},
    kernel::object::{
        program::program,
        variant::{EMPTY_PROGRAM, FRAGS_PROGRAM, PROGRAM},
    },
    replay,
};

/// Length of the frames.
const LEN_BYTES: usize = 128;
/// Runs of a program in one measurement.
const REPEAT: u32 = 1_000_000;
/// Rounds of measurements, of which the median counts. Programs take turns, so that whatever else the
/// machine does falls on all of them.
pub const ROUNDS: usize = 9;

/// The output of `edge bench --json`.
#[derive(Debug, Serialize)]
pub struct StagesReport {
    /// Nanoseconds of the empty program.
    pub empty_ns: f64,
    /// Each kind of frame, with its cost.
    pub stages: Vec<Stage>,
    /// Look-ups by themselves.
    pub look_ups: Vec<LookUp>,
}

/// A kind of frame.
#[derive(Debug, Serialize)]
pub struct Stage {
    /// The part of the path that it takes.
    pub stage: &'static str,
    /// Median of nanoseconds a frame.
    pub ns: f64,
    /// The same over the empty program's.
    pub ratio: f64,
}

/// Measures; tells `progress` each round.
pub fn bench(mut progress: impl FnMut()) -> Result<StagesReport> {
    replay::kernel::stay_on_one_cpu()?;
    let mut ebpf = load(&config())?.ebpf;
    let mut with_rules = load(&config_with_rules())?.ebpf;

    let frames = frames()?;
    let by_rule = udp(0, 100, 10, LEN_BYTES)?;
    let mut empty_ns = Vec::new();
    let mut stages_ns = vec![Vec::new(); frames.len()];
    let (mut rule_ns, mut shared_ns) = (Vec::new(), Vec::new());
    let stage_shared = "whole path, IPv4, all CPUs on one circuit";
    let frame_shared = udp(0x2e, 106, 10, LEN_BYTES)?;
    let mut traced = TracedStage::all(&config())?;
    let mut traced_ns = vec![Vec::new(); traced.len()];
    let mut with_routes = RoutedPort::all()?;
    let mut routed_ns = vec![Vec::new(); with_routes.len()];
    let mut look_ups = RandomTables::all()?;
    let mut look_ups_ns = look_ups.each_ref().map(|_| [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        empty_ns.push(measure(&mut ebpf, EMPTY_PROGRAM, &frames[0].2)?);
        for ((_, name, frame), ns) in frames.iter().zip(&mut stages_ns) {
            ns.push(measure(&mut ebpf, name, frame)?);
        }
        rule_ns.push(measure(&mut with_rules, PROGRAM, &by_rule)?);
        shared_ns.push(measure_on_all_cpus(&mut ebpf, &frame_shared)?);
        for (port, ns) in traced.iter_mut().zip(&mut traced_ns) {
            ns.push(measure(&mut port.ebpf, PROGRAM, &frames[3].2)?);
        }
        for (port, ns) in with_routes.iter_mut().zip(&mut routed_ns) {
            ns.push(port.measure()?);
        }
        for (tables, ns) in look_ups.iter_mut().zip(&mut look_ups_ns) {
            ns.iter_mut().zip(tables.measure()?).for_each(|(all, ns)| all.push(ns));
        }
        progress();
    }
    let empty_ns = median(empty_ns);
    let stages = frames.iter().map(|(stage, ..)| *stage).zip(stages_ns);
    let more =
        [("whole path, IPv4, class by the last of 16 rules", rule_ns), (stage_shared, shared_ns)];
    let routed = STAGES.into_iter().zip(routed_ns);
    let traced = traced.iter().map(|port| port.stage).zip(traced_ns);
    let stages = stages.chain(more).chain(traced).chain(routed).map(|(stage, ns)| {
        let ns = median(ns);
        Stage { stage, ns, ratio: ns / empty_ns }
    });
    let look_ups = look_ups.iter().zip(look_ups_ns);
    let look_ups =
        look_ups.map(|(tables, [ns, serial_ns])| tables.result(median(ns), median(serial_ns)));
    let (stages, look_ups) = (stages.collect(), look_ups.collect());
    Ok(StagesReport { empty_ns, stages, look_ups })
}

/// 100 Gbps is more than test runs on one CPU can offer, and 800 Gbps more than those on all, so
/// that nothing is above the rate; 64 kbps less, so that everything is.
fn config() -> Sample {
    let fast = |name: &str| SampleCircuit::new(name, "100 Gbps");
    edge().circuits([
        fast("fast").s_tag(100).peering("microsoft", 10),
        SampleCircuit::new("slow", "64 kbps").s_tag(101).peering("private", 10),
        fast("there").s_tag(102).key("core_s_tag", 103).peering("private", 10),
        fast("and-back").s_tag(103).key("core_s_tag", 102).peering("private", 10),
        SampleCircuit::new("shared", "800 Gbps").s_tag(106).peering("microsoft", 10),
        fast("popped").s_tag(104).key("core_s_tag", 0).peering("private", 10).of_peering(
            "private",
            "core_c_tag",
            105,
        ),
        fast("pushed").key("core_s_tag", 104).peering("private", 105).of_peering(
            "private",
            "core_c_tag",
            10,
        ),
    ])
}

/// For a program with code for class rules, of which the last that there can be matches.
fn config_with_rules() -> Sample {
    let others =
        (1..MAX_RULES).map(|port| format!("{{ proto = \"udp\", dst_port = 10{port:02} }}"));
    let others = others.collect::<Vec<_>>().join(", ");
    let first = format!("name = \"other\", match = [{others}]");
    let classes = [
        first.as_str(),
        r#"name = "voice", dscp = [46], mark = 46, match = { proto = "udp", dst_port = 2 }"#,
        r#"name = "rest", dscp = ["default"]"#,
    ];
    config()
        .change_circuit("fast", |fast| fast.of_peering("microsoft", "qos", "rules"))
        .qos("rules", classes)
}

/// Frames by how far they get, and the program that takes them. A repeated run sees the frame as
/// the one before left it: unchanged, or with tags that the next run changes back.
fn frames() -> Result<[(&'static str, &'static str, Vec<u8>); 9]> {
    let unmatched = udp(0x2e, 100, 11, LEN_BYTES)?;
    let mut arp = udp(0, 100, 10, LEN_BYTES)?;
    arp[20..22].copy_from_slice(&[0x08, 0x06]);
    let mut untagged = arp.clone();
    untagged[12..14].copy_from_slice(&[0x08, 0x06]);
    Ok([
        ("tags: untagged, dropped", PROGRAM, untagged),
        ("attachment: unmatched, dropped", PROGRAM, unmatched),
        ("whole path, not IP", PROGRAM, arp),
        ("whole path, IPv4", PROGRAM, udp(0x2e, 100, 10, LEN_BYTES)?),
        ("whole path, IPv6", PROGRAM, udp_v6(0x2e, 100, 10)?),
        (
            "whole path, IPv4, program for jumbo frames",
            FRAGS_PROGRAM,
            udp(0x2e, 100, 10, LEN_BYTES)?,
        ),
        ("whole path, IPv4, S-tag translated", PROGRAM, udp(0x2e, 102, 10, LEN_BYTES)?),
        ("whole path, IPv4, S-tag popped or pushed", PROGRAM, udp(0x2e, 104, 10, LEN_BYTES)?),
        ("above the rate, dropped", PROGRAM, udp(0x2e, 101, 10, LEN_BYTES)?),
    ])
}

fn udp_v6(dscp: u8, s_vid: u16, c_vid: u16) -> Result<Vec<u8>> {
    let header = etherparse::Ipv6Header {
        traffic_class: dscp << 2,
        payload_length: 8 + 58,
        next_header: etherparse::IpNumber::UDP,
        hop_limit: 64,
        ..etherparse::Ipv6Header::default()
    };
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
        .double_vlan(s_vid.try_into()?, c_vid.try_into()?)
        .ip(etherparse::IpHeaders::Ipv6(header, etherparse::Ipv6Extensions::default()))
        .udp(1, 2);
    let mut frame = Vec::new();
    builder.write(&mut frame, &[0; 58])?;
    Ok(frame)
}

/// Nanoseconds a run of the program `name`.
fn measure(ebpf: &mut Ebpf, name: &str, frame: &[u8]) -> Result<f64> {
    test_run(program(ebpf, name)?, frame, REPEAT)
}

/// [`measure`], on all CPUs at once; the slowest one's.
fn measure_on_all_cpus(ebpf: &mut Ebpf, frame: &[u8]) -> Result<f64> {
    let cpus = online_cpus()?;
    let program: &Xdp = program(ebpf, PROGRAM)?;
    let start = Barrier::new(cpus.len());
    thread::scope(|scope| {
        let run = |cpu: u32| {
            let start = &start;
            scope.spawn(move || -> Result<f64> {
                let moved = replay::kernel::move_to_cpu(cpu as usize);
                // A thread that can't move must not keep the others waiting.
                start.wait();
                moved?;
                test_run(program, frame, REPEAT)
            })
        };
        let threads: Vec<_> = cpus.into_iter().map(run).collect();
        let ns = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        Ok(ns.collect::<Result<Vec<f64>>>()?.into_iter().fold(0.0, f64::max))
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
