//! `edge status` as people read it.

use std::io::{self, Write};

use comfy_table::Table;
use edge_api::{CircuitStatus, Counters, PortStatus, Status};
use edge_common::Reason;

use super::{config_status, domains, ledger, links::link_table, table::text_table};
use crate::units::{bit_rate, count};

/// Prints the state of an edge, and what an operator should look into.
pub fn print(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "edge {}, up {:.0} s", status.edge, status.uptime_s)?;
    if let Some(booked) = status.ledger.last_booked {
        write!(out, ", booked {booked:.0}")?;
    }
    writeln!(out, "\n")?;
    writeln!(out, "{}\n", port_table(&status.ports))?;
    writeln!(out, "{}\n", link_table(&status.ports))?;
    writeln!(out, "{}\n", circuit_table(&status.circuits))?;
    writeln!(out, "{}", policer_table(&status.circuits))?;
    domains::print(status, out)?;
    ledger::print(&status.ledger, out)?;
    config_status::print(&status.config, out)?;
    if !status.watches_egress {
        writeln!(out, "! frames that a device refuses count as forwarded: see the daemon's log")?;
    }
    for port in &status.ports {
        if let Some(fault) = &port.fault {
            writeln!(out, "! port {}: {fault}", port.name)?;
        }
        for warning in &port.warnings {
            writeln!(out, "! port {}: {warning}", port.name)?;
        }
        let lost = port.reasons.iter().filter(|(reason, _)| is_alarming(reason));
        for (reason, frames) in lost {
            writeln!(
                out,
                "! port {}: {} frames to look into: {reason}",
                port.name,
                count(*frames),
            )?;
        }
    }
    Ok(())
}

/// A line for each port.
fn port_table(ports: &[PortStatus]) -> Table {
    let header = ["port", "interface", "side", "link", "xdp", "rx frames", "why"];
    let mut table = text_table(header, [5]);
    for port in ports {
        let why = port.reasons.iter().map(|(why, frames)| format!("{why} {}", count(*frames)));
        table.add_row([
            port.name.clone(),
            port.interface.clone(),
            port.side.clone(),
            port.link.clone(),
            port.xdp_mode.clone(),
            count(port.rx_frames),
            why.collect::<Vec<_>>().join(", "),
        ]);
    }
    table
}

/// A line for each peering, port and direction.
fn circuit_table(circuits: &[CircuitStatus]) -> Table {
    let header = [
        "circuit",
        "purchased",
        "peering",
        "direction",
        "port",
        "forwarded",
        "bytes",
        "dropped",
        "bytes",
        "refused",
    ];
    let mut table = text_table(header, [1, 5, 6, 7, 8, 9]);
    for circuit in circuits {
        let state = if circuit.enabled { "" } else { " (disabled)" };
        for peering in &circuit.peerings {
            let Counters {
                forwarded_frames,
                forwarded_bytes,
                dropped_frames,
                dropped_bytes,
                refused_frames,
                refused_bytes: _,
            } = peering.total;
            table.add_row([
                format!("{}{state}", circuit.name),
                bit_rate(circuit.bandwidth_bps),
                peering.kind.clone(),
                peering.direction.clone(),
                peering.port.clone(),
                count(forwarded_frames),
                count(forwarded_bytes),
                count(dropped_frames),
                count(dropped_bytes),
                count(refused_frames),
            ]);
        }
    }
    table
}

/// Whether an operator should look into frames with this reason: they belong to no circuit, or were
/// lost by a fault.
fn is_alarming(reason: &str) -> bool {
    let reason = Reason::ALL.into_iter().find(|known| known.as_str() == reason);
    match reason {
        Some(
            Reason::Unmatched
            | Reason::Untagged
            | Reason::Malformed
            | Reason::NoEgress
            | Reason::DanglingTable
            | Reason::NoHeadroom
            | Reason::EgressRefused
            | Reason::PuntLimited
            | Reason::BadChecksum
            | Reason::Spoofed
            | Reason::NoNeighbour
            | Reason::LinkDown,
        )
        | None => true,
        Some(
            Reason::Ok
            | Reason::Control
            | Reason::CircuitDisabled
            | Reason::OverRate
            | Reason::Punted
            | Reason::Answered
            | Reason::NotForUs
            | Reason::Martian
            | Reason::NoRoute
            | Reason::TtlExpired
            | Reason::TooBig
            | Reason::SourceRouted,
        ) => false,
    }
}

/// A line for each policer.
fn policer_table(circuits: &[CircuitStatus]) -> Table {
    let header =
        ["circuit", "bucket", "direction", "link", "rate", "burst used", "peak 1 ms", "100 ms"];
    let mut table = text_table(header, [4, 5, 6, 7]);
    for circuit in circuits {
        for policer in &circuit.policers {
            let bucket = match (&policer.peering, &policer.class) {
                (None, _) => "circuit".to_owned(),
                (Some(peering), None) => peering.clone(),
                (Some(peering), Some(class)) => format!("{peering} {class}"),
            };
            table.add_row([
                circuit.name.clone(),
                bucket,
                policer.direction.clone(),
                policer.link.clone(),
                bit_rate(policer.rate_bps),
                format!("{} %", policer.used_bytes * 100 / policer.burst_bytes.max(1)),
                bit_rate(rounded(policer.peak_1ms_bps)),
                bit_rate(rounded(policer.peak_100ms_bps)),
            ]);
        }
    }
    table
}

/// To four digits.
fn rounded(bps: u64) -> u64 {
    let unit = 10u64.pow(bps.checked_ilog10().unwrap_or(0).saturating_sub(3));
    (bps + unit / 2) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_to_four_digits() {
        for (bps, expected) in [
            (0, 0),
            (7, 7),
            (9_999, 9_999),
            (123_456_789, 123_500_000),
            (99_996_000_000, 100_000_000_000),
        ] {
            assert_eq!(rounded(bps), expected);
        }
    }
}
