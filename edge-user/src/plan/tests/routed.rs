//! The entries of routed peerings and VNet links.
