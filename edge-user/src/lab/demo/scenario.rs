//! The traffic that the customer and the cloud send.

use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::reconfigure;
use crate::{
    config::sample::{Sample, SampleCircuit},
    lab::{
        IpFamily, Lab, Path, RunningTraffic, TagStack, WireCount,
        raw::RawSender,
        tcp::{self, TcpLoad, TcpReport},
        udp::{self, UdpLoad, UdpReport},
    },
    units::{bit_rate, count},
};

pub(super) const CUSTOMER: &str = "customer0";
pub(super) const CORE: &str = "core0";
/// DSCP of voice: expedited forwarding.
pub(super) const EF: u8 = 46;
/// A DSCP that the ExpressRoute profile does not list.
pub(super) const AF31: u8 = 26;
/// Frames under tags that no circuit has.
pub(super) const STRAYS: u64 = 5;

const LENGTH: Duration = Duration::from_secs(8);
const SETTLE: Duration = Duration::from_secs(5);
/// When fabrikam's rates are taken, and over how long: each in its own half of the time.
const SAMPLES_AT: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];
const SAMPLE: Duration = Duration::from_millis(1900);

/// The bandwidths that the customers bought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circuits {
    pub(super) contoso_bps: u64,
    pub(super) fabrikam_bps: u64,
}

impl Default for Circuits {
    fn default() -> Self {
        Self { contoso_bps: 100_000_000, fabrikam_bps: 50_000_000 }
    }
}

impl Circuits {
    pub(super) fn config(&self) -> Sample {
        let contoso = SampleCircuit::new("contoso", bit_rate(self.contoso_bps))
            .s_tag(100)
            .peering("private", 10)
            .peering("microsoft", 20);
        let fabrikam =
            SampleCircuit::new("fabrikam", bit_rate(self.fabrikam_bps)).peering("private", 300);
        Sample::new("demo")
            .edge("state_dir", "/run/edge/state")
            .edge("metrics", "127.0.0.1:9478")
            .pair(CUSTOMER, CORE)
            .circuits([contoso, fabrikam])
    }
}

/// The results of the traffic, as its senders and the far ends know them.
#[derive(Debug)]
pub(super) struct TrafficOutcome {
    pub(super) circuits: Circuits,
    pub(super) flood: UdpReport,
    pub(super) voice: UdpReport,
    pub(super) stream: TcpReport,
    /// Rates of fabrikam's stream on the wire: bandwidth bought, and bit/s seen.
    pub(super) fabrikam: [(u64, u64); 2],
}

pub(super) struct Scenario<'a> {
    lab: &'a Lab,
    circuits: Circuits,
    contoso_private: Path,
    contoso_microsoft: Path,
    fabrikam: Path,
}

impl<'a> Scenario<'a> {
    pub(super) fn new(lab: &'a mut Lab, circuits: Circuits) -> Result<Self> {
        let contoso_private = lab.join(CUSTOMER, CORE, TagStack::qinq(100, 10))?;
        let contoso_microsoft = lab.join(CUSTOMER, CORE, TagStack::qinq(100, 20))?;
        let fabrikam = lab.join(CUSTOMER, CORE, TagStack::dot1q(300))?;
        Ok(Self { lab, circuits, contoso_private, contoso_microsoft, fabrikam })
    }

    pub(super) fn run(mut self, out: &mut dyn Write) -> Result<TrafficOutcome> {
        let Circuits { contoso_bps, fabrikam_bps } = self.circuits;
        let flood_bps = 2 * contoso_bps;
        writeln!(
            out,
            "> contoso sends {} of UDP inbound, voice and unlisted DSCPs beside it\n\
             > the cloud sends fabrikam a TCP stream, outbound (least retransmission timeout 2 ms: \
             these cables have no length)",
            bit_rate(flood_bps),
        )?;
        let flood = send(&self.contoso_private, 0, 1000, flood_bps)?;
        let voice = send(&self.contoso_microsoft, EF, 214, 2_000_000)?;
        let unlisted = send(&self.contoso_microsoft, AF31, 500, 1_000_000)?;
        let load = TcpLoad { family: IpFamily::V4, dscp: 0, duration: LENGTH };
        let stream = tcp::start(&self.fabrikam.reversed(), load)?;
        let start = Instant::now();

        let before_bps = self.rate_at(start + SAMPLES_AT[0])?;
        self.circuits.fabrikam_bps *= 2;
        writeln!(
            out,
            "> fabrikam's bandwidth becomes {}, under way",
            bit_rate(self.circuits.fabrikam_bps)
        )?;
        reconfigure(&self.circuits)?;
        let after_bps = self.rate_at(start + SAMPLES_AT[1])?;
        self.stray()?;
        writeln!(out, "> {STRAYS} frames come under tags that nobody has bought")?;

        let outcome = TrafficOutcome {
            circuits: self.circuits,
            flood: flood.join()?,
            voice: voice.join()?,
            stream: stream.join()?,
            fabrikam: [(fabrikam_bps, before_bps), (self.circuits.fabrikam_bps, after_bps)],
        };
        let unlisted = unlisted.join()?;
        let frames = outcome.flood.frames + outcome.voice.frames + unlisted.frames;
        self.lab.settle(SETTLE)?;
        writeln!(
            out,
            "> {} UDP frames sent; {} bytes over TCP at {:.1} Mbit/s",
            count(frames),
            count(outcome.stream.received_bytes),
            outcome.stream.goodput_bps() / 1e6,
        )?;
        Ok(outcome)
    }

    /// Waits for that moment, and returns the rate of fabrikam's frames to the customer, in bit/s,
    /// over the time after it.
    fn rate_at(&self, moment: Instant) -> Result<u64> {
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        let (start, before) = (Instant::now(), self.fabrikam_to_customer()?);
        thread::sleep(SAMPLE);
        let (elapsed, after) = (start.elapsed(), self.fabrikam_to_customer()?);
        let bits = u128::from(after.bytes - before.bytes) * 8;
        Ok(u64::try_from(bits * 1_000_000 / elapsed.as_micros())?)
    }

    fn fabrikam_to_customer(&self) -> Result<WireCount> {
        let (s_vid, c_vid) = self.fabrikam.tags.vids();
        Ok(self.lab.far_end(CUSTOMER)?.received()?.tagged(s_vid, c_vid))
    }

    fn stray(&self) -> Result<()> {
        let customer = self.lab.far_end(CUSTOMER)?;
        let sender = RawSender::open(customer.ns(), customer.interface())?;
        let mut frame = [0; 60];
        frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 2]);
        // C-tag 999, then an ethertype for experiments.
        frame[12..18].copy_from_slice(&[0x81, 0x00, 0x03, 0xe7, 0x88, 0xb5]);
        for _ in 0..STRAYS {
            sender.send(&frame)?;
        }
        Ok(())
    }
}

/// Sends UDP for as long as the demo's traffic lasts.
fn send(
    path: &Path,
    dscp: u8,
    frame_bytes: usize,
    rate_bps: u64,
) -> Result<RunningTraffic<UdpReport>> {
    let family = IpFamily::V4;
    let traffic_class = dscp << 2;
    udp::start(path, UdpLoad { family, traffic_class, frame_bytes, rate_bps, duration: LENGTH })
}
