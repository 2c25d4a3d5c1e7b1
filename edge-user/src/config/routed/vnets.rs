//! The VNet links of a circuit, each by itself.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use toml_span::Span;

use super::{
    super::{
        LinkEnds, PeeringKind, RoutingConfig, Sku, VnetLink, VnetRoutes, error::Errors,
        keys::Field, names, schema::RawCircuit,
    },
    around::{Around, Reported},
    keys::RawVnetLink,
    prefixes::is_default_route,
};
use crate::units::bit_rate;

impl Around<'_> {
    /// The VNet links of a circuit; `None`: there are errors.
    pub(in super::super) fn vnet_links(&self, circuit: &RawCircuit) -> Option<Vec<VnetLink>> {
        let raw_links = circuit.vnet_links.as_ref()?;
        let before = self.errors.count();
        self.check_number(circuit, raw_links);
        self.check_is_reached(circuit, raw_links);
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        for vnet in raw_links.iter().filter_map(|link| link.vnet.given()) {
            if let Some(first) = seen.insert(&vnet.value, vnet.span) {
                let place = self.errors.place(first);
                let message = format!(
                    "the circuit has two links to the VNet {:?}; remove one, or name it otherwise",
                    vnet.value
                );
                self.errors.add(vnet.span, format!("{message} (first at {place})"));
            }
        }
        let links: Vec<_> = raw_links.iter().map(|raw| self.vnet_link(raw)).collect();
        let links: Option<Vec<_>> = links.into_iter().collect();
        links.filter(|_| self.errors.count() == before)
    }

    fn check_number(&self, circuit: &RawCircuit, links: &[RawVnetLink]) {
        let Some(sku) = circuit.sku.value_or(Sku::Standard) else { return };
        // Without a correct bandwidth nobody knows how many there may be.
        let Some(bandwidth) = circuit.bandwidth_bps.given() else { return };
        let most = sku.vnet_links(bandwidth.value);
        let Some(link) = links.get(most) else { return };
        let has = format!("the circuit has {} VNet links", links.len());
        let (rate, sold_as) = (bit_rate(bandwidth.value), sku.as_str());
        let of_premium = Sku::Premium.vnet_links(bandwidth.value);
        let message = match sku {
            Sku::Premium => {
                format!(
                    "{has}, and a premium circuit of {rate} may have {most}; remove some, or raise its `bandwidth`"
                )
            }
            Sku::Local | Sku::Standard if links.len() <= of_premium => format!(
                "{has}, and a {sold_as} circuit may have {most}; remove some, or give it `sku = \"premium\"`, which at {rate} \
                 may have {of_premium}"
            ),
            Sku::Local | Sku::Standard => {
                format!("{has}, and a {sold_as} circuit may have {most}; remove some")
            }
        };
        self.errors.add(link.at, message);
    }

    /// Reports VNets that nobody reaches: only a private peering leads to any.
    fn check_is_reached(&self, circuit: &RawCircuit, links: &[RawVnetLink]) {
        let Some(first) = links.first() else { return };
        // Peerings that are wrong are reported, and could be it.
        let Some(peerings) = &circuit.peerings else { return };
        let is_private = |kind: &Field<PeeringKind>| {
            kind.given().is_none_or(|kind| kind.value == PeeringKind::Private)
        };
        if !peerings.iter().any(|peering| peering.routed.is_routed() && is_private(&peering.kind)) {
            let message = "a VNet is reached by a routed private peering, which the circuit has not; give \
                           its private peering `peer_asn` or `static_routes`, or remove `vnet_link`";
            self.errors.add(first.at, message.into());
        }
    }

    fn vnet_link(&self, raw: &RawVnetLink) -> Option<VnetLink> {
        let errors = self.errors;
        let vnet = raw.vnet.and_then(|vnet| names::name("vnet", vnet, errors));
        let region = raw.region.and_then(|region| self.places.region("region", region));
        let port =
            raw.port.and_then(|port| self.ports.of_core(&port.value, port.span, "a VNet", errors));
        let has_tag = !matches!((&raw.s_tag, &raw.c_tag), (Field::Absent, Field::Absent));
        if !has_tag && matches!(raw.vxlan, Field::Absent) {
            let message = "the VNet link has no tag; add `c_tag`, or `s_tag` and `c_tag`, as frames have \
                           them on the core port";
            errors.add(raw.at, message.into());
        }
        let v4 = RawEnds { at: raw.at, what: "the VNet link", keys: ("own", "gateway") };
        let v6 = RawEnds { keys: ("own_v6", "gateway_v6"), ..v4 };
        let v4 = ends(v4, &raw.own, &raw.gateway, errors);
        let v6 = ends(v6, &raw.own_v6, &raw.gateway_v6, errors);
        let has_addresses = [
            !matches!((&raw.own, &raw.gateway), (Field::Absent, Field::Absent)),
            !matches!((&raw.own_v6, &raw.gateway_v6), (Field::Absent, Field::Absent)),
        ];
        if has_addresses == [false, false] {
            let message = "the VNet link has no addresses; add `own` and `gateway`, or `own_v6` and \
                           `gateway_v6`";
            errors.add(raw.at, message.into());
        }
        let routes = self.vnet_routes(raw, has_addresses);
        Some(VnetLink {
            vnet: vnet.given()?.value.clone(),
            region: region.optional().value_or(None)?,
            port: port.given()?.value.to_owned(),
            s_tag: raw.s_tag.optional().value_or(None)?,
            c_tag: raw.c_tag.optional().value_or(None)?,
            v4: v4.ok()?,
            v6: v6.ok()?,
            routes: routes?,
        })
    }

    fn vnet_routes(&self, raw: &RawVnetLink, has_addresses: [bool; 2]) -> Option<VnetRoutes> {
        let errors = self.errors;
        match (&raw.prefixes, &raw.asn) {
            (Field::Absent, Field::Absent) => {
                let message = "the VNet link has neither `prefixes` nor `asn`; add the VNet's prefixes, or \
                               the AS of its gateway";
                errors.add(raw.at, message.into());
                None
            }
            (Field::Absent, asn) => self.gateway(asn),
            (Field::Given(prefixes), Field::Absent) => {
                check_prefixes(&prefixes.value, has_addresses, errors);
                let prefixes = prefixes.value.iter().map(|prefix| prefix.value).collect();
                Some(VnetRoutes::Static(prefixes))
            }
            (Field::Given(prefixes), Field::Given(asn)) => {
                let place = errors.place(prefixes.span);
                let message = format!(
                    "the VNet link has `asn`, by which the gateway announces its prefixes, and \
                     `prefixes`; remove one (`prefixes` is at {place})"
                );
                errors.add(asn.span, message);
                None
            }
            (Field::Given(_) | Field::Bad, _) => None,
        }
    }

    fn gateway(&self, asn: &Field<u32>) -> Option<VnetRoutes> {
        let asn = asn.given()?;
        let routing = self.routing.given();
        if routing.and_then(|routing| RoutingConfig::asn(&routing.value)) == Some(asn.value) {
            let message = format!("`asn` is {}, the edge's own AS; give the gateway's", asn.value);
            self.errors.add(asn.span, message);
        }
        Some(VnetRoutes::Bgp { asn: asn.value })
    }
}

