//! Looks at `edge status` again and again: no counter may ever go back.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Result, ensure};
use edge_api::Status;
use edge_tests::daemon::status;

/// Looks as long as `work` takes, and once after it.
pub(crate) fn watching<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| -> Result<()> {
            let mut before = BTreeMap::new();
            loop {
                let is_last = is_over.load(Ordering::Relaxed);
                let now = counters(&status()?);
                for (name, count) in &now {
                    let before = before.get(name).copied().unwrap_or(0);
                    ensure!(*count >= before, "{name} goes from {before} back to {count}");
                }
                before.extend(now);
                if is_last {
                    return Ok(());
                }
            }
        });
        let worked = work();
        is_over.store(true, Ordering::Relaxed);
        watch.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        worked
    })
}

/// Every counter by its name.
fn counters(status: &Status) -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    let mut add = |name: String, count: u64| counters.extend([(name, count)]);
    for port in &status.ports {
        add(format!("{} received", port.name), port.rx_frames);
        add(format!("{} received bytes", port.name), port.rx_bytes);
        for (reason, frames) in &port.reasons {
            add(format!("{} {reason}", port.name), *frames);
        }
    }
    for circuit in &status.circuits {
        for peering in &circuit.peerings {
            let name = format!("{} {} on {}", circuit.name, peering.kind, peering.port);
            add(format!("{name} forwarded"), peering.total.forwarded_frames);
            add(format!("{name} forwarded bytes"), peering.total.forwarded_bytes);
            add(format!("{name} dropped"), peering.total.dropped_frames);
            for class in &peering.classes {
                add(format!("{name} {}", class.class), class.counters.forwarded_frames);
            }
        }
        for policer in &circuit.policers {
            let name = format!("{} {} {:?}", circuit.name, policer.direction, policer.peering);
            add(format!("{name} {:?} leases", policer.class), policer.leases);
            add(format!("{name} {:?} retries", policer.class), policer.retries);
            add(format!("{name} {:?} debts", policer.class), policer.debts);
        }
    }
    counters
}
