//! The policer beside the kernel's own: the same load through `edge` and through `act_police`, both
//! judged by the bytes that have come through at every moment.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use edge_tests::{
    daemon::{Daemon, detach},
    ends::{PORTS, contoso, lab, with_one_class},
    frames::{frame, ipv4},
    stock::{Bound, run, settled, stock_or_skip},
};
use edge_user::lab::{
    IpFamily, Lab, Path, TagStack,
    raw::RawSender,
    udp::{self, UdpLoad},
};

const RATE_BPS: u64 = 20_000_000;
/// The burst: 200 ms of the rate. A guest's processors take turns of 100 ms, and the whole burst
/// must not become free while one of them is late.
const BURST_BYTES: u64 = 500_000;
const FRAME_BYTES: u64 = 1522;
/// Frames and their lengths are rounded up.
const SLACK_BYTES: u64 = 2 * FRAME_BYTES;
const OVERLOAD: Duration = Duration::from_millis(1500);
const STEP: Duration = Duration::from_millis(100);
/// The time in which a used burst becomes free.
const FULL_AGAIN: Duration = Duration::from_millis(250);
/// Numbers of frames for which a free burst has room, and for which it has none although it becomes
/// free meanwhile.
const FITTING: u64 = 320;
const TOO_MANY: u64 = 1000;
/// Of what a policer may admit, how much less `edge` may than `act_police`.
const MARGIN: f64 = 0.03;
/// Another load on the machine can take frames away from a policer that is waiting for them.
const ATTEMPTS: usize = 3;

/// The kernel's policer in place of an edge. It sees frames without Ethernet header and outer tag,
/// which the stack has taken off by then.
const POLICE: [&str; 2] = [
    "tc qdisc add dev customer0 clsact",
    "tc filter add dev customer0 ingress matchall \
     action police rate 20mbit burst 500000 overhead 18 conform-exceed drop/pipe \
     action mirred egress redirect dev core0",
];

#[test]
fn neither_policer_admits_more_and_edge_admits_no_less() -> Result<()> {
    if !stock_or_skip("neither_policer_admits_more_and_edge_admits_no_less", &["act_police"]) {
        return Ok(());
    }
    let mut lab = lab(1600)?;
    let [customer, core] = PORTS;
    let path = lab.join(customer, core, TagStack::qinq(100, 10))?;

    for command in POLICE {
        run(lab.edge(), command)?;
    }
    let by_kernel = overload(&lab, &path, "act_police")?;
    bursts(&lab, "act_police")?;
    run(lab.edge(), "tc qdisc del dev customer0 clsact")?;

    let circuit = contoso().key("bandwidth", RATE_BPS).key("burst", BURST_BYTES);
    let daemon = Daemon::start(&lab, &with_one_class(circuit))?;
    bursts(&lab, "edge")?;
    let mut by_edge = Vec::new();
    for _ in 0..ATTEMPTS {
        by_edge.push(overload(&lab, &path, "edge")?);
        if by_edge.last().is_some_and(|share| *share >= by_kernel - MARGIN) {
            daemon.stop()?;
            detach(&lab)?;
            return Ok(());
        }
    }
    bail!("edge admits {by_edge:.3?} of what it may, and act_police {by_kernel:.3}");
}

/// Offers 1.5 times the rate to a bucket with its whole burst free. Returns the admitted share of
/// the bound.
fn overload(lab: &Lab, path: &Path, what: &str) -> Result<f64> {
    thread::sleep(FULL_AGAIN);
    let before = admitted(lab)?;
    let bound = Bound::new(RATE_BPS, BURST_BYTES + SLACK_BYTES);
    let load = UdpLoad {
        family: IpFamily::V4,
        traffic_class: 0,
        frame_bytes: usize::try_from(FRAME_BYTES)?,
        rate_bps: RATE_BPS + RATE_BPS / 2,
        duration: OVERLOAD,
    };
    let flood = udp::start(path, load)?;
    let end = Instant::now() + OVERLOAD;
    while Instant::now() < end {
        thread::sleep(STEP);
        bound.check(admitted(lab)? - before, what);
    }
    let report = flood.join()?;
    let bytes = settled(|| admitted(lab))? - before;
    bound.check(bytes, what);
    let elapsed_ms = u64::try_from(report.elapsed.as_millis())?;
    let share = ratio(bytes, RATE_BPS / 8 * elapsed_ms / 1000 + BURST_BYTES);
    println!("{what}: {bytes} bytes, {share:.3} of what it may, {report:?}");
    Ok(share)
}

/// Sends frames at once: first as many as a free burst has room for, then more.
fn bursts(lab: &Lab, what: &str) -> Result<()> {
    let sender = lab.far_end("customer0")?;
    let sender = RawSender::open(sender.ns(), sender.interface())?;
    let packet = ipv4(0, u16::try_from(FRAME_BYTES - 22)?);
    let frame = frame(&[(0x88a8, 100), (0x8100, 10)], 0x0800, &packet);
    for frames in [FITTING, TOO_MANY] {
        thread::sleep(FULL_AGAIN);
        let (before, bound) = (admitted(lab)?, Bound::new(RATE_BPS, BURST_BYTES + SLACK_BYTES));
        for _ in 0..frames {
            sender.send(&frame)?;
        }
        let bytes = settled(|| admitted(lab))? - before;
        bound.check(bytes, what);
        let most = frames * FRAME_BYTES;
        let least = most.min(BURST_BYTES - FRAME_BYTES);
        assert!((least..=most).contains(&bytes), "{what}: {bytes} of {frames} frames");
        assert!(frames == FITTING || bytes < most, "{what}: {bytes} of {frames} frames");
    }
    Ok(())
}

/// Bytes that have come through.
fn admitted(lab: &Lab) -> Result<u64> {
    Ok(lab.far_end("core0")?.received()?.total().bytes)
}

#[expect(clippy::cast_precision_loss, reason = "exact to 9 petabytes")]
fn ratio(bytes: u64, of_bytes: u64) -> f64 {
    bytes as f64 / of_bytes as f64
}
