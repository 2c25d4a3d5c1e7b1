//! The outcome of a frame, as a replay sees it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::reason::{Action, Reason, UnmatchedPolicy};

/// The outcome of a frame, as a replay sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Outcome {
    /// Attachment; 0: none was found.
    pub attachment: u32,
    /// Number of the reason.
    pub reason: u8,
    /// Class, or [`Outcome::NONE`].
    pub class: u8,
    /// Arriving DSCP of an IP packet, or [`Outcome::NONE`].
    pub dscp_in: u8,
    /// DSCP that it leaves with, or [`Outcome::NONE`].
    pub dscp_out: u8,
    /// Length that was policed and metered or, where the path ended before, the frame's length.
    pub len_bytes: u32,
    /// 1: the path has chosen the frame's way itself ([`crate::path::PathEnd`]); else 0.
    pub is_routed: u32,
}

const _: () = assert!(size_of::<Outcome>() == 16);

impl Outcome {
    /// The value of a field that does not apply.
    pub const NONE: u8 = u8::MAX;

    /// The outcome before the path has begun.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            attachment: 0,
            reason: Self::NONE,
            class: Self::NONE,
            dscp_in: Self::NONE,
            dscp_out: Self::NONE,
            len_bytes: 0,
            is_routed: 0,
        }
    }

    /// The verdict, where the path has ended for this reason.
    #[must_use]
    pub fn action(&self, reason: Reason, unmatched: UnmatchedPolicy) -> Action {
        reason.action_on(self.is_routed != 0, unmatched)
    }

    /// The reason; `None` where no path has ended.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        Reason::from_number(self.reason)
    }
}
