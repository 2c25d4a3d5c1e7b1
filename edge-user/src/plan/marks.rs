//! A QoS profile under one of `trust`, `reset` and `preserve`, as a table by arriving DSCP.

use edge_common::{
    class::{Class, Dscp, MAX_CLASSES},
    mark::{BurstShare, MarkRow, Marking},
};

use crate::config::{DscpPolicy, QosClass, QosProfile};

/// The row for `profile` under `policy`.
pub(super) fn mark_row(profile: &QosProfile, policy: DscpPolicy) -> MarkRow {
    let markings = std::array::from_fn(|arriving| {
        let arriving = Dscp::new(u8::try_from(arriving).expect("a code point has six bits"));
        let (class, trusted) = trusted(profile, arriving);
        let dscp = match policy {
            DscpPolicy::Trust => trusted,
            DscpPolicy::Reset => Dscp::new(0),
            DscpPolicy::Preserve => arriving,
        };
        Marking { class, dscp }.to_bits()
    });
    let mut burst_shares = [BurstShare::WHOLE; MAX_CLASSES];
    for (share, class) in burst_shares.iter_mut().zip(&profile.classes) {
        *share = burst_share(class);
    }
    MarkRow { markings, burst_shares: burst_shares.map(BurstShare::get) }
}

/// The class of what is not IP and of what the profile does not list.
pub(super) fn default_class(profile: &QosProfile) -> u8 {
    number(profile, |class| class.is_default).unwrap_or(0)
}

/// From thousandths, to the nearest.
fn burst_share(class: &QosClass) -> BurstShare {
    let share = (class.burst_share_permille * 1024 + 500) / 1000;
    BurstShare::new(u16::try_from(share).unwrap_or(u16::MAX))
}

fn number(profile: &QosProfile, is_it: impl Fn(&QosClass) -> bool) -> Option<u8> {
    (0..).zip(&profile.classes).find_map(|(number, class)| is_it(class).then_some(number))
}

/// Class and leaving DSCP where the customer's marking is trusted: a listed code point leaves as
/// its class's mark or as itself, any other as the default class's mark or 0.
fn trusted(profile: &QosProfile, arriving: Dscp) -> (Class, Dscp) {
    let listed = number(profile, |class| class.dscp.contains(&arriving.bits()));
    let number = listed.unwrap_or_else(|| default_class(profile));
    let mark = profile.classes.get(usize::from(number)).and_then(|class| class.mark);
    let unmarked = if listed.is_some() { arriving } else { Dscp::new(0) };
    (Class::new(number), mark.map_or(unmarked, Dscp::new))
}
