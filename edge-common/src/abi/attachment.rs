//! The meaning of a port, an S-VID and a C-VID.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::policer::Bucket;

/// A table entry for one VID: nothing, an attachment, or (in an S-table) a C-table to go on in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// No circuit claims the VID.
    Empty,
    /// The attachment with this index, which is not 0.
    Attachment(u32),
    /// The C-table with this index decides.
    CTable(u32),
}

impl Slot {
    const C_TABLE_BIT: u32 = 1 << 31;

    /// The slot with this 32-bit form, which one store publishes or retires.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        if bits == 0 {
            Self::Empty
        } else if bits & Self::C_TABLE_BIT == 0 {
            Self::Attachment(bits)
        } else {
            Self::CTable(bits & !Self::C_TABLE_BIT)
        }
    }

    /// The 32-bit form.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        match self {
            Self::Empty => 0,
            Self::Attachment(index) => index,
            Self::CTable(index) => index | Self::C_TABLE_BIT,
        }
    }
}

/// A peering on a port, as the path needs to know it. The daemon fills the entry before a [`Slot`]
/// publishes it.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Attachment {
    /// Index of the policer; 0: not policed.
    pub policer: u32,
    /// Index of the rate that the policer grants. It is in one 64-bit word with `policer`, so that
    /// a change of rate is one store.
    pub rate: u32,
    /// The tags that frames leave with: [`super::rewrite::Retag::to_bits`].
    pub retag: u64,
    /// Index of the row of the peering's QoS profile.
    pub qos_row: u32,
    /// Bytes to add to the frame's length for the policed and metered length; of a routed frame, to the length
    /// that it has without tags.
    pub len_adjust_bytes: i16,
    /// [`Attachment::DISABLED`] and the other flags, or 0.
    pub flags: u8,
    /// Zero.
    pub reserved: u8,
    /// Index of the flows' phantom queues; 0: flows are not told apart.
    pub flow_queues: u32,
    /// Index of the router's interface, where [`Attachment::ROUTED`] is among the flags; else 0.
    pub router_interface: u32,
}

impl Attachment {
    /// The circuit's bucket.
    #[inline(always)]
    #[must_use]
    pub const fn bucket(&self) -> Bucket {
        Bucket { policer: self.policer, rate: self.rate }
    }

    /// Frames are dropped with [`crate::Reason::CircuitDisabled`].
    pub const DISABLED: u8 = 1;
    /// The profile has rules.
    pub const HAS_RULES: u8 = 2;
    /// A class of the profile sets the PCP.
    pub const MARKS_PCP: u8 = 4;
    /// The IP packet is policed and metered, not the frame.
    pub const ACCOUNT_PACKET: u8 = 8;
    /// The peering or one of its classes has a bandwidth of its own: [`super::policer::Limits`].
    pub const HAS_LIMITS: u8 = 16;
    /// ECN-capable senders are told before frames are dropped.
    pub const MARKS_ECN: u8 = 32;
    /// Frames are routed: they arrive at an interface of the router.
    pub const ROUTED: u8 = 64;
}

// The size is a power of two, so that no entry is in two cache lines.
const _: () = assert!(size_of::<Attachment>() == 32);

const _: () = assert!(core::mem::offset_of!(Attachment, rate) == 4);

const _: () = assert!(core::mem::offset_of!(Attachment, retag) == 8);

const _: () = assert!(core::mem::offset_of!(Attachment, qos_row) == 16);

const _: () = assert!(core::mem::offset_of!(Attachment, len_adjust_bytes) == 20);

const _: () = assert!(core::mem::offset_of!(Attachment, flags) == 22);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_bits_round_trip() {
        for slot in [Slot::Empty, Slot::Attachment(1), Slot::CTable(0), Slot::CTable(4094)] {
            assert_eq!(Slot::from_bits(slot.to_bits()), slot);
        }
    }
}
