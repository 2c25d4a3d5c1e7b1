//! `[routing]`: its keys, and the checks of their values.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use toml_span::{Span, Value};

use super::{
    RoutingConfig, RoutingDaemon,
    catalogue::KnownPlaces,
    error::Errors,
    keys::{Field, Keys},
    names,
    routed::{RawBfd, bfd, own_asn},
    values::{self, Read, integer_in, wrong},
};
use crate::model::spelled::spelled;

const DEFAULT_NETNS: &str = "edge-routing";
const DEFAULT_TABLE: u32 = 1_000;
const DEFAULT_GRACEFUL_RESTART: Duration = Duration::from_mins(2);
/// Answers a second and peering-link: RFC 1812, section 4.3.2.8, has a router limit them.
const DEFAULT_ICMP_RATE_PER_S: u32 = 100;
const DEFAULT_PUNT_RATE_PER_S: u32 = 1_000;

spelled! {
    /// `daemon`.
    enum DaemonKind {
        /// BIRD, of the edge.
        Bird = "bird",
        /// Another one.
        None = "none",
    }
}

/// `[routing]`.
pub(super) struct RawRouting {
    at: Span,
    daemon: Field<DaemonKind>,
    command: Field<String>,
    location: Field<String>,
    netns: Field<String>,
    asn: Field<u32>,
    router_id: Field<Ipv4Addr>,
    table: Field<u32>,
    bfd: Field<RawBfd>,
    graceful_restart: Field<Duration>,
    icmp_rate_per_s: Field<u32>,
    punt_rate_per_s: Field<u32>,
}

impl RawRouting {
    /// The one of the file.
    pub(super) fn of_file<'a>(file: &mut Keys<'a, '_>, errors: &'a Errors<'a>) -> Field<Self> {
        file.table("routing", "[routing], once").and_then(|table| {
            let keys = Keys::new(table.value, table.span, "[routing]", errors);
            Some(Self::read(keys, errors))
        })
    }

    fn read<'a>(mut keys: Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let routing = Self {
            at: keys.at(),
            daemon: keys.optional("daemon", values::choice),
            command: keys.optional("command", values::string),
            location: keys.optional("location", values::string),
            netns: keys.optional("netns", netns),
            asn: keys.optional("asn", own_asn),
            router_id: keys.optional("router_id", router_id),
            table: keys.optional("table", table),
            bfd: bfd(&mut keys, errors),
            graceful_restart: keys.optional("graceful_restart", graceful_restart),
            icmp_rate_per_s: keys.optional("icmp_rate", icmp_rate),
            punt_rate_per_s: keys.optional("punt_rate", punt_rate),
        };
        keys.finish();
        routing
    }

    pub(super) fn checked(
        &self,
        places: &KnownPlaces<'_>,
        errors: &Errors<'_>,
    ) -> Option<RoutingConfig> {
        let location = self.location.and_then(|name| places.location("location", name));
        let command = self.command.and_then(|path| names::path("command", path, errors));
        let kind = self.daemon.value_or(DaemonKind::Bird);
        let daemon = kind.and_then(|kind| match kind {
            DaemonKind::Bird => self.bird(&command, errors),
            DaemonKind::None => Some(RoutingDaemon::None),
        });
        let bfd = self.bfd.value_or(RawBfd::ON).map(|bfd| bfd.timers(None));
        Some(RoutingConfig {
            daemon: daemon?,
            location: location.optional().value_or(None)?,
            netns: self.netns.value_or(DEFAULT_NETNS.into())?,
            table: self.table.value_or(DEFAULT_TABLE)?,
            bfd: bfd?,
            graceful_restart: self.graceful_restart.value_or(DEFAULT_GRACEFUL_RESTART)?,
            icmp_rate_per_s: self.icmp_rate_per_s.value_or(DEFAULT_ICMP_RATE_PER_S)?,
            punt_rate_per_s: self.punt_rate_per_s.value_or(DEFAULT_PUNT_RATE_PER_S)?,
        })
    }

    fn bird(&self, command: &Field<PathBuf>, errors: &Errors<'_>) -> Option<RoutingDaemon> {
        for (key, is_absent, example) in [
            ("asn", matches!(self.asn, Field::Absent), "12076"),
            ("router_id", matches!(self.router_id, Field::Absent), "\"192.0.2.1\""),
        ] {
            if is_absent {
                let message = format!(
                    "[routing] has no `{key}`, which BGP needs; add your own, such as `{key} = \
                     {example}`, or `daemon = \"none\"`"
                );
                errors.add(self.at, message);
            }
        }
        Some(RoutingDaemon::Bird {
            command: command.optional().value_or(None)?,
            asn: self.asn.given()?.value,
            router_id: self.router_id.given()?.value,
        })
    }
}

/// The name of a namespace: a file's in `/run/netns`.
fn netns(value: &Value<'_>) -> Read<String> {
    const HELP: &str =
        "give a name such as \"edge-routing\", without '/' and blanks, of at most 63 bytes";
    let name = values::string(value)?;
    let is_refused = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    let fits = !name.is_empty() && name.len() <= 63 && !name.contains(is_refused);
    if fits && !name.starts_with(['.', '-']) { Ok(name) } else { Err(wrong(value, HELP)) }
}

/// A BGP identifier: any number but 0, as four decimal ones (RFC 6286).
fn router_id(value: &Value<'_>) -> Read<Ipv4Addr> {
    const HELP: &str =
        "give the edge's BGP identifier in the form of an IPv4 address, such as \"192.0.2.1\"";
    let id = value.as_str().and_then(|text| text.parse().ok());
    id.filter(|id| *id != Ipv4Addr::UNSPECIFIED).ok_or_else(|| wrong(value, HELP))
}

/// The first of the kernel's tables: above those that have names (`default`, `main` and `local`).
fn table(value: &Value<'_>) -> Read<u32> {
    integer_in(value, 256, 2_000_000_000, "a table's number from 256 to 2000000000")
}

/// Whole seconds that fit into 12 bits (RFC 4724, section 3).
fn graceful_restart(value: &Value<'_>) -> Read<Duration> {
    let restart = values::duration(value)?;
    let fits = restart <= Duration::from_secs(4_095) && restart.subsec_nanos() == 0;
    let help = "give whole seconds up to \"4095s\", or \"0s\" for no graceful restart";
    if fits { Ok(restart) } else { Err(wrong(value, help)) }
}

fn icmp_rate(value: &Value<'_>) -> Read<u32> {
    integer_in(value, 0, 100_000, "answers a second, from 0 (none) to 100000")
}

fn punt_rate(value: &Value<'_>) -> Read<u32> {
    integer_in(value, 10, 100_000, "frames a second, from 10 to 100000")
}
