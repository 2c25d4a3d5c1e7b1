//! `edge demo --routed`: an edge that routes between customers and their virtual networks, real peers, a link that is
//! cut, and a comparison of what the edge says with what the wire saw.

mod account;
mod checks;
mod edge;
mod scenario;
mod streams;

use std::io::Write;

use anyhow::{Context as _, Result, bail, ensure};

use self::edge::RoutedEdge;
use super::verdict::report;
use crate::lab::{
    exchange::{BFD_MS, Exchange, LAN, LAN_V6, SECOND_LINK, SECOND_LINK_V6, VNET, VNET_V6},
    mounts::private_mounts,
    peers::{BirdPeer, FrrPeer, peers_preflight},
    preflight::preflight,
};

/// Runs the demo of routed circuits and tells `out` about it. An error where the edge does not do what it says.
///
/// Everything goes with the demo, however it ends, even by a signal: namespaces, mounts and pins have no names outside, and
/// processes end with the one that started them.
pub fn demo_routed(out: &mut dyn Write) -> Result<()> {
    preflight()?;
    peers_preflight()?;
    private_mounts()?;
    let mut exchange = Exchange::new(2)?;
    exchange.add_second_link(1)?;
    introduce(out, &exchange)?;
    for customer in &exchange.customers {
        customer.forget_ways()?;
    }
    let edge = RoutedEdge::start(&exchange)?;
    let [one, other] = &exchange.customers[..] else { bail!("the demo has two customers") };
    let second = [SECOND_LINK.1, SECOND_LINK_V6.1];
    let bird = BirdPeer::start(&one.router, &one.peer_config().forwards().spare(&second))?;
    let frr = FrrPeer::of(&other.router, &other.peer_config())?;

    let outcome = scenario::run(&mut exchange, &edge, out);
    let outcome = outcome.with_context(|| format!("the edge said:\n{}", edge.said()))?;
    let account = account::take(&exchange, &edge)?;
    writeln!(out, "\n{}\n\n{}\n", outcome.table(), account.table())?;
    let failed = report(out, &checks::check(&outcome, &account))?;
    let said = edge.said();
    drop((bird, frr));
    edge.end()?;
    drop(exchange);
    ensure!(failed == 0, "{failed} of the demo's checks failed; the edge said:\n{said}");
    writeln!(out, "\nEverything is removed again.")?;
    Ok(())
}

fn introduce(out: &mut dyn Write, exchange: &Exchange) -> Result<()> {
    writeln!(
        out,
        "A lab of network namespaces: two customers with the same addresses, an edge that routes, and a\n\
         virtual network of each customer behind it.\n"
    )?;
    for (customer, router) in exchange.customers.iter().zip(["a BIRD", "an FRR"]) {
        let ((s_vid, c_vid), (vnet_s, vnet_c)) =
            (customer.tags().vids(), customer.vnet_tags().vids());
        let links =
            if customer.has_second_link { "primary and secondary link" } else { "one link" };
        writeln!(
            out,
            "  {}  {router} at S-tag {s_vid}, C-tag {c_vid}, {links}; its network at S-tag {vnet_s}, C-tag {vnet_c}",
            customer.circuit(),
        )?;
    }
    writeln!(
        out,
        "\n  each customer has {} and {}, each virtual network {} and {};\n  \
         each session has BFD of {BFD_MS} ms x 3, and the MD5 key of its customer\n",
        LAN.0, LAN_V6.0, VNET.0, VNET_V6.0
    )?;
    Ok(())
}
