//! A QoS profile under one of `trust`, `reset` and `preserve`, as a table by arriving DSCP.

use edge_common::{
    class::{Class, Dscp},
    mark::{MarkRow, Marking},
};

use crate::config::{DscpPolicy, QosProfile};

/// The row for `profile` under `policy`.
pub(super) fn mark_row(profile: &QosProfile, policy: DscpPolicy) -> MarkRow {
    let markings = std::array::from_fn(|arriving| {
        // The array has as many entries as there are code points: six bits.
        let arriving = Dscp::new(arriving as u8);
        let (class, trusted) = trusted(profile, arriving);
        let dscp = match policy {
            DscpPolicy::Trust => trusted,
            DscpPolicy::Reset => Dscp::new(0),
            DscpPolicy::Preserve => arriving,
        };
        Marking { class, dscp }.to_bits()
    });
    MarkRow { markings }
}

/// The class of what is not IP and of what the profile does not list.
pub(super) fn default_class(profile: &QosProfile) -> u8 {
    let class = profile.classes.iter().position(|class| class.is_default);
    class.and_then(|class| u8::try_from(class).ok()).unwrap_or(0)
}

/// Class and leaving DSCP where the customer's marking is trusted: a listed code point leaves as
/// its class's mark or as itself, any other as the default class's mark or 0.
fn trusted(profile: &QosProfile, arriving: Dscp) -> (Class, Dscp) {
    let listed = profile.classes.iter().position(|class| class.dscp.contains(&arriving.bits()));
    let number = listed.unwrap_or_else(|| usize::from(default_class(profile)));
    let mark = profile.classes.get(number).and_then(|class| class.mark);
    let unmarked = if listed.is_some() { arriving } else { Dscp::new(0) };
    (Class::new(number as u8), mark.map_or(unmarked, Dscp::new))
}
