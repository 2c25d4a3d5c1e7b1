//! The keys of a link on a core port, to a virtual network or to the network of public services.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use toml_span::Span;

use super::{
    super::{
        LinkEnds,
        error::Errors,
        keys::{Field, Keys},
        values,
    },
    around::{Around, Reported},
    prefixes,
};

/// The keys of a link on a core port.
pub(in super::super) struct RawCoreLink {
    pub(in super::super) port: Field<String>,
    pub(in super::super) s_tag: Field<u16>,
    pub(in super::super) c_tag: Field<u16>,
    pub(super) own: Field<Ipv4Net>,
    gateway: Field<Ipv4Addr>,
    pub(super) own_v6: Field<Ipv6Net>,
    gateway_v6: Field<Ipv6Addr>,
}

impl RawCoreLink {
    pub(super) fn read(keys: &mut Keys<'_, '_>) -> Self {
        Self {
            port: keys.required("port", values::string),
            s_tag: keys.optional("s_tag", values::vid),
            c_tag: keys.optional("c_tag", values::vid),
            own: keys.optional("own", prefixes::interface_v4),
            gateway: keys.optional("gateway", prefixes::address_v4),
            own_v6: keys.optional("own_v6", prefixes::interface_v6),
            gateway_v6: keys.optional("gateway_v6", prefixes::address_v6),
        }
    }

    /// Whether it has addresses of IPv4, and of IPv6.
    pub(super) const fn families(&self) -> [bool; 2] {
        [
            !matches!((&self.own, &self.gateway), (Field::Absent, Field::Absent)),
            !matches!((&self.own_v6, &self.gateway_v6), (Field::Absent, Field::Absent)),
        ]
    }

    /// The places of both ends in IPv4, and in IPv6.
    pub(super) fn places(&self) -> [Option<[Span; 2]>; 2] {
        let v4 = self.own.given().zip(self.gateway.given());
        let v6 = self.own_v6.given().zip(self.gateway_v6.given());
        [v4.map(|(own, peer)| [own.span, peer.span]), v6.map(|(own, peer)| [own.span, peer.span])]
    }
}

/// The table that a link's keys are in.
#[derive(Clone, Copy)]
pub(super) struct CoreLinkTable {
    pub(super) at: Span,
    /// As messages call it.
    pub(super) what: &'static str,
    /// The other end, as messages call it.
    pub(super) leads_to: &'static str,
    /// Whether its frames have to have a tag.
    pub(super) is_tagged: bool,
}

/// A correct link on a core port.
pub(super) struct CoreLink {
    pub(super) port: String,
    pub(super) s_tag: Option<u16>,
    pub(super) c_tag: Option<u16>,
    pub(super) v4: Option<LinkEnds<Ipv4Addr>>,
    pub(super) v6: Option<LinkEnds<Ipv6Addr>>,
}

impl Around<'_> {
    /// Checks a link; `None`: it is wrong.
    pub(super) fn core_link(&self, raw: &RawCoreLink, table: CoreLinkTable) -> Option<CoreLink> {
        let errors = self.errors;
        let CoreLinkTable { at, what, leads_to, is_tagged } = table;
        let port =
            raw.port.and_then(|port| self.ports.of_core(&port.value, port.span, leads_to, errors));
        if is_tagged && matches!((&raw.s_tag, &raw.c_tag), (Field::Absent, Field::Absent)) {
            let message = format!(
                "{what} has no tag; add `c_tag`, or `s_tag` and `c_tag`, as frames have them on the core port"
            );
            errors.add(at, message);
        }
        let v4 = RawEnds { at, what, keys: ("own", "gateway") };
        let v6 = RawEnds { keys: ("own_v6", "gateway_v6"), ..v4 };
        let v4 = ends(v4, &raw.own, &raw.gateway, errors);
        let v6 = ends(v6, &raw.own_v6, &raw.gateway_v6, errors);
        if raw.families() == [false, false] {
            let message = format!(
                "{what} has no addresses; add `own` and `gateway`, or `own_v6` and `gateway_v6`"
            );
            errors.add(at, message);
        }
        Some(CoreLink {
            port: port.given()?.value.to_owned(),
            s_tag: raw.s_tag.optional().value_or(None)?,
            c_tag: raw.c_tag.optional().value_or(None)?,
            v4: v4.ok()?,
            v6: v6.ok()?,
        })
    }
}

/// An address with the length of its link's prefix.
trait LinkInterface: Copy + Into<IpNet> {
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
struct RawEnds {
    at: Span,
    what: &'static str,
    keys: (&'static str, &'static str),
}

/// Both ends of a link in one family; `None`: it has neither.
fn ends<I: LinkInterface>(
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
