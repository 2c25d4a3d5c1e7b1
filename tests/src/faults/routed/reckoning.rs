//! The reckoning: wire and ledger, held against each other.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::lab::WireCount;
use edge_user::{
    billing::ledger::{Ledger, UsageRecord},
    lab::Trunk,
};

use super::{model::RoutedModel, run::RoutedRun, traffic::WIRE_TAGS};
use crate::{
    exchange::Customer,
    faults::{accounts::total_usage, disk::STATE_DIR, run::is_booked},
    patience::PATIENCE,
    probes::received,
};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Frames and bytes, on the wire and booked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    whose: String,
    direction: &'static str,
    wire: WireCount,
    booked: WireCount,
}

impl RoutedRun {
    /// Stops all traffic, and waits until the ledger has what was on the wire.
    pub(super) fn rest(&mut self) -> Result<()> {
        self.silence()?;
        let deadline = Instant::now() + PATIENCE;
        // Routers keep packets for neighbours that they are still looking for, and send them seconds later.
        loop {
            is_booked()?;
            let accounts = self.accounts()?;
            let wrong: Vec<&Account> = accounts.iter().filter(|it| it.wire != it.booked).collect();
            if wrong.is_empty() {
                break;
            }
            ensure!(Instant::now() < deadline, "wire and ledger differ: {wrong:#?}");
            thread::sleep(LOOK);
        }
        self.traffic.resume();
        Ok(())
    }

    /// Frames of everybody that left by the edge, and those that it booked.
    fn accounts(&self) -> Result<Vec<Account>> {
        let usage = total_usage()?;
        let mut accounts = Vec::new();
        for customer in &self.exchange.customers {
            let is_own = |circuit: &str| RoutedModel::is_circuit_of(customer, circuit);
            let at_vnet = received(&self.exchange.core_side, customer.vnet_tags().vids())?;
            let at_customer = self.at_customer(customer)?;
            for (direction, wire) in [("inbound", at_vnet), ("outbound", at_customer)] {
                accounts.push(Account {
                    whose: customer.circuit(),
                    direction,
                    wire,
                    booked: booked(&usage, direction, is_own),
                });
            }
        }
        let sides =
            [("inbound", &self.exchange.core_side), ("outbound", &self.exchange.customer_side)];
        for (direction, side) in sides {
            // Everything that leaves by the wire is somebody's.
            let wire = side.received()?.sum(|key| (key.s_vid, key.c_vid) == WIRE_TAGS.vids());
            let booked = booked(&usage, direction, |circuit| circuit == "wire");
            accounts.push(Account { whose: "wire".to_owned(), direction, wire, booked });
        }
        let others = usage.iter().filter(|it| it.circuit.starts_with("other") && it.frames > 0);
        let others: Vec<&UsageRecord> = others.collect();
        ensure!(others.is_empty(), "nobody sends what is booked in {others:?}");
        Ok(accounts)
    }

    fn at_customer(&self, customer: &Customer) -> Result<WireCount> {
        let second = self.exchange.second_side.as_ref().context("a second cable")?;
        let mut sum = WireCount::default();
        let mut add = |trunk: &Trunk| {
            sum += received(trunk, customer.tags().vids())?;
            anyhow::Ok(())
        };
        add(&self.exchange.customer_side)?;
        if customer.has_second_link {
            add(second)?;
        }
        Ok(sum)
    }
}

/// The ledger's frames and bytes. Its bytes are those of frames.
fn booked(usage: &[UsageRecord], direction: &str, is_own: impl Fn(&str) -> bool) -> WireCount {
    let mut sum = WireCount::default();
    for record in usage.iter().filter(|it| is_own(&it.circuit) && it.direction == direction) {
        sum += WireCount { frames: record.frames, bytes: record.bytes };
    }
    sum
}

/// The ledger has no fault of its own.
pub(super) fn ledger_is_sound() -> Result<()> {
    let ledger = Ledger::open(Path::new(STATE_DIR))?;
    let (faults, gaps) = (ledger.check()?, ledger.gaps()?);
    ensure!(faults.is_empty() && gaps.is_empty(), "{faults:?} {gaps:?}");
    Ok(())
}
