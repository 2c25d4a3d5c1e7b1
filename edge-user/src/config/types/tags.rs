//! Tags: those of a circuit's peerings, on either side.

use std::fmt;

use serde::Serialize;

use super::{Circuit, Link, Peering, Side};

/// C-tags of a peering: every VID from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CTags {
    /// The lowest VID, from 1.
    pub first: u16,
    /// The highest VID, up to 4094; not below `first`.
    pub last: u16,
}

impl CTags {
    /// Every VID that a tag can have.
    pub const ANY: Self = Self { first: 1, last: 4094 };

    /// One VID.
    #[must_use]
    pub const fn one(vid: u16) -> Self {
        Self { first: vid, last: vid }
    }

    /// Whether this is one VID.
    #[must_use]
    pub const fn is_one(self) -> bool {
        self.first == self.last
    }
}

/// As a configuration has it.
impl fmt::Display for CTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ANY => f.write_str("any"),
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

/// A tag towards the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum CoreTag {
    /// The same tag as towards the customer.
    Same,
    /// No tag.
    None,
    /// A tag with this VID.
    Vid(u16),
}

/// The tags that a peering's frames have on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SideTags {
    /// The S-tag's VID.
    pub s_vid: Option<u16>,
    /// The C-tag's VIDs. With neither, the frames are untagged.
    pub c_vids: Option<CTags>,
}

impl Circuit {
    /// The S-tag's VID towards the customer, on ports of `link`.
    #[must_use]
    pub fn s_vid(&self, link: Link) -> Option<u16> {
        match link {
            Link::Primary => self.s_tag,
            Link::Secondary => self.secondary_s_tag.or(self.s_tag),
        }
    }

    /// The tags that frames of `peering` have on a port of `link` on `side`.
    #[must_use]
    pub fn tags(&self, peering: &Peering, side: Side, link: Link) -> SideTags {
        match side {
            Side::Customer => SideTags { s_vid: self.s_vid(link), c_vids: Some(peering.c_tags) },
            Side::Core => SideTags {
                s_vid: match self.core_s_tag {
                    CoreTag::Same => self.s_vid(link),
                    CoreTag::None => None,
                    CoreTag::Vid(vid) => Some(vid),
                },
                c_vids: match peering.core_c_tag {
                    CoreTag::Same => Some(peering.c_tags),
                    CoreTag::None => None,
                    CoreTag::Vid(vid) => Some(CTags::one(vid)),
                },
            },
        }
    }
}
