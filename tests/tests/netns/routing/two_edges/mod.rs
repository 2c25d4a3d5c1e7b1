//! The service as its customers have it: two edges, each with one of two links of a customer's circuit, to the customers'
//! virtual networks and to the network of public services. Its outsides are BIRD and FRR.

mod lab;

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use edge_api::{CircuitReach, SessionState, SessionStatus, Sessions};
use edge_common::abi::lab::{WireCount, WireKey};
use edge_tests::{
    exchange::{VNET, pings},
    probes::{Probes, longest_ms, none_lost, received},
    speaker::wait,
};
use edge_user::{
    billing::ledger::{Ledger, UsageQuery},
    lab::{private_mounts, root_or_skip},
};

use self::lab::{FAR, NATIONAL, NEAR, SESSIONS, SKUS, Site, SiteEdge, TwoEdges, sources};

/// A loss at one of the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The first customer's private link, which neither end sees.
    Link,
    /// The cable to all customers.
    CustomerCable,
    /// The cable to the core.
    CoreCable,
    /// Both cables, and the daemon.
    Edge,
}

impl TwoEdges {
    /// All customers' probes.
    fn all_probes(&self) -> Result<Vec<Probes>> {
        let all = self.sites.iter().map(probes).collect::<Result<Vec<_>>>()?;
        all.iter().try_for_each(Probes::wait_until_whole)?;
        Ok(all)
    }

    /// Something happens, and no probe is lost.
    fn notice_nothing(&self, happen: impl FnOnce() -> Result<()>) -> Result<()> {
        let all = self.all_probes()?;
        happen()?;
        all.iter().try_for_each(Probes::wait_until_whole)?;
        all.into_iter().try_for_each(|probes| none_lost(probes).map(drop))
    }

    /// Cuts something at an edge, after which all probes come back again. Returns the longest time for which none of one
    /// flow did, in milliseconds.
    fn survive(&mut self, cut: Cut, lost: usize) -> Result<u128> {
        let all = self.all_probes()?;
        let (edge, tags) = (&mut self.edges[lost], self.sites[0].tags());
        match cut {
            Cut::Link => edge.customer_side.cut(tags)?,
            Cut::CustomerCable => edge.customer_side.plug(false)?,
            Cut::CoreCable => edge.core_side.plug(false)?,
            Cut::Edge => {
                edge.kill()?;
                edge.customer_side.plug(false)?;
                edge.core_side.plug(false)?;
            }
        }
        all.iter().try_for_each(Probes::wait_until_whole)?;
        let losses = all.into_iter().map(Probes::end).collect::<Result<Vec<_>>>()?;
        Ok(longest_ms(&losses.concat()))
    }

    fn mend(&mut self, cut: Cut, lost: usize) -> Result<()> {
        let tags = self.sites[0].tags();
        let config = self.config(&self.edges[lost], SKUS);
        let edge = &mut self.edges[lost];
        match cut {
            Cut::Link => edge.customer_side.mend(tags),
            Cut::CustomerCable => edge.customer_side.plug(true),
            Cut::CoreCable => edge.core_side.plug(true),
            Cut::Edge => {
                edge.customer_side.plug(true)?;
                edge.core_side.plug(true)?;
                edge.start(&config)
            }
        }
    }

    /// Waits until probes of a customer come and go by these edges, and by no other.
    fn goes_by(&self, site: &Site, expected: [bool; 2]) -> Result<()> {
        let counts = || -> Result<[[WireCount; 2]; 2]> {
            let of = |edge: &SiteEdge| -> Result<_> {
                Ok([
                    received(&edge.customer_side, site.tags().vids())?,
                    received(&edge.core_side, site.vnet_tags().vids())?,
                ])
            };
            Ok([of(&self.edges[0])?, of(&self.edges[1])?])
        };
        wait(|| {
            let before = counts()?;
            let probes = probes(site)?;
            probes.wait_until_whole()?;
            probes.end()?;
            let after = counts()?;
            let grown =
                |edge: usize, way: usize| after[edge][way].frames > before[edge][way].frames;
            let is_so = (0..2).all(|edge| (0..2).all(|way| grown(edge, way) == expected[edge]));
            Ok(is_so.then_some(()))
        })
        .with_context(|| format!("{}: not by {expected:?}: {:?}", site.name(), counts()))
    }
}

impl SiteEdge {
    fn sessions(&self) -> Result<Vec<SessionStatus>> {
        let document: Sessions = serde_json::from_str(&self.edge(&["sessions", "--json"])?)?;
        Ok(document.sessions)
    }

    fn wait_for_sessions(&self, up: usize) -> Result<()> {
        let is_up = |session: &&SessionStatus| session.state == SessionState::Established;
        wait(|| Ok((self.sessions()?.iter().filter(is_up).count() == up).then_some(())))
            .with_context(|| format!("{}: not {up} sessions: {:?}", self.name(), self.sessions()))
    }

    /// Bytes that the ledger has of a circuit towards its customer.
    fn booked(&self, site: &Site) -> Result<WireCount> {
        let mut sum = WireCount::default();
        for record in
            Ledger::open_read_only(Path::new(&self.state_dir()))?.usage(&UsageQuery::default())?
        {
            if record.circuit == site.name() && record.direction == "outbound" {
                sum += WireCount { frames: record.frames, bytes: record.bytes };
            }
        }
        Ok(sum)
    }
}

