//! What the kernel object and userspace agree on besides the types: names, sizes and a version.

use core::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{class::MAX_CLASSES, fair::FlowQueues, police::Policer, reason::Reason, tags::Vid};

/// Version of the map layouts; part of the pin path. Raise it when any of them changes.
pub const VERSION: u32 = if cfg!(feature = "other-layout") { 1004 } else { 4 };

/// `EGRESS` of a port that forwards to the stack.
pub const EGRESS_STACK: u32 = u32::MAX;

/// One VID's [`crate::attachment::Slot`] each: an S-table of a port, or a C-table.
pub type VidTable = [u32; Vid::COUNT];

/// What the map of policers holds.
pub type PolicerWords = [u64; size_of::<Policer<u64>>() / size_of::<u64>()];

/// What the map of flows' queues holds.
pub type FlowQueuesWords = [u64; FlowQueues::<u64>::WORDS];

/// Longest name in bytes that a key holds; the rest of the array is zero.
pub const NAME_LEN_BYTES: usize = 64;

/// Whose an index in the port tables is. Keys are userspace's memory of what it put where, kept
/// beside the tables so that it lasts exactly as long as they do; the path doesn't read them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct PortKey {
    /// The port's name; empty: nobody's.
    pub name: [u8; NAME_LEN_BYTES],
    /// The name that the configuration had for its interface when a program was last attached.
    pub interface: [u8; NAME_LEN_BYTES],
    /// The constants of programs that use this index.
    pub constants: PortConstants,
    /// Kernel ids of such programs that may be attached: one, or two while the second takes the
    /// first one's place; 0: none. A program with another id uses another index, or other tables.
    pub program_ids: [u32; 2],
}

const _: () = assert!(size_of::<PortKey>() == 160);

/// Constants of a port's program that say how to read its tables. Where they change, no table that
/// the program before them reads may change its meaning.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PortConstants {
    /// Index of the port to forward to, or [`EGRESS_STACK`].
    pub egress: u32,
    /// [`crate::port::Features`] in use.
    pub features: u32,
    /// Accepted outer TPIDs; 0: none.
    pub tpids: [u16; crate::port::MAX_TPIDS],
    /// 1: frames of no circuit go to the stack; 0: they are dropped.
    pub pass_unmatched: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<PortConstants>() == 24);

/// Whose an index in the attachment tables is: all that a bill has to know of its counters, so
/// that it can be told from the tables alone.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct AttachmentKey {
    /// The edge's name.
    pub edge: [u8; NAME_LEN_BYTES],
    /// The circuit's name.
    pub circuit: [u8; NAME_LEN_BYTES],
    /// The provider's key for the circuit; empty: none.
    pub service_key: [u8; NAME_LEN_BYTES],
    /// The port's name.
    pub port: [u8; NAME_LEN_BYTES],
    /// Names of the classes that its counters are of, by number; empty: none.
    pub classes: [[u8; NAME_LEN_BYTES]; MAX_CLASSES],
    /// The peering, as numbered by userspace; like the four after it.
    pub peering: u8,
    /// The direction.
    pub direction: u8,
    /// The link.
    pub link: u8,
    /// How the circuit is billed.
    pub billing: u8,
    /// Which bytes of its frames count.
    pub accounting: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// [`Generation`], written last: without it, all else is nobody's.
    pub generation: u64,
}

const _: () = assert!(size_of::<AttachmentKey>() == 784);
const _: () = assert!(offset_of!(AttachmentKey, generation) == 776);

/// How many owners an index has had, and whether it has one now. Its counters began at zero with
/// the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// How many.
    pub number: u64,
    /// Whether the last of them is there.
    pub is_owned: bool,
}

impl Generation {
    /// As [`AttachmentKey::generation`] has it.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { number: bits >> 1, is_owned: bits & 1 != 0 }
    }

    /// The reverse.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.number << 1 | self.is_owned as u64
    }
}

/// Whose an index in the policer tables is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct PolicerKey {
    /// The circuit's name; empty: nobody's.
    pub circuit: [u8; NAME_LEN_BYTES],
    /// The peering, as numbered by userspace, or 0: the whole circuit.
    pub peering: u8,
    /// Which of its buckets, as numbered by userspace.
    pub scope: u8,
    /// The direction, as numbered by userspace.
    pub direction: u8,
    /// The link, as numbered by userspace.
    pub link: u8,
    /// Zero.
    pub reserved: [u8; 4],
}

const _: () = assert!(size_of::<PolicerKey>() == 72);

/// What became of a frame, as a replay sees it.
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
    /// Length that was policed and metered, or, where it didn't come to that, the frame's.
    pub len_bytes: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Outcome>() == 16);

impl Outcome {
    /// In a field that does not apply.
    pub const NONE: u8 = u8::MAX;

    /// Before the path.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            attachment: 0,
            reason: Self::NONE,
            class: Self::NONE,
            dscp_in: Self::NONE,
            dscp_out: Self::NONE,
            len_bytes: 0,
            reserved: 0,
        }
    }

    /// The reason; `None` where no path has ended.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        Reason::from_number(self.reason)
    }
}
