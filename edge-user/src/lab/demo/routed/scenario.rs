//! The events of the demo.

use std::{io::Write, thread, time::Duration};

use anyhow::{Context as _, Result};
use comfy_table::Table;
use edge_api::Sessions;

use super::{
    edge::RoutedEdge,
    streams::{StreamPlace, Streams, dscp, places, wait_for_ways},
};
use crate::{
    lab::{
        WireKey,
        exchange::Exchange,
        paced::{PACE, PacedReport},
        path::IpFamily,
    },
    units::count,
    view::{self, table::text_table},
};

/// Traffic without any event.
const UNDISTURBED: Duration = Duration::from_secs(2);
/// Traffic before the cut, and after the edge has noticed it.
const AROUND: Duration = Duration::from_secs(1);

/// The results of all streams, as their ends know them.
pub(super) struct RoutedOutcome {
    pub(super) undisturbed: Vec<(StreamPlace, PacedReport)>,
    pub(super) cut: Vec<(StreamPlace, PacedReport)>,
    /// The circuit that lost a link.
    pub(super) cut_circuit: String,
    /// Frames that left the edge by the secondary link around the cut, and that came to it by it.
    pub(super) second_frames: [u64; 2],
}

/// Waits for the sessions, sends traffic, and cuts the primary link of the first customer.
pub(super) fn run(
    exchange: &mut Exchange,
    edge: &RoutedEdge,
    out: &mut dyn Write,
) -> Result<RoutedOutcome> {
    let took = edge.wait_for_sessions()?;
    let sessions = edge.sessions()?.len();
    writeln!(
        out,
        "> {sessions} BGP sessions are up after {} ms, each with BFD, with a route of the customer's and one of its \
         virtual network",
        took.as_millis()
    )?;
    let places = places(exchange)?;
    wait_for_ways(&places)?;
    writeln!(
        out,
        "> each customer and its virtual network send each other {} frames a second in IPv4 and as many in IPv6",
        count(u64::try_from(Duration::from_secs(1).as_millis() / PACE.as_millis())?),
    )?;
    let streams = Streams::start(&places)?;
    thread::sleep(UNDISTURBED);
    let undisturbed = streams.stop()?;

    let before = by_second_link(exchange)?;
    let streams = Streams::start(&places)?;
    thread::sleep(AROUND);
    let (tags, circuit) = (exchange.customers[0].tags(), exchange.customers[0].circuit());
    exchange.customer_side.cut(tags)?;
    writeln!(out, "> the primary link of {circuit} is cut, where neither end sees it")?;
    edge.wait_for_loss(&circuit)?;
    thread::sleep(AROUND);
    let cut = streams.stop()?;
    let after = by_second_link(exchange)?;
    let second_frames = [after[0] - before[0], after[1] - before[1]];
    writeln!(out, "> BFD has noticed; `edge sessions` says\n")?;
    view::sessions::print(&Sessions { sessions: edge.sessions()? }, out)?;
    Ok(RoutedOutcome { undisturbed, cut, cut_circuit: circuit, second_frames })
}

/// Frames of customers' streams that left the edge by second links, and that came to it by them.
fn by_second_link(exchange: &Exchange) -> Result<[u64; 2]> {
    let trunk = exchange.second_side.as_ref().context("the demo has a second link")?;
    let dscps: Vec<u8> = exchange.customers.iter().map(dscp).collect();
    let of_stream = |key: &WireKey| key.dscp().is_some_and(|dscp| dscps.contains(&dscp));
    Ok([trunk.received()?.sum(of_stream).frames, trunk.offered()?.sum(of_stream).frames])
}

impl RoutedOutcome {
    /// A line for each stream around the cut.
    pub(super) fn table(&self) -> Table {
        let header = ["circuit", "direction", "IP", "sent", "lost", "longest silence"];
        let mut table = text_table(header, 3..6);
        for (place, report) in &self.cut {
            table.add_row([
                place.circuit.clone(),
                place.direction.to_owned(),
                if place.family == IpFamily::V4 { "IPv4" } else { "IPv6" }.to_owned(),
                format!("{} frames", count(report.frames)),
                format!("{} frames", count(report.lost())),
                format!("{} ms", report.silence.as_millis()),
            ]);
        }
        table
    }
}
