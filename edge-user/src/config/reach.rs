//! Regions and virtual networks that circuits reach.

use edge_api::{CircuitLocation, CircuitReach, LinkedVnet, OutOfReach, RegionReach};

use super::{Circuit, Config, Location, Region, Sku, VnetLink, VnetRoutes};

impl Config {
    /// Whether a circuit reaches the virtual network of one of its links. A checked configuration has no other links.
    #[must_use]
    pub fn is_reached(&self, circuit: &Circuit, link: &VnetLink) -> bool {
        let Some(location) = self.location(circuit) else { return true };
        let Some(name) = &link.region else { return true };
        let region = self.catalogue.regions.get(name);
        let least = region.and_then(|region| location.least_sku(name, region));
        least.is_some_and(|least| least <= circuit.sku)
    }

    /// The reach of the circuit of this name; `None`: there is no such circuit.
    #[must_use]
    pub fn reach(&self, name: &str) -> Option<CircuitReach> {
        let circuit = self.circuits.iter().find(|circuit| circuit.name == name)?;
        let location = self.location(circuit);
        let regions = self.catalogue.regions.iter();
        let regions =
            regions.map(|(name, region)| region_reach(circuit.sku, location, name, region));
        Some(CircuitReach {
            circuit: circuit.name.clone(),
            sku: circuit.sku.as_str().to_owned(),
            location: circuit.location.clone().zip(location).map(|(name, location)| {
                let Location { area, cloud, local: _ } = location.clone();
                CircuitLocation { name, area, cloud }
            }),
            regions: regions.collect(),
            vnets: circuit.vnet_links.iter().map(linked_vnet).collect(),
            services: self.service_reach(circuit),
        })
    }

    pub(super) fn location(&self, circuit: &Circuit) -> Option<&Location> {
        self.catalogue.locations.get(circuit.location.as_ref()?)
    }
}

/// The reason why a circuit does not reach a region, and the least SKU that would; `None`: it reaches it.
pub(super) fn out_of_reach(
    sku: Sku,
    location: Option<&Location>,
    name: &str,
    region: &Region,
) -> Option<(OutOfReach, Option<Sku>)> {
    match location?.least_sku(name, region) {
        Some(least) if least <= sku => None,
        Some(least @ Sku::Premium) => Some((OutOfReach::OtherArea, Some(least))),
        Some(least) => Some((OutOfReach::NotLocal, Some(least))),
        None => Some((OutOfReach::OtherCloud, None)),
    }
}

fn region_reach(sku: Sku, location: Option<&Location>, name: &str, region: &Region) -> RegionReach {
    let refused = out_of_reach(sku, location, name, region);
    let (reason, needs_sku) = refused.map_or((None, None), |(why, sku)| (Some(why), sku));
    let Region { area, cloud, .. } = region.clone();
    RegionReach {
        region: name.to_owned(),
        area,
        cloud,
        reached: reason.is_none(),
        reason,
        needs_sku: needs_sku.map(|sku| sku.as_str().to_owned()),
    }
}

fn linked_vnet(link: &VnetLink) -> LinkedVnet {
    LinkedVnet {
        vnet: link.vnet.clone(),
        region: link.region.clone(),
        prefixes: link.prefixes().iter().map(ToString::to_string).collect(),
        gateway_asn: match link.routes {
            VnetRoutes::Static(_) => None,
            VnetRoutes::Bgp { asn, .. } => Some(asn),
        },
    }
}
