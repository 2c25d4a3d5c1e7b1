//! A summary of a correct file, and warnings about unusual values in it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Billing, CTags, Circuit, ClassMatch, Config, Export, Forward, Prices, QosProfile, Side,
    SideTags, Sink, Sku,
    burst::{bytes_in, least_share_permille, share_bytes},
    forwards::{DepartingTag, leaving_tags},
    intervals::Intervals,
    look_alikes, unusual_routes,
};

/// A shorter burst makes TCP lose segments well below the purchased rate.
const SHORT_BURST_NS: u64 = 5_000_000;
const TINY_BURST_NS: u64 = 2_000_000;
/// A jumbo frame with its tags.
const JUMBO_FRAME_BYTES: u64 = 9_216;

impl Config {
    /// One line for `edge check`.
    #[must_use]
    pub fn summary(&self) -> String {
        let qinq = self.circuits.iter().filter(|circuit| circuit.s_tag.is_some()).count();
        let peerings: usize = self.circuits.iter().map(|circuit| circuit.peerings.len()).sum();
        format!(
            "ok: edge {:?}: {}, {} ({qinq} QinQ, {} Dot1Q), {}",
            self.edge.name,
            counted(self.ports.len(), "port"),
            counted(self.circuits.len(), "circuit"),
            self.circuits.len() - qinq,
            counted(peerings, "peering"),
        )
    }

    /// Warnings about values that are correct but perhaps not meant, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.circuits.is_empty() {
            warnings.push("there is no circuit: every frame is unmatched".into());
        }
        for port in &self.ports {
            let name = &port.name;
            let has_vnet = self.vnet_links().any(|vnet| vnet.link.port == *name);
            let has_services =
                self.service_network.as_ref().is_some_and(|network| network.port == *name);
            let has_circuit =
                has_vnet || has_services || self.circuits.iter().any(|c| c.ports.contains(name));
            if !has_circuit && !self.circuits.is_empty() {
                warnings.push(format!("port {name:?} has no circuit: none claims its frames"));
            }
        }
        warnings.extend(look_alikes::warnings("circuit", self.circuits.iter().map(|c| &*c.name)));
        warnings.extend(look_alikes::warnings("port", self.ports.iter().map(|port| &*port.name)));
        warnings.extend(self.stack_warnings());
        let mut service_keys = BTreeMap::new();
        for circuit in &self.circuits {
            let name = &circuit.name;
            if !circuit.enabled {
                warnings.push(format!("circuit {name:?} is disabled: its frames are dropped"));
            }
            warnings.extend(self.burst_warning(circuit));
            warnings.extend(self.tpid_warnings(circuit));
            warnings.extend(self.prices.iter().flat_map(|prices| price_warnings(prices, circuit)));
            let Some(key) = &circuit.service_key else { continue };
            if let Some(first) = service_keys.insert(key, name) {
                warnings.push(format!(
                    "circuits {first:?} and {name:?} have one service key, so bills can't follow a \
                     change of their names: give each its own"
                ));
            }
        }
        for vnet in &self.unlinked_vnets {
            warnings.push(format!(
                "no circuit has a link to the VNet {vnet:?}: nothing reaches it; add a [[circuit.vnet_link]] with `vnet = \
                 {vnet:?}`, or remove the [[vnet]]"
            ));
        }
        for (name, profile) in &self.qos {
            warnings.extend(rule_warnings(name, profile));
        }
        warnings.extend(unusual_routes::warnings(self));
        warnings.extend(self.exports.iter().filter_map(token_warning));
        warnings
    }

    /// Warnings of TPIDs that a port sends and does not accept in frames that come back.
    fn tpid_warnings(&self, circuit: &Circuit) -> BTreeSet<String> {
        let ports = self.ports.iter().map(|port| (port.name.as_str(), port)).collect();
        let name = &circuit.name;
        let unknown = leaving_tags(circuit, &ports)
            .into_iter()
            .filter(|tag| !tag.egress.tpids.contains(&tag.tpid));
        let warnings = unknown.map(|DepartingTag { ingress, egress, key, tpid, .. }| {
            let port = &egress.name;
            let what = match (key, ingress) {
                (Some(key), _) => format!("`{key}` is {tpid:#06x}"),
                (None, Some(ingress)) => format!(
                    "frames from port {:?} can leave with TPID {tpid:#06x}",
                    ingress.name
                ),
                (None, None) => format!("routed frames leave with TPID {tpid:#06x}"),
            };
            format!(
                "circuit {name:?}: {what}, which is none of the `tpids` of port {port:?}: a frame that \
                 comes back with it is untagged there"
            )
        });
        warnings.collect()
    }

    /// Warnings of circuits that the kernel's stack can't tell apart: it gets their frames from one
    /// port with the same tags.
    fn stack_warnings(&self) -> BTreeSet<String> {
        let mut warnings = BTreeSet::new();
        for port in self.ports.iter().filter(|port| port.forward == Forward::Stack) {
            let side = match port.side {
                Side::Customer => Side::Core,
                Side::Core => Side::Customer,
            };
            let mut taken: BTreeMap<_, Intervals<&str>> = BTreeMap::new();
            for circuit in self.circuits.iter().filter(|c| c.ports.contains(&port.name)) {
                for peering in circuit.wires() {
                    let SideTags { s_vid, c_vids } = circuit.tags(peering, side, port.link);
                    // VID 0 stands for no tag here, as no tag has it.
                    let c_vids = c_vids.unwrap_or(CTags::one(0));
                    let overlaps = taken.entry(s_vid).or_default().claim(c_vids, &circuit.name);
                    let others = overlaps.into_iter().filter(|(_, other)| *other != circuit.name);
                    warnings.extend(others.map(|(_, other)| {
                        format!(
                            "circuits {other:?} and {:?} leave port {:?} for the kernel's stack \
                             with the same tags: the stack can't tell whose a frame is",
                            circuit.name, port.name
                        )
                    }));
                }
            }
        }
        warnings
    }

    fn burst_warning(&self, circuit: &Circuit) -> Option<String> {
        let name = &circuit.name;
        let profiles = circuit.peerings.iter().filter_map(|peering| self.qos.get(&peering.qos));
        let least_permille = profiles.map(least_share_permille).min()?;
        let least_share_bytes = share_bytes(circuit.burst_bytes, least_permille);
        if least_share_bytes < JUMBO_FRAME_BYTES {
            return Some(format!(
                "circuit {name:?}: the smallest class share of the burst is {least_share_bytes} \
                 bytes: no frame of {JUMBO_FRAME_BYTES} bytes passes in that class"
            ));
        }
        (circuit.burst_bytes < bytes_in(SHORT_BURST_NS, circuit.bandwidth_bps)).then(|| {
            // Measured with CUBIC under a bucket of 100 Mbit/s.
            let goodput = if circuit.burst_bytes < bytes_in(TINY_BURST_NS, circuit.bandwidth_bps) {
                "less than 75 %"
            } else {
                "75 to 87 %"
            };
            format!(
                "circuit {name:?}: with a burst below 5 ms of the bandwidth, one TCP flow over 20 ms \
                 gets {goodput} of it; with 25 ms, which is usual, 91 %"
            )
        })
    }
}

