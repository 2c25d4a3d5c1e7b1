//! Step 5, the class: by rule or DSCP, and by PCP for a frame that is not IP.

use crate::{
    abi::{
        attachment::Attachment,
        class::Class,
        port::{Features, PortConfig},
        qos::{Marking, QosRow},
    },
    env::FrameCalls,
    packet::ip::DsWord,
};

/// The class of `packet` and the DSCP that it leaves with: by the first rule of `row` that matches,
/// else by the packet's DSCP.
#[inline(always)]
pub fn marking(
    frame: &impl FrameCalls,
    port: &PortConfig,
    attachment: &Attachment,
    packet: &DsWord,
    row: &QosRow,
) -> Marking {
    if port.features.has(Features::RULES) && attachment.flags & Attachment::HAS_RULES != 0 {
        by_rules(frame, packet, row)
    } else {
        row.marking(packet.dscp())
    }
}

#[inline(always)]
fn by_rules(frame: &impl FrameCalls, packet: &DsWord, row: &QosRow) -> Marking {
    let transport = frame.transport(packet);
    for (number, rule) in (0u8..).zip(&row.rules) {
        if number >= row.rule_count {
            break;
        }
        if transport.is_there() && rule.matches(transport) {
            return row.rule_marking(Class::new(rule.class), packet.dscp());
        }
    }
    row.marking(packet.dscp())
}