fn check_prefixes(
    prefixes: &[toml_span::Spanned<IpNet>],
    [has_v4, has_v6]: [bool; 2],
    errors: &Errors<'_>,
) {
    let families = [("IPv4", VnetLink::MAX_ROUTES), ("IPv6", VnetLink::MAX_ROUTES_V6)];
    for ((family, most), is_v4) in families.into_iter().zip([true, false]) {
        let mut own = prefixes.iter().filter(|prefix| prefix.value.addr().is_ipv4() == is_v4);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if let Some(one_more) = own.nth(most) {
            let message =
                format!("the VNet link has more than {most} {family} prefixes; give fewer");
            errors.add(one_more.span, message);
        }
    }
    for prefix in prefixes {
        if is_default_route(prefix.value) {
            let message = "an entry of `prefixes` is the default route, which only a customer can have; \
                           give the VNet's own prefixes";
            errors.add(prefix.span, message.into());
        }
        let (has_way, family) = match prefix.value {
            IpNet::V4(_) => (has_v4, "`own` and `gateway`"),
            IpNet::V6(_) => (has_v6, "`own_v6` and `gateway_v6`"),
        };
        // Without any addresses, that is the mistake.
        if !has_way && (has_v4 || has_v6) {
            let message = format!(
                "the prefix {} leads nowhere, as the link has no {family}; add them, or remove the \
                 prefix",
                prefix.value
            );
            errors.add(prefix.span, message);
        }
    }
}

