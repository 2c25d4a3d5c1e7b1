//! A lab with a daemon that keeps books, and the expected counts.

use std::{collections::BTreeMap, fmt::Display, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_api::Status;
use edge_user::{
    billing::ledger::{Ledger, UsageQuery, UsageRecord},
    config::sample::{Sample, SampleCircuit},
    lab::Lab,
};

use crate::{
    daemon::Daemon,
    ends::{self, Ends, lab},
    notation::frame_of,
};

/// The directory of its ledger.
pub const STATE_DIR: &str = "/var/lib/edge";
const WAIT: Duration = Duration::from_secs(5);

/// Circuits with two peerings and with one, metered and unlimited.
pub fn config() -> Sample {
    let fabrikam = SampleCircuit::new("fabrikam", "1 Gbps")
        .key("billing", "unlimited")
        .key("service_key", "f-1")
        .peering("private", 300);
    Sample::lab().ledger("checkpoint", "1s").circuits([contoso(), fabrikam])
}

/// The metered circuit of [`config`].
pub fn contoso() -> SampleCircuit {
    ends::contoso().peering("microsoft", 20)
}

/// A frame of each class of each peering of [`config`]: 222, 1,022, 82 and 418 bytes.
pub fn frames() -> Result<Vec<Vec<u8>>> {
    let frames = [
        "8100:100 8100:10 ipv4 dscp=46 payload=176",
        "8100:100 8100:10 ipv4 payload=976",
        "8100:100 8100:20 ipv4 payload=36",
        "8100:300 ipv4 payload=376",
    ];
    frames.into_iter().map(frame_of).collect()
}

/// A lab, a daemon, and both ends.
pub struct Edge {
    /// Its namespaces.
    pub lab: Lab,
    /// The ends that are cabled to it.
    pub ends: Ends,
    daemon: Option<Daemon>,
    /// Bytes that have arrived, by direction.
    wire: BTreeMap<&'static str, u64>,
}

impl Edge {
    /// Starts all of it on `config`.
    pub fn start(config: &(impl Display + ?Sized)) -> Result<Self> {
        let lab = lab(1600)?;
        let daemon = Some(Daemon::start(&lab, config)?);
        let ends = Ends::open(&lab)?;
        Ok(Self { lab, ends, daemon, wire: BTreeMap::new() })
    }

    /// Sends a frame of each class of each peering so many times, both ways, and waits for them.
    pub fn send(&mut self, rounds: usize) -> Result<()> {
        let frames = frames()?;
        let Ends { customer, core } = &self.ends;
        let ways = [("inbound", &customer.0, &core.1), ("outbound", &core.0, &customer.1)];
        for (direction, sender, collector) in ways {
            for _ in 0..rounds {
                frames.iter().try_for_each(|frame| sender.send(frame))?;
            }
            let arrived = collector.collect(rounds * frames.len(), WAIT)?;
            ensure!(arrived.len() == rounds * frames.len(), "{} frames arrived", arrived.len());
            let bytes: usize = arrived.iter().map(Vec::len).sum();
            *self.wire.entry(direction).or_default() += bytes as u64;
        }
        Ok(())
    }

    /// Checks that the ledger has the bytes that have arrived, in total, and that its books
    /// balance. Returns the ledger's usage.
    ///
    /// # Panics
    ///
    /// If they differ.
    pub fn check(&self) -> Result<Vec<UsageRecord>> {
        let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
        assert_eq!(ledger.check()?, Vec::<String>::new());
        let records = ledger.usage(&UsageQuery::default())?;
        let mut booked = BTreeMap::new();
        for record in &records {
            let direction = if record.direction == "inbound" { "inbound" } else { "outbound" };
            *booked.entry(direction).or_default() += record.bytes;
        }
        assert_eq!(booked, self.wire);
        Ok(records)
    }

    /// Starts a daemon where there is none.
    pub fn restart(&mut self, config: &(impl Display + ?Sized)) -> Result<()> {
        self.daemon = Some(Daemon::start(&self.lab, config)?);
        Ok(())
    }

    /// The daemon, to end it.
    pub fn daemon(&mut self) -> Result<Daemon> {
        self.daemon.take().context("a daemon")
    }
}

/// Bytes forwarded by circuit, peering, direction and class.
#[must_use]
pub fn of_status(status: &Status) -> BTreeMap<[String; 4], u64> {
    let mut bytes = BTreeMap::new();
    for circuit in &status.circuits {
        for peering in &circuit.peerings {
            for class in &peering.classes {
                let key = [&circuit.name, &peering.kind, &peering.direction, &class.class];
                let forwarded = class.counters.forwarded_bytes;
                if forwarded > 0 {
                    *bytes.entry(key.map(Clone::clone)).or_default() += forwarded;
                }
            }
        }
    }
    bytes
}

/// Bytes used by circuit, peering, direction and class.
#[must_use]
pub fn of_ledger(records: &[UsageRecord]) -> BTreeMap<[String; 4], u64> {
    let mut bytes = BTreeMap::new();
    for record in records {
        let key = [&record.circuit, &record.peering, &record.direction, &record.class];
        *bytes.entry(key.map(Clone::clone)).or_default() += record.bytes;
    }
    bytes
}
