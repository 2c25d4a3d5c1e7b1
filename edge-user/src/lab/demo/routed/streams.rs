//! The traffic of the demo: for each customer a stream each way, in IPv4 and in IPv6.

use anyhow::Result;

use crate::lab::{
    Host, NetNs, Path,
    exchange::{Customer, Exchange, LAN, LAN_V6, VNET, VNET_V6},
    paced::{self, PacedReport},
    path::IpFamily,
    patience::wait,
    running::RunningTraffic,
};

/// One stream, by its place.
#[derive(Clone, Debug)]
pub(super) struct StreamPlace {
    pub(super) circuit: String,
    /// `inbound` or `outbound`.
    pub(super) direction: &'static str,
    pub(super) family: IpFamily,
    path: Path,
    dscp: u8,
}

/// The DSCP of a customer's frames, by which they are known wherever they turn up; nobody else's frames have it.
pub(super) fn dscp(customer: &Customer) -> u8 {
    // Assured forwarding, classes 1 and 2 (RFC 2597, 6).
    if customer.number == 1 { 10 } else { 18 }
}

/// All streams.
pub(super) fn places(exchange: &Exchange) -> Result<Vec<StreamPlace>> {
    let mut places = Vec::new();
    for customer in &exchange.customers {
        for direction in ["inbound", "outbound"] {
            for family in [IpFamily::V4, IpFamily::V6] {
                let path = to_vnet(customer)?;
                let path = if direction == "inbound" { path } else { path.reversed() };
                let (circuit, dscp) = (customer.circuit(), dscp(customer));
                places.push(StreamPlace { circuit, direction, family, path, dscp });
            }
        }
    }
    Ok(places)
}

/// Streams that run, until they are stopped.
pub(super) struct Streams(Vec<(StreamPlace, RunningTraffic<PacedReport>)>);

impl Streams {
    /// Starts them.
    pub(super) fn start(places: &[StreamPlace]) -> Result<Self> {
        let start = |place: &StreamPlace| {
            Ok((place.clone(), paced::start(&place.path, place.family, place.dscp)?))
        };
        places.iter().map(start).collect::<Result<_>>().map(Self)
    }

    /// Stops them, and returns their results.
    pub(super) fn stop(self) -> Result<Vec<(StreamPlace, PacedReport)>> {
        for (_, stream) in &self.0 {
            stream.stop();
        }
        self.0.into_iter().map(|(place, stream)| Ok((place, stream.join()?))).collect()
    }
}

/// Waits until a frame arrives by each way.
pub(super) fn wait_for_ways(places: &[StreamPlace]) -> Result<()> {
    for StreamPlace { path, family, dscp, .. } in places {
        wait(|| Ok(paced::is_open(path, *family, *dscp)?.then_some(())))?;
    }
    Ok(())
}

/// The way from a customer's network to its virtual network.
fn to_vnet(customer: &Customer) -> Result<Path> {
    let host = |ns: &NetNs, v4: &str, v6: &str| -> Result<Host> {
        Ok(Host { ns: ns.clone(), mac: String::new(), v4: v4.parse()?, v6: v6.parse()? })
    };
    Ok(Path {
        tags: customer.tags(),
        near: host(&customer.router, LAN.1, LAN_V6.1)?,
        far: host(&customer.vnet, VNET.1, VNET_V6.1)?,
    })
}
