//! A `QoS` profile under one of `trust`, `reset` and `preserve`, as the row that the path reads.

use edge_common::{
    abi::{
        class::{Class, MAX_CLASSES},
        qos::{AS_IT_CAME, BurstShare, MAX_RULES, Marking, QosRow, Rule},
    },
    packet::{ip::Dscp, vlan::Pcp},
};

use crate::{
    config::{ClassMatch, QosClass, QosProfile},
    model::DscpPolicy,
};

/// The row for `profile` under `policy`.
pub(super) fn qos_row(profile: &QosProfile, policy: DscpPolicy) -> QosRow {
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
    let mut row = QosRow {
        markings,
        burst_shares: [BurstShare::WHOLE.get(); MAX_CLASSES],
        pcp_classes: [default_class(profile); Pcp::COUNT],
        pcp_marks: [AS_IT_CAME; MAX_CLASSES],
        rule_dscps: [AS_IT_CAME; MAX_CLASSES],
        rule_count: 0,
        reserved: [0; 7],
        rules: [Rule::default(); MAX_RULES],
    };
    for (number, class) in (0u8..).zip(&profile.classes) {
        let index = usize::from(number);
        row.burst_shares[index] = burst_share(class).get();
        row.pcp_marks[index] = class.pcp_mark.unwrap_or(AS_IT_CAME);
        row.rule_dscps[index] = rule_dscp(class, policy);
        for pcp in &class.pcp {
            row.pcp_classes[usize::from(*pcp)] = number;
        }
    }
    let rules = (0u8..)
        .zip(&profile.classes)
        .flat_map(|(number, class)| class.matches.iter().map(move |packets| rule(number, packets)));
    for (place, rule) in row.rules.iter_mut().zip(rules) {
        *place = rule;
        row.rule_count += 1;
    }
    row
}

/// The class of packets that the profile does not list.
fn default_class(profile: &QosProfile) -> u8 {
    number(profile, |class| class.is_default).unwrap_or(0)
}

/// The burst share of a class, which has it in thousandths, rounded to the nearest.
fn burst_share(class: &QosClass) -> BurstShare {
    let share = (class.burst_share_permille * 1024 + 500) / 1000;
    BurstShare::new(u16::try_from(share).unwrap_or(u16::MAX))
}

/// The DSCP of packets that a rule puts into `class` although theirs is not one of its own.
fn rule_dscp(class: &QosClass, policy: DscpPolicy) -> u8 {
    match policy {
        DscpPolicy::Trust => class.mark.or(class.dscp.first().copied()).unwrap_or(0),
        DscpPolicy::Reset => 0,
        DscpPolicy::Preserve => AS_IT_CAME,
    }
}

fn rule(class: u8, packets: &ClassMatch) -> Rule {
    let ClassMatch { protocol, src_ports, dst_ports } = *packets;
    Rule {
        protocol,
        class,
        src_first: src_ports.first,
        src_last: src_ports.last,
        dst_first: dst_ports.first,
        dst_last: dst_ports.last,
    }
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
