//! Bandwidths inside a circuit under real load, and their policers in `edge status`.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use edge_api::{PolicerStatus, Status};
use edge_tests::{
    daemon::{Daemon, detach, status},
    ends::{Ends, lab},
    frames::{frame, ipv4},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
    view,
};

const FRAME_BYTES: u64 = 1_022;

/// A peering at half of the circuit's bandwidth, and a class at a fifth.
fn config() -> Sample {
    let contoso = SampleCircuit::new("contoso", "100 Mbps")
        .s_tag(100)
        .peering("private", 10)
        .of_peering("private", "bandwidth", "50 Mbps")
        .of_peering("private", "qos", "limits")
        .peering("microsoft", 20);
    let classes = [
        r#"name = "few", dscp = [46], bandwidth = "20 Mbps""#,
        r#"name = "rest", dscp = ["default"]"#,
    ];
    Sample::lab().circuit(contoso).qos("limits", classes)
}

#[test]
fn a_peering_and_a_class_get_their_own_bandwidth_and_no_more() -> Result<()> {
    if !root_or_skip("a_peering_and_a_class_get_their_own_bandwidth_and_no_more") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    let ends = Ends::open(&lab)?;
    for (c_vid, ds, purchased_mbps) in [(10, 46 << 2, 20), (10, 0, 50), (20, 0, 100)] {
        let sent = frame(&[(0x8100, 100), (0x8100, c_vid)], 0x0800, &ipv4(ds, 1_000));
        let peering = if c_vid == 10 { "private" } else { "microsoft" };
        let flood = |duration: Duration| -> Result<()> {
            let end = Instant::now() + duration;
            // About twice as much as there is for anyone, in steps that the clock can do.
            while Instant::now() < end {
                for _ in 0..25 {
                    ends.customer.0.send(&sent)?;
                }
                thread::sleep(Duration::from_micros(900));
            }
            Ok(())
        };
        // Until the burst is gone; then what is delivered is the rate.
        flood(Duration::from_millis(300))?;
        let (before, from) = (forwarded(&status()?, peering)?, Instant::now());
        flood(Duration::from_secs(1))?;
        let (after, elapsed) = (forwarded(&status()?, peering)?, from.elapsed());
        let delivered_mbps =
            f64::from(u32::try_from(after - before)?) * 8e-6 / elapsed.as_secs_f64();
        println!("{peering} {ds}: {delivered_mbps:.2} of {purchased_mbps} Mbit/s");
        let within = delivered_mbps / f64::from(purchased_mbps);
        // A machine that is busy with something else may offer less than that.
        assert!(within < 1.05, "{delivered_mbps} of {purchased_mbps}");
        assert!(within > 0.8, "{delivered_mbps} of {purchased_mbps}");
        if peering == "microsoft" {
            // The circuit's burst is 10 ms long: it is looked at while the flood uses it.
            let is_used = thread::scope(|scope| -> Result<bool> {
                let flooding = scope.spawn(|| flood(Duration::from_millis(300)));
                let mut is_used = false;
                while !flooding.is_finished() {
                    is_used |= policer(&status()?, None, None)?.used_bytes > 0;
                }
                flooding.join().expect("the flood ends")?;
                Ok(is_used)
            })?;
            assert!(is_used, "in the middle of a flood");
        }
    }

    let status = status()?;
    for (peering, class, rate_bps) in [
        (None, None, 100_000_000),
        (Some("private"), None, 50_000_000),
        (Some("private"), Some("few"), 20_000_000),
    ] {
        let policer = policer(&status, peering, class)?;
        assert_eq!(policer.rate_bps, rate_bps);
        assert!(policer.leases > 100, "{policer:?}");
        // The burst went out faster than the rate, and 100 ms of the rest at about the rate.
        assert!(policer.peak_1ms_bps >= rate_bps, "{policer:?}");
        assert!(policer.peak_100ms_bps >= rate_bps / 2, "{policer:?}");
        let most = rate_bps + policer.burst_bytes * 8 * 10 + FRAME_BYTES * 8 * 10;
        assert!(policer.peak_100ms_bps <= most, "{policer:?}");
    }
    let text = {
        let mut text = Vec::new();
        view::status::print(&status, &mut text)?;
        String::from_utf8(text)?
    };
    assert!(text.contains("private few"), "{text}");
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// The inbound policer of the circuit, of a peering or of a class.
fn policer<'a>(
    status: &'a Status,
    peering: Option<&str>,
    class: Option<&str>,
) -> Result<&'a PolicerStatus> {
    let own = status.circuits[0].policers.iter().find(|policer| {
        policer.direction == "inbound"
            && (policer.peering.as_deref(), policer.class.as_deref()) == (peering, class)
    });
    own.context("a policer")
}

fn forwarded(status: &Status, peering: &str) -> Result<u64> {
    let mut peerings = status.circuits[0].peerings.iter();
    let own = peerings.find(|own| own.kind == peering && own.direction == "inbound");
    Ok(own.context("the peering")?.total.forwarded_bytes)
}
