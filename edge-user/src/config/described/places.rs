//! Regions, locations, providers, and services.

use sha2::{Digest as _, Sha256};

use super::{Values, bfd, ends};
use crate::{
    config::{Location, Offer, PrefixesFile, Provider, PublicService, Region, ServiceNetwork},
    units::{bit_rate, count},
};

pub(super) fn region(region: &Region) -> Values {
    let Region { area, cloud, community, file } = region;
    let values = Values::default().with("area", area).with("cloud", cloud);
    let values = values.with("community", community);
    file.iter().fold(values, with_file)
}

pub(super) fn service(service: &PublicService) -> Values {
    // The region is part of its name.
    let PublicService { name: _, community, region: _, file } = service;
    with_file(Values::default().with("community", community), file)
}

pub(super) fn service_network(network: &ServiceNetwork) -> Values {
    let ServiceNetwork { port, s_tag, c_tag, v4, v6, asn, bfd: timers } = network;
    Values::default()
        .with("port", port)
        .with("s_tag", s_tag)
        .with("c_tag", c_tag)
        .with_text("gateway", ends(*v4))
        .with_text("gateway_v6", ends(*v6))
        .with("gateway_asn", asn)
        .with_text("bfd", bfd(timers.as_ref()))
}

/// The file, and a digest of its prefixes: there may be thousands.
fn with_file(values: Values, file: &PrefixesFile) -> Values {
    let PrefixesFile { path, prefixes } = file;
    let all: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
    let digest = format!("{:x}", Sha256::digest(all.join("\n")));
    let short = digest.get(..12).unwrap_or_default();
    values
        .with("prefixes_file", path)
        .with_text("prefixes", format!("{} (digest {short})", count(prefixes.len() as u64)))
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
