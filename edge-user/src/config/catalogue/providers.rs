//! `[[provider]]`.

use std::collections::{BTreeMap, BTreeSet};

use toml_span::{Span, Spanned, Value};

use super::{
    super::{
        Offer, Provider,
        error::Errors,
        keys::{Field, Keys},
        names,
        values::{self, wrong},
    },
    KnownPlaces,
};
use crate::model::ConnectivityModel;

const LOCATIONS_HELP: &str =
    "give names of locations, or { name = …, models = […], bandwidths = […] } for each";

/// `[[provider]]`.
pub(super) struct RawProvider {
    pub(super) name: Field<String>,
    locations: Vec<RawProviderLocation>,
    offer: RawOffer,
    /// Whether nothing was left out of its lists.
    is_whole: bool,
}

/// An entry of `locations`.
struct RawProviderLocation {
    name: Field<String>,
    offer: RawOffer,
}

/// The keys of an offer.
struct RawOffer {
    models: Field<Vec<Spanned<ConnectivityModel>>>,
    bandwidths_bps: Field<Vec<Spanned<u64>>>,
}

impl RawProvider {
    pub(super) fn read<'a>(mut keys: Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let before = errors.count();
        let name = keys.required("name", values::string);
        let locations = locations(&mut keys, errors);
        let offer = RawOffer::read(&mut keys);
        keys.finish();
        Self { name, locations, offer, is_whole: errors.count() == before }
    }

    pub(super) fn checked(&self, known: &KnownPlaces<'_>) -> Option<Provider> {
        let errors = known.errors;
        let name = self.name.and_then(|name| names::name("name", name, errors));
        let of_all = self.offer.checked();
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        let mut offers = Some(BTreeMap::new());
        for entry in &self.locations {
            let location = entry.name.and_then(|name| known.location("locations", name));
            if let Some(name) = entry.name.given()
                && let Some(first) = seen.insert(&name.value, name.span)
            {
                let place = errors.place(first);
                let message = format!("location {:?} is listed twice; remove one", name.value);
                errors.add(name.span, format!("{message} (first at {place})"));
            }
            let offer = entry.offer.checked();
            offers = offers.and_then(|mut offers| {
                let (offer, of_all) = (offer?, of_all.as_ref()?);
                // An entry's own list takes the place of the provider's.
                let offer = Offer {
                    models: or(offer.models, &of_all.models),
                    bandwidths_bps: or(offer.bandwidths_bps, &of_all.bandwidths_bps),
                };
                offers.insert(location.given()?.value.clone(), offer);
                Some(offers)
            });
        }
        name.given()?;
        offers.filter(|_| self.is_whole).map(|locations| Provider { locations })
    }
}

impl RawOffer {
    const NONE: Self = Self { models: Field::Absent, bandwidths_bps: Field::Absent };

    fn read(keys: &mut Keys<'_, '_>) -> Self {
        Self {
            models: keys.list("models", values::choice),
            bandwidths_bps: keys.list("bandwidths", values::bandwidth),
        }
    }

    fn checked(&self) -> Option<Offer> {
        Some(Offer { models: set(&self.models)?, bandwidths_bps: set(&self.bandwidths_bps)? })
    }
}

fn locations<'a>(keys: &mut Keys<'a, '_>, errors: &'a Errors<'a>) -> Vec<RawProviderLocation> {
    let Some(value) = keys.value("locations") else {
        errors.add(keys.at(), "[[provider]] has no `locations`; add `locations = […]`".into());
        return Vec::new();
    };
    let entries = value.as_array().filter(|entries| !entries.is_empty());
    let Some(entries) = entries else {
        errors.add(keys.start(value), format!("`locations` {}", wrong(value, LOCATIONS_HELP)));
        return Vec::new();
    };
    entries.iter().filter_map(|entry| location(entry, keys, errors)).collect()
}

fn location<'a>(
    value: &'a Value<'_>,
    keys: &Keys<'a, '_>,
    errors: &'a Errors<'a>,
) -> Option<RawProviderLocation> {
    if let Some(name) = value.as_str() {
        let name = Field::Given(Spanned::with_span(name.to_owned(), keys.start(value)));
        return Some(RawProviderLocation { name, offer: RawOffer::NONE });
    }
    let Some(table) = value.as_table() else {
        let refusal = wrong(value, LOCATIONS_HELP);
        errors.add(value.span, format!("an entry of `locations` {refusal}"));
        return None;
    };
    let mut keys = Keys::new(table, value.span, "an entry of `locations`", errors);
    let name = keys.required("name", values::string);
    let offer = RawOffer::read(&mut keys);
    keys.finish();
    Some(RawProviderLocation { name, offer })
}

fn set<T: Copy + Ord>(list: &Field<Vec<Spanned<T>>>) -> Option<BTreeSet<T>> {
    let list = list.optional().value_or(None)?;
    Some(list.into_iter().flatten().map(|entry| entry.value).collect())
}

fn or<T: Copy + Ord>(own: BTreeSet<T>, of_all: &BTreeSet<T>) -> BTreeSet<T> {
    if own.is_empty() { of_all.clone() } else { own }
}
