//! The amount of metrics that an edge has for its circuits.

use super::spelled::spelled;

spelled! {
    /// The circuits that metrics have in detail: by peering, port, link, direction and class.
    pub enum MetricsDetail {
        /// Circuits that a request names.
        Circuit = "circuit",
        /// Every circuit, in each answer.
        All = "all",
    }
}
