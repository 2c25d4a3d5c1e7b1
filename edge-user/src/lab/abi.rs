//! What the lab's programs and the library tell each other through maps.
//!
//! `edge-ebpf/src/lab.rs` includes this very file, so both sides have one definition.

/// Mark of sockets whose frames leave as they are, without tags from the tag map.
pub(crate) const RAW_MARK: u32 = 0x1ab0_0001;
/// [`WireKey::traffic_class`] of a frame that is not IP, or has more than two tags.
pub(crate) const NOT_IP: u16 = u16::MAX;

/// A VLAN tag. TPID 0 is the absence of one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Tag {
    /// Tag protocol identifier, such as `0x88a8`.
    pub tpid: u16,
    /// PCP, DEI and VID.
    pub tci: u16,
}

/// The tags a sender puts on a frame, outermost first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct TagStack {
    /// The tag next to the MAC addresses.
    pub outer: Tag,
    /// The tag after it.
    pub inner: Tag,
}

/// What frames on the wire are counted by.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WireKey {
    /// VID of the outer of two tags, else 0.
    pub s_vid: u16,
    /// VID of the inner of two tags, or of the only one; 0 without a tag.
    pub c_vid: u16,
    /// IPv4 type of service or IPv6 traffic class: DSCP and ECN. 65,535 where there is none.
    pub traffic_class: u16,
    /// Zero: a map compares keys byte by byte.
    pub reserved: u16,
}

/// Frames of one key.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WireCount {
    /// How many.
    pub frames: u64,
    /// Their bytes on the wire: Ethernet header and tags in, FCS out.
    pub bytes: u64,
}
