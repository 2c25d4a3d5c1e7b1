//! Configuration: a TOML file, checked as a whole, as typed values with units in their names.
//!
//! A file passes through the modules in this order: `error` has positions, `keys` and `values` read
//! single keys, `schema` reads tables, and `validate` (with `edge`, `circuit`, `names`, `burst`,
//! `secondary_tag`, `tags`, `tpids`, `forwards`, `qos`, `rules`, `ledger`, `prices`, `catalogue`, `routing`, `routed`) makes the checks that
//! need several keys. `report` (with `look_alikes`, `unusual_routes`) warns of unusual values in a correct file.
//! `change` and `edit` give a circuit another bandwidth, in a configuration and in the text of its file.
//! `circuit_edit` adds, changes and removes circuits and their parts in that text, and `allocation` chooses ports and tags.
//! `changes` (with `described`) compares two configurations key by key. `links` goes through peering-links and VNet links, `services` through
//! prefixes of services, and `reach` tells what circuits reach. `sample` builds
//! configurations for those who have no file.

mod allocation;
mod burst;
mod catalogue;
mod change;
mod changes;
mod circuit;
mod circuit_edit;
mod described;
mod digest;
mod edge;
mod edit;
mod error;
mod forwards;
mod intervals;
mod keys;
mod ledger;
mod limits;
mod links;
mod look_alikes;
mod names;
mod port_use;
mod prices;
mod qos;
mod rates;
mod reach;
mod report;
mod routed;
mod routing;
mod rules;
pub mod sample;
mod schema;
mod secondary_tag;
mod services;
mod sla_credits;
mod tags;
#[cfg(test)]
mod tests;
mod tpids;
mod types;
mod units;
mod unusual_routes;
mod validate;
mod values;

use std::path::Path;

pub use self::{
    allocation::{Allocation, Wish, allocate},
    burst::{default_burst_bytes, largest_burst_bytes},
    change::BandwidthRefused,
    changes::changes,
    circuit_edit::{CircuitEdit, CircuitPart, EditError, EditKeys, edited},
    digest::ConfigDigest,
    edge::{DEFAULT_CONTROL, DEFAULT_STATE_DIR},
    edit::with_bandwidth,
    error::{ConfigError, ConfigErrors, Position},
    keys::nearest,
    links::{CircuitVnet, PeeringLink, RoutedKey, SERVICE_NETWORK},
    names::MAX_SOCKET_LEN_BYTES,
    port_use::{PortUse, oversold},
    rates::bandwidth_bps,
    routed::{KeyFileError, Md5Key, read_key},
    services::ServiceGroup,
    types::{
        Accounting, BfdTimers, Billing, CTags, Catalogue, Circuit, ClassMatch, Community, Config,
        ConnectivityModel, CoreTag, CustomerSession, Direction, DscpPolicy, Ecn, Edge, Export,
        ExportFormat, Fairness, Forward, Gigabyte, LedgerConfig, Link, LinkEnds, Location,
        MetricsDetail, MonthlyFees, Offer, Peering, PeeringKind, Policing, Port, PortRange,
        PrefixesFile, Prices, Provider, Provisioning, PublicService, QosClass, QosProfile, Region,
        RoutedLink, RoutedPeering, RoutingConfig, RoutingDaemon, ServiceNetwork, Side, SideTags,
        Sink, Sku, SlaCredit, SourceCheck, VnetLink, VnetRoutes, XdpMode, ZonePrices,
    },
    units::Burst,
};
use self::{catalogue::PrefixesFiles, routed::KeyFiles};

/// Reads and checks the file at `path`, and the files that it names: keys, and prefixes of services.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    Ok(load_with_text(path)?.1)
}

/// Does the same, and returns the file's text, too.
pub fn load_with_text(path: &Path) -> Result<(String, Config), ConfigErrors> {
    read(path, KeyFiles::Read)
}

/// Does the same as [`load`], and leaves key files alone: for those who look at an edge, without the right to
/// its secrets or on another machine.
pub fn load_without_keys(path: &Path) -> Result<Config, ConfigErrors> {
    Ok(read(path, KeyFiles::Leave)?.1)
}

/// Checks `source`, and reads no file: those that it names are taken for empty. Errors name `path_for_messages`.
pub fn parse(source: &str, path_for_messages: &Path) -> Result<Config, ConfigErrors> {
    check(source, path_for_messages, KeyFiles::Leave, PrefixesFiles::Leave)
}

/// Does the same as [`load`] with a text that is to be the file at `path`; errors name `path_for_messages`.
pub fn load_text(
    source: &str,
    path: &Path,
    path_for_messages: &Path,
) -> Result<Config, ConfigErrors> {
    check(source, path_for_messages, KeyFiles::Read, PrefixesFiles::In(directory(path)))
}

fn read(path: &Path, key_files: KeyFiles) -> Result<(String, Config), ConfigErrors> {
    let bytes = std::fs::read(path).map_err(|error| ConfigErrors::unreadable(path, &error))?;
    match String::from_utf8(bytes) {
        Ok(source) => {
            let config = check(&source, path, key_files, PrefixesFiles::In(directory(path)))?;
            Ok((source, config))
        }
        Err(error) => Err(ConfigErrors::not_utf8(path, &error)),
    }
}

/// The directory in which relative names of a configuration's files are.
fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn check(
    source: &str,
    path: &Path,
    key_files: KeyFiles,
    prefixes_files: PrefixesFiles<'_>,
) -> Result<Config, ConfigErrors> {
    let errors = error::Errors::new(source, path);
    let config = match toml_span::parse(source) {
        Ok(document) => {
            let raw = schema::Document::read(&document, &errors);
            validate::config(raw, key_files, prefixes_files, &errors)
        }
        Err(error) => {
            errors.add_syntax(&error);
            None
        }
    };
    match config {
        Some(config) if errors.count() == 0 => Ok(config),
        _ => Err(errors.into_sorted()),
    }
}
