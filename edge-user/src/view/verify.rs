//! The report of a circuit's turn-up test.

use std::io::{self, Write};

use super::table::{plain, text_table};
use crate::{
    units::{about_bit_rate, bit_rate},
    verify::{ServiceReport, StepReport, StepVerdict, VerifyReport},
};

/// Prints it.
pub fn print(report: &VerifyReport, out: &mut dyn Write) -> io::Result<()> {
    let verdict = if report.passed { "passed" } else { "FAILED" };
    let bandwidth = bit_rate(report.bandwidth_bps);
    writeln!(out, "circuit {}, {bandwidth}: {verdict}", plain(&report.circuit))?;
    for service in &report.services {
        let ServiceReport { peering, port, link, direction, class, rate_bps, steps } = service;
        writeln!(
            out,
            "\n{peering}, {direction} on {} ({link}), class {}, {}:",
            plain(port),
            plain(class),
            bit_rate(*rate_bps)
        )?;
        let header = ["frame", "load", "offered", "delivered", "frames", "lost", "verdict"];
        let mut table = text_table(header, 0..=4);
        for step in steps {
            table.add_row(row(step));
        }
        writeln!(out, "{table}")?;
    }
    Ok(())
}

fn row(step: &StepReport) -> [String; 7] {
    let lost = step.lost.iter().map(|(reason, frames)| format!("{frames} {reason}"));
    let lost = lost.collect::<Vec<_>>().join(", ");
    let verdict = match step.verdict {
        StepVerdict::Passed => "passed",
        StepVerdict::Loss => "FAILED: loss within the rate",
        StepVerdict::TooLittle => "FAILED: less than the rate",
        StepVerdict::TooMuch => "FAILED: more than the rate",
    };
    [
        format!("{} B", step.frame_bytes),
        format!("{} %", step.load_percent),
        about_bit_rate(step.offered_bps),
        about_bit_rate(step.delivered_bps),
        step.frames.to_string(),
        if lost.is_empty() { "none".to_owned() } else { lost },
        verdict.to_owned(),
    ]
}
