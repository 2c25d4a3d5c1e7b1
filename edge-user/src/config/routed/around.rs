//! The surroundings of links with routes, with which they are checked.

use super::{
    super::{RoutingConfig, catalogue::KnownPlaces, error::Errors, keys::Field},
    key_file::KeyFiles,
    ports::KnownPorts,
};

/// The tables of the file that a peering depends on beside its own, and the rules of this reading.
pub(in super::super) struct Around<'a> {
    pub(in super::super) ports: &'a KnownPorts<'a>,
    pub(in super::super) routing: &'a Field<RoutingConfig>,
    pub(in super::super) places: &'a KnownPlaces<'a>,
    pub(in super::super) key_files: KeyFiles,
    pub(in super::super) errors: &'a Errors<'a>,
}

/// A mistake that somebody has reported already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Reported;
