//! The prefixes that belong to a customer: static routes, registered ones, and sources.

use std::collections::BTreeMap;

use ipnet::IpNet;
use toml_span::Spanned;

use super::{
    super::{PeeringKind, RoutedLink, SourceCheck, error::Errors, keys::Field, schema::RawPeering},
    prefixes::{is_default_route, unregistrable},
};

/// The lists of a peering; `None`: a list with a mistake.
pub(super) struct CustomerPrefixes {
    pub(super) static_routes: Option<Vec<IpNet>>,
    pub(super) registered: Option<Vec<IpNet>>,
}

/// The lists of a peering with these links, as far as the links are known.
pub(super) fn checked(
    raw: &RawPeering,
    links: Option<&[RoutedLink]>,
    errors: &Errors<'_>,
) -> CustomerPrefixes {
    check_sources(raw, errors);
    check_static_routes(raw, links, errors);
    check_registered(raw, errors);
    CustomerPrefixes {
        static_routes: listed("static_routes", &raw.routed.static_routes, errors),
        registered: listed("advertised_prefixes", &raw.routed.advertised_prefixes, errors),
    }
}

fn check_sources(raw: &RawPeering, errors: &Errors<'_>) {
    let (Some(kind), Some(check)) = (raw.kind.given(), raw.routed.source_check.given()) else {
        return;
    };
    let is_private = kind.value == PeeringKind::Private;
    let refusal = match check.value {
        SourceCheck::Off if !is_private => {
            "would let the customer send from anybody's addresses; give \"registered\", \
             \"advertised\" or \"strict\""
        }
        SourceCheck::Registered if is_private => {
            "needs registered prefixes, which a private peering has none of; give \"advertised\", \
             \"strict\" or \"off\""
        }
        SourceCheck::Off
        | SourceCheck::Advertised
        | SourceCheck::Strict
        | SourceCheck::Registered => return,
    };
    errors
        .add(check.span, format!("`source_check` is {:?}, which {refusal}", check.value.as_str()));
}

/// The entries of a list of prefixes, none of which has another one's addresses twice.
fn listed(key: &str, list: &Field<Vec<Spanned<IpNet>>>, errors: &Errors<'_>) -> Option<Vec<IpNet>> {
    let list = match list {
        Field::Absent => return Some(Vec::new()),
        Field::Bad => return None,
        Field::Given(list) => &list.value,
    };
    let mut seen: BTreeMap<IpNet, _> = BTreeMap::new();
    for entry in list {
        if let Some(first) = seen.insert(entry.value, entry.span) {
            let place = errors.place(first);
            let message = format!("{} is listed twice in `{key}`; remove one", entry.value);
            errors.add(entry.span, format!("{message} (first at {place})"));
        }
    }
    Some(list.iter().map(|entry| entry.value).collect())
}

fn check_static_routes(raw: &RawPeering, links: Option<&[RoutedLink]>, errors: &Errors<'_>) {
    let Some(routes) = raw.routed.static_routes.given() else { return };
    let is_private = raw.kind.given().is_some_and(|kind| kind.value == PeeringKind::Private);
    let registered = raw.routed.advertised_prefixes.given();
    for route in &routes.value {
        let prefix = route.value;
        let refuse = |text: &str| {
            errors.add(route.span, format!("the static route {prefix} {text}"));
        };
        if let Some(links) = links {
            let (family, has_way) = match prefix {
                IpNet::V4(_) => ("IPv4", links.iter().any(|link| link.v4.is_some())),
                IpNet::V6(_) => ("IPv6", links.iter().any(|link| link.v6.is_some())),
            };
            if !has_way {
                refuse(&format!(
                    "leads nowhere, as no link of the peering has {family} addresses; give one a \
                     network, or remove the route"
                ));
            }
        }
        if raw.kind.given().is_none() || is_private {
            continue;
        }
        if is_default_route(prefix) {
            refuse("is the default route, which only a private peering can have; remove it");
        } else if let Some(registered) = registered
            && !registered.value.iter().any(|own| own.value.contains(&prefix))
        {
            refuse("is in none of the `advertised_prefixes`; add it there, or remove it");
        }
    }
}

fn check_registered(raw: &RawPeering, errors: &Errors<'_>) {
    let Some(kind) = raw.kind.given() else { return };
    let prefixes = &raw.routed.advertised_prefixes;
    if kind.value == PeeringKind::Private {
        if let Some(prefixes) = prefixes.given() {
            let message = "`advertised_prefixes` is for public and Microsoft peerings: a private one \
                           takes all that the customer announces; remove it";
            errors.add(prefixes.span, message.into());
        }
        return;
    }
    if matches!(prefixes, Field::Absent) {
        let message = format!(
            "a routed {} peering takes registered prefixes alone, and has none; add \
             `advertised_prefixes = [ … ]`",
            kind.value.as_str()
        );
        errors.add(raw.at, message);
    }
    for prefix in prefixes.given().map_or(&[][..], |prefixes| &prefixes.value) {
        if is_default_route(prefix.value) {
            let message = "an entry of `advertised_prefixes` is the default route, which nobody owns; \
                           give the customer's own prefixes";
            errors.add(prefix.span, message.into());
        } else if let Some(reason) = unregistrable(prefix.value) {
            let message = format!(
                "an entry of `advertised_prefixes` {reason}; give prefixes that are registered \
                 to the customer"
            );
            errors.add(prefix.span, message);
        }
    }
}
