//! The ports that links with routes are on.

use std::collections::BTreeSet;

use toml_span::Span;

use super::super::{
    Link, Side,
    error::Errors,
    keys::Field,
    names::unknown,
    schema::{RawCircuit, RawPort},
};

/// The file's ports, as far as they are known.
pub(in super::super) struct KnownPorts<'a> {
    ports: Vec<FilePort<'a>>,
}

struct FilePort<'a> {
    name: &'a str,
    /// `None`: wrong, and reported.
    side: Option<Side>,
    link: Option<Link>,
}

impl<'a> KnownPorts<'a> {
    /// The ports of the file; the first of those with one name.
    pub(in super::super) fn new(ports: &'a [RawPort]) -> Self {
        let mut seen = BTreeSet::new();
        let known = ports.iter().filter_map(|port| {
            Some(FilePort {
                name: &port.name.given()?.value,
                side: port.side.given().map(|side| side.value),
                link: port.link.value_or(Link::Primary),
            })
        });
        Self { ports: known.filter(|port| seen.insert(port.name)).collect() }
    }

    /// The customer-side port of `circuit` on `link`, on which a key at `at` puts a routed link. Reports
    /// where there is not exactly one; `None` also where one of the ports is wrong.
    pub(super) fn of_link(
        &self,
        circuit: &RawCircuit,
        link: Link,
        (key, at): (&str, Span),
        errors: &Errors<'_>,
    ) -> Option<&'a str> {
        let listed: Option<BTreeSet<&str>> = match &circuit.ports {
            Field::Absent => None,
            Field::Bad => return None,
            Field::Given(ports) => {
                Some(ports.value.iter().map(|port| port.value.as_str()).collect())
            }
        };
        let own = self.ports.iter().filter(|port| {
            listed.as_ref().is_none_or(|listed| listed.contains(port.name))
                && port.side != Some(Side::Core)
        });
        let own: Vec<_> = own.collect();
        // A port that is wrong could be the one.
        if own.iter().any(|port| port.side.is_none() || port.link.is_none()) {
            return None;
        }
        let on_link: Vec<_> = own.into_iter().filter(|port| port.link == Some(link)).collect();
        let link = link.as_str();
        match on_link.as_slice() {
            [port] => return Some(port.name),
            [] => errors.add(
                at,
                format!(
                    "`{key}` is for the {link} link, and the circuit is on no customer-side port with \
                     `link = \"{link}\"`; give a port that `link`, have it among the circuit's \
                     `ports`, or remove `{key}`"
                ),
            ),
            several => {
                let names: Vec<_> = several.iter().map(|port| format!("{:?}", port.name)).collect();
                let message = format!(
                    "`{key}` is for the {link} link, and the circuit is on {} customer-side ports \
                     with `link = \"{link}\"` ({}), of which its addresses can be on one; leave one \
                     of them in the circuit's `ports`",
                    names.len(),
                    names.join(", ")
                );
                errors.add(at, message);
            }
        }
        None
    }

    /// The core-side port of this name, which `what` is behind. Reports where there is none.
    pub(super) fn of_core(
        &self,
        name: &str,
        at: Span,
        what: &str,
        errors: &Errors<'_>,
    ) -> Option<&'a str> {
        let Some(port) = self.ports.iter().find(|port| port.name == name) else {
            let core = self.ports.iter().filter(|port| port.side == Some(Side::Core));
            let unknown = unknown("port", name, core.map(|port| port.name));
            errors.add(at, format!("`port` names {unknown}"));
            return None;
        };
        if port.side == Some(Side::Customer) {
            let message = format!(
                "`port` is {name:?}, which leads to customers, and {what} is behind a port with \
                 `side = \"core\"`; name one of these"
            );
            errors.add(at, message);
            return None;
        }
        Some(port.name)
    }
}
