//! The keys of routed peerings and VNet links, each by itself.

use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use toml_span::{Span, Spanned, Value};

use super::{
    super::{
        BfdTimers, Community, SourceCheck,
        catalogue::community,
        error::Errors,
        keys::{Field, Keys},
        values::{self, Read, integer_in, wrong},
    },
    asns,
    core_link::RawCoreLink,
    prefixes,
};

/// The timers of BFD where nobody names others.
const USUAL_BFD: BfdTimers = BfdTimers { interval: Duration::from_millis(300), multiplier: 3 };

/// The keys of a routed peering. A wire has none of them.
pub(in super::super) struct RawRouted {
    pub(super) peer_asn: Field<u32>,
    pub(super) static_routes: Field<Vec<Spanned<IpNet>>>,
    pub(super) primary: Field<Ipv4Net>,
    pub(super) secondary: Field<Ipv4Net>,
    pub(super) network: Field<Ipv4Net>,
    pub(super) primary_v6: Field<Ipv6Net>,
    pub(super) secondary_v6: Field<Ipv6Net>,
    pub(super) network_v6: Field<Ipv6Net>,
    pub(super) key_file: Field<String>,
    pub(super) max_routes: Field<u32>,
    pub(super) max_routes_v6: Field<u32>,
    pub(super) source_check: Field<SourceCheck>,
    pub(super) bfd: Field<RawBfd>,
    pub(super) passive: Field<bool>,
    pub(super) ttl_security: Field<bool>,
    pub(super) advertised_prefixes: Field<Vec<Spanned<IpNet>>>,
    pub(super) route_filter: Field<Vec<Spanned<Community>>>,
}

impl RawRouted {
    pub(in super::super) fn read<'a>(keys: &mut Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let link_v4 = |value: &Value<'_>| prefixes::network_v4(value, 30, "192.168.15.16/30");
        let link_v6 = |value: &Value<'_>| prefixes::network_v6(value, 126, "fd00:15::10/126");
        let both_v4 = |value: &Value<'_>| prefixes::network_v4(value, 29, "192.168.15.16/29");
        let both_v6 = |value: &Value<'_>| prefixes::network_v6(value, 125, "fd00:15::10/125");
        Self {
            peer_asn: keys.optional("peer_asn", asns::customer_asn),
            static_routes: keys.list("static_routes", prefixes::prefix),
            primary: keys.optional("primary", link_v4),
            secondary: keys.optional("secondary", link_v4),
            network: keys.optional("network", both_v4),
            primary_v6: keys.optional("primary_v6", link_v6),
            secondary_v6: keys.optional("secondary_v6", link_v6),
            network_v6: keys.optional("network_v6", both_v6),
            key_file: keys.optional("key_file", values::string),
            max_routes: keys.optional("max_routes", |value| routes(value, 32_000)),
            max_routes_v6: keys.optional("max_routes_v6", |value| routes(value, 2_000)),
            source_check: keys.optional("source_check", values::choice),
            bfd: bfd(keys, errors),
            passive: keys.optional("passive", values::boolean),
            ttl_security: keys.optional("ttl_security", values::boolean),
            advertised_prefixes: keys.list("advertised_prefixes", prefixes::prefix),
            route_filter: keys.list("route_filter", community),
        }
    }

    /// Whether the peering is a routing domain; a wire otherwise.
    pub(in super::super) fn is_routed(&self) -> bool {
        !matches!((&self.peer_asn, &self.static_routes), (Field::Absent, Field::Absent))
    }

    /// The keys without which a peering is routed all the same, each with its place.
    pub(super) fn details(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let places = [
            ("primary", at(&self.primary)),
            ("secondary", at(&self.secondary)),
            ("network", at(&self.network)),
            ("primary_v6", at(&self.primary_v6)),
            ("secondary_v6", at(&self.secondary_v6)),
            ("network_v6", at(&self.network_v6)),
            ("source_check", at(&self.source_check)),
            ("advertised_prefixes", at(&self.advertised_prefixes)),
            ("route_filter", at(&self.route_filter)),
        ];
        places.into_iter().chain(self.of_session()).filter_map(|(key, at)| Some((key, at?)))
    }

    /// The keys of a BGP session.
    pub(super) fn of_session(&self) -> [(&'static str, Option<Span>); 6] {
        [
            ("key_file", at(&self.key_file)),
            ("max_routes", at(&self.max_routes)),
            ("max_routes_v6", at(&self.max_routes_v6)),
            ("bfd", at(&self.bfd)),
            ("passive", at(&self.passive)),
            ("ttl_security", at(&self.ttl_security)),
        ]
    }
}

