//! `[service_network]`, and the peerings that lead there.

use ipnet::IpNet;
use toml_span::Span;

use super::{
    super::{
        Circuit, PeeringKind, RoutedPeering, ServiceNetwork,
        catalogue::placed,
        error::Errors,
        keys::{Field, Keys},
        schema::RawCircuit,
    },
    around::Around,
    asns,
    core_link::{CoreLink, CoreLinkTable, RawCoreLink},
    keys::{RawBfd, bfd},
    nesting::nested,
    peering::MOST_ROUTES,
    peering_links::networks,
};

/// The table, as messages call it.
const TABLE: &str = "[service_network]";

/// `[service_network]`.
pub(in super::super) struct RawServiceNetwork {
    pub(in super::super) at: Span,
    pub(in super::super) link: RawCoreLink,
    asn: Field<u32>,
    bfd: Field<RawBfd>,
}

impl RawServiceNetwork {
    /// The one of the file.
    pub(in super::super) fn of_file<'a>(
        file: &mut Keys<'a, '_>,
        errors: &'a Errors<'a>,
    ) -> Field<Self> {
        file.table("service_network", "[service_network], once").and_then(|table| {
            let keys = Keys::new(table.value, table.span, TABLE, errors);
            Some(Self::read(keys, errors))
        })
    }

    fn read<'a>(mut keys: Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let network = Self {
            at: keys.at(),
            link: RawCoreLink::read(&mut keys),
            asn: keys.optional("asn", asns::gateway_asn),
            bfd: bfd(&mut keys, errors),
        };
        keys.finish();
        network
    }
}

