//! The owners of indices in the tables. Userspace keeps these keys beside the tables, so that they
//! last exactly as long. The path doesn't read them.

use core::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{NAME_LEN_BYTES, class::MAX_CLASSES, port::PortConstants};

/// The owner of an index in the port tables.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct PortKey {
    /// The port's name; empty: no owner.
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

/// The owner of an index in the attachment tables: everything that a bill needs of its counters, so
/// that the tables alone are enough to book them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct AttachmentRecord {
    /// The edge's name.
    pub edge: [u8; NAME_LEN_BYTES],
    /// The circuit's name.
    pub circuit: [u8; NAME_LEN_BYTES],
    /// The provider's key for the circuit; empty: none.
    pub service_key: [u8; NAME_LEN_BYTES],
    /// The port's name.
    pub port: [u8; NAME_LEN_BYTES],
    /// Names of the classes of its counters, by number; empty: none.
    pub classes: [[u8; NAME_LEN_BYTES]; MAX_CLASSES],
    /// The virtual network at the other end of the link that frames come by, which are then nobody's: a bill has
    /// nothing of this entry. Empty: the entry counts a peering's frames.
    pub vnet: [u8; NAME_LEN_BYTES],
    /// The peering's number. Userspace has numbers for this field and the four after it.
    pub peering: u8,
    /// The direction.
    pub direction: u8,
    /// The link.
    pub link: u8,
    /// The circuit's billing.
    pub billing: u8,
    /// The bytes of its frames that count.
    pub accounting: u8,
    /// 1: its frames are routed; 0: they pass by their tags alone.
    pub is_routed: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// [`Generation`], written last: without it, the entry has no owner.
    pub generation: u64,
}

const _: () = assert!(size_of::<AttachmentRecord>() == 848);

const _: () = assert!(offset_of!(AttachmentRecord, generation) == 840);

/// Number of owners that an index has had, and whether it has one now. With each owner, its
/// counters begin at zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Number of owners.
    pub number: u64,
    /// Whether the last of them is there.
    pub is_owned: bool,
}

impl Generation {
    /// The generation with the form of [`AttachmentRecord::generation`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { number: bits >> 1, is_owned: bits & 1 != 0 }
    }

    /// The form of [`AttachmentRecord::generation`].
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.number << 1 | self.is_owned as u64
    }
}

/// The owner of an index in the policer tables.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct PolicerRecord {
    /// The circuit's name; empty: no owner.
    pub circuit: [u8; NAME_LEN_BYTES],
    /// The virtual network, for a bucket of the link to it; else empty.
    pub vnet: [u8; NAME_LEN_BYTES],
    /// The peering, as numbered by userspace, or 0: the whole circuit.
    pub peering: u8,
    /// The bucket's number, as userspace gives it.
    pub scope: u8,
    /// The direction, as numbered by userspace.
    pub direction: u8,
    /// The link, as numbered by userspace.
    pub link: u8,
    /// Zero.
    pub reserved: [u8; 4],
}

const _: () = assert!(size_of::<PolicerRecord>() == 136);

/// The owner of an index in the table of the router's interfaces.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct RouterRecord {
    /// The circuit's name; empty: no owner.
    pub circuit: [u8; NAME_LEN_BYTES],
    /// The virtual network at the other end; empty: the interface is that of a peering-link.
    pub vnet: [u8; NAME_LEN_BYTES],
    /// The peering-link's peering, as numbered by userspace; else 0.
    pub peering: u8,
    /// The peering-link's link, likewise.
    pub link: u8,
    /// Zero.
    pub reserved: [u8; 6],
}

const _: () = assert!(size_of::<RouterRecord>() == 136);
