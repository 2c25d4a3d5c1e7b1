//! The circuit whose tags are nearest to those of a frame.

use edge_api::TagFault;
use edge_common::abi::unmatched::UnmatchedTags;

use crate::{
    config::{CTags, SideTags},
    plan::PortClaim,
};

/// A circuit's tags, and the fault of a frame's by them. Without a fault, a VID is wrong.
pub(super) struct Nearest<'a> {
    pub(super) claim: &'a PortClaim,
    pub(super) fault: Option<TagFault>,
}

/// The distance of a frame's tags from a circuit's: the kind of the difference, nearest kind first, and then the distances
/// of the outer and the inner VID.
type Distance = (u8, u16, u16);

/// The nearest claim to the tags of a frame that came by `port`; `None`: none is like them.
pub(super) fn nearest<'a>(
    claims: &'a [PortClaim],
    port: &str,
    tags: UnmatchedTags,
) -> Option<Nearest<'a>> {
    let vids = FrameVids {
        outer: tags.outer().map(|(_, vid)| vid),
        inner: tags.inner().map(|(_, vid)| vid),
    };
    let found = claims.iter().filter_map(|claim| {
        let (distance, fault) = vids.distance(claim.tags, claim.port == port)?;
        Some((distance, Nearest { claim, fault }))
    });
    found.min_by_key(|(distance, _)| *distance).map(|(_, nearest)| nearest)
}

#[derive(Clone, Copy)]
struct FrameVids {
    outer: Option<u16>,
    inner: Option<u16>,
}

impl FrameVids {
    fn distance(
        self,
        claimed: SideTags,
        is_same_port: bool,
    ) -> Option<(Distance, Option<TagFault>)> {
        let is_claimed = self.is_claimed(claimed);
        if !is_same_port {
            return is_claimed.then_some(((1, 0, 0), Some(TagFault::Port)));
        }
        if is_claimed {
            return Some(((0, 0, 0), Some(TagFault::Claimed)));
        }
        let outer = self.outer?;
        let Some(s_vid) = claimed.s_vid else {
            let c_vids = claimed.c_vids?;
            return Some(((5, from(outer, c_vids), 0), None));
        };
        let to_c_vid = |vid| claimed.c_vids.map_or(0, |c_vids| from(vid, c_vids));
        match self.inner {
            None if outer == s_vid => Some(((2, 0, 0), Some(TagFault::NoCTag))),
            None if to_c_vid(outer) == 0 => Some(((4, 0, 0), Some(TagFault::NoSTag))),
            None => Some(((5, outer.abs_diff(s_vid), 0), None)),
            Some(inner) if outer == s_vid => Some(((2, 0, to_c_vid(inner)), None)),
            Some(inner) if inner == s_vid && to_c_vid(outer) == 0 => {
                Some(((3, 0, 0), Some(TagFault::Swapped)))
            }
            Some(inner) => Some(((5, outer.abs_diff(s_vid), to_c_vid(inner)), None)),
        }
    }

    /// Whether the VIDs are those of a circuit. Tags behind its own are its customer's.
    fn is_claimed(self, SideTags { s_vid, c_vids }: SideTags) -> bool {
        let is_c_vid = |vid: u16, c_vids: CTags| from(vid, c_vids) == 0;
        match (s_vid, c_vids, self.outer, self.inner) {
            (None, None, outer, _) => outer.is_none(),
            (None, Some(c_vids), Some(outer), _) => is_c_vid(outer, c_vids),
            (Some(s_vid), None, Some(outer), _) => outer == s_vid,
            (Some(s_vid), Some(c_vids), Some(outer), Some(inner)) => {
                outer == s_vid && is_c_vid(inner, c_vids)
            }
            (Some(_), _, _, _) | (None, Some(_), None, _) => false,
        }
    }
}

/// The distance of a VID from the nearest of some C-tags.
fn from(vid: u16, CTags { first, last }: CTags) -> u16 {
    vid.abs_diff(vid.clamp(first, last))
}
