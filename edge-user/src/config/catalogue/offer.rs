//! Circuits that their provider does not sell.

use std::collections::BTreeSet;

use super::{
    super::{Catalogue, Circuit, schema::RawCircuit},
    KnownPlaces,
};
use crate::units::bit_rate;

impl KnownPlaces<'_> {
    /// Reports a location, a bandwidth and a model of a circuit that its provider does not offer.
    pub(in super::super) fn check_offer(&self, circuit: &RawCircuit, location: Option<&str>) {
        let Some(name) = circuit.provider.given() else { return };
        let Some(Some(provider)) = self.providers.get(name.value.as_str()) else { return };
        let errors = self.errors;
        if let Some(location) = location
            && !provider.locations.contains_key(location)
        {
            let at = circuit.location.given().map_or(name.span, |location| location.span);
            let known = listed(provider.locations.keys().map(|name| format!("{name:?}")));
            let message = format!(
                "the provider {:?} is not at {location:?}, where the circuit is; it is at {known}: give the circuit \
                 another `provider` or `location`",
                name.value
            );
            return errors.add(at, message);
        }
        let place = place(location);
        let models = provider.models(location);
        if let Some(model) = circuit.model.given()
            && is_missing(&model.value, &models)
        {
            let sold = listed(models.iter().map(|model| format!("{:?}", model.as_str())));
            let message = format!(
                "`model` is {:?}, which the provider {:?} does not offer{place}; give {sold}",
                model.value.as_str(),
                name.value
            );
            errors.add(model.span, message);
        }
        let bandwidths_bps = provider.bandwidths_bps(location);
        if let Some(bandwidth) = circuit.bandwidth_bps.given()
            && is_missing(&bandwidth.value, &bandwidths_bps)
        {
            let message = format!(
                "`bandwidth` is {}, which the provider {:?} does not offer{place}; give {}",
                bit_rate(bandwidth.value),
                name.value,
                rates(&bandwidths_bps)
            );
            errors.add(bandwidth.span, message);
        }
    }
}

/// The reason why a circuit's provider does not sell it with this bandwidth; `None`: it does.
pub(in super::super) fn bandwidth_refusal(
    catalogue: &Catalogue,
    circuit: &Circuit,
    bandwidth_bps: u64,
) -> Option<String> {
    let name = circuit.provider.as_ref()?;
    let location = circuit.location.as_deref();
    let sold = catalogue.providers.get(name)?.bandwidths_bps(location);
    is_missing(&bandwidth_bps, &sold).then(|| {
        let place = place(location);
        format!("the provider {name:?} does not offer it{place}, but {}", rates(&sold))
    })
}

/// Rates as a sentence has them.
fn rates(bandwidths_bps: &BTreeSet<u64>) -> String {
    listed(bandwidths_bps.iter().copied().map(bit_rate))
}

fn is_missing<T: Ord>(wanted: &T, sold: &BTreeSet<T>) -> bool {
    !sold.is_empty() && !sold.contains(wanted)
}

fn place(location: Option<&str>) -> String {
    location.map_or_else(String::new, |location| format!(" at {location:?}"))
}

fn listed(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    match all.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
