//! The treatment of the frames of a circuit.

use super::spelled::spelled;

spelled! {
    /// The signal that ECN-capable senders get.
    pub enum Ecn {
        /// No signal: their frames are dropped like all others.
        Drop = "drop",
        /// The mark CE, before their frames are dropped.
        Mark = "mark",
    }
}

spelled! {
    /// Whether each flow of a circuit gets a fair part of the rate.
    pub enum Fairness {
        /// Flows are not told apart.
        None = "none",
        /// No flow can starve the others.
        Flow = "flow",
    }
}

spelled! {
    /// The part of a circuit that has a bucket of its own, for each direction.
    pub enum Policing {
        /// A circuit on a link.
        CircuitLink = "circuit-link",
        /// A peering on a link.
        PeeringLink = "peering-link",
    }
}

spelled! {
    /// A routing domain of a circuit.
    pub enum PeeringKind {
        /// Virtual networks.
        Private = "private",
        /// Public services by their public addresses; retired, still found.
        Public = "public",
        /// Microsoft 365 and public services.
        Microsoft = "microsoft",
    }
}

impl PeeringKind {
    /// The policy for the customer's DSCP where the file names none.
    #[must_use]
    pub const fn default_dscp(self) -> DscpPolicy {
        match self {
            Self::Private => DscpPolicy::Preserve,
            Self::Public => DscpPolicy::Reset,
            Self::Microsoft => DscpPolicy::Trust,
        }
    }
}

spelled! {
    /// The policy for the customer's DSCP.
    pub enum DscpPolicy {
        /// Kept or replaced as the profile says.
        Trust = "trust",
        /// Replaced by 0.
        Reset = "reset",
        /// Kept.
        Preserve = "preserve",
    }
}
