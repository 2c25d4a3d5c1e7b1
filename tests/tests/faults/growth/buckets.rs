//! Buckets and flows' queues go on in larger tables: as much of them is used as before.
//!
//! The tests compare the frames that pass with those that the rate grants in the time that went by,
//! so that a slow machine passes, too.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use edge_tests::{
    daemon::{Daemon, configure, detach, reload},
    frames::{frame, ipv4},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit, SamplePort},
    lab::{Lab, private_mounts, raw::RawSender, root_or_skip},
};

use super::config::only_set;

const PORTS: [&str; 3] = ["customer0", "customer1", "core0"];
/// Bytes of each frame, and of each burst: 16 s of 64 kbit/s, the longest that there is.
const FRAME_BYTES: u64 = 1522;
const BURST_BYTES: u64 = 128_000;
/// Frames that a burst has room for.
const BURST_FRAMES: u64 = BURST_BYTES / FRAME_BYTES;
const SLOW: u64 = 64_000;
const WAIT: Duration = Duration::from_secs(5);

/// The circuits, by the C-tag of each.
const DRAINED: u16 = 1;
const FULL: u16 = 2;
const FASTER: u16 = 3;
const SLOWER: u16 = 4;
const LIMITED: u16 = 5;
const SHARED: u16 = 6;
const FAIR: u16 = 7;

/// `is_changed`: two circuits have rates of other burst times. `s_tags`: more of them than before
/// are more than there is room for.
fn config(is_changed: bool, s_tags: usize) -> Sample {
    let circuit = |c_tag: u16, bandwidth_bps: u64| {
        let circuit =
            SampleCircuit::new(format!("c{c_tag}"), bandwidth_bps).key("burst", BURST_BYTES);
        circuit.s_tag(200).peering("private", c_tag)
    };
    // Sixteen seconds of the limit are its burst, too.
    let limited = SampleCircuit::new(format!("c{LIMITED}"), "1 Gbps")
        .s_tag(200)
        .peering("private", LIMITED)
        .of_peering("private", "bandwidth", "64 kbps");
    let (faster, slower) = if is_changed { (2 * SLOW, SLOW) } else { (SLOW, 2 * SLOW) };
    let others = (0..s_tags).map(|number| {
        SampleCircuit::new(format!("o{number}"), "1 Gbps").s_tag(300 + number).peering("private", 1)
    });
    Sample::new("lab")
        .edge("metrics", "127.0.0.1:0")
        .port(SamplePort::new("customer0", "customer").forward("core0"))
        .port(SamplePort::new("customer1", "customer").forward("core0"))
        .port(SamplePort::new("core0", "core").forward("customer0"))
        .circuits([
            circuit(DRAINED, SLOW),
            circuit(FULL, SLOW),
            circuit(FASTER, faster),
            circuit(SLOWER, slower),
            limited,
            circuit(SHARED, SLOW),
            circuit(FAIR, SLOW).key("fairness", "flow"),
        ])
        .circuits(others)
}

struct Bench {
    lab: Lab,
    customers: [RawSender; 2],
    started: Instant,
}

impl Bench {
    fn new() -> Result<Self> {
        private_mounts()?;
        let lab = Lab::with_mtu(&PORTS, 1600)?;
        let open = |port| -> Result<_> {
            let end = lab.far_end(port)?;
            RawSender::open(end.ns(), end.interface())
        };
        let customers = [open("customer0")?, open("customer1")?];
        Ok(Self { lab, customers, started: Instant::now() })
    }

    /// Offers as many frames of a circuit to customer ports in turn, and returns how many pass.
    fn offer(&self, c_tag: u16, frames: u64, ports: usize) -> Result<u64> {
        // Of a class that may have all of the burst.
        let sent = frame(&[(0x88a8, 200), (0x8100, c_tag)], 0x0800, &ipv4(46 << 2, 1500));
        ensure!(sent.len() as u64 == FRAME_BYTES);
        let passed = || -> Result<u64> {
            Ok(self.lab.far_end("core0")?.received()?.tagged(200, c_tag).frames)
        };
        let before = passed()?;
        for number in 0..usize::try_from(frames)? {
            self.customers[number % ports].send(&sent)?;
            // A veth's queue is short.
            thread::sleep(Duration::from_micros(20));
        }
        ensure!(self.lab.settle(WAIT)?, "frames are under way");
        Ok(passed()? - before)
    }

    /// Frames that a rate has granted up to now, and one more.
    fn granted(&self, bps: u64) -> u64 {
        let bits = self.started.elapsed().as_nanos() * u128::from(bps) / 1_000_000_000;
        u64::try_from(bits / 8).unwrap_or(u64::MAX) / FRAME_BYTES + 1
    }
}

#[test]
fn buckets_are_as_empty_as_before() -> Result<()> {
    if !root_or_skip("buckets_are_as_empty_as_before") {
        return Ok(());
    }
    let bench = Bench::new()?;
    let daemon = Daemon::start(&bench.lab, &config(false, 0))?;
    let all = BURST_FRAMES + 10;
    for (c_tag, ports) in [(DRAINED, 1), (LIMITED, 1), (SHARED, 2)] {
        let passed = bench.offer(c_tag, all, ports)?;
        ensure!(passed >= BURST_FRAMES, "{passed} of a burst of {BURST_FRAMES}, circuit {c_tag}");
    }
    let half = BURST_FRAMES / 2;
    for c_tag in [FASTER, SLOWER] {
        ensure!(bench.offer(c_tag, half, 1)? == half, "half a burst passes");
    }
    // A flow alone gets two thirds: twice the part that is free then.
    let flow = bench.offer(FAIR, all, 1)?;
    let two_thirds = BURST_FRAMES * 2 / 3;
    ensure!(flow >= two_thirds - 1, "{flow} of {two_thirds}");

    for (round, set) in [(1, 40), (2, 100)] {
        let before = only_set(&daemon)?;
        configure(&config(round == 1, set))?;
        reload()?;
        ensure!(only_set(&daemon)? != before, "{set} S-tags fit into {before}");
        if round == 1 {
            let passed = bench.offer(FULL, BURST_FRAMES, 1)?;
            ensure!(passed == BURST_FRAMES, "{passed} of {BURST_FRAMES} of a full bucket");
        }
        for (c_tag, ports) in [(DRAINED, 1), (LIMITED, 1), (SHARED, 2), (FULL, 1)] {
            let (passed, granted) = (bench.offer(c_tag, all, ports)?, bench.granted(SLOW));
            ensure!(passed <= granted, "circuit {c_tag}: {passed} pass, {granted} are granted");
        }
        let (passed, granted) = (bench.offer(FAIR, all, 1)?, bench.granted(SLOW));
        ensure!(passed <= granted, "one flow: {passed} pass, {granted} are granted");
        if round == 1 {
            for c_tag in [FASTER, SLOWER] {
                let rest = BURST_FRAMES - half;
                let (passed, granted) = (bench.offer(c_tag, all, 1)?, bench.granted(2 * SLOW));
                ensure!(passed >= rest, "circuit {c_tag}: {passed} of the rest of {rest}");
                ensure!(passed <= rest + granted, "circuit {c_tag}: {passed}, not {rest}");
            }
        }
    }
    daemon.stop()?;
    detach(&bench.lab).map(drop)
}
