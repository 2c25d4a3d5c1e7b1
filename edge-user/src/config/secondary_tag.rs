//! Checks of a circuit's `secondary_s_tag`: there is an S-tag that it stands beside, and a port that has it.

use super::{
    Link,
    error::Errors,
    keys::Field,
    schema::RawCircuit,
    tags::{TaggedPort, ports_of},
};

/// Reports each that no frame could have.
pub(super) fn check(circuits: &[RawCircuit], ports: &[TaggedPort<'_>], errors: &Errors<'_>) {
    for raw in circuits {
        let Some(tag) = raw.secondary_s_tag.given() else { continue };
        if matches!(raw.s_tag, Field::Absent) {
            let message = "`secondary_s_tag` is the secondary link's instead of `s_tag`, and the circuit has no `s_tag`; \
                           add it for the primary link, or remove `secondary_s_tag`";
            errors.add(tag.span, message.into());
        }
        // Lists and links that are wrong are reported elsewhere.
        let is_known = !matches!(raw.ports, Field::Bad);
        if is_known && ports_of(raw, ports).iter().all(|port| port.link == Some(Link::Primary)) {
            let message = "`secondary_s_tag` is for ports with `link = \"secondary\"`, and the circuit is on none; give a \
                           port that `link`, have it among the circuit's `ports`, or remove `secondary_s_tag`";
            errors.add(tag.span, message.into());
        }
    }
}
