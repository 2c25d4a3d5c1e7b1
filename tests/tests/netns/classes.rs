//! Classes of one circuit beside each other, as the policer's shares of the burst have it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use edge_api::Counters;
use edge_tests::{
    daemon::{Daemon, detach, status},
    ends::{PORTS, lab},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{
        IpFamily, TagStack, WireKey, root_or_skip,
        udp::{self, UdpLoad},
    },
};

const RATE_BPS: u64 = 100_000_000;
/// Expedited forwarding.
const EF: u8 = 46;
const LENGTH: Duration = Duration::from_secs(3);
const SETTLE: Duration = Duration::from_secs(5);

fn config(default_share: &str) -> Sample {
    let contoso = SampleCircuit::new("contoso", RATE_BPS)
        .s_tag(100)
        .peering("private", 10)
        .of_peering("private", "qos", "calls");
    let classes = [
        format!(r#"name = "voice", dscp = [{EF}]"#),
        format!(r#"name = "rest", dscp = ["default"], burst_share = {default_share}"#),
    ];
    Sample::lab().circuit(contoso).qos("calls", classes)
}

/// Frames of one class.
#[derive(Debug)]
struct Fate {
    offered: u64,
    /// By the edge.
    dropped: u64,
    arrived: u64,
}

/// Voice at a fifth of the rate beside a flood of three times the rate: the results of both.
fn voice_in_a_flood(default_share: &str) -> Result<[Fate; 2]> {
    let mut lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config(default_share))?;
    let [customer, core] = PORTS;
    let path = lab.join(customer, core, TagStack::qinq(100, 10))?;
    let load = |dscp: u8, frame_bytes, rate_bps| UdpLoad {
        family: IpFamily::V4,
        traffic_class: dscp << 2,
        frame_bytes,
        rate_bps,
        duration: LENGTH,
    };
    let flood = udp::start(&path, load(0, 1522, 3 * RATE_BPS))?;
    let voice = udp::start(&path, load(EF, 200, RATE_BPS / 5))?;
    let voice = voice.join()?;
    let flood = flood.join()?;
    assert!(lab.settle(SETTLE)?);
    let overrun = lab.overrun_frames(core)?;

    let status = status()?;
    let peerings = &status.circuits[0].peerings;
    let inbound = peerings.iter().find(|peering| peering.direction == "inbound");
    let classes = &inbound.context("a peering inbound")?.classes;
    let arrived = lab.far_end(core)?.received()?;
    let fate = |class: &str, dscp: u8, offered: u64| -> Result<Fate> {
        let counted = classes.iter().find(|counted| counted.class == class);
        let counters = counted.context("the class is counted")?.counters;
        let Counters { forwarded_frames, dropped_frames, refused_frames, .. } = counters;
        assert_eq!(forwarded_frames + dropped_frames + refused_frames, offered, "{class}");
        let arrived = arrived.sum(|key: &WireKey| key.dscp() == Some(dscp)).frames;
        assert_eq!(arrived, forwarded_frames, "{class}");
        Ok(Fate { offered, dropped: dropped_frames, arrived })
    };
    let fates = [fate("voice", EF, voice.frames)?, fate("rest", 0, flood.frames)?];
    println!("burst_share {default_share}: voice and flood {fates:?}, {overrun} lost by the cable");
    let lost: u64 = fates.iter().map(|fate| fate.offered - fate.dropped - fate.arrived).sum();
    assert_eq!(lost, overrun, "what the cable had no room for is known, class by class");
    daemon.stop()?;
    detach(&lab)?;
    Ok(fates)
}

#[test]
fn a_flood_of_the_default_class_costs_no_voice() -> Result<()> {
    if !root_or_skip("a_flood_of_the_default_class_costs_no_voice") {
        return Ok(());
    }
    let [voice, flood] = voice_in_a_flood("0.6")?;
    assert_eq!(voice.dropped, 0, "{voice:?}");
    assert!(flood.dropped > flood.offered / 2, "{flood:?}");
    // It is the share that does it: with all of the burst for both, voice is dropped too.
    let [voice, _] = voice_in_a_flood("1.0")?;
    assert!(voice.dropped > 0, "{voice:?}");
    Ok(())
}
