//! Packets of each customer, both ways, and those that no customer may send.

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    time::Duration,
};

use anyhow::{Context as _, Result};
use edge_common::abi::lab::TagStack;
use edge_user::lab::NetNs;

use super::model::RoutedModel;
use crate::{
    exchange::{Customer, Exchange, LAN, LAN_V6, VNET, VNET_V6},
    probes::{PROBE_PORT, Probes, set_probe_class},
};

/// Time between two probes of a flow.
const GAP: Duration = Duration::from_millis(5);
/// Hosts at the ends of the wire, in one network.
const WIRE: (&str, &str) = ("10.50.0.1", "10.50.0.2");
/// The wire's tags, at both ends.
pub const WIRE_TAGS: TagStack = TagStack::qinq(500, 10);
/// A source that no customer announces.
const FOREIGN: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 1);
/// Where such packets go: to a host, to its gateway, and to nobody.
const DESTINATIONS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(10, 1, 0, 1), Ipv4Addr::new(10, 1, 255, 6), Ipv4Addr::new(10, 200, 0, 1)];

/// All of it.
pub struct RoutedTraffic {
    flows: Vec<(FlowOwner, Probes)>,
    /// Sockets in the routers of customers.
    foreign: Vec<UdpSocket>,
}

/// The owner of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowOwner {
    /// The customer of this number.
    Customer(u16),
    /// The circuit that is a wire.
    Wire,
}

impl RoutedTraffic {
    /// Starts it.
    pub fn start(exchange: &mut Exchange) -> Result<Self> {
        let tags = WIRE_TAGS;
        let ends = [exchange.customer_side.host(tags)?, exchange.core_side.host(tags)?];
        for (ns, address) in ends.iter().zip([WIRE.0, WIRE.1]) {
            ns.output("ip", &["address", "add", &format!("{address}/24"), "dev", "eth0"])?;
        }
        let mut flows = Vec::new();
        let mut add = |owner, near: &NetNs, from: &str, far: &NetNs, to: &str| {
            let probes = Probes::start_at_pace(GAP, near, &[from.to_owned()], far, to)?;
            flows.push((owner, probes));
            anyhow::Ok(())
        };
        let mut foreign = Vec::new();
        for customer in &exchange.customers {
            let Customer { router, vnet, number, .. } = customer;
            add(FlowOwner::Customer(*number), router, LAN.1, vnet, VNET.1)?;
            add(FlowOwner::Customer(*number), router, LAN_V6.1, vnet, VNET_V6.1)?;
            router.output("ip", &["address", "add", &format!("{FOREIGN}/32"), "dev", "lo"])?;
            let socket = router.run(|| Ok(UdpSocket::bind(SocketAddrV4::new(FOREIGN, 0))?))?;
            set_probe_class(&socket)?;
            socket.set_nonblocking(true)?;
            foreign.push(socket);
        }
        add(FlowOwner::Wire, &ends[0], WIRE.0, &ends[1], WIRE.1)?;
        Ok(Self { flows, foreign })
    }

    /// Sends packets that nobody may get: with the traffic class of probes, so that they would be on the wire more often than
    /// in the ledger, or at a host that knows its own.
    pub fn send_foreign(&self) {
        for (socket, to) in self.foreign.iter().flat_map(|it| DESTINATIONS.map(|to| (it, to))) {
            // A router without a route says so, and an edge that has none.
            let _ = socket.send_to(&[0xee; 200], SocketAddrV4::new(to, PROBE_PORT));
        }
    }

    /// Ends all packets for now, but for those that are under way.
    pub fn pause(&self) {
        self.flows.iter().for_each(|(_, probes)| probes.pause());
    }

    /// Has them go on.
    pub fn resume(&self) {
        self.flows.iter().for_each(|(_, probes)| probes.resume());
    }

    /// Fails where a packet has come to somebody else, or twice.
    pub fn is_sound(&mut self) -> Result<()> {
        self.flows.iter_mut().try_for_each(|(owner, probes)| {
            probes.are_sound().with_context(|| format!("packets of {owner:?}"))
        })
    }

    /// Waits until everybody who has a circuit reaches the other end. Tells of those who do.
    pub fn wait_until_whole(
        &self,
        model: &RoutedModel,
        mut tell: impl FnMut(FlowOwner),
    ) -> Result<()> {
        let own = self.flows.iter().filter(|(owner, _)| model.has_way(*owner));
        own.into_iter().try_for_each(|(owner, probes)| {
            probes.wait_until_whole().with_context(|| format!("packets of {owner:?}"))?;
            tell(*owner);
            Ok(())
        })
    }

    /// Ends it, and returns the number of packets that were sent, and of those that came back.
    pub fn end(&mut self) -> Result<(usize, usize)> {
        let (mut sent, mut back) = (0, 0);
        for (owner, probes) in self.flows.drain(..) {
            for loss in probes.end().with_context(|| format!("packets of {owner:?}"))? {
                (sent, back) = (sent + loss.sent, back + loss.sent - loss.lost);
            }
        }
        Ok((sent, back))
    }
}