/// Probes of a customer to its virtual network.
fn probes(site: &Site) -> Result<Probes> {
    Probes::start(&site.router, &sources(), &site.gateway, VNET.1)
}

/// A customer reaches exactly these of three services from a host of its registered prefix.
fn reaches(site: &Site, expected: [bool; 3]) -> Result<()> {
    for (to, is_reached) in [NEAR, FAR, NATIONAL].into_iter().zip(expected) {
        if is_reached {
            wait(|| Ok((pings(&site.router, 1, site.host, to)? == 1).then_some(())))
                .with_context(|| format!("{} does not reach {to}", site.name()))?;
            ensure!(pings(&site.router, 20, site.host, to)? == 20, "{} to {to}", site.name());
        } else {
            ensure!(pings(&site.router, 2, site.host, to)? == 0, "{} reaches {to}", site.name());
        }
    }
    Ok(())
}

/// All bytes towards a customer on both edges' wires are booked there, once.
fn wire_is_ledger(lab: &TwoEdges) -> Result<()> {
    for edge in &lab.edges {
        for site in &lab.sites {
            let vids = [site.tags(), site.service_tags()].map(|tags| tags.vids());
            // All but the edge's own, which are BGP and BFD of class selector 6, ARP, and ICMP errors.
            let is_billed =
                |key: &WireKey| vids.contains(&(key.s_vid, key.c_vid)) && key.traffic_class < 0xc0;
            let wire = edge.customer_side.received()?.sum(is_billed);
            let booked = edge.booked(site)?;
            ensure!(
                wire.frames > 0 && booked == wire,
                "{} {}: {booked:?} booked, {wire:?} on the wire",
                edge.name(),
                site.name()
            );
        }
    }
    Ok(())
}

#[test]
fn two_edges_are_what_the_service_promises() -> Result<()> {
    if !root_or_skip("two_edges_are_what_the_service_promises") {
        return Ok(());
    }
    private_mounts()?;
    let lab = TwoEdges::new()?;
    let _peers = lab.peers()?;
    for edge in &lab.edges {
        edge.wait_for_sessions(SESSIONS)?;
    }
    let [one, other] = &lab.sites;

    // Both customers have the same addresses, and both edges carry each way.
    lab.goes_by(one, [true, true])?;
    lab.goes_by(other, [true, true])?;
    ensure!(pings(&one.gateway, 20, VNET.1, &sources()[0])? == 20);

    // Services of the own area with the standard circuit, those of all areas of the cloud with premium.
    reaches(one, [true, false, false])?;
    reaches(other, [true, true, false])?;
    for edge in &lab.edges {
        let reach: CircuitReach =
            serde_json::from_str(&edge.edge(&["reach", &one.name(), "--json"])?)?;
        ensure!(reach.services.iter().filter(|it| it.told).count() == 1, "{reach:?}");
    }

    // More bandwidth, and premium, while traffic flows.
    lab.notice_nothing(|| {
        for edge in &lab.edges {
            edge.edge(&["set-bandwidth", &one.name(), "2 Gbps"])?;
        }
        Ok(())
    })?;
    lab.notice_nothing(|| {
        lab.edges.iter().try_for_each(|edge| {
            edge.configure(&lab.config(edge, ["premium", "premium"]))?;
            edge.edge(&["reload"]).map(drop)
        })
    })?;
    reaches(one, [true, true, false])?;

    // Planned work on one edge is not noticed.
    lab.notice_nothing(|| {
        let edge = &lab.edges[0];
        edge.edge(&["drain", &one.name(), "--force", "--message", "another card"]).map(drop)
    })?;
    lab.goes_by(one, [false, true])?;
    lab.notice_nothing(|| lab.edges[0].edge(&["undrain", &one.name()]).map(drop))?;
    lab.goes_by(one, [true, true])?;
    wire_is_ledger(&lab)?;
    lab.end()
}

/// The loss of a link, of a core cable and of an edge each costs a moment, and no customer its traffic.
#[test]
fn each_edge_goes_on_without_the_other() -> Result<()> {
    if !root_or_skip("each_edge_goes_on_without_the_other") {
        return Ok(());
    }
    private_mounts()?;
    let mut lab = TwoEdges::new()?;
    let _peers = lab.peers()?;
    for edge in &lab.edges {
        edge.wait_for_sessions(SESSIONS)?;
    }
    let cuts = [
        (Cut::Link, 0),
        (Cut::CustomerCable, 1),
        (Cut::CoreCable, 0),
        (Cut::CoreCable, 1),
        (Cut::Edge, 1),
    ];
    for (cut, lost) in cuts {
        lab.goes_by(&lab.sites[0], [true, true])?;
        lab.goes_by(&lab.sites[1], [true, true])?;
        let longest_ms = lab.survive(cut, lost)?;
        println!("edge {lost}, {cut:?}: no answer for {longest_ms} ms at the most");
        let mut expected = [true, true];
        expected[lost] = false;
        lab.goes_by(&lab.sites[0], expected)?;
        // A link is its own customer's alone.
        lab.goes_by(&lab.sites[1], if cut == Cut::Link { [true, true] } else { expected })?;
        reaches(&lab.sites[1], [true, true, false])?;
        lab.mend(cut, lost)?;
        lab.edges[lost].wait_for_sessions(SESSIONS)?;
    }
    lab.goes_by(&lab.sites[0], [true, true])?;
    lab.end()
}
