//! `edge status` as people read it.

use std::io::{self, Write};

use comfy_table::Table;
use edge_api::{CircuitStatus, Counters, PortStatus, Status};
use edge_common::Reason;

use super::{conditions, config_status, domains, ledger, links::link_table, table::text_table};
use crate::units::{about_bit_rate, bit_rate, count};

/// Prints the state of an edge, and what an operator should look into.
pub fn print(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "edge {}, up {:.0} s", status.edge, status.uptime_s)?;
    if let Some(booked) = status.ledger.last_booked {
        write!(out, ", booked {booked:.0}")?;
    }
    writeln!(out, "\n")?;
    conditions::print(status, out)?;
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
        if circuit.peerings.is_empty() {
            let mut row = vec![
                format!("{}{state}", circuit.name),
                bit_rate(circuit.bandwidth_bps),
                circuit.provisioning.clone(),
            ];
            row.resize(header.len(), String::new());
            table.add_row(row);
        }
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
                about_bit_rate(policer.peak_1ms_bps),
                about_bit_rate(policer.peak_100ms_bps),
            ]);
        }
    }
    table
}
