//! The entries that a configuration needs in the tables of attachments: one for each wire on each of its ports, two
//! for each peering-link, and one for each VNet link.

use edge_common::abi::{attachment::Attachment, port::Features, qos::QosRow, rate::Rate};

use super::{AttachmentKey, PolicerKey, Scope, qos, rates};
use crate::{
    config::{
        Circuit, CircuitVnet, Config, Peering, Port, QosProfile, RoutedKey, SideTags, VnetLink,
    },
    model::{Accounting, Direction, DscpPolicy, Ecn, Fairness, Link, PeeringKind, Policing, Side},
};

/// An owner of frames, or a way by which they come in, on one of a circuit's ports.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) config: &'a Config,
    pub(super) circuit: &'a Circuit,
    pub(super) peering: &'a Peering,
    pub(super) port: &'a Port,
    pub(super) role: MemberRole<'a>,
}

/// The frames of a [`Member`].
#[derive(Clone, Copy)]
pub(super) enum MemberRole<'a> {
    /// A wire's, which come by its port.
    Wire,
    /// A peering-link's from the customer, which come by its port.
    FromCustomer(Link),
    /// A peering-link's to the customer, which leave by its port and come by VNet links: no tags lead to them.
    ToCustomer(Link),
    /// Frames that come by a VNet link. They have no owner until they have a route.
    Vnet(&'a VnetLink),
}

/// All members: by circuit and then by peering, both in the file's order; VNet links come last in their circuit.
pub(super) fn members(config: &Config) -> impl Iterator<Item = Member<'_>> {
    config.circuits.iter().flat_map(move |circuit| {
        let of_peerings =
            circuit.peerings.iter().flat_map(move |peering| of_peering(config, circuit, peering));
        let private = circuit.peerings.iter().find(|peering| peering.kind == PeeringKind::Private);
        let vnets = circuit.vnet_links.iter().filter_map(move |link| {
            let port = config.ports.iter().find(|port| port.name == link.port)?;
            let role = MemberRole::Vnet(link);
            Some(Member { config, circuit, peering: private?, port, role })
        });
        of_peerings.chain(vnets)
    })
}

fn of_peering<'a>(
    config: &'a Config,
    circuit: &'a Circuit,
    peering: &'a Peering,
) -> impl Iterator<Item = Member<'a>> {
    let member = move |port, role| Member { config, circuit, peering, port, role };
    let on_port = move |port: &&Port| circuit.ports.contains(&port.name);
    let is_wire = peering.routed.is_none();
    let wires = config.ports.iter().filter(move |port| is_wire && on_port(port));
    let wires = wires.map(move |port| member(port, MemberRole::Wire));
    let links = peering.routed.iter().flat_map(|routed| &routed.links);
    let links = links.filter_map(move |link| {
        Some((config.ports.iter().find(|port| port.name == link.port)?, link.link))
    });
    let links = links.flat_map(move |(port, link)| {
        [MemberRole::FromCustomer(link), MemberRole::ToCustomer(link)]
            .map(|role| member(port, role))
    });
    wires.chain(links)
}

impl<'a> Member<'a> {
    /// The source of [`Self::qos_row`]: the name of a profile, and a policy.
    pub(super) fn qos(&self) -> (&'a str, DscpPolicy) {
        (&self.peering.qos, self.peering.dscp)
    }
}

