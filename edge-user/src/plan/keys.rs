//! Keys of entries in the tables. An entry whose key is in the next configuration, too, keeps its
//! index, and with it its counters or its bucket.

use crate::model::{Accounting, Billing, Direction, Link, PeeringKind};

/// The owner of the counters of a peering on a port, with everything that a bill needs of it. Where
/// one of these fields changes, other counters go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachmentKey {
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// The provider's key for it.
    pub service_key: Option<String>,
    /// The peering.
    pub peering: PeeringKind,
    /// The port's name.
    pub port: String,
    /// The direction.
    pub direction: Direction,
    /// The port's link.
    pub link: Link,
    /// The circuit's billing.
    pub billing: Billing,
    /// The bytes of a frame that count.
    pub accounting: Accounting,
    /// Names of its classes, by number. Other classes have other counters.
    pub classes: Vec<String>,
}

impl AttachmentKey {
    /// The fields by which a viewer of counters tells owners apart.
    #[must_use]
    pub fn place(&self) -> (&str, PeeringKind, &str, Direction, Link) {
        (&self.circuit, self.peering, &self.port, self.direction, self.link)
    }
}

/// The traffic that one bucket polices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicerKey {
    /// The circuit's name.
    pub circuit: String,
    /// The peering, where each has a bucket of its own.
    pub peering: Option<PeeringKind>,
    /// The bucket, among those of the circuit or the peering.
    pub scope: Scope,
    /// The direction.
    pub direction: Direction,
    /// The link.
    pub link: Link,
}

impl PolicerKey {
    /// The first key, in sorting order, that a policer of this circuit can have.
    #[must_use]
    pub fn first_of(circuit: &str) -> Self {
        Self {
            circuit: circuit.to_owned(),
            peering: None,
            scope: Scope::Purchased,
            direction: Direction::Inbound,
            link: Link::Primary,
        }
    }
}

/// One of the buckets of a circuit, or of a peering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The bucket of the purchased bandwidth.
    Purchased,
    /// The bucket of the peering's own bandwidth.
    Peering,
    /// The bucket of the class with this number.
    Class(u8),
}
