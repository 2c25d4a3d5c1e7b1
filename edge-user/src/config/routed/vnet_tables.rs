//! `[[vnet]]`: virtual networks that links of several circuits lead to.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use toml_span::Spanned;

use super::{
    super::{
        catalogue::KnownPlaces,
        error::Errors,
        keys::{Field, Keys},
        names::{self, unknown},
        schema::RawCircuit,
        values,
    },
    keys::RawVnetLink,
    prefixes,
};

/// `[[vnet]]`.
pub(in super::super) struct RawVnet {
    name: Field<String>,
    region: Field<String>,
    prefixes: Field<Vec<Spanned<IpNet>>>,
}

impl RawVnet {
    /// All of the file.
    pub(in super::super) fn all<'a>(file: &mut Keys<'a, '_>, errors: &'a Errors<'a>) -> Vec<Self> {
        let tables = file.tables("vnet", "[[vnet]]").into_iter();
        tables.map(|(table, at)| Self::read(Keys::new(table, at, "[[vnet]]", errors))).collect()
    }

    fn read(mut keys: Keys<'_, '_>) -> Self {
        let vnet = Self {
            name: keys.required("name", values::string),
            region: keys.optional("region", values::string),
            prefixes: keys.list("prefixes", prefixes::prefix),
        };
        keys.finish();
        vnet
    }
}

/// Gives links the region and the prefixes of the VNets that they name, and reports links that have their own beside these.
/// Returns the VNets without a link.
pub(in super::super) fn adopt(
    vnets: &[RawVnet],
    circuits: &mut [RawCircuit],
    places: &KnownPlaces<'_>,
    errors: &Errors<'_>,
) -> Vec<String> {
    let named: Vec<_> = vnets.iter().filter_map(|vnet| Some((vnet.name.given()?, vnet))).collect();
    names::unique(named.iter().map(|(name, _)| (*name, &*name.value)), "VNet", "name", errors);
    let mut known = BTreeMap::new();
    // The first of a name counts.
    for (name, vnet) in named.into_iter().rev() {
        let region = vnet.region.and_then(|region| places.region("region", region));
        if names::name("name", name, errors).is_some() {
            known.insert(name.value.as_str(), (region, vnet));
        }
    }
    let mut linked = BTreeSet::new();
    for link in circuits.iter_mut().flat_map(|circuit| circuit.vnet_links.iter_mut().flatten()) {
        let Some(name) = link.vnet.given() else { continue };
        match known.get(name.value.as_str()) {
            Some((region, vnet)) => {
                linked.insert(name.value.clone());
                link.adopt(region, vnet, errors);
            }
            None => link.check_is_known(known.keys().copied(), errors),
        }
    }
    known.into_keys().filter(|name| !linked.contains(*name)).map(str::to_owned).collect()
}

impl RawVnetLink {
    fn adopt(&mut self, region: &Field<String>, vnet: &RawVnet, errors: &Errors<'_>) {
        let Some(name) = self.vnet.given() else { return };
        let twice = |key: &str, own, of_vnet| {
            let place = errors.place(of_vnet);
            let message = format!(
                "the VNet {:?} has its `{key}` in [[vnet]]; remove one (the other is at {place})",
                name.value
            );
            errors.add(own, message);
        };
        match (&self.region, &vnet.region) {
            (Field::Given(own), Field::Given(of_vnet)) => twice("region", own.span, of_vnet.span),
            // A region out of reach is a mistake of the circuit.
            (Field::Absent, _) => {
                self.region = match region {
                    Field::Given(region) => {
                        Field::Given(Spanned::with_span(region.value.clone(), name.span))
                    }
                    Field::Absent => Field::Absent,
                    Field::Bad => Field::Bad,
                };
            }
            _ => {}
        }
        match (&self.prefixes, &vnet.prefixes) {
            (Field::Given(own), Field::Given(of_vnet)) => twice("prefixes", own.span, of_vnet.span),
            (Field::Absent, of_vnet) => self.prefixes = of_vnet.clone(),
            _ => {}
        }
    }

    /// Reports a link without routes whose VNet has another name, where there are VNets with names.
    fn check_is_known<'n>(
        &mut self,
        known: impl Iterator<Item = &'n str> + Clone,
        errors: &Errors<'_>,
    ) {
        let has_none = matches!((&self.prefixes, &self.asn), (Field::Absent, Field::Absent));
        if let Some(name) = self.vnet.given()
            && has_none
            && known.clone().next().is_some()
        {
            let unknown = unknown("VNet", &name.value, known);
            let message =
                format!("the VNet link has neither `prefixes` nor `asn`, and names {unknown}");
            errors.add(name.span, message);
            self.prefixes = Field::Bad;
        }
    }
}
