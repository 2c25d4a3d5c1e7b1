//! Frames over veth through the daemon's programs, native and generic, against the oracle: the
//! leaving frames, byte for byte and in order, and their counts.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use edge_common::Reason;
use edge_tests::{
    daemon::{Daemon, detach, status},
    ends::{Ends, lab},
    fixture::{CONFIG, Fixture},
    frames::{any_frame, frame, how_many, ipv4, ipv6},
    oracle::{Prediction, predict},
};
use edge_user::{
    kernel::host::xdp_features::XdpFeatures,
    lab::{Lab, root_or_skip},
    plan::Police,
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

const WAIT: Duration = Duration::from_secs(5);
/// Long enough for a frame that should not arrive to have arrived.
const QUIET: Duration = Duration::from_millis(200);
/// Index of `lo`, everywhere.
const LOOPBACK: u32 = 1;
/// Half of what a veth queue holds.
const BATCH: usize = 128;
/// The far end's stack throws shorter tagged frames away before its sockets see them.
const LEAST_BYTES: usize = 24;

/// The fixture's configuration for a lab, and fast enough for everything.
fn config(xdp_mode: &str) -> String {
    CONFIG
        .replacen("name = \"test\"", "name = \"test\"\nmetrics = \"127.0.0.1:0\"", 1)
        .replace("interface = \"cust0\"", "interface = \"customer0\"")
        .replace("side = ", &format!("xdp_mode = \"{xdp_mode}\"\nside = "))
        .replace("burst = 8000\n", "")
        .replace(" kbps\"", " Gbps\"")
        .replace("\"1 Mbps\"", "\"400 Gbps\"")
}

/// A lab whose daemon has the fixture's configuration.
struct Wire {
    lab: Lab,
    ends: Ends,
    fixture: Fixture,
    daemon: Daemon,
    /// Frames that the ports should have counted, by port and reason.
    reasons: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

impl Wire {
    fn new(xdp_mode: &str, mtu_bytes: u32) -> Result<Self> {
        let lab = lab(mtu_bytes)?;
        let config = config(xdp_mode);
        let daemon = Daemon::start(&lab, &config)?;
        let ends = Ends::open(&lab)?;
        let fixture = Fixture::of(&config, Police::Off);
        Ok(Self { lab, ends, fixture, daemon, reasons: BTreeMap::new() })
    }

    /// Sends frames into a port, and compares what leaves by the other.
    fn pass(&mut self, port: &'static str, sent: &[Vec<u8>]) -> Result<()> {
        let Ends { customer, core } = &self.ends;
        let ((sender, _), (_, collector)) =
            if port == "core0" { (core, customer) } else { (customer, core) };
        let ports = &self.fixture.config.ports;
        let config_port = ports.iter().find(|known| known.name == port).context("a port")?;
        let mut expected = Vec::new();
        for sent in sent {
            let Prediction { reason, frame, .. } = predict(&self.fixture.config, config_port, sent);
            let counted = self.reasons.entry(port).or_default();
            *counted.entry(reason.as_str().to_owned()).or_default() += 1;
            if reason == Reason::Ok {
                expected.push(frame);
            }
            sender.send(sent)?;
        }
        let arrived = collector.collect(expected.len(), WAIT)?;
        for (number, (arrived, expected)) in arrived.iter().zip(&expected).enumerate() {
            assert_eq!(arrived, expected, "frame {number} into {port}");
        }
        assert_eq!(arrived.len(), expected.len());
        Ok(())
    }

    /// Checks that no unexpected frame came, and that every frame is counted.
    fn finish(self) -> Result<()> {
        for (_, collector) in [&self.ends.customer, &self.ends.core] {
            assert_eq!(collector.collect(1, QUIET)?, Vec::<Vec<u8>>::new());
        }
        for port in status()?.ports {
            assert_eq!(port.reasons, self.reasons[port.name.as_str()], "{}", port.name);
        }
        self.daemon.stop()?;
        detach(&self.lab)?;
        Ok(())
    }
}

#[test]
fn what_leaves_on_the_wire_is_what_the_configuration_says() -> Result<()> {
    if !root_or_skip("what_leaves_on_the_wire_is_what_the_configuration_says") {
        return Ok(());
    }
    let frames = usize::try_from(how_many("EDGE_WIRE_FRAMES", 16_000))?;
    for (seed, xdp_mode) in [(1, "native"), (2, "generic")] {
        let mut wire = Wire::new(xdp_mode, 1600)?;
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let strategy = any_frame();
        for _ in 0..frames / 4 / BATCH {
            for port in ["customer0", "core0"] {
                let mut sent = Vec::new();
                while sent.len() < BATCH {
                    let frame = strategy.new_tree(&mut runner).expect("a frame").current();
                    sent.extend((frame.len() >= LEAST_BYTES).then_some(frame));
                }
                wire.pass(port, &sent)?;
            }
        }
        wire.finish()?;
    }
    Ok(())
}

/// Tags left alone, translated, popped and pushed.
const CUSTOMER: [&[(u16, u16)]; 5] = [
    &[(0x88a8, 100), (0x8100, 20)],
    &[(0x8100, 104), (0x8100, 20)],
    &[(0x8100, 105), (0x8100, 10)],
    &[(0x8100, 310)],
    &[(0x8100, 106), (0x8100, 10)],
];
/// The same frames on the other side.
const CORE: [&[(u16, u16)]; 5] = [
    &[(0x88a8, 100), (0x8100, 20)],
    &[(0x88a8, 400), (0x8100, 41)],
    &[(0x8100, 410)],
    &[(0x88a8, 420), (0x8100, 310)],
    &[],
];

/// Frames of up to 9,216 bytes, with each treatment of tags.
#[test]
fn jumbo_frames_pass_whole() -> Result<()> {
    if !root_or_skip("jumbo_frames_pass_whole") {
        return Ok(());
    }
    // Before Linux 6.3, where the kernel tells no features, native mode is refused for them.
    let is_native_too = XdpFeatures::of(LOOPBACK)?.is_some();
    for xdp_mode in is_native_too.then_some("native").into_iter().chain(["generic"]) {
        let mut wire = Wire::new(xdp_mode, 9216)?;
        for (port, all_tags) in [("customer0", CUSTOMER), ("core0", CORE)] {
            let mut sent = Vec::new();
            for tags in all_tags {
                for len_bytes in [1_500, 3_500, 4_082, 4_096, 8_192, 9_000, 9_216 - 22 - 8] {
                    sent.push(frame(tags, 0x0800, &ipv4(0x6b, len_bytes)));
                    sent.push(frame(tags, 0x86dd, &ipv6(0x6b, len_bytes)));
                    sent.push(frame(tags, 0x0806, &vec![7; len_bytes.into()]));
                }
            }
            for sent in sent.chunks(BATCH / 8) {
                wire.pass(port, sent)?;
            }
        }
        wire.finish()?;
    }
    Ok(())
}
