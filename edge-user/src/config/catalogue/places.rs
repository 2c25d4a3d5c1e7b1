//! `[[region]]` and `[[location]]`.

use std::collections::BTreeSet;

use toml_span::Spanned;

use super::{
    super::{
        Community, Location, Region,
        error::Errors,
        keys::{Field, Keys},
        names, values,
    },
    KnownPlaces,
    prefixes_file::ReadPrefixes,
    services::region_community,
};

/// The cloud of those who name none.
const PUBLIC_CLOUD: &str = "public";

/// `[[region]]`.
pub(super) struct RawRegion {
    pub(super) name: Field<String>,
    area: Field<String>,
    cloud: Field<String>,
    pub(super) community: Field<Community>,
    pub(super) prefixes_file: Field<String>,
}

/// `[[location]]`.
pub(super) struct RawLocation {
    pub(super) name: Field<String>,
    area: Field<String>,
    cloud: Field<String>,
    local: Field<Vec<Spanned<String>>>,
}

impl RawRegion {
    pub(super) fn read(mut keys: Keys<'_, '_>) -> Self {
        let region = Self {
            name: keys.required("name", values::string),
            area: keys.required("area", values::string),
            cloud: keys.optional("cloud", values::string),
            community: keys.optional("community", region_community),
            prefixes_file: keys.optional("prefixes_file", values::string),
        };
        keys.finish();
        region
    }

    pub(super) fn checked(
        &self,
        file: &Field<ReadPrefixes>,
        errors: &Errors<'_>,
    ) -> Option<Region> {
        if let (Some(file), Field::Absent) = (self.prefixes_file.given(), &self.community) {
            let message = "the region has `prefixes_file` and no `community`, by which a `route_filter` asks for it; add \
                           `community = …`";
            errors.add(file.span, message.into());
        }
        let [name, area, cloud] = texts([&self.name, &self.area, &self.cloud], errors);
        name.given()?;
        Some(Region {
            area: area.given()?.value.clone(),
            cloud: cloud.value_or(PUBLIC_CLOUD.into())?,
            community: self.community.optional().value_or(None)?,
            file: match file {
                Field::Absent => None,
                Field::Bad => return None,
                Field::Given(file) => Some(file.value.file()),
            },
        })
    }
}

impl RawLocation {
    pub(super) fn read(mut keys: Keys<'_, '_>) -> Self {
        let location = Self {
            name: keys.required("name", values::string),
            area: keys.required("area", values::string),
            cloud: keys.optional("cloud", values::string),
            local: keys.list("local", values::string),
        };
        keys.finish();
        location
    }

    pub(super) fn checked(&self, known: &KnownPlaces<'_>) -> Option<Location> {
        let [name, area, cloud] = texts([&self.name, &self.area, &self.cloud], known.errors);
        let local = self.local.and_then(|local| {
            let names: Vec<_> =
                local.value.iter().map(|name| known.region("local", name)).collect();
            names.into_iter().collect::<Option<BTreeSet<_>>>()
        });
        let location = Location {
            area: area.given()?.value.clone(),
            cloud: cloud.value_or(PUBLIC_CLOUD.into())?,
            local: local.value_or(BTreeSet::new())?,
        };
        let name = &name.given()?.value;
        let near = self.local.given().map_or(&[][..], |local| &local.value);
        let are_near: Vec<bool> =
            near.iter().map(|it| is_near(name, &location, it, known)).collect();
        are_near.into_iter().all(|is_near| is_near).then_some(location)
    }
}

/// Whether a region is where its location is; else that is reported.
fn is_near(
    name: &str,
    location: &Location,
    local: &Spanned<String>,
    known: &KnownPlaces<'_>,
) -> bool {
    let Some(Some(region)) = known.regions.get(local.value.as_str()) else { return false };
    let is_near = (&region.area, &region.cloud) == (&location.area, &location.cloud);
    if !is_near {
        let message = format!(
            "the region {:?} ({}, {}) is not where the location {name:?} is ({}, {}), and can't be `local` there; remove it",
            local.value, region.area, region.cloud, location.area, location.cloud
        );
        known.errors.add(local.span, message);
    }
    is_near
}

fn texts(fields: [&Field<String>; 3], errors: &Errors<'_>) -> [Field<String>; 3] {
    let [name, area, cloud] = fields;
    [("name", name), ("area", area), ("cloud", cloud)]
        .map(|(key, field)| field.and_then(|text| names::name(key, text, errors)))
}
