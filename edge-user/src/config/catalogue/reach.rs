//! Virtual networks that a circuit does not reach.

use super::{
    super::{Sku, schema::RawCircuit},
    KnownPlaces,
};

impl KnownPlaces<'_> {
    /// Reports links to virtual networks in regions that the circuit does not reach from its location.
    pub(in super::super) fn check_reach(&self, circuit: &RawCircuit, location: Option<&str>) {
        let Some(sku) = circuit.sku.value_or(Sku::Standard) else { return };
        let Some(at) = location else { return };
        // Places that are wrong are reported.
        let Some(Some(location)) = self.locations.get(at) else { return };
        let regions = circuit.vnet_links.iter().flatten().filter_map(|link| link.region.given());
        for name in regions {
            let Some(Some(region)) = self.regions.get(name.value.as_str()) else { continue };
            let least = location.least_sku(&name.value, region);
            if least.is_some_and(|least| least <= sku) {
                continue;
            }
            let help = match least {
                Some(least) => format!(
                    "give the circuit `sku = \"{}\"`, which reaches it, or remove the link",
                    least.as_str()
                ),
                None => "no `sku` reaches another cloud, so link the VNet to a circuit at a location of that cloud"
                    .to_owned(),
            };
            let message = format!(
                "the VNet is in the region {:?} ({}, {}), which a {} circuit at {at:?} ({}, {}) does not reach; {help}",
                name.value,
                region.area,
                region.cloud,
                sku.as_str(),
                location.area,
                location.cloud
            );
            self.errors.add(name.span, message);
        }
    }
}
