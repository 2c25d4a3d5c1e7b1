//! `[[region]]`, `[[service]]`, `[[location]]` and `[[provider]]`: their keys and the checks of their values, and the checks of circuits
//! that name them.
//!
//! `places` reads regions and locations, `services` public services, `prefixes_file` the files with the prefixes of both, and
//! `providers` those who sell connections. `reach` refuses virtual networks that a circuit does not reach, and `offer`
//! circuits that their provider does not sell.

mod offer;
mod places;
mod prefixes_file;
mod providers;
mod reach;
mod services;

use std::collections::BTreeMap;

use toml_span::Spanned;

pub(super) use self::{
    offer::bandwidth_refusal,
    prefixes_file::PrefixesFiles,
    services::{community, placed},
};
use self::{
    places::{RawLocation, RawRegion},
    prefixes_file::ReadPrefixes,
    providers::RawProvider,
    services::RawService,
};
use super::{
    Catalogue, Location, Provider, PublicService, Region,
    error::Errors,
    keys::{Field, Keys},
    names::{self, unknown},
};

/// The tables of the file.
pub(super) struct RawCatalogue {
    regions: Vec<RawRegion>,
    services: Vec<RawService>,
    locations: Vec<RawLocation>,
    providers: Vec<RawProvider>,
}

/// The places that others can name. Those that are wrong are reported, and have no value.
pub(super) struct KnownPlaces<'a> {
    regions: BTreeMap<&'a str, Option<Region>>,
    locations: BTreeMap<&'a str, Option<Location>>,
    providers: BTreeMap<&'a str, Option<Provider>>,
    services: Vec<Option<PublicService>>,
    /// The files of regions and services, in the file's order of these.
    files: Vec<Field<ReadPrefixes>>,
    errors: &'a Errors<'a>,
}

impl RawCatalogue {
    pub(super) fn read<'a>(keys: &mut Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let mut tables = |key, form| {
            let tables = keys.tables(key, form).into_iter();
            tables.map(move |(table, at)| Keys::new(table, at, form, errors))
        };
        Self {
            regions: tables("region", "[[region]]").map(RawRegion::read).collect(),
            services: tables("service", "[[service]]").map(RawService::read).collect(),
            locations: tables("location", "[[location]]").map(RawLocation::read).collect(),
            providers: tables("provider", "[[provider]]")
                .map(|keys| RawProvider::read(keys, errors))
                .collect(),
        }
    }
}

impl<'a> KnownPlaces<'a> {
    /// The checked places. Every error in them is reported.
    pub(super) fn new(
        raw: &'a RawCatalogue,
        files: PrefixesFiles<'_>,
        errors: &'a Errors<'a>,
    ) -> Self {
        let mut known = Self {
            regions: BTreeMap::new(),
            locations: BTreeMap::new(),
            providers: BTreeMap::new(),
            services: Vec::new(),
            files: Vec::new(),
            errors,
        };
        let of_regions = raw.regions.iter().map(|it| &it.prefixes_file);
        let of_services = raw.services.iter().map(|it| &it.prefixes_file);
        let named = of_regions.chain(of_services);
        let files: Vec<_> = named.map(|it| ReadPrefixes::read(it, files, errors)).collect();
        let (of_regions, of_services) = files.split_at(raw.regions.len());
        let regions = raw.regions.iter().zip(of_regions);
        let regions = regions.map(|(it, file)| (&it.name, it.checked(file, errors))).collect();
        known.regions = by_name(regions, "region", errors);
        let services = raw.services.iter().zip(of_services);
        known.services = services.map(|(it, file)| it.checked(file, &known)).collect();
        services::check_services(&raw.services, errors);
        services::check_prefixes(files.iter().filter_map(|it| Some(&it.given()?.value)), errors);
        known.files = files;
        let locations = raw.locations.iter().map(|it| (&it.name, it.checked(&known))).collect();
        known.locations = by_name(locations, "location", errors);
        let providers = raw.providers.iter().map(|it| (&it.name, it.checked(&known))).collect();
        known.providers = by_name(providers, "provider", errors);
        known
    }

    /// The name of a region that there is.
    pub(super) fn region(&self, key: &str, name: &Spanned<String>) -> Option<String> {
        self.known(&self.regions, "region", key, name)
    }

    /// The name of a location that there is.
    pub(super) fn location(&self, key: &str, name: &Spanned<String>) -> Option<String> {
        self.known(&self.locations, "location", key, name)
    }

    /// The name of a provider that there is.
    pub(super) fn provider(&self, name: &Spanned<String>) -> Option<String> {
        self.known(&self.providers, "provider", "provider", name)
    }

    /// All of them; `None`: one is wrong.
    pub(super) fn catalogue(self) -> Option<Catalogue> {
        Some(Catalogue {
            regions: all(self.regions)?,
            locations: all(self.locations)?,
            providers: all(self.providers)?,
            services: self.services.into_iter().collect::<Option<_>>()?,
        })
    }

    fn known<T>(
        &self,
        known: &BTreeMap<&str, T>,
        what: &str,
        key: &str,
        name: &Spanned<String>,
    ) -> Option<String> {
        let Spanned { value: text, span } = name;
        if !known.contains_key(text.as_str()) {
            let unknown = unknown(what, text, known.keys().copied());
            self.errors.add(*span, format!("`{key}` names {unknown}"));
            return None;
        }
        Some(text.clone())
    }
}

fn by_name<'a, T>(
    tables: Vec<(&'a Field<String>, Option<T>)>,
    what: &str,
    errors: &Errors<'_>,
) -> BTreeMap<&'a str, Option<T>> {
    let named = tables.into_iter().filter_map(|(name, table)| Some((name.given()?, table)));
    let named: Vec<_> = named.collect();
    names::unique(named.iter().map(|(name, _)| (*name, name.value.as_str())), what, "name", errors);
    // The first of a name counts, and the others are reported.
    named.into_iter().rev().map(|(name, table)| (name.value.as_str(), table)).collect()
}

fn all<T>(known: BTreeMap<&str, Option<T>>) -> Option<BTreeMap<String, T>> {
    known.into_iter().map(|(name, table)| Some((name.to_owned(), table?))).collect()
}
