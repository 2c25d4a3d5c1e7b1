//! Routed peerings and VNet links.
//!
//! `prefixes` reads networks and addresses, `asns` AS numbers, and `keys` the tables of the file with them.
//! `ports` knows the port of each link. `peering` (with `peering_links`, `customer_prefixes`, `key_file`) checks one
//! peering, `vnets` the VNet links of one circuit (`vnet_tables` gives them what `[[vnet]]` says), `domain` the addresses that are in one routing domain, `service_network` the network of public services (`core_link` checks the links of both), and
//! `whole` (with `ends`) all circuits together.

mod around;
mod asns;
mod core_link;
mod customer_prefixes;
mod domain;
mod ends;
mod gateway;
mod key_file;
mod keys;
mod nesting;
mod peering;
mod peering_links;
mod ports;
mod prefixes;
mod service_network;
mod vnet_tables;
mod vnets;
mod whole;

pub use self::key_file::{KeyFileError, Md5Key, read_key};
pub(super) use self::{
    around::Around,
    asns::own_asn,
    core_link::RawCoreLink,
    key_file::KeyFiles,
    keys::{RawBfd, RawRouted, RawVnetLink, bfd},
    nesting::nested,
    ports::KnownPorts,
    prefixes::service_prefix,
    service_network::RawServiceNetwork,
    vnet_tables::{RawVnet, adopt},
    whole::check,
};
