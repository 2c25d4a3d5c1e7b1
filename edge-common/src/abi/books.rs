//! The books' page, a record in each set of tables. It has the set's epoch, and the places of the
//! counters, so that a version with another layout can still read the last counts.

use core::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{
    NAME_LEN_BYTES,
    class::MAX_CLASSES,
    counters::{
        ClassCounters, ClassLosses, Counted, LOSS_REASONS, Losses, Meter, PortCounters,
        REASON_SLOTS, ReasonCounter,
    },
    keys::{AttachmentRecord, PortKey},
};

/// Open books, and the version of this page. All versions of the tables have the same page: new
/// fields go to its end.
pub const OPEN: u64 = u64::from_be_bytes(*b"edgebk01");
/// Closed books: all counts are booked, and the tables can be removed.
pub const CLOSED: u64 = u64::from_be_bytes(*b"edgebkXX");
/// Number of earlier epochs that a page can name whose counters are carried over.
pub const CARRIED_EPOCHS: usize = 8;

/// The books' page.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BooksPage {
    /// [`OPEN`] or [`CLOSED`]; neither: nothing was ever counted.
    pub state: u64,
    /// The epoch: a random number, made with the tables.
    pub epoch: [u8; 16],
    /// The kernel's boot in which the tables were made.
    pub boot: [u8; 16],
    /// The time when the tables were made, in seconds of Unix time.
    pub created_s: u64,
    /// Number of the last reading that the ledger has. A ledger without it is an old copy.
    pub checkpoint: u64,
    /// The places of counters and owners.
    pub layout: Layout,
    /// The valid side of the carried counts: 0 or 1. One store turns to the other side.
    pub carried_side: u64,
    /// For each side, the epochs whose counters it has; zero: none.
    pub carried_from: [[[u8; 16]; CARRIED_EPOCHS]; 2],
    /// `SO_NETNS_COOKIE` of the network namespace that the ports are in: unique in this boot. 0: not
    /// known.
    pub netns_cookie: u64,
}

const _: () = assert!(size_of::<BooksPage>() == 456);

/// The places of counters and owners in the entries of the tables, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Layout {
    /// `METERS`: distance from one class to the next.
    pub class_stride: u32,
    /// First class: frames forwarded.
    pub forwarded_frames: u32,
    /// Bytes forwarded.
    pub forwarded_bytes: u32,
    /// Frames above the rate.
    pub dropped_frames: u32,
    /// Bytes above the rate.
    pub dropped_bytes: u32,
    /// `LOSSES`: distance from one class to the next.
    pub loss_stride: u32,
    /// First class: frames refused.
    pub refused_frames: u32,
    /// Bytes refused.
    pub refused_bytes: u32,
    /// `LOSSES`: the first reason.
    pub loss_reasons: u32,
    /// Number of reasons.
    pub loss_reason_count: u32,
    /// `PORT_COUNTERS`: number of reasons.
    pub port_reason_count: u32,
    /// Distance from one reason to the next in `LOSSES` and `PORT_COUNTERS`: frames, then bytes.
    pub reason_stride: u32,
    /// Number of classes.
    pub class_count: u32,
    /// Bytes of each name.
    pub name_len: u32,
    /// `ATTACHMENT_KEYS`: the edge's name.
    pub key_edge: u32,
    /// The circuit's name.
    pub key_circuit: u32,
    /// The provider's key.
    pub key_service_key: u32,
    /// The port's name.
    pub key_port: u32,
    /// Names of the classes.
    pub key_classes: u32,
    /// Peering, direction, link, billing, accounting, routed or not: a byte each. The last one is 0 in versions
    /// without it.
    pub key_numbers: u32,
    /// [`super::keys::Generation`].
    pub key_generation: u32,
    /// `PORT_KEYS`: the port's name.
    pub port_key_name: u32,
    /// `CARRIED`: bytes of a side.
    pub carried_len: u32,
    /// Place in a side at which the counts of `LOSSES` begin, behind those of `METERS`.
    pub carried_losses: u32,
    /// Bytes of an entry of `METERS`, `LOSSES`, `PORT_COUNTERS`, `ATTACHMENT_KEYS`, `PORT_KEYS`.
    pub entry_len: [u32; 5],
    /// `PORT_KEYS`: the configuration's name for the port's interface; 0: not told.
    pub port_key_interface: u32,
    /// `PORT_KEYS`: the kernel's ids of two programs of the port; 0: not told.
    pub port_key_programs: u32,
    /// `ATTACHMENT_KEYS`: the virtual network's name; 0: no entry has one.
    pub key_vnet: u32,
}

/// Counts of an entry's owner in tables that are gone. One of the two sides is valid.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Carried {
    /// See [`BooksPage::carried_side`].
    pub sides: [Counted; 2],
}

/// Counts of a port in tables that are gone. One of the two sides is valid.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct CarriedPort {
    /// See [`BooksPage::carried_side`].
    pub sides: [PortCounters; 2],
}

/// The layout of this version.
pub const LAYOUT: Layout = Layout {
    class_stride: size_of::<ClassCounters>() as u32,
    forwarded_frames: (offset_of!(Meter, classes) + offset_of!(ClassCounters, forwarded_frames))
        as u32,
    forwarded_bytes: (offset_of!(Meter, classes) + offset_of!(ClassCounters, forwarded_bytes))
        as u32,
    dropped_frames: (offset_of!(Meter, classes) + offset_of!(ClassCounters, dropped_frames)) as u32,
    dropped_bytes: (offset_of!(Meter, classes) + offset_of!(ClassCounters, dropped_bytes)) as u32,
    loss_stride: size_of::<ClassLosses>() as u32,
    refused_frames: (offset_of!(Losses, classes) + offset_of!(ClassLosses, refused_frames)) as u32,
    refused_bytes: (offset_of!(Losses, classes) + offset_of!(ClassLosses, refused_bytes)) as u32,
    loss_reasons: offset_of!(Losses, reasons) as u32,
    loss_reason_count: LOSS_REASONS.len() as u32,
    port_reason_count: REASON_SLOTS as u32,
    reason_stride: size_of::<ReasonCounter>() as u32,
    class_count: MAX_CLASSES as u32,
    name_len: NAME_LEN_BYTES as u32,
    key_edge: offset_of!(AttachmentRecord, edge) as u32,
    key_circuit: offset_of!(AttachmentRecord, circuit) as u32,
    key_service_key: offset_of!(AttachmentRecord, service_key) as u32,
    key_port: offset_of!(AttachmentRecord, port) as u32,
    key_classes: offset_of!(AttachmentRecord, classes) as u32,
    key_numbers: offset_of!(AttachmentRecord, peering) as u32,
    key_generation: offset_of!(AttachmentRecord, generation) as u32,
    port_key_name: offset_of!(PortKey, name) as u32,
    carried_len: size_of::<Counted>() as u32,
    carried_losses: offset_of!(Counted, losses) as u32,
    entry_len: [
        size_of::<Meter>() as u32,
        size_of::<Losses>() as u32,
        size_of::<PortCounters>() as u32,
        size_of::<AttachmentRecord>() as u32,
        size_of::<PortKey>() as u32,
    ],
    port_key_interface: offset_of!(PortKey, interface) as u32,
    port_key_programs: offset_of!(PortKey, program_ids) as u32,
    key_vnet: offset_of!(AttachmentRecord, vnet) as u32,
};
