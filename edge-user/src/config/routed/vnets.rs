//! The VNet links of a circuit, each by itself.

use std::collections::BTreeMap;

use ipnet::IpNet;
use toml_span::Span;

use super::{
    super::{
        PeeringKind, Sku, VnetLink, VnetRoutes, error::Errors, keys::Field, names,
        schema::RawCircuit,
    },
    around::Around,
    core_link::{CoreLink, CoreLinkTable},
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
        let table = CoreLinkTable {
            at: raw.at,
            what: "the VNet link",
            leads_to: "a VNet",
            is_tagged: matches!(raw.vxlan, Field::Absent),
        };
        let link = self.core_link(&raw.link, table);
        let routes = self.vnet_routes(raw);
        let CoreLink { port, s_tag, c_tag, v4, v6 } = link?;
        Some(VnetLink {
            vnet: vnet.given()?.value.clone(),
            region: region.optional().value_or(None)?,
            port,
            s_tag,
            c_tag,
            v4,
            v6,
            routes: routes?,
        })
    }

    fn vnet_routes(&self, raw: &RawVnetLink) -> Option<VnetRoutes> {
        let errors = self.errors;
        match (&raw.prefixes, &raw.asn) {
            (Field::Absent, Field::Absent) => {
                let message = "the VNet link has neither `prefixes` nor `asn`; add the VNet's prefixes, or \
                               the AS of its gateway";
                errors.add(raw.at, message.into());
                None
            }
            (Field::Absent, asn) => {
                let bfd = self.gateway_bfd(&raw.bfd, asn);
                let asn = self.gateway_asn(asn).given()?.value;
                Some(VnetRoutes::Bgp { asn, bfd: bfd.ok()? })
            }
            (Field::Given(prefixes), Field::Absent) => {
                check_prefixes(&prefixes.value, raw.link.families(), errors);
                self.gateway_bfd(&raw.bfd, &raw.asn).ok()?;
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