/// An address with the length of its link's prefix.
pub(super) trait LinkInterface: Copy + Into<IpNet> {
    type Address: Copy + Eq + Into<IpAddr>;

    fn address(self) -> Self::Address;
}

impl LinkInterface for Ipv4Net {
    type Address = Ipv4Addr;

    fn address(self) -> Ipv4Addr {
        self.addr()
    }
}

impl LinkInterface for Ipv6Net {
    type Address = Ipv6Addr;

    fn address(self) -> Ipv6Addr {
        self.addr()
    }
}

/// The table with the ends of a link, as messages call it, and the keys of the edge's end and of the gateway's.
#[derive(Clone, Copy)]
pub(super) struct RawEnds {
    pub(super) at: Span,
    pub(super) what: &'static str,
    pub(super) keys: (&'static str, &'static str),
}

/// Both ends of a link in one family; `None`: it has neither.
pub(super) fn ends<I: LinkInterface>(
    RawEnds { at, what, keys: (own_key, gateway_key) }: RawEnds,
    own: &Field<I>,
    gateway: &Field<I::Address>,
    errors: &Errors<'_>,
) -> Result<Option<LinkEnds<I::Address>>, Reported> {
    let alone = |key: &str, other: &str| {
        errors.add(at, format!("{what} has `{key}` and no `{other}`; add `{other} = …`"));
    };
    match (own, gateway) {
        (Field::Absent, Field::Absent) => return Ok(None),
        (Field::Given(_), Field::Absent) => alone(own_key, gateway_key),
        (Field::Absent, Field::Given(_)) => alone(gateway_key, own_key),
        _ => {}
    }
    let (own, gateway) = own.given().zip(gateway.given()).ok_or(Reported)?;
    let net: IpNet = own.value.into();
    let peer: IpAddr = gateway.value.into();
    let refused_own = is_no_host(net, net.addr());
    if refused_own {
        let message = format!(
            "`{own_key}` is {net}, whose address is that of the whole network; give a host's"
        );
        errors.add(own.span, message);
    }
    let refusal = if !net.contains(&peer) {
        format!(
            "which is not in {}, the network of `{own_key}`; give an address in it",
            net.trunc()
        )
    } else if gateway.value == own.value.address() {
        format!("the edge's own address; give the gateway's, or another `{own_key}`")
    } else if is_no_host(net, peer) {
        format!("which stands for all of {}; give a host's address", net.trunc())
    } else {
        let ends = LinkEnds {
            own: own.value.address(),
            peer: gateway.value,
            prefix_len_bits: net.prefix_len(),
        };
        return if refused_own { Err(Reported) } else { Ok(Some(ends)) };
    };
    errors.add(gateway.span, format!("`{gateway_key}` is {peer}, {refusal}"));
    Err(Reported)
}

/// Whether an address is its network's own, or that of all its hosts. Networks with two addresses have
/// hosts alone (RFC 3021, RFC 6164).
fn is_no_host(net: IpNet, address: IpAddr) -> bool {
    let has_hosts_alone = net.prefix_len() + 1 >= net.max_prefix_len();
    // IPv6 has no broadcast.
    let is_last = address.is_ipv4() && address == net.broadcast();
    !has_hosts_alone && (address == net.network() || is_last)
}
