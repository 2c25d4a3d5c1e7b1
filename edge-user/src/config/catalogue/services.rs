//! `[[service]]`, and the communities and prefixes of regions and services together.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use toml_span::{Span, Spanned, Value};

use super::{
    super::{
        Community, PublicService, RoutingConfig, ServiceNetwork,
        error::Errors,
        keys::{Field, Keys},
        names,
        routed::nested,
        values::{self, Read, wrong},
    },
    KnownPlaces, RawCatalogue,
    prefixes_file::ReadPrefixes,
};

/// `[[service]]`.
pub(super) struct RawService {
    at: Span,
    name: Field<String>,
    community: Field<Community>,
    region: Field<String>,
    pub(super) prefixes_file: Field<String>,
}

impl RawService {
    pub(super) fn read(mut keys: Keys<'_, '_>) -> Self {
        let service = Self {
            at: keys.at(),
            name: keys.required("name", values::string),
            community: keys.required("community", service_community),
            region: keys.optional("region", values::string),
            prefixes_file: keys.required("prefixes_file", values::string),
        };
        keys.finish();
        service
    }

    pub(super) fn checked(
        &self,
        file: &Field<ReadPrefixes>,
        known: &KnownPlaces<'_>,
    ) -> Option<PublicService> {
        let name = self.name.and_then(|name| names::name("name", name, known.errors));
        let region = self.region.and_then(|name| known.region("region", name));
        Some(PublicService {
            name: name.given()?.value.clone(),
            community: self.community.given()?.value,
            region: region.optional().value_or(None)?,
            file: file.given()?.value.file(),
        })
    }
}

/// The community of a region: in Azure's numbering, those of regions are from 51000 on.
pub(super) fn region_community(value: &Value<'_>) -> Read<Community> {
    let community = community(value)?;
    within(value, community, 51_000..=51_999, "a region's is \"12076:51002\", from 51000 to 51999")
}

fn service_community(value: &Value<'_>) -> Read<Community> {
    let community = community(value)?;
    within(value, community, 5_000..=5_999, "a service's is \"12076:5010\", from 5000 to 5999")
}

/// A community of either.
pub(in super::super) fn community(value: &Value<'_>) -> Read<Community> {
    const HELP: &str = "give an AS and a number, such as \"12076:51002\"";
    let number = |text: &str| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        text.parse::<u16>().ok().filter(|_| is_plain)
    };
    let parts = value.as_str().and_then(|text| text.split_once(':'));
    let read =
        parts.and_then(|(asn, value)| Some(Community { asn: number(asn)?, value: number(value)? }));
    read.ok_or_else(|| wrong(value, HELP))
}

fn within(
    value: &Value<'_>,
    community: Community,
    range: std::ops::RangeInclusive<u16>,
    help: &str,
) -> Read<Community> {
    if range.contains(&community.value) { Ok(community) } else { Err(wrong(value, help)) }
}

/// Reports services that don't go together: two of one name and region, and one name with two communities.
pub(super) fn check_services(services: &[RawService], errors: &Errors<'_>) {
    let mut seen: BTreeMap<(&str, Option<&str>), Span> = BTreeMap::new();
    let mut communities: BTreeMap<&str, &Spanned<Community>> = BTreeMap::new();
    for service in services {
        let Some(name) = service.name.given() else { continue };
        let region = match &service.region {
            Field::Absent => None,
            Field::Bad => continue,
            Field::Given(region) => Some(&*region.value),
        };
        if let Some(first) = seen.insert((&name.value, region), service.at) {
            let place = errors.place(first);
            let message = format!(
                "two services {:?} are in one region, or in none; put their prefixes into one file, or give another \
                 `region` (first at {place})",
                name.value
            );
            errors.add(name.span, message);
        }
        let Some(community) = service.community.given() else { continue };
        let first = *communities.entry(&name.value).or_insert(community);
        if first.value != community.value {
            let place = errors.place(first.span);
            let message = format!(
                "the service {:?} has the community {} in another region; give it the same here (first at {place})",
                name.value, first.value
            );
            errors.add(community.span, message);
        }
    }
}