/// Warnings of matches that an earlier match leaves no packet.
fn rule_warnings(name: &str, profile: &QosProfile) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut earlier: Vec<(&ClassMatch, String)> = Vec::new();
    for class in &profile.classes {
        for (number, rule) in (1..).zip(&class.matches) {
            let this = format!("match {number} of class {:?}", class.name);
            if let Some((_, first)) = earlier.iter().find(|(earlier, _)| earlier.covers(rule)) {
                warnings.push(format!(
                    "profile {name:?}: {this} gets no packet, as {first} takes them all before it"
                ));
            }
            earlier.push((rule, this));
        }
    }
    warnings
}

/// Warnings of prices that `edge bill` won't find for a circuit.
fn price_warnings(prices: &Prices, circuit: &Circuit) -> Vec<String> {
    let name = &circuit.name;
    let Some((zone, zone_prices)) =
        circuit.zone.as_ref().and_then(|zone| Some((zone, prices.zones.get(zone)?)))
    else {
        return vec![format!(
            "circuit {name:?} has no price zone: give it a `zone`, or [prices] one for all"
        )];
    };
    let mut warnings = Vec::new();
    let mut missing = |what: String| {
        warnings.push(format!("circuit {name:?}: zone {zone:?} has no {what}"));
    };
    let is_metered = circuit.billing == Billing::Metered && circuit.sku != Sku::Local;
    if is_metered && zone_prices.outbound_gb.is_none() {
        missing("`outbound_gb`".into());
    }
    let rate = crate::units::bit_rate(circuit.bandwidth_bps);
    match zone_prices.monthly.get(&circuit.bandwidth_bps) {
        None => missing(format!("monthly price for {rate}")),
        Some(fees) => {
            let (key, base) = fees.base(circuit.billing, circuit.sku);
            if base.is_none() {
                missing(format!("`{key}` price for {rate}"));
            }
            if circuit.sku == Sku::Premium && fees.premium.is_none() {
                missing(format!("`premium` price for {rate}"));
            }
        }
    }
    warnings
}

/// A warning of a token that anyone on the way can read.
fn token_warning(export: &Export) -> Option<String> {
    let Sink::Http { url, token_file: Some(_) } = &export.to else { return None };
    let name = &export.name;
    let uri: ureq::http::Uri = url.parse().ok()?;
    let is_local = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    (uri.scheme_str() == Some("http") && !is_local).then(|| {
        format!("export {name:?} sends its token unencrypted: use an https URL if there is one")
    })
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
