//! The figures as a table, for those who have no terminal.

use std::io::{self, Write};

use edge_api::TrafficRates;

use crate::{
    rates::order::{SortBy, ordered},
    units::{bit_rate, count},
    view::table::{plain, text_table},
};

/// Prints the faults, and a line for each circuit, the one with the highest rate first.
///
/// # Errors
///
/// `out` can't be written.
pub fn print(rates: &TrafficRates, out: &mut dyn Write) -> io::Result<()> {
    for fault in &rates.faults {
        writeln!(out, "! {}", plain(fault))?;
    }
    let header =
        ["circuit", "purchased", "in", "out", "used", "drops/s", "peak 1 ms", "peak 100 ms"];
    let mut table = text_table(header, 1..=7);
    for place in ordered(&rates.circuits, SortBy::Rate, false, "") {
        let circuit = &rates.circuits[place];
        table.add_row([
            plain(&circuit.name),
            bit_rate(circuit.bandwidth_bps),
            bit_rate(circuit.in_bps),
            bit_rate(circuit.out_bps),
            format!("{}.{} %", circuit.used_permille / 10, circuit.used_permille % 10),
            count(circuit.dropped_fps),
            bit_rate(circuit.peak_1ms_bps),
            bit_rate(circuit.peak_100ms_bps),
        ]);
    }
    writeln!(out, "{table}")
}
