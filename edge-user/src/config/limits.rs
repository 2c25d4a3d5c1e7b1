//! Checks of bandwidths inside a circuit: a class's bandwidth fits into its peering's, and a
//! peering's into the circuit's.

use toml_span::Span;

use super::{
    burst,
    error::Errors,
    qos::{self, Profiles},
    schema::{RawCircuit, RawPeering},
};

/// Reports bandwidths that do not fit.
pub(super) fn check(circuit: &RawCircuit, profiles: &Profiles, errors: &Errors<'_>) {
    let Some(purchased) = circuit.bandwidth_bps.given() else { return };
    for peering in circuit.peerings.iter().flatten() {
        let mut outer = ("the circuit", purchased.value, purchased.span);
        if let Some(limit) = peering.bandwidth_bps.given() {
            if limit.value > purchased.value {
                fits_not("the peering's `bandwidth`", limit.span, limit.value, outer, errors);
            } else {
                outer = ("the peering", limit.value, limit.span);
            }
        }
        check_classes(peering, outer, profiles, errors);
    }
}

/// The circuit or peering around a limit: its name in messages, its bandwidth in bit/s, and the
/// place of that in the file.
type Outer = (&'static str, u64, Span);

fn check_classes(peering: &RawPeering, outer: Outer, profiles: &Profiles, errors: &Errors<'_>) {
    let Some(name) = peering.qos.value_or(qos::DEFAULT_PROFILE.into()) else { return };
    let Some(Some(profile)) = profiles.get(&name) else { return };
    let at = peering.qos.given().map_or(peering.at, |qos| qos.span);
    for class in &profile.classes {
        if let Some(limit_bps) = class.bandwidth_bps.filter(|limit_bps| *limit_bps > outer.1) {
            let what = format!("`bandwidth` of class {:?} of profile {name:?}", class.name);
            fits_not(&what, at, limit_bps, outer, errors);
        }
    }
    if let Some(limit) = peering.bandwidth_bps.given() {
        let permille = burst::least_share_permille(profile);
        let burst_bytes = burst::default_burst_bytes(limit.value);
        if let Err(message) = burst::check_share(burst_bytes, permille, &name) {
            errors.add(limit.span, format!("the peering's `bandwidth`: {message}"));
        }
    }
}

fn fits_not(what: &str, at: Span, limit_bps: u64, outer: Outer, errors: &Errors<'_>) {
    let (around, outer_bps, outer_at) = outer;
    let place = errors.place(outer_at);
    errors.add(
        at,
        format!(
            "{what} is {limit_bps} bit/s, more than the {outer_bps} bit/s of {around} ({place}); \
             lower it"
        ),
    );
}