impl Member<'_> {
    pub(super) fn key(&self) -> AttachmentKey {
        AttachmentKey {
            edge: self.config.edge.name.clone(),
            circuit: self.circuit.name.clone(),
            service_key: self.circuit.service_key.clone(),
            peering: self.peering.kind,
            port: self.port.name.clone(),
            direction: self.direction(),
            link: self.link(),
            billing: self.circuit.billing,
            accounting: self.circuit.accounting,
            classes: match self.role {
                // It counts no frames by class.
                MemberRole::Vnet(_) => Vec::new(),
                MemberRole::Wire | MemberRole::FromCustomer(_) | MemberRole::ToCustomer(_) => {
                    self.profile().classes.iter().map(|class| class.name.clone()).collect()
                }
            },
            is_routed: !matches!(self.role, MemberRole::Wire),
            vnet: match self.role {
                MemberRole::Vnet(link) => Some(link.vnet.clone()),
                MemberRole::Wire | MemberRole::FromCustomer(_) | MemberRole::ToCustomer(_) => None,
            },
        }
    }

    /// The link whose interface of the router its frames meet; `None`: it is a wire.
    pub(super) fn routed_key(&self) -> Option<RoutedKey> {
        match self.role {
            MemberRole::Wire => None,
            MemberRole::FromCustomer(link) | MemberRole::ToCustomer(link) => {
                let circuit = self.circuit.name.clone();
                Some(RoutedKey::Peering { circuit, peering: self.peering.kind, link })
            }
            MemberRole::Vnet(link) => Some(CircuitVnet { circuit: self.circuit, link }.key()),
        }
    }

    fn direction(&self) -> Direction {
        match self.role {
            MemberRole::Wire | MemberRole::FromCustomer(_) | MemberRole::Vnet(_) => {
                self.port.side.direction()
            }
            MemberRole::ToCustomer(_) => Direction::Outbound,
        }
    }

    fn link(&self) -> Link {
        match self.role {
            MemberRole::Wire | MemberRole::Vnet(_) => self.port.link,
            MemberRole::FromCustomer(link) | MemberRole::ToCustomer(link) => link,
        }
    }

    pub(super) fn policer(&self) -> PolicerKey {
        PolicerKey {
            circuit: self.circuit.name.clone(),
            peering: match self.circuit.policing {
                Policing::CircuitLink => None,
                Policing::PeeringLink => Some(self.peering.kind),
            },
            vnet: None,
            scope: Scope::Purchased,
            direction: self.direction(),
            link: self.link(),
        }
    }

    pub(super) fn rate(&self) -> Rate {
        rates::rate(self.circuit)
    }

    /// The buckets inside the circuit's.
    pub(super) fn limits(&self) -> Vec<(PolicerKey, Rate)> {
        let peering = (Scope::Peering, self.peering.bandwidth_bps);
        let classes = (0u8..).zip(&self.profile().classes);
        let classes = classes.map(|(number, class)| (Scope::Class(number), class.bandwidth_bps));
        let limits = std::iter::once(peering).chain(classes).filter_map(|(scope, limit_bps)| {
            let key = PolicerKey { scope, peering: Some(self.peering.kind), ..self.policer() };
            Some((key, rates::limit(limit_bps?)))
        });
        limits.collect()
    }

    /// All its buckets.
    pub(super) fn buckets(&self) -> Vec<(PolicerKey, Rate)> {
        if !self.is_owner() {
            return Vec::new();
        }
        std::iter::once((self.policer(), self.rate())).chain(self.limits()).collect()
    }

    /// Whether frames are policed and counted as its own.
    pub(super) fn is_owner(&self) -> bool {
        !matches!(self.role, MemberRole::Vnet(_))
    }

    /// Whether tags lead to it.
    pub(super) fn has_tags(&self) -> bool {
        !matches!(self.role, MemberRole::ToCustomer(_))
    }

    pub(super) fn is_fair(&self) -> bool {
        self.is_owner() && self.circuit.fairness == Fairness::Flow
    }

    pub(super) fn qos_row(&self) -> QosRow {
        qos::qos_row(self.profile(), self.peering.dscp)
    }

    /// The tags that its frames have on its port.
    pub(super) fn tags(&self) -> SideTags {
        match self.role {
            MemberRole::Wire => self.circuit.tags(self.peering, self.port.side, self.port.link),
            MemberRole::FromCustomer(link) | MemberRole::ToCustomer(link) => {
                self.circuit.tags(self.peering, Side::Customer, link)
            }
            MemberRole::Vnet(link) => link.tags(),
        }
    }

    /// The S-VID whose C-table has the peering's C-tags; `None`: the outer tag alone tells the
    /// owner.
    pub(super) fn c_table_s_vid(&self) -> Option<u16> {
        let SideTags { s_vid, c_vids } = self.tags();
        s_vid.filter(|_| self.has_tags() && c_vids.is_some())
    }

    /// Bytes that a frame counts for beside its length as received; beside its length without tags, where it is
    /// routed. A routed frame counts for as much as on a wire with the customer's tags, whichever tags it comes with.
    pub(super) fn len_adjust_bytes(&self) -> i16 {
        /// FCS (802.3-2022, 3.2.9).
        const FCS: i16 = 4;
        /// Preamble, start delimiter (3.2.1, 3.2.2) and the gap between frames (4.4.2).
        const PREAMBLE_AND_GAP: i16 = 8 + 12;
        const TAG: i16 = 4;
        let SideTags { s_vid, c_vids } = self.tags();
        let tags = i16::from(s_vid.is_some()) + i16::from(c_vids.is_some());
        let tag_bytes = if matches!(self.role, MemberRole::Wire) { 0 } else { TAG * tags };
        let adjust_bytes = match self.circuit.accounting {
            Accounting::L1 => FCS + PREAMBLE_AND_GAP,
            Accounting::Mef if s_vid.is_some() => FCS - TAG,
            Accounting::Mef => FCS,
            Accounting::L2 => 0,
            // The path knows the packet's length itself.
            Accounting::L3 => return 0,
        };
        tag_bytes + adjust_bytes
    }

    pub(super) fn flags(&self) -> u8 {
        let classes = &self.profile().classes;
        let flag = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
        let of_all = flag(Attachment::DISABLED, !self.circuit.enabled)
            | flag(Attachment::ROUTED, !matches!(self.role, MemberRole::Wire));
        if !self.is_owner() {
            return of_all;
        }
        of_all
            | flag(Attachment::HAS_RULES, self.has_rules())
            | flag(Attachment::MARKS_PCP, classes.iter().any(|class| class.pcp_mark.is_some()))
            | flag(Attachment::HAS_LIMITS, !self.limits().is_empty())
            | flag(Attachment::MARKS_ECN, self.circuit.ecn == Ecn::Mark)
            | flag(Attachment::ACCOUNT_PACKET, self.circuit.accounting == Accounting::L3)
    }

    /// The features that frames need of the port that they come by. Frames of a VNet link become a peering-link's
    /// there, and need what these do.
    pub(super) fn features(&self) -> Features {
        if !self.has_tags() {
            return Features::NONE;
        }
        let feature = |feature: Features, is_used: bool| {
            if is_used { feature } else { Features::NONE }
        };
        feature(Features::RULES, self.has_rules())
            .with(feature(Features::LIMITS, !self.limits().is_empty()))
            .with(feature(Features::FAIRNESS, self.circuit.fairness == Fairness::Flow))
            .with(feature(Features::ECN, self.circuit.ecn == Ecn::Mark))
            .with(feature(Features::ROUTED, !matches!(self.role, MemberRole::Wire)))
    }

    fn has_rules(&self) -> bool {
        self.profile().classes.iter().any(|class| !class.matches.is_empty())
    }

    pub(super) fn profile(&self) -> &QosProfile {
        &self.config.qos[&self.peering.qos]
    }
}
