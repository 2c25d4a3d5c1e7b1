//! Checks of a circuit: its ports, profiles and zone exist, and its burst can be policed.

use std::collections::BTreeMap;

use toml_span::Spanned;

use super::{
    Accounting, Billing, Circuit, CoreTag, Ecn, Fairness, Peering, Policing, Provisioning, Sku,
    burst,
    error::Errors,
    keys::Field,
    limits,
    names::{self, unknown},
    prices::Zones,
    qos::{self, Profiles},
    routed::Around,
    schema::{RawCircuit, RawPeering},
    tpids,
};

const MAX_PEERINGS: usize = 3;

/// Ports, profiles and zones that a circuit can refer to.
pub(super) struct Checks<'a> {
    pub(super) port_names: &'a [&'a str],
    pub(super) profiles: &'a Profiles,
    pub(super) zones: &'a Zones,
    pub(super) around: &'a Around<'a>,
    pub(super) errors: &'a Errors<'a>,
}

impl Checks<'_> {
    pub(super) fn circuit(&self, raw: &RawCircuit) -> Option<Circuit> {
        let name = raw.name.and_then(|name| names::name("name", name, self.errors));
        let service_key = raw
            .service_key
            .and_then(|key| names::name("service_key", key, self.errors).map(Some))
            .value_or(None);
        let ports = raw.ports.and_then(|ports| self.ports(&ports.value));
        let all_ports = || self.port_names.iter().map(ToString::to_string).collect();
        let zone = self.zones.own(&raw.zone, self.errors);
        let provisioning = self.provisioning(raw);
        self.check_peerings(raw);
        limits::check(raw, self.profiles, self.errors);
        tpids::check(raw, self.errors);
        let raw_peerings = raw.peerings.as_deref().unwrap_or_default();
        let peerings: Vec<_> =
            raw_peerings.iter().map(|peering| self.peering(raw, peering)).collect();
        let vnet_links = self.around.vnet_links(raw);
        let places = self.around.places;
        let provider = raw.provider.and_then(|name| places.provider(name));
        let location = self.location(raw);
        if let Some(location) = location.value_or(None) {
            places.check_reach(raw, location.as_deref());
            places.check_offer(raw, location.as_deref());
        }
        let burst_bytes = self.burst_bytes(raw);
        Some(Circuit {
            name: name.given()?.value.clone(),
            service_key: service_key?,
            bandwidth_bps: raw.bandwidth_bps.given()?.value,
            billing: raw.billing.value_or(Billing::Metered)?,
            sku: raw.sku.value_or(Sku::Standard)?,
            location: location.value_or(None)?,
            provider: provider.optional().value_or(None)?,
            model: raw.model.optional().value_or(None)?,
            provisioning: provisioning?,
            zone: zone.value_or(self.zones.default().map(Into::into))?,
            s_tag: raw.s_tag.optional().value_or(None)?,
            secondary_s_tag: raw.secondary_s_tag.optional().value_or(None)?,
            core_s_tag: raw.core_s_tag.value_or(CoreTag::Same)?,
            s_tpid: raw.s_tpid.optional().value_or(None)?,
            core_s_tpid: raw.core_s_tpid.optional().value_or(None)?,
            ports: ports.value_or(all_ports())?,
            burst_bytes: burst_bytes?,
            burst: raw.burst.optional().value_or(None)?,
            ecn: raw.ecn.value_or(Ecn::Drop)?,
            fairness: raw.fairness.value_or(Fairness::None)?,
            policing: raw.policing.value_or(Policing::CircuitLink)?,
            accounting: raw.accounting.value_or(Accounting::L2)?,
            enabled: raw.enabled.value_or(true)?,
            peerings: peerings.into_iter().collect::<Option<_>>()?,
            vnet_links: vnet_links?,
        })
    }

    /// The circuit's own location, else that of `[routing]`.
    fn location(&self, raw: &RawCircuit) -> Field<Option<String>> {
        match raw.location.and_then(|name| self.around.places.location("location", name)) {
            Field::Absent => {
                self.around.routing.and_then(|routing| Some(routing.value.location.clone()))
            }
            own @ (Field::Given(_) | Field::Bad) => own.optional(),
        }
    }

    fn ports(&self, ports: &[Spanned<String>]) -> Option<Vec<String>> {
        let before = self.errors.count();
        let mut seen = BTreeMap::new();
        for port in ports {
            let name = port.value.as_str();
            if !self.port_names.contains(&name) {
                let unknown = unknown("port", name, self.port_names.iter().copied());
                self.errors.add(port.span, format!("`ports` names {unknown}"));
            }
            if let Some(first) = seen.insert(name, port.span) {
                let place = self.errors.place(first);
                let message = format!("port {name:?} is listed twice; remove one");
                self.errors.add(port.span, format!("{message} (first at {place})"));
            }
        }
        let names = ports.iter().map(|port| port.value.clone()).collect();
        (self.errors.count() == before).then_some(names)
    }

    /// Tags are a provider's to give, and peerings come behind them.
    fn provisioning(&self, raw: &RawCircuit) -> Option<Provisioning> {
        let state = raw.provisioning.value_or(Provisioning::Provisioned)?;
        let refuse = |at, what: &str| {
            let message = format!(
                "the circuit is {:?}, so it has no {what} yet; remove that, or set `provisioning = {:?}`",
                state.as_str(),
                Provisioning::Provisioned.as_str()
            );
            self.errors.add(at, message);
        };
        if state == Provisioning::NotProvisioned
            && let Some(s_tag) = raw.s_tag.given()
        {
            refuse(s_tag.span, "S-tag");
        }
        if state != Provisioning::Provisioned {
            raw.peerings.iter().flatten().for_each(|peering| refuse(peering.at, "peering"));
        }
        Some(state)
    }

    fn check_peerings(&self, raw: &RawCircuit) {
        let Some(peerings) = &raw.peerings else { return };
        if peerings.is_empty() && matches!(raw.provisioning, Field::Absent) {
            let message = "the circuit has no peering; add a [[circuit.peering]]";
            self.errors.add(raw.at, message.into());
        }
        if let Some(peering) = peerings.get(MAX_PEERINGS) {
            let message = format!(
                "the circuit has {} peerings; give at most one of each kind",
                peerings.len()
            );
            self.errors.add(peering.at, message);
        }
        let mut seen = BTreeMap::new();
        for kind in peerings.iter().filter_map(|peering| peering.kind.given()) {
            let name = kind.value.as_str();
            if let Some(first) = seen.get(&kind.value) {
                let place = self.errors.place(*first);
                let message = format!("the circuit has two {name} peerings; remove one");
                self.errors.add(kind.span, format!("{message} (first at {place})"));
            } else {
                seen.insert(kind.value, kind.span);
            }
        }
    }

    fn peering(&self, circuit: &RawCircuit, raw: &RawPeering) -> Option<Peering> {
        let qos = raw.qos.and_then(|qos| {
            let name = qos.value.as_str();
            let is_known = self.profiles.contains_key(name);
            if !is_known {
                let known = self.profiles.keys().map(String::as_str);
                self.errors
                    .add(qos.span, format!("`qos` names {}", unknown("profile", name, known)));
            }
            is_known.then(|| name.to_string())
        });
        self.check_core_c_tag(raw);
        let routed = self.around.routed(circuit, raw);
        let kind = raw.kind.given()?.value;
        Some(Peering {
            kind,
            c_tags: raw.c_tags.given()?.value,
            core_c_tag: raw.core_c_tag.value_or(CoreTag::Same)?,
            c_tpid: raw.c_tpid.optional().value_or(None)?,
            core_c_tpid: raw.core_c_tpid.optional().value_or(None)?,
            bandwidth_bps: raw.bandwidth_bps.optional().value_or(None)?,
            dscp: raw.dscp.value_or(kind.default_dscp())?,
            qos: qos.value_or(qos::DEFAULT_PROFILE.into())?,
            routed: routed.ok()?,
        })
    }

    fn check_core_c_tag(&self, raw: &RawPeering) {
        let (Some(c_tags), Some(core)) = (raw.c_tags.given(), raw.core_c_tag.given()) else {
            return;
        };
        if !c_tags.value.is_one() && !raw.routed.is_routed() {
            let message = "the peering has several C-tags, by which alone frames from the core are \
                           told apart; remove `core_c_tag`, or give one `c_tag`";
            self.errors.add(core.span, message.into());
        }
    }

    fn burst_bytes(&self, raw: &RawCircuit) -> Option<u64> {
        let bandwidth = raw.bandwidth_bps.given()?;
        let burst = raw.burst.optional().value_or(None)?;
        let at = raw.burst.given().map_or(bandwidth.span, |burst| burst.span);
        let refuse = |message| self.errors.add(at, message);
        let bytes = burst::burst_bytes(burst, bandwidth.value).map_err(refuse).ok()?;
        let peerings = raw.peerings.iter().flatten();
        let profiles = peerings.filter_map(|peering| {
            let name = peering.qos.value_or(qos::DEFAULT_PROFILE.into())?;
            let profile = self.profiles.get(&name)?.as_ref()?;
            Some((burst::least_share_permille(profile), name))
        });
        // Without a peering there is none.
        if let Some((permille, profile)) = profiles.min() {
            burst::check_share(bytes, permille, &profile).map_err(refuse).ok()?;
        }
        Some(bytes)
    }
}