fn at<T>(field: &Field<T>) -> Option<Span> {
    field.given().map(|value| value.span)
}

/// `bfd`: whether, and its timers.
#[derive(Clone, Debug)]
pub(in super::super) enum RawBfd {
    Off,
    On { interval: Option<Duration>, multiplier: Option<u8> },
}

impl RawBfd {
    /// On, with the usual timers.
    pub(in super::super) const ON: Self = Self::On { interval: None, multiplier: None };

    /// The timers: its own, else those of `around`, else the usual ones.
    pub(in super::super) fn timers(&self, around: Option<BfdTimers>) -> Option<BfdTimers> {
        let around = around.unwrap_or(USUAL_BFD);
        match *self {
            Self::Off => None,
            Self::On { interval, multiplier } => Some(BfdTimers {
                interval: interval.unwrap_or(around.interval),
                multiplier: multiplier.unwrap_or(around.multiplier),
            }),
        }
    }
}

/// The key `bfd` of a table.
pub(in super::super) fn bfd<'a>(keys: &mut Keys<'a, '_>, errors: &'a Errors<'a>) -> Field<RawBfd> {
    let Some(value) = keys.value("bfd") else { return Field::Absent };
    let given = |bfd| Field::Given(Spanned::with_span(bfd, value.span));
    if let Some(is_on) = value.as_bool() {
        return given(if is_on { RawBfd::ON } else { RawBfd::Off });
    }
    let Some(table) = value.as_table() else {
        let help = "give true, false or { interval = \"300ms\", multiplier = 3 }";
        errors.add(keys.start(value), format!("`bfd` {}", wrong(value, help)));
        return Field::Bad;
    };
    let mut keys = Keys::new(table, value.span, "bfd", errors);
    let interval = keys.optional("interval", interval);
    let multiplier =
        keys.optional("multiplier", |value| integer_in(value, 2, 50, "a number from 2 to 50"));
    keys.finish();
    match (interval.optional().value_or(None), multiplier.optional().value_or(None)) {
        (Some(interval), Some(multiplier)) => given(RawBfd::On { interval, multiplier }),
        _ => Field::Bad,
    }
}

fn interval(value: &Value<'_>) -> Read<Duration> {
    let interval = values::duration(value)?;
    let fits = (Duration::from_millis(10)..=Duration::from_secs(10)).contains(&interval)
        && interval.subsec_nanos().is_multiple_of(1_000_000);
    if fits { Ok(interval) } else { Err(wrong(value, "give \"10ms\" to \"10s\", in whole ms")) }
}

/// A number of routes that a session may bring, up to those that a forwarding table has room for.
fn routes(value: &Value<'_>, most: i64) -> Read<u32> {
    integer_in(value, 1, most, &format!("a number from 1 to {most}"))
}

/// An entry of `vnet_link`.
pub(in super::super) struct RawVnetLink {
    pub(in super::super) at: Span,
    pub(super) vnet: Field<String>,
    pub(in super::super) region: Field<String>,
    pub(in super::super) link: RawCoreLink,
    pub(super) prefixes: Field<Vec<Spanned<IpNet>>>,
    pub(super) asn: Field<u32>,
    pub(super) bfd: Field<RawBfd>,
    pub(super) vxlan: Field<()>,
}

impl RawVnetLink {
    pub(in super::super) fn read<'a>(mut keys: Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let link = Self {
            at: keys.at(),
            vnet: keys.required("vnet", values::string),
            region: keys.optional("region", values::string),
            link: RawCoreLink::read(&mut keys),
            prefixes: keys.list("prefixes", prefixes::prefix),
            asn: keys.optional("asn", asns::gateway_asn),
            bfd: bfd(&mut keys, errors),
            vxlan: keys.optional("vxlan", no_vxlan),
        };
        keys.finish();
        link
    }
}

/// A version of the edge that knows VXLAN will read the key.
fn no_vxlan(_: &Value<'_>) -> Read<()> {
    Err("is not supported yet: this version reaches a VNet by VLAN tags alone; give `s_tag`, `c_tag` \
         or both instead"
        .into())
}
