//! Checks of the ports that frames leave by: a circuit's frames must leave by ports of this
//! circuit, and with tags that belong to it there.

use std::collections::{BTreeMap, BTreeSet};

use edge_common::packet::vlan::TPID_C_TAG;
use toml_span::Span;

use super::{
    Circuit, Forward, Peering, Port, Side, SideTags,
    error::Errors,
    schema::{RawCircuit, RawPeering, RawPort},
};

/// Reports circuits on a port that forwards to a port without them. Their tags could belong to
/// another circuit there, and their frames reach another customer.
pub(super) fn check(circuits: &[RawCircuit], ports: &[RawPort], errors: &Errors<'_>) {
    let mut by_name = BTreeMap::new();
    for port in ports {
        if let Some(name) = port.name.given() {
            by_name.entry(name.value.as_str()).or_insert(port);
        }
    }
    for circuit in circuits {
        // Frames of routed peerings leave by the port of their next hop.
        if circuit.peerings.as_deref().is_some_and(are_all_routed) {
            continue;
        }
        // Without `ports`, a circuit is on every port.
        let Some(listed) = circuit.ports.given() else { continue };
        // A port that is listed twice is reported elsewhere.
        let own: BTreeMap<&str, Span> =
            listed.value.iter().rev().map(|name| (name.value.as_str(), name.span)).collect();
        for name in &listed.value {
            if own.get(name.value.as_str()).is_some_and(|first| first.start != name.span.start) {
                continue;
            }
            let forward = by_name.get(name.value.as_str()).and_then(|port| port.forward.given());
            // Unknown targets are reported elsewhere, and "stack" is no port.
            let Some(forward) = forward.filter(|to| by_name.contains_key(to.value.as_str())) else {
                continue;
            };
            if own.contains_key(forward.value.as_str()) {
                continue;
            }
            let circuit = circuit.name.given().map_or("", |name| &name.value);
            let (port, egress) = (&name.value, &forward.value);
            let place = errors.place(forward.span);
            errors.add(
                name.span,
                format!(
                    "circuit {circuit:?} is on port {port:?}, whose frames leave by port \
                     {egress:?} (`forward` at {place}), where the circuit is not: another customer \
                     could get them; add {egress:?} to `ports`, or have the circuit's frames come \
                     in by a port that forwards to one of its own"
                ),
            );
        }
    }
}

fn are_all_routed(peerings: &[RawPeering]) -> bool {
    !peerings.is_empty() && peerings.iter().all(|peering| peering.routed.is_routed())
}

/// Reports circuits whose frames leave with a TPID that is not one of the port's. To that port such
/// frames are untagged, and this reports them where untagged frames belong to another circuit.
///
/// Ports and circuits are those of the file, in its order; `None` where one is wrong.
pub(super) fn check_tpids(
    raw: &[RawCircuit],
    circuits: &[Option<Circuit>],
    ports: &[Option<Port>],
    errors: &Errors<'_>,
) {
    let ports: BTreeMap<&str, &Port> =
        ports.iter().flatten().map(|port| (port.name.as_str(), port)).collect();
    let known =
        || raw.iter().zip(circuits).filter_map(|(raw, circuit)| Some((raw, circuit.as_ref()?)));
    let mut untagged: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
    for (raw, circuit) in known() {
        for (raw, peering) in raw.peerings.iter().flatten().zip(&circuit.peerings) {
            if peering.routed.is_some() {
                continue;
            }
            for port in circuit.ports.iter().filter_map(|name| ports.get(name.as_str())) {
                let tags = circuit.tags(peering, port.side, port.link);
                if (SideTags { s_vid: None, c_vids: None }) == tags {
                    untagged.entry(&port.name).or_insert((&circuit.name, raw.at));
                }
            }
        }
    }
    for (raw, circuit) in known() {
        let mut reported = BTreeSet::new();
        for DepartingTag { of, egress, tpid, .. } in leaving_tags(circuit, &ports) {
            let egress_name = egress.name.as_str();
            let owner = untagged.get(egress_name).filter(|(owner, _)| *owner != circuit.name);
            let is_unknown = !egress.tpids.contains(&tpid);
            let Some((owner, at)) =
                owner.filter(|_| is_unknown && reported.insert((egress_name, tpid)))
            else {
                continue;
            };
            let own_at = match of {
                LeavingOwner::Peering(place) => {
                    raw.peerings.iter().flatten().nth(place).map(|p| p.at)
                }
                LeavingOwner::Vnet(place) => {
                    raw.vnet_links.iter().flatten().nth(place).map(|v| v.at)
                }
            };
            let message = format!(
                "frames of circuit {:?} can leave by port {egress_name:?} with TPID {tpid:#06x}, which is \
                 none of its `tpids`: there they are untagged; give the port that TPID, or the circuit \
                 another one",
                circuit.name,
            );
            errors.add_claimed(
                own_at.unwrap_or(raw.at),
                &message,
                *at,
                &format!("circuit {owner:?}"),
            );
        }
    }
}

