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
    /// Whether its frames are routed: a wire that becomes a routed peering has another entry, so that no frame meets
    /// half of each.
    pub is_routed: bool,
    /// The virtual network at the other end of a VNet link, whose frames belong to a peering-link as soon as they
    /// have a route: no bill has anything of this entry. `None`: it counts the frames of a peering.
    pub vnet: Option<String>,
}

impl AttachmentKey {
    /// The fields by which a viewer of counters tells owners apart.
    #[must_use]
    pub fn place(&self) -> AttachmentPlace<'_> {
        let vnet = self.vnet.as_deref();
        (&self.circuit, self.peering, &self.port, self.direction, self.link, vnet)
    }

    /// Whether its frames are a peering's, and so are billed and shown.
    #[must_use]
    pub fn is_billed(&self) -> bool {
        self.vnet.is_none()
    }
}

/// Circuit, peering, port, direction, link and virtual network of an [`AttachmentKey`].
pub type AttachmentPlace<'a> = (&'a str, PeeringKind, &'a str, Direction, Link, Option<&'a str>);

/// The traffic that one bucket polices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicerKey {
    /// The circuit's name.
    pub circuit: String,
    /// The peering, where each has a bucket of its own.
    pub peering: Option<PeeringKind>,
    /// The virtual network, where it is the link to it that has the bucket.
    pub vnet: Option<String>,
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
            vnet: None,
            scope: Scope::Purchased,
            direction: Direction::Inbound,
            link: Link::Primary,
        }
    }
}

/// One of the buckets of a circuit, a peering, or a link with routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The bucket of the purchased bandwidth.
    Purchased,
    /// The bucket of the peering's own bandwidth.
    Peering,
    /// The bucket of the class with this number.
    Class(u8),
    /// The bucket of a link's frames to the router itself.
    Punts,
    /// The bucket of a link's ICMP answers.
    Answers,
}

impl Scope {
    /// Whether it protects the router, and not what somebody has bought.
    #[must_use]
    pub const fn is_of_router(self) -> bool {
        matches!(self, Self::Punts | Self::Answers)
    }
}
