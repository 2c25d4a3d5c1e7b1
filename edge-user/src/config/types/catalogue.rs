//! Regions of clouds, the locations from which circuits reach them, and the providers that lead there.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Community, PrefixesFile, PublicService};
use crate::model::{ConnectivityModel, Sku};

/// The places that circuits and virtual networks name. Each is empty where the file has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Catalogue {
    /// `[[region]]`, by name.
    pub regions: BTreeMap<String, Region>,
    /// `[[location]]`, by name.
    pub locations: BTreeMap<String, Location>,
    /// `[[provider]]`, by name.
    pub providers: BTreeMap<String, Provider>,
    /// `[[service]]`, in the order of the file.
    pub services: Vec<PublicService>,
}

/// `[[region]]`: where a cloud's virtual networks and services are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Its geopolitical area.
    pub area: String,
    /// Its cloud, which is either the public one or a nation's.
    pub cloud: String,
    /// The community that prefixes of services there are told with.
    pub community: Option<Community>,
    /// The prefixes there of services that have no name of their own.
    pub file: Option<PrefixesFile>,
}

/// `[[location]]`: where circuits meet a cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Its geopolitical area.
    pub area: String,
    /// The cloud that circuits there lead to.
    pub cloud: String,
    /// Names of the regions near it, all of its area and cloud.
    pub local: BTreeSet<String>,
}

/// `[[provider]]`: one who sells connections to locations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provider {
    /// Its offers, by the location's name: at least one.
    pub locations: BTreeMap<String, Offer>,
}

/// The connections that a provider sells at a location.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// Models; empty: any.
    pub models: BTreeSet<ConnectivityModel>,
    /// Bandwidths in bit/s; empty: any.
    pub bandwidths_bps: BTreeSet<u64>,
}

impl Location {
    /// The least SKU with which a circuit here reaches the region of this name; `None`: it is another cloud's, which no
    /// SKU reaches. A greater SKU reaches it, too.
    #[must_use]
    pub fn least_sku(&self, name: &str, region: &Region) -> Option<Sku> {
        if region.cloud != self.cloud {
            None
        } else if self.local.contains(name) {
            Some(Sku::Local)
        } else if region.area == self.area {
            Some(Sku::Standard)
        } else {
            Some(Sku::Premium)
        }
    }
}

impl Provider {
    /// The models that it sells at a location, or anywhere without one; empty: any.
    #[must_use]
    pub fn models(&self, location: Option<&str>) -> BTreeSet<ConnectivityModel> {
        self.all(location, |offer| &offer.models)
    }

    /// The bandwidths in bit/s likewise.
    #[must_use]
    pub fn bandwidths_bps(&self, location: Option<&str>) -> BTreeSet<u64> {
        self.all(location, |offer| &offer.bandwidths_bps)
    }

    fn all<T: Copy + Ord>(
        &self,
        location: Option<&str>,
        sold: impl Fn(&Offer) -> &BTreeSet<T>,
    ) -> BTreeSet<T> {
        let is_there = |name: &str| location.is_none_or(|location| location == name);
        let offers = self.locations.iter().filter(|(name, _)| is_there(name));
        let sets: Vec<_> = offers.map(|(_, offer)| sold(offer)).collect();
        // A place where anything is sold leaves nothing out.
        if sets.iter().any(|set| set.is_empty()) {
            return BTreeSet::new();
        }
        sets.into_iter().flatten().copied().collect()
    }
}