/// The peering or VNet link that a frame leaves for, by its place in the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeavingOwner {
    Peering(usize),
    Vnet(usize),
}

/// An outermost tag that frames of a circuit can leave with.
#[derive(Clone, Copy)]
pub(super) struct DepartingTag<'p> {
    pub(super) of: LeavingOwner,
    /// The port that the frames come from; `None`: any, as they are routed.
    pub(super) ingress: Option<&'p Port>,
    pub(super) egress: &'p Port,
    /// The key that sets the TPID.
    pub(super) key: Option<&'static str>,
    pub(super) tpid: u16,
}

/// The outermost tags that frames of a circuit can leave by ports with.
pub(super) fn leaving_tags<'p>(
    circuit: &Circuit,
    ports: &BTreeMap<&str, &'p Port>,
) -> Vec<DepartingTag<'p>> {
    let mut tags = Vec::new();
    for (place, peering) in circuit.peerings.iter().enumerate() {
        let of = LeavingOwner::Peering(place);
        if let Some(routed) = &peering.routed {
            for egress in routed.links.iter().filter_map(|link| ports.get(link.port.as_str())) {
                let (key, own) = match circuit.s_tag {
                    Some(_) => ("s_tpid", circuit.s_tpid),
                    None => ("c_tpid", peering.c_tpid),
                };
                let tpid = own.or_else(|| pushed_tpid(circuit.s_tag.is_some(), egress));
                let key = own.map(|_| key);
                tags.extend(tpid.map(|tpid| DepartingTag { of, ingress: None, egress, key, tpid }));
            }
            continue;
        }
        for (ingress, egress) in leaving(circuit, ports) {
            let (key, tpids) = leaving_tpids(circuit, peering, ingress, egress);
            let ingress = Some(ingress);
            tags.extend(tpids.iter().map(|tpid| DepartingTag {
                of,
                ingress,
                egress,
                key,
                tpid: *tpid,
            }));
        }
    }
    for (place, link) in circuit.vnet_links.iter().enumerate() {
        let of = LeavingOwner::Vnet(place);
        let Some(egress) = ports.get(link.port.as_str()) else { continue };
        let tpid = pushed_tpid(link.s_tag.is_some(), egress);
        tags.extend(tpid.map(|tpid| DepartingTag { of, ingress: None, egress, key: None, tpid }));
    }
    tags
}

/// The TPID of an outermost tag that nobody has set: as with one that is pushed.
fn pushed_tpid(is_s_tag: bool, egress: &Port) -> Option<u16> {
    if is_s_tag { egress.tpids.first().copied() } else { Some(TPID_C_TAG) }
}

/// The ports that a circuit's frames come in by, each with the port that they leave by.
fn leaving<'p>(
    circuit: &Circuit,
    ports: &BTreeMap<&str, &'p Port>,
) -> impl Iterator<Item = (&'p Port, &'p Port)> {
    circuit.ports.iter().filter_map(|name| {
        let ingress = ports.get(name.as_str())?;
        match &ingress.forward {
            Forward::Stack => None,
            Forward::Port(egress) => Some((*ingress, *ports.get(egress.as_str())?)),
        }
    })
}

/// The TPIDs that the outermost tag of a peering's frames can leave with from one port to another,
/// and the key that sets them. Without a key, they are the TPIDs that frames came with, or that a
/// tag is pushed with (`plan::retag`). Frames without a tag have none.
fn leaving_tpids(
    circuit: &Circuit,
    peering: &Peering,
    ingress: &Port,
    egress: &Port,
) -> (Option<&'static str>, Vec<u16>) {
    let (s_tag, c_tag) = match egress.side {
        Side::Customer => (("s_tpid", circuit.s_tpid), ("c_tpid", peering.c_tpid)),
        Side::Core => (("core_s_tpid", circuit.core_s_tpid), ("core_c_tpid", peering.core_c_tpid)),
    };
    let [arriving, leaving] =
        [ingress, egress].map(|port| circuit.tags(peering, port.side, port.link));
    let as_configured = |(key, tpid): (&'static str, Option<u16>)| Some((Some(key), vec![tpid?]));
    match (leaving.s_vid, leaving.c_vids) {
        (Some(_), _) => as_configured(s_tag).unwrap_or_else(|| {
            let came = arriving.s_vid.is_some();
            let pushed = || egress.tpids.first().copied().into_iter().collect();
            (None, if came { ingress.tpids.clone() } else { pushed() })
        }),
        (None, Some(_)) => as_configured(c_tag).unwrap_or_else(|| {
            let tpids = match (arriving.s_vid, arriving.c_vids) {
                // An inner tag becomes the outermost one. It has one of these TPIDs.
                (Some(_), Some(_)) => INNER_TPIDS.to_vec(),
                (None, Some(_)) => ingress.tpids.clone(),
                (_, None) => vec![TPID_C_TAG],
            };
            (None, tpids)
        }),
        (None, None) => (None, Vec::new()),
    }
}

/// TPIDs of a tag behind another one.
const INNER_TPIDS: [u16; 2] = [TPID_C_TAG, edge_common::packet::vlan::TPID_S_TAG];
