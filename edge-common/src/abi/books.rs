//! The books' page in the tables: which life of them this is, and where in them the counters are,
//! so that a program that has other layouts can still read the last of these.

use core::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{
    NAME_LEN_BYTES,
    class::MAX_CLASSES,
    counters::{
        ClassCounters, ClassLosses, Counted, LOSS_REASONS, Losses, Meter, PortCounters,
        REASON_SLOTS, ReasonCounter,
    },
    keys::{AttachmentKey, PortKey},
};

/// Open books, and the version of this page. All versions of the tables have the same page: what is
/// added to it goes to its end.
pub const OPEN: u64 = u64::from_be_bytes(*b"edgebk01");
/// Closed books: all is booked, and the tables are to go.
pub const CLOSED: u64 = u64::from_be_bytes(*b"edgebkXX");
/// Of how many epochs before a page knows that it has their counters.
pub const CARRIED_EPOCHS: usize = 8;

/// The page.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct BooksPage {
    /// [`OPEN`] or [`CLOSED`]; neither: nothing was ever counted.
    pub state: u64,
    /// Random, made with the tables: the epoch.
    pub epoch: [u8; 16],
    /// The kernel's boot that they were made in.
    pub boot: [u8; 16],
    /// When they were made, in seconds of Unix time.
    pub created_s: u64,
    /// Number of the last reading that the ledger has. A ledger that knows less is an old copy.
    pub checkpoint: u64,
    /// Where things are.
    pub layout: Layout,
    /// The side of the carried counts that holds: 0 or 1. One store turns to the other side.
    pub carried_side: u64,
    /// For each side, the epochs whose counters it has; zero: none.
    pub carried_from: [[[u8; 16]; CARRIED_EPOCHS]; 2],
    /// `SO_NETNS_COOKIE` of the network namespace that the ports are in: unique in this boot. 0: not
    /// known.
    pub netns_cookie: u64,
}

const _: () = assert!(size_of::<BooksPage>() == 456);

/// Where in the entries of the tables the counters and their owners are, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Layout {
    /// `METERS`: from one class to the next.
    pub class_stride: u32,
    /// Of the first class: frames forwarded.
    pub forwarded_frames: u32,
    /// Bytes forwarded.
    pub forwarded_bytes: u32,
    /// Frames above the rate.
    pub dropped_frames: u32,
    /// Bytes above the rate.
    pub dropped_bytes: u32,
    /// `LOSSES`: from one class to the next.
    pub loss_stride: u32,
    /// Of the first class: frames refused.
    pub refused_frames: u32,
    /// Bytes refused.
    pub refused_bytes: u32,
    /// `LOSSES`: the first reason.
    pub loss_reasons: u32,
    /// Number of reasons.
    pub loss_reason_count: u32,
    /// `PORT_COUNTERS`: how many reasons.
    pub port_reason_count: u32,
    /// From one reason to the next, here and there: frames, then bytes.
    pub reason_stride: u32,
    /// Number of classes.
    pub class_count: u32,
    /// Names: bytes of each.
    pub name_len: u32,
    /// `ATTACHMENT_KEYS`: the edge's name.
    pub key_edge: u32,
    /// The circuit's.
    pub key_circuit: u32,
    /// The provider's key.
    pub key_service_key: u32,
    /// The port's name.
    pub key_port: u32,
    /// Names of the classes.
    pub key_classes: u32,
    /// Peering, direction, link, billing, accounting: a byte each.
    pub key_numbers: u32,
    /// [`super::keys::Generation`].
    pub key_generation: u32,
    /// `PORT_KEYS`: the port's name.
    pub port_key_name: u32,
    /// `CARRIED`: bytes of a side.
    pub carried_len: u32,
    /// Of a side: where what `LOSSES` has begins, behind what `METERS` has.
    pub carried_losses: u32,
    /// Bytes of an entry of `METERS`, `LOSSES`, `PORT_COUNTERS`, `ATTACHMENT_KEYS`, `PORT_KEYS`.
    pub entry_len: [u32; 5],
    /// `PORT_KEYS`: the configuration's name for the port's interface; 0: not told.
    pub port_key_interface: u32,
    /// `PORT_KEYS`: the kernel's ids of two programs of the port; 0: not told.
    pub port_key_programs: u32,
    /// Zero.
    pub reserved: u32,
}

/// Counts of an entry's owner in tables that are gone; one of two sides holds.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Carried {
    /// See [`BooksPage::carried_side`].
    pub sides: [Counted; 2],
}

/// The same of a port.
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
    key_edge: offset_of!(AttachmentKey, edge) as u32,
    key_circuit: offset_of!(AttachmentKey, circuit) as u32,
    key_service_key: offset_of!(AttachmentKey, service_key) as u32,
    key_port: offset_of!(AttachmentKey, port) as u32,
    key_classes: offset_of!(AttachmentKey, classes) as u32,
    key_numbers: offset_of!(AttachmentKey, peering) as u32,
    key_generation: offset_of!(AttachmentKey, generation) as u32,
    port_key_name: offset_of!(PortKey, name) as u32,
    carried_len: size_of::<Counted>() as u32,
    carried_losses: offset_of!(Counted, losses) as u32,
    entry_len: [
        size_of::<Meter>() as u32,
        size_of::<Losses>() as u32,
        size_of::<PortCounters>() as u32,
        size_of::<AttachmentKey>() as u32,
        size_of::<PortKey>() as u32,
    ],
    port_key_interface: offset_of!(PortKey, interface) as u32,
    port_key_programs: offset_of!(PortKey, program_ids) as u32,
    reserved: 0,
};
