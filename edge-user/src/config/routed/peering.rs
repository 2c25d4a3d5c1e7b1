//! One routed peering: its tags, its session, and the room for its routes.

use std::path::PathBuf;

use toml_span::Spanned;

use super::{
    super::{
        CustomerSession, PeeringKind, RoutedPeering, RoutingConfig, Sku, SourceCheck,
        keys::Field,
        names,
        schema::{RawCircuit, RawPeering},
    },
    around::{Around, Reported},
    customer_prefixes,
    key_file::{KeyFiles, read_key},
    keys::RawBfd,
    peering_links,
};

/// Routes that one side of a domain has room for, by family: a tree has 65,536 intervals of IPv4 addresses and
/// 4,096 of IPv6 ones, and a route takes two at the most (decision 13).
pub(super) const MOST_ROUTES: (u64, u64) = (32_000, 2_000);

impl Around<'_> {
    /// The routed part of a peering; `None`: it is a wire.
    pub(in super::super) fn routed(
        &self,
        circuit: &RawCircuit,
        raw: &RawPeering,
    ) -> Result<Option<RoutedPeering>, Reported> {
        let before = self.errors.count();
        if !raw.routed.is_routed() {
            for (key, at) in raw.routed.details() {
                let message = format!(
                    "`{key}` is for a routed peering, and this one is a wire; give `peer_asn` or \
                     `static_routes`, or remove it"
                );
                self.errors.add(at, message);
            }
            return if self.errors.count() == before { Ok(None) } else { Err(Reported) };
        }
        self.check_tags(raw);
        let links = peering_links::links(self, circuit, raw);
        let session = self.session(circuit, raw);
        let prefixes = customer_prefixes::checked(raw, links.as_deref(), self.errors);
        let session = session?;
        let assemble = || {
            let kind = raw.kind.given()?.value;
            Some(RoutedPeering {
                session,
                links: links?,
                source_check: raw.routed.source_check.value_or(default_source_check(kind))?,
                static_routes: prefixes.static_routes?,
                advertised_prefixes: prefixes.registered?,
                route_filter: match &raw.routed.route_filter {
                    Field::Absent => Vec::new(),
                    Field::Bad => return None,
                    Field::Given(filter) => filter.value.iter().map(|entry| entry.value).collect(),
                },
            })
        };
        let routed = assemble().ok_or(Reported)?;
        self.check_room(raw, &routed);
        if self.errors.count() == before { Ok(Some(routed)) } else { Err(Reported) }
    }

    fn check_tags(&self, raw: &RawPeering) {
        if let Some(c_tags) = raw.c_tags.given().filter(|c_tags| !c_tags.value.is_one()) {
            let message = "a routed peering has one C-tag, which its answers leave with; give one \
                           VLAN ID";
            self.errors.add(c_tags.span, message.into());
        }
        let of_wires = [
            ("core_c_tag", raw.core_c_tag.given().map(|tag| tag.span)),
            ("core_c_tpid", raw.core_c_tpid.given().map(|tpid| tpid.span)),
        ];
        for (key, at) in of_wires.iter().filter_map(|(key, at)| Some((key, (*at)?))) {
            let message = format!(
                "`{key}` is for a wire, and a routed peering has no tags towards the core; remove \
                 it: the circuit's `vnet_link` has the tags there"
            );
            self.errors.add(at, message);
        }
    }

    /// The session of a peering; `None`: it has static routes alone.
    fn session(
        &self,
        circuit: &RawCircuit,
        raw: &RawPeering,
    ) -> Result<Option<CustomerSession>, Reported> {
        match &raw.routed.peer_asn {
            Field::Given(peer_asn) => {
                self.session_with(peer_asn, circuit, raw).map(Some).ok_or(Reported)
            }
            Field::Bad => Err(Reported),
            Field::Absent => {
                let keys = raw.routed.of_session().into_iter();
                for (key, at) in keys.filter_map(|(key, at)| Some((key, at?))) {
                    let message = format!(
                        "`{key}` is for a BGP session, and the peering has static routes alone; give \
                         `peer_asn`, or remove it"
                    );
                    self.errors.add(at, message);
                }
                Ok(None)
            }
        }
    }

    fn session_with(
        &self,
        peer_asn: &Spanned<u32>,
        circuit: &RawCircuit,
        raw: &RawPeering,
    ) -> Option<CustomerSession> {
        let keys = &raw.routed;
        let routing = self.routing.given().map(|routing| &routing.value);
        if routing.and_then(RoutingConfig::asn) == Some(peer_asn.value) {
            let message =
                format!("`peer_asn` is {}, the edge's own AS; give the customer's", peer_asn.value);
            self.errors.add(peer_asn.span, message);
        }
        let key_file = keys.key_file.and_then(|file| self.key_file(file));
        let kind = raw.kind.given()?.value;
        let (max_routes, max_routes_v6) =
            default_max_routes(kind, circuit.sku.value_or(Sku::Standard)?);
        // Without a correct [routing] nobody sees the timers.
        let usual = routing.map_or_else(|| RawBfd::ON.timers(None), |routing| routing.bfd);
        Some(CustomerSession {
            peer_asn: peer_asn.value,
            key_file: key_file.optional().value_or(None)?,
            max_routes: keys.max_routes.value_or(max_routes)?,
            max_routes_v6: keys.max_routes_v6.value_or(max_routes_v6)?,
            bfd: match &keys.bfd {
                Field::Absent => usual,
                Field::Bad => return None,
                Field::Given(bfd) => bfd.value.timers(usual),
            },
            passive: keys.passive.value_or(false)?,
            ttl_security: keys.ttl_security.value_or(false)?,
        })
    }

    fn key_file(&self, file: &Spanned<String>) -> Option<PathBuf> {
        let path = names::path("key_file", file, self.errors)?;
        if self.key_files == KeyFiles::Read
            && let Err(error) = read_key(&path)
        {
            self.errors.add(file.span, format!("`key_file` {:?} {error}", file.value));
            return None;
        }
        Some(path)
    }

    /// Reports more routes than a domain has room for.
    fn check_room(&self, raw: &RawPeering, routed: &RoutedPeering) {
        let (v4, v6) = routed.most_routes();
        for (family, key, field, routes, most) in [
            ("IPv4", "max_routes", &raw.routed.max_routes, v4, MOST_ROUTES.0),
            ("IPv6", "max_routes_v6", &raw.routed.max_routes_v6, v6, MOST_ROUTES.1),
        ] {
            if routes > most {
                let message = format!(
                    "the peering can have {routes} {family} routes ({key} on each link, and static \
                     ones), and its table has room for {most}; lower `{key}`"
                );
                self.errors.add(field.given().map_or(raw.at, |most| most.span), message);
            }
        }
    }
}

/// Routes that a customer may announce, of IPv4 and of IPv6, where the file does not say.
fn default_max_routes(kind: PeeringKind, sku: Sku) -> (u32, u32) {
    match (kind, sku) {
        (PeeringKind::Private, Sku::Premium) => (10_000, 100),
        (PeeringKind::Private, Sku::Local | Sku::Standard) => (4_000, 100),
        (PeeringKind::Public | PeeringKind::Microsoft, _) => (200, 200),
    }
}

fn default_source_check(kind: PeeringKind) -> SourceCheck {
    match kind {
        PeeringKind::Private => SourceCheck::Advertised,
        PeeringKind::Public | PeeringKind::Microsoft => SourceCheck::Registered,
    }
}
