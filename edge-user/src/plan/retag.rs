//! The tags that frames of a peering leave with, where those differ from the tags they came with.

use edge_common::{
    abi::rewrite::{LeavingTag, Retag, TagSource},
    packet::vlan::TPID_C_TAG,
};

use super::member::Member;
use crate::{
    config::{CTags, Forward, Port, SideTags},
    model::Side,
};

/// The tags that the frames received by `member`'s port leave with.
pub(super) fn retag(member: &Member<'_>) -> Retag {
    let egress = match &member.port.forward {
        Forward::Stack => None,
        Forward::Port(name) => member.config.ports.iter().find(|port| port.name == *name),
    };
    let (side, link) = egress
        .map_or((opposite(member.port.side), member.port.link), |port| (port.side, port.link));
    let (s_tpid, c_tpid) = match side {
        Side::Customer => (member.circuit.s_tpid, member.peering.c_tpid),
        Side::Core => (member.circuit.core_s_tpid, member.peering.core_c_tpid),
    };
    let arriving = member.tags();
    let leaving = member.circuit.tags(member.peering, side, link);
    if leaving == arriving && s_tpid.is_none() && c_tpid.is_none() {
        return Retag::NONE;
    }
    let s_tag = leaving.s_vid.map(|vid| s_tag(arriving, vid, s_tpid, egress));
    let c_tag = leaving.c_vids.map(|vids| c_tag(arriving, vids, c_tpid, s_tag.is_some()));
    match s_tag {
        Some(s_tag) => Retag::to(Some(s_tag), c_tag),
        None => Retag::to(c_tag, None),
    }
}

fn s_tag(arriving: SideTags, vid: u16, tpid: Option<u16>, egress: Option<&Port>) -> LeavingTag {
    let is_there = arriving.s_vid.is_some();
    // A pushed tag has the port's first TPID, as the port's neighbour uses that one.
    let pushed_tpid = || egress.and_then(|port| port.tpids.first().copied()).unwrap_or(TPID_C_TAG);
    LeavingTag {
        tpid: tpid.unwrap_or_else(|| if is_there { AS_IT_CAME } else { pushed_tpid() }),
        vid: if arriving.s_vid == Some(vid) { AS_IT_CAME } else { vid },
        source: TagSource::Outer,
    }
}

fn c_tag(arriving: SideTags, vids: CTags, tpid: Option<u16>, leaves_as_inner: bool) -> LeavingTag {
    let is_there = arriving.c_vids.is_some();
    let came_as_inner = is_there && arriving.s_vid.is_some();
    // Behind an S-tag, no equipment takes 0x9100 for a tag.
    let can_stay = is_there && (came_as_inner || !leaves_as_inner);
    LeavingTag {
        tpid: tpid.unwrap_or(if can_stay { AS_IT_CAME } else { TPID_C_TAG }),
        vid: if arriving.c_vids == Some(vids) { AS_IT_CAME } else { vids.first },
        source: if came_as_inner { TagSource::Inner } else { TagSource::Outer },
    }
}

/// The other side, to which the stack leads.
fn opposite(side: Side) -> Side {
    match side {
        Side::Customer => Side::Core,
        Side::Core => Side::Customer,
    }
}

/// A TPID or VID that is left alone.
const AS_IT_CAME: u16 = 0;
