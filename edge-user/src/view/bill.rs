//! The invoice as people read it.

use std::io::{self, Write};

use comfy_table::Table;
use rust_decimal::Decimal;

use super::table::text_table;
use crate::{
    billing::rating::{CircuitBill, Invoice, Line, Quantity},
    units::count,
};

/// The text in place of an amount that is not known.
const UNKNOWN: &str = "?";

/// Prints a block for each circuit, and the total. Quantities have as many decimals as their price
/// needs.
pub fn print(invoice: &Invoice, out: &mut impl Write) -> io::Result<()> {
    let Invoice { edge, month, currency, .. } = invoice;
    writeln!(out, "{edge}, {month} (UTC), amounts in {currency}")?;
    for circuit in &invoice.circuits {
        let CircuitBill { circuit: name, service_key, zone, .. } = circuit;
        writeln!(out, "\n{}", heading(name, service_key.as_ref(), zone.as_ref()))?;
        writeln!(out, "{}", table(invoice, circuit).trim_fmt())?;
    }
    writeln!(out, "\ntotal {} {currency}", shown(invoice.total))
}

pub(super) fn heading(
    circuit: &str,
    service_key: Option<&String>,
    zone: Option<&String>,
) -> String {
    let named = |what, value: Option<&String>| Some(format!("{what} {}", value?));
    let service_key = named("service key", service_key);
    let parts = [Some(circuit.to_owned()), service_key, named("zone", zone)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn table(invoice: &Invoice, circuit: &CircuitBill) -> Table {
    let header = ["", "quantity", "unit", "bytes", "unit price", "amount"];
    let mut table = text_table(header, [1, 3, 4, 5]);
    for line in &circuit.lines {
        let quantity = invoice.quantity(line);
        let bytes = match line.quantity {
            Quantity::Volume { bytes, .. } => count(bytes),
            Quantity::Time { .. } | Quantity::Credit(_) => String::new(),
        };
        let unit = line.quantity.unit().to_string();
        let price = match line.quantity {
            Quantity::Credit(_) => String::new(),
            Quantity::Volume { .. } | Quantity::Time { .. } => shown(line.unit_price),
        };
        let amount = shown(line.amount);
        table.add_row([what(line, circuit.zone.as_ref()), quantity, unit, bytes, price, amount]);
    }
    let total = shown(circuit.total);
    table.add_row(["total", "", "", "", "", &total]);
    table
}

/// A line's name, with its zone if that is not the circuit's, and its time if that is not the
/// month.
pub(super) fn what(line: &Line, zone_of_circuit: Option<&String>) -> String {
    let zone = line.zone.as_ref().filter(|zone| Some(*zone) != zone_of_circuit);
    let zone = zone.map(|zone| format!("zone {zone}"));
    let time = match line.quantity {
        Quantity::Time { parts: parts @ 2.., from, to, .. } => {
            Some(format!("{} parts of {from} to {to}", count(parts)))
        }
        Quantity::Time { from, to, month, .. } if (from, to) != (month.start(), month.end()) => {
            Some(format!("{from} to {to}"))
        }
        Quantity::Time { .. } | Quantity::Volume { .. } | Quantity::Credit(_) => None,
    };
    [Some(line.what.clone()), zone, time].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(super) fn shown(amount: Option<Decimal>) -> String {
    amount.map_or_else(|| UNKNOWN.into(), |amount| amount.to_string())
}