impl Around<'_> {
    /// The network of public services; `None`: it is wrong.
    pub(in super::super) fn service_network(
        &self,
        raw: &RawServiceNetwork,
    ) -> Option<ServiceNetwork> {
        let errors = self.errors;
        if matches!(self.routing, Field::Absent) {
            let message = "[service_network] is for routed peerings, and there is no [routing]; add it, or remove this";
            errors.add(raw.at, message.into());
        }
        let table = CoreLinkTable {
            at: raw.at,
            what: TABLE,
            leads_to: "the service network",
            is_tagged: true,
        };
        let link = self.core_link(&raw.link, table);
        let bfd = self.gateway_bfd(&raw.bfd, &raw.asn);
        let asn = self.gateway_asn(&raw.asn);
        self.check_ways(raw);
        let CoreLink { port, s_tag, c_tag, v4, v6 } = link?;
        let asn = asn.optional().value_or(None)?;
        Some(ServiceNetwork { port, s_tag, c_tag, v4, v6, asn, bfd: bfd.ok()? })
    }

    /// Reports files with prefixes of a family that the network's link has no addresses of.
    fn check_ways(&self, raw: &RawServiceNetwork) {
        let [has_v4, has_v6] = raw.link.families();
        let families = [
            ("IPv4", true, has_v4, "`own` and `gateway`"),
            ("IPv6", false, has_v6, "`own_v6` and `gateway_v6`"),
        ];
        for (family, is_v4, has_way, keys) in families {
            // Without any addresses, that is the mistake.
            if has_way || !(has_v4 || has_v6) {
                continue;
            }
            for file in self.places.prefixes() {
                let is_of_family = |(prefix, _): &&(IpNet, usize)| prefix.addr().is_ipv4() == is_v4;
                if let Some((prefix, line)) = file.lines.iter().find(is_of_family) {
                    let message = format!(
                        "the {family} prefix {prefix} (line {line} of {:?}) leads nowhere, as [service_network] has no \
                         {keys}; add them, or remove such prefixes",
                        file.name
                    );
                    self.errors.add(file.at, message);
                }
            }
        }
    }

    /// Reports peerings that ask for services in a way that can't be: filters, prefixes of services that customers have,
    /// and more routes than the service network has room for. `has_network` tells whether the file has
    /// `[service_network]`.
    pub(in super::super) fn check_service_peerings(
        &self,
        raw: &[RawCircuit],
        circuits: &[Option<Circuit>],
        has_network: bool,
    ) {
        self.check_filters(raw, has_network);
        self.check_service_prefixes(raw);
        if has_network {
            self.check_service_room(raw, circuits);
        }
    }

    fn check_filters(&self, raw: &[RawCircuit], has_network: bool) {
        let known = self.places.communities();
        let peerings = raw.iter().flat_map(|circuit| circuit.peerings.iter().flatten());
        for peering in peerings.filter(|peering| peering.routed.is_routed()) {
            let (Some(filter), Some(kind)) =
                (peering.routed.route_filter.given(), peering.kind.given())
            else {
                continue;
            };
            if kind.value == PeeringKind::Private {
                let message = "`route_filter` is for public and Microsoft peerings: a private one reaches the VNets of \
                               its `vnet_link`; remove it";
                self.errors.add(filter.span, message.into());
                continue;
            }
            if !has_network {
                let message = "`route_filter` asks for services, and there is no [service_network] that they are behind; \
                               add it, or remove this";
                self.errors.add(filter.span, message.into());
            }
            let mut seen = std::collections::BTreeMap::new();
            for entry in &filter.value {
                if let Some(first) = seen.insert(entry.value, entry.span) {
                    let place = self.errors.place(first);
                    let message =
                        format!("{} is listed twice in `route_filter`; remove one", entry.value);
                    self.errors.add(entry.span, format!("{message} (first at {place})"));
                }
                // The community of a table that is wrong may be this one.
                if !known.contains(&entry.value) && self.places.knows_communities() {
                    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
                    let unknown = super::super::names::unknown(
                        "community",
                        &entry.value.to_string(),
                        names.iter().map(String::as_str),
                    );
                    let message = format!("an entry of `route_filter` is {unknown}");
                    self.errors.add(entry.span, message);
                }
            }
        }
    }

    /// Reports customers' prefixes and links' networks that overlap prefixes of services: one prefix has one owner.
    fn check_service_prefixes(&self, raw: &[RawCircuit]) {
        enum Owned {
            Service(String),
            Customer(Span, String),
        }
        let mut all: Vec<(IpNet, Owned)> = Vec::new();
        for (prefix, placed) in self.places.prefixes().flat_map(placed) {
            all.push((prefix, Owned::Service(placed.told())));
        }
        if all.is_empty() {
            return;
        }
        let peerings = raw.iter().flat_map(|circuit| circuit.peerings.iter().flatten());
        for peering in peerings.filter(|peering| peering.routed.is_routed()) {
            if peering.kind.given().is_none_or(|kind| kind.value == PeeringKind::Private) {
                continue;
            }
            let registered = peering.routed.advertised_prefixes.given();
            for prefix in registered.map_or(&[][..], |prefixes| &prefixes.value) {
                let told = format!("the registered prefix {}", prefix.value);
                all.push((prefix.value, Owned::Customer(prefix.span, told)));
            }
            for link in networks(&peering.routed) {
                let v4 = link.v4.map(|v4| (IpNet::V4(v4.network), v4.at));
                let v6 = link.v6.map(|v6| (IpNet::V6(v6.network), v6.at));
                for (network, at) in v4.into_iter().chain(v6) {
                    all.push((
                        network,
                        Owned::Customer(at, format!("the link's network {network}")),
                    ));
                }
            }
        }
        nested(all, |outer: &Owned, inner: &Owned| match (outer, inner) {
            (Owned::Service(service), Owned::Customer(at, told))
            | (Owned::Customer(at, told), Owned::Service(service)) => {
                let message = format!("{told} overlaps {service}, a service's prefix; remove one");
                self.errors.add(*at, message);
            }
            (Owned::Service(_), Owned::Service(_)) | (Owned::Customer(..), Owned::Customer(..)) => {
            }
        });
    }

    /// Reports more routes than the service network's table has room for: it has those of all public and Microsoft
    /// peerings.
    fn check_service_room(&self, raw: &[RawCircuit], circuits: &[Option<Circuit>]) {
        let mut all = (0, 0);
        for (raw, circuit) in raw.iter().zip(circuits) {
            let before = all;
            for peering in circuit.iter().flat_map(|circuit| &circuit.peerings) {
                if peering.kind != PeeringKind::Private {
                    let (v4, v6) =
                        peering.routed.as_ref().map_or((0, 0), RoutedPeering::most_routes);
                    all = (all.0 + v4, all.1 + v6);
                }
            }
            report_room(
                ("IPv4", "max_routes", MOST_ROUTES.0),
                (before.0, all.0),
                raw.at,
                self.errors,
            );
            report_room(
                ("IPv6", "max_routes_v6", MOST_ROUTES.1),
                (before.1, all.1),
                raw.at,
                self.errors,
            );
        }
    }
}

fn report_room(
    (family, key, most): (&str, &str, u64),
    (before, all): (u64, u64),
    at: Span,
    errors: &Errors<'_>,
) {
    if before <= most && all > most {
        let message = format!(
            "with this circuit, public and Microsoft peerings can have {all} {family} routes together, and the service \
             network's table has room for {most}; lower `{key}` of such peerings"
        );
        errors.add(at, message);
    }
}
