//! Regions, locations and providers.

use super::Values;
use crate::{
    config::{Location, Offer, Provider, Region},
    units::bit_rate,
};

pub(super) fn region(region: &Region) -> Values {
    let Region { area, cloud } = region;
    Values::default().with("area", area).with("cloud", cloud)
}

pub(super) fn location(location: &Location) -> Values {
    let Location { area, cloud, local } = location;
    Values::default().with("area", area).with("cloud", cloud).with("local", local)
}

pub(super) fn provider(provider: &Provider) -> Values {
    let Provider { locations } = provider;
    locations.iter().fold(Values::default(), |values, (name, offer)| {
        let Offer { models, bandwidths_bps } = offer;
        let models: Vec<_> = models.iter().map(|model| model.as_str().to_owned()).collect();
        let rates: Vec<_> = bandwidths_bps.iter().copied().map(bit_rate).collect();
        values
            .with_text(&format!("{name} models"), any_or(&models))
            .with_text(&format!("{name} bandwidths"), any_or(&rates))
    })
}

fn any_or(all: &[String]) -> String {
    if all.is_empty() { "any".to_owned() } else { all.join(", ") }
}
