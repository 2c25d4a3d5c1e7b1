//! The frames that no circuit claims, by their tags, and the circuits that they may be meant for.

mod nearest;

use std::{collections::BTreeSet, time::Duration};

use edge_api::{NearestCircuit, TagFault, Unmatched, UnmatchedFrames};
use edge_common::{
    Reason,
    abi::{
        counters::PortCounters,
        routing::Mac,
        unmatched::{UnmatchedEntry, UnmatchedTags},
    },
    packet::vlan::{TPID_C_TAG, TPID_S_TAG},
};

use self::nearest::{Nearest, nearest};
use super::engine::{
    Engine,
    running::{Running, SharedRunning},
};
use crate::{
    daemon::error::Result,
    kernel::UnmatchedCounts,
    plan::{PortClaim, PortPlan, port_claims},
    time::MonotonicDates,
};

/// The most tags of a port that are listed, with its CPUs together: as many as one CPU has places for.
const MOST_LISTED: usize = 256;

/// The most tags of a port that are looked at again and again.
const MOST_OF_LATE: usize = 16;

/// Reads the frames of each port that no circuit claims.
///
/// # Errors
///
/// The kernel can't be read.
pub fn unmatched(engine: &Engine) -> Result<Unmatched> {
    // A change of the data plane waits for one port at the most.
    let (claims, ports) = {
        let running = engine.running.read();
        let ports = running.installed.plan.ports.iter();
        let ports: Vec<_> = ports.map(|port| (port.name.clone(), port.tpids)).collect();
        (port_claims(&running.config), ports)
    };
    let mut found = Unmatched::default();
    for (name, tpids) in ports {
        let running = engine.running.read();
        let Some(port) = running.installed.plan.port(&name) else { continue };
        let mut counts = running.set.tables.unmatched(port.index)?;
        counts.left_out_frames += frames_before(&running, port)?;
        drop(running);
        let listed = Listed { port: &name, tpids: &tpids, claims: &claims, most: MOST_LISTED };
        listed.add(counts, MonotonicDates::now(), &mut found);
    }
    Ok(found)
}

/// The frames of these ports of late that no circuit claims, the most frequent tags of each port first.
pub(super) fn lately(
    running: &SharedRunning,
    claims: &[PortClaim],
    ports: &BTreeSet<String>,
    within: Duration,
) -> Result<Vec<UnmatchedFrames>> {
    let mut found = Unmatched::default();
    for name in ports {
        let (mut counts, tpids) = {
            let running = running.read();
            let Some(port) = running.installed.plan.port(name) else { continue };
            (running.set.tables.unmatched(port.index)?, port.tpids)
        };
        let dates = MonotonicDates::now();
        let since_ns = dates.ago_ns(within);
        counts.listed.retain(|_, entry| entry.last_ns >= since_ns);
        let listed = Listed { port: name, tpids: &tpids, claims, most: MOST_OF_LATE };
        listed.add(counts, dates, &mut found);
    }
    Ok(found.unmatched)
}

/// The frames of a port that belong to no circuit and were counted in earlier tables, whose lists are gone.
fn frames_before(running: &Running, port: &PortPlan) -> Result<u64> {
    let of_both = |counters: &PortCounters| {
        let of = |reason: Reason| counters.reasons[usize::from(reason.number())].frames;
        of(Reason::Unmatched) + of(Reason::Untagged)
    };
    let mut frames = of_both(&running.set.tables.carried_port(port.index));
    for (_, books) in &running.others {
        let ports = books.ports()?;
        let same = ports.iter().filter(|(_, name, _)| *name == port.name);
        frames += same.map(|(_, _, counters)| of_both(counters)).sum::<u64>();
    }
    Ok(frames)
}

/// A port and its neighbours.
struct Listed<'a> {
    port: &'a str,
    tpids: &'a [u16],
    claims: &'a [PortClaim],
    most: usize,
}

impl Listed<'_> {
    /// Adds the port's frames.
    fn add(&self, counts: UnmatchedCounts, dates: MonotonicDates, found: &mut Unmatched) {
        let mut listed: Vec<_> = counts.listed.into_iter().collect();
        listed.sort_by_key(|(tags, entry)| {
            (u64::MAX - entry.frames, u64::MAX - entry.last_ns, *tags)
        });
        let others = listed.drain(self.most.min(listed.len())..);
        found.left_out += counts.left_out_frames;
        found.left_out += others.map(|(_, entry)| entry.frames).sum::<u64>();
        found.unmatched.extend(listed.iter().map(|(tags, entry)| self.frames(*tags, entry, dates)));
    }

    fn frames(
        &self,
        tags: UnmatchedTags,
        entry: &UnmatchedEntry,
        dates: MonotonicDates,
    ) -> UnmatchedFrames {
        let (outer, inner) = (tags.outer(), tags.inner());
        let odd_tpid = inner.map(|(tpid, _)| tpid).filter(|tpid| !is_inner_tpid(*tpid));
        UnmatchedFrames {
            port: self.port.to_owned(),
            tpid: outer.map(|(tpid, _)| tpid_text(tpid)),
            s_vid: outer.map(|(_, vid)| vid),
            c_vid: inner.map(|(_, vid)| vid),
            c_tpid: odd_tpid.map(tpid_text),
            frames: entry.frames,
            bytes: entry.bytes,
            first: dates.date(entry.first_ns),
            last: dates.date(entry.last_ns),
            src_mac: mac_text(Mac::from_bits(entry.source)),
            nearest: self.nearest(tags),
        }
    }

    fn nearest(&self, tags: UnmatchedTags) -> Option<NearestCircuit> {
        let Nearest { claim, fault } = nearest(self.claims, self.port, tags)?;
        let has_wrong_tpid = tags.outer().is_some_and(|(tpid, _)| !self.tpids.contains(&tpid))
            || tags.inner().is_some_and(|(tpid, _)| !is_inner_tpid(tpid));
        let fault = match fault {
            Some(TagFault::Claimed) if has_wrong_tpid => Some(TagFault::Tpid),
            fault => fault,
        };
        Some(NearestCircuit {
            circuit: claim.circuit.clone(),
            peering: claim.peering.as_str().to_owned(),
            s_tag: claim.tags.s_vid,
            c_tag: claim.tags.c_vids.map(|c_vids| c_vids.to_string()),
            port: (claim.port != self.port).then(|| claim.port.clone()),
            fault,
        })
    }
}

fn is_inner_tpid(tpid: u16) -> bool {
    [TPID_C_TAG, TPID_S_TAG].contains(&tpid)
}

fn tpid_text(tpid: u16) -> String {
    format!("{tpid:#06x}")
}

fn mac_text(mac: Mac) -> String {
    mac.to_bytes().map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests;