impl RawCatalogue {
    /// Reports communities of another AS than the edge's, and those that two regions or services have.
    pub(in super::super) fn check_communities(
        &self,
        routing: &Field<RoutingConfig>,
        errors: &Errors<'_>,
    ) {
        let own = routing.given().and_then(|routing| routing.value.asn());
        let of_regions = self.regions.iter().map(|it| ("region", &it.name, &it.community));
        let of_services = self.services.iter().map(|it| ("service", &it.name, &it.community));
        let mut taken: BTreeMap<Community, (&str, &str, Span)> = BTreeMap::new();
        for (what, name, community) in of_regions.chain(of_services) {
            let (Some(name), Some(community)) = (name.given(), community.given()) else { continue };
            if let Some(own) = own
                && own != u32::from(community.value.asn)
            {
                let help = if u16::try_from(own).is_ok() {
                    format!("write \"{own}:{}\"", community.value.value)
                } else {
                    "a community has an AS of 16 bits: remove it".to_owned()
                };
                let message = format!(
                    "`community` is {}, and the edge sets communities of its own AS alone, {own}; {help}",
                    community.value
                );
                errors.add(community.span, message);
            }
            let claim = (what, &*name.value, community.span);
            let (first_what, first, at) = *taken.entry(community.value).or_insert(claim);
            if (first_what, first) != (what, &*name.value) {
                let message =
                    format!("`community` is {}, which is taken; choose another", community.value);
                let owner = format!("{first_what} {first:?}");
                errors.add_claimed(community.span, &message, at, &owner);
            }
        }
    }
}

impl KnownPlaces<'_> {
    /// The communities that a `route_filter` may name.
    pub(in super::super) fn communities(&self) -> BTreeSet<Community> {
        let regions = self.regions.values().flatten().filter_map(|region| region.community);
        let services = self.services.iter().flatten().map(|service| service.community);
        regions.chain(services).collect()
    }

    /// Whether everything that has a community is known.
    pub(in super::super) fn knows_communities(&self) -> bool {
        let has_all = |services: &[Option<PublicService>]| services.iter().all(Option::is_some);
        self.regions.values().all(Option::is_some) && has_all(&self.services)
    }

    /// The prefixes of all files.
    pub(in super::super) fn prefixes(&self) -> impl Iterator<Item = &ReadPrefixes> {
        self.files.iter().filter_map(|file| Some(&file.given()?.value))
    }
}

/// Reports prefixes of services that overlap, and more of them than there is room for.
pub(super) fn check_prefixes<'f>(
    files: impl Iterator<Item = &'f ReadPrefixes>,
    errors: &Errors<'_>,
) {
    let all: Vec<(IpNet, PlacedPrefix<'_>)> = files.flat_map(placed).collect();
    let families = [
        ("IPv4", ServiceNetwork::MAX_ROUTES, true),
        ("IPv6", ServiceNetwork::MAX_ROUTES_V6, false),
    ];
    for (family, most, is_v4) in families {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut own = all.iter().filter(|(prefix, _)| prefix.addr().is_ipv4() == is_v4);
        if let Some((_, one_more)) = own.nth(most) {
            let message = format!(
                "regions and services have more than {most} {family} prefixes together, and a forwarding table has no \
                 room for more; join prefixes, or leave some out"
            );
            errors.add(one_more.file.at, message);
        }
    }
    let mut reported = BTreeSet::new();
    nested(all, |outer: &PlacedPrefix<'_>, inner: &PlacedPrefix<'_>| {
        let (first, second) =
            if outer.order() <= inner.order() { (outer, inner) } else { (inner, outer) };
        // One mistake of two files is enough to find the others.
        if !reported.insert((first.file.at.start, second.file.at.start)) {
            return;
        }
        let message = format!(
            "{} overlaps {}, and a prefix belongs to one region and service; remove one",
            second.told(),
            first.told()
        );
        errors.add(second.file.at, message);
    });
}

/// A prefix of a file.
pub(in super::super) struct PlacedPrefix<'f> {
    pub(in super::super) file: &'f ReadPrefixes,
    prefix: IpNet,
    line: usize,
}

impl PlacedPrefix<'_> {
    fn order(&self) -> (usize, usize) {
        (self.file.at.start, self.line)
    }

    /// The prefix with its place, for messages.
    pub(in super::super) fn told(&self) -> String {
        format!("{} (line {} of {:?})", self.prefix, self.line, self.file.name)
    }
}

/// The prefixes of a file, with their places.
pub(in super::super) fn placed(
    file: &ReadPrefixes,
) -> impl Iterator<Item = (IpNet, PlacedPrefix<'_>)> {
    file.lines.iter().map(move |&(prefix, line)| (prefix, PlacedPrefix { file, prefix, line }))
}
