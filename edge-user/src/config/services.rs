//! Prefixes of public services: those that a peering's customer is told, and the reason why not others.
//!
//! [`Config::untold`] alone decides that. Customers' forwarding tables, the filters of BGP and `edge reach` all follow it.

use std::path::{Path, PathBuf};

use edge_api::{NotTold, OutOfReach, ServiceReach};
use ipnet::IpNet;

use super::{
    Circuit, Community, Config, Location, PeeringKind, RoutedPeering, Sku, directory,
    reach::out_of_reach,
};

/// Prefixes of a service in a region, all of which a customer is told, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceGroup<'a> {
    /// The region; `None`: the service is everywhere.
    pub region: Option<&'a str>,
    /// The service; `None`: those in the region that have no name of their own.
    pub service: Option<&'a str>,
    /// The communities that they are told with: the region's, and the service's.
    pub communities: Vec<Community>,
    /// The prefixes, in the order of their addresses.
    pub prefixes: &'a [IpNet],
}

/// The reason why a customer is not told of a group, and the least SKU that would help.
pub(super) type Untold = (NotTold, Option<Sku>);

impl Config {
    /// All groups, in the order of regions and then of services.
    #[must_use]
    pub fn service_groups(&self) -> Vec<ServiceGroup<'_>> {
        let regions = &self.catalogue.regions;
        let of_regions = regions.iter().filter_map(|(name, region)| {
            Some(ServiceGroup {
                region: Some(name),
                service: None,
                communities: region.community.into_iter().collect(),
                prefixes: &region.file.as_ref()?.prefixes,
            })
        });
        let of_services = self.catalogue.services.iter().map(|service| {
            let region = service.region.as_deref();
            let of_region = region.and_then(|name| regions.get(name)?.community);
            ServiceGroup {
                region,
                service: Some(&service.name),
                communities: of_region.into_iter().chain([service.community]).collect(),
                prefixes: &service.file.prefixes,
            }
        });
        let mut groups: Vec<_> = of_regions.chain(of_services).collect();
        groups.sort_by_key(|group| (group.region, group.service));
        groups
    }

    /// The files of prefixes that the configuration at `path` names.
    #[must_use]
    pub fn prefixes_files(&self, path: &Path) -> Vec<PathBuf> {
        let of_regions = self.catalogue.regions.values().filter_map(|region| region.file.as_ref());
        let of_services = self.catalogue.services.iter().map(|service| &service.file);
        let named = of_regions.chain(of_services).map(|file| directory(path).join(&file.path));
        named.collect()
    }

    /// The groups that the customer of a peering is told.
    #[must_use]
    pub fn told_groups(&self, circuit: &Circuit, peering: &RoutedPeering) -> Vec<ServiceGroup<'_>> {
        let mut groups = self.service_groups();
        groups.retain(|group| self.untold(circuit, peering, group).is_none());
        groups
    }

    /// The reason why the customer of a peering is not told of a group; `None`: it is told.
    pub(super) fn untold(
        &self,
        circuit: &Circuit,
        peering: &RoutedPeering,
        group: &ServiceGroup<'_>,
    ) -> Option<Untold> {
        if let Some(location) = self.location(circuit)
            && let Some(refused) = self.is_too_far(circuit.sku, location, group)
        {
            return Some(refused);
        }
        let is_asked_for = |community| peering.route_filter.contains(community);
        let is_in_filter = group.communities.iter().any(is_asked_for);
        (!is_in_filter).then_some((NotTold::NotInFilter, None))
    }

    fn is_too_far(
        &self,
        sku: Sku,
        location: &Location,
        group: &ServiceGroup<'_>,
    ) -> Option<Untold> {
        let Some(name) = group.region else {
            // A service that is everywhere is nowhere near.
            return (sku < Sku::Premium).then_some((NotTold::Worldwide, Some(Sku::Premium)));
        };
        let region = self.catalogue.regions.get(name)?;
        let (reason, least) = out_of_reach(sku, Some(location), name, region)?;
        let reason = match reason {
            OutOfReach::NotLocal => NotTold::NotLocal,
            OutOfReach::OtherArea => NotTold::OtherArea,
            OutOfReach::OtherCloud => NotTold::OtherCloud,
        };
        Some((reason, least))
    }

    /// Each group, as each public and Microsoft peering of a circuit has it.
    pub(super) fn service_reach(&self, circuit: &Circuit) -> Vec<ServiceReach> {
        let groups = self.service_groups();
        let peerings = circuit.peerings.iter().filter(|own| own.kind != PeeringKind::Private);
        let routed = peerings.filter_map(|own| Some((own.kind, own.routed.as_ref()?)));
        let reach = routed.flat_map(|(kind, peering)| {
            groups.iter().map(move |group| {
                let untold = self.untold(circuit, peering, group);
                let (reason, needs_sku) =
                    untold.map_or((None, None), |(why, sku)| (Some(why), sku));
                ServiceReach {
                    peering: kind.as_str().to_owned(),
                    service: group.service.map(str::to_owned),
                    region: group.region.map(str::to_owned),
                    communities: group.communities.iter().map(ToString::to_string).collect(),
                    prefixes: u32::try_from(group.prefixes.len()).unwrap_or(u32::MAX),
                    told: reason.is_none(),
                    reason,
                    needs_sku: needs_sku.map(|sku| sku.as_str().to_owned()),
                }
            })
        });
        reach.collect()
    }
}
