//! Very many losses of one of two links under traffic: the time for which no answer came after each, and the bill.

use std::{env, path::Path};

use anyhow::{Result, ensure};
use edge_common::abi::lab::{WireCount, WireKey};
use edge_tests::{
    books::STATE_DIR,
    daemon::book,
    exchange::ExchangeDaemon as _,
    probes::{Bystander, longest_ms},
};
use edge_user::{
    billing::ledger::{Ledger, UsageQuery},
    lab::{private_mounts, root_or_skip},
};

use super::{
    bgp::{end, wait_for_sessions},
    redundancy::{ALL, wait_for_both},
    two_links::{TwoLinks, ip},
};

/// Milliseconds between packets of BFD, of which three may be missing.
const BFD_MS: u32 = 50;
/// Losses, where `EDGE_LOSSES` does not say.
const LOSSES: usize = 100;

/// A way to lose the first link.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// Neither end sees it.
    Silent,
    /// The port loses its carrier.
    Carrier,
    /// Somebody sets the port down.
    PortDown,
    /// Planned work.
    Drain,
}

const KINDS: [Loss; 4] = [Loss::Silent, Loss::Carrier, Loss::PortDown, Loss::Drain];

impl Loss {
    fn begin(self, lab: &mut TwoLinks) -> Result<()> {
        let tags = lab.customer().tags();
        match self {
            Self::Silent => lab.exchange.customer_side.cut(tags),
            Self::Carrier => lab.exchange.customer_side.plug(false),
            Self::PortDown => ip(&lab.exchange.edge, "link set customer0 down").map(drop),
            Self::Drain => lab.exchange.edge(&["drain", "customer1", "primary"]).map(drop),
        }
    }

    fn end(self, lab: &mut TwoLinks) -> Result<()> {
        let tags = lab.customer().tags();
        match self {
            Self::Silent => lab.exchange.customer_side.mend(tags),
            Self::Carrier => lab.exchange.customer_side.plug(true),
            Self::PortDown => ip(&lab.exchange.edge, "link set customer0 up").map(drop),
            Self::Drain => lab.exchange.edge(&["undrain", "customer1", "primary"]).map(drop),
        }
    }
}

/// Each frame that came off a wire to the first customer is billed, once. The edge's own, of class selector 6, are not.
fn wire_is_ledger(lab: &TwoLinks) -> Result<()> {
    book()?;
    let (s_vid, c_vid) = lab.customer().tags().vids();
    let is_billed =
        |key: &WireKey| (key.s_vid, key.c_vid) == (s_vid, c_vid) && key.traffic_class < 0xc0;
    let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
    ensure!(ledger.check()?.is_empty());
    let records = ledger.usage(&UsageQuery::default())?;
    for (link, trunk) in [("primary", &lab.exchange.customer_side), ("secondary", &lab.second)] {
        let mut booked = WireCount::default();
        for record in &records {
            if (&*record.circuit, &*record.link, &*record.direction)
                == ("customer1", link, "outbound")
            {
                booked += WireCount { frames: record.frames, bytes: record.bytes };
            }
        }
        let wire = trunk.received()?.sum(is_billed);
        println!("{link}: {booked:?} booked, {wire:?} on the wire");
        ensure!(booked == wire && wire.frames > 0, "{link}: {booked:?} and {wire:?}");
    }
    Ok(())
}

#[test]
#[ignore = "figures, which take minutes"]
fn a_link_is_lost_a_hundred_times() -> Result<()> {
    if !root_or_skip("a_link_is_lost_a_hundred_times") {
        return Ok(());
    }
    private_mounts()?;
    let losses = env::var("EDGE_LOSSES").ok().map_or(Ok(LOSSES), |text| text.parse())?;
    let mut lab = TwoLinks::new()?;
    let config = lab.bgp_config(BFD_MS).change_circuits(|circuit| circuit.key("accounting", "l2"));
    let daemon = lab.exchange.start(&config)?;
    let _peers = lab.peers(BFD_MS)?;
    let bystanders = lab.bystanders()?;
    wait_for_sessions(&lab.exchange, ALL)?;
    let mut outages_ms = [const { Vec::new() }; KINDS.len()];
    for number in 0..losses {
        let kind = number % KINDS.len();
        wait_for_both(&lab.exchange)?;
        let probes = lab.probes()?;
        probes.wait_until_whole()?;
        KINDS[kind].begin(&mut lab)?;
        probes.wait_until_whole()?;
        outages_ms[kind].push(longest_ms(&probes.end()?));
        KINDS[kind].end(&mut lab)?;
    }
    wait_for_both(&lab.exchange)?;
    for (kind, outages_ms) in KINDS.iter().zip(&mut outages_ms) {
        outages_ms.sort_unstable();
        let at = |part: usize| outages_ms.get(outages_ms.len() * part / 100);
        println!(
            "{kind:?}: {} losses, no answer for {:?} ms (median), {:?} ms (90 %), {:?} ms (most)",
            outages_ms.len(),
            at(50),
            at(90),
            outages_ms.last()
        );
    }
    bystanders.iter().try_for_each(Bystander::has_none)?;
    wire_is_ledger(&lab)?;
    end(&lab.exchange, daemon)
}
