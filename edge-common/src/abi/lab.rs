//! Records of the lab's maps: tags that its far ends give to frames, and counts of frames on the
//! wire. The port's program uses none of them.

use core::ops::AddAssign;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Mark of sockets whose frames leave as they are, without tags from the tag map.
pub const RAW_MARK: u32 = 0x1ab0_0001;
/// [`WireKey::traffic_class`] of a frame that is not IP, or has more than two tags.
pub const NOT_IP: u16 = u16::MAX;

/// Look-ups in one run of the program that looks up addresses at random.
pub const LOOK_UPS: u32 = 256;

/// Look-ups at random: of the addresses from `first_address` on, in the first `trees` trees.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct RandomLookUps {
    /// State of the generator, which is not 0.
    pub state: u64,
    /// The sum of all values found, bit by bit, so that the compiler leaves out no look-up.
    pub sum: u32,
    /// Number of trees.
    pub trees: u32,
    /// The first address.
    pub first_address: u32,
    /// Number of addresses.
    pub addresses: u32,
    /// 1: the next address depends on the value found, so that a look-up begins when the one before has ended.
    pub is_serial: u32,
    /// Zero.
    pub reserved: u32,
}

/// A VLAN tag. TPID 0 is the absence of one.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct LabTag {
    /// Tag protocol identifier, such as `0x88a8`.
    pub tpid: u16,
    /// PCP, DEI and VID.
    pub tci: u16,
}

/// The tags a sender puts on a frame, outermost first.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct TagStack {
    /// The tag next to the MAC addresses.
    pub outer: LabTag,
    /// The tag after it.
    pub inner: LabTag,
}

/// A host behind a trunk, on which it has tags of its own.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct TrunkAccess {
    /// Its tags.
    pub tags: TagStack,
    /// The trunk's interface.
    pub trunk: u32,
}

/// The key that frames on the wire are counted by.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
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
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct WireCount {
    /// Number of frames.
    pub frames: u64,
    /// Their bytes on the wire: Ethernet header and tags in, FCS out.
    pub bytes: u64,
}

impl RandomLookUps {
    /// The next tree and address.
    #[inline(always)]
    pub fn draw(&mut self) -> (u32, u32) {
        // Xorshift, by Marsaglia.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let below = |count: u32, number: u64| ((number * u64::from(count)) >> 32) as u32;
        let tree = below(self.trees, self.state >> 32);
        let address = below(self.addresses, self.state & u64::from(u32::MAX));
        (tree, self.first_address.wrapping_add(address))
    }

    /// Takes the value found.
    #[inline(always)]
    pub fn found(&mut self, value: u32) {
        self.sum ^= value;
        if self.is_serial != 0 {
            self.state ^= u64::from(value);
        }
    }
}

impl TagStack {
    /// A QinQ circuit's tags: 0x88a8 around 0x8100.
    #[must_use]
    pub const fn qinq(s_vid: u16, c_vid: u16) -> Self {
        Self {
            outer: LabTag { tpid: 0x88a8, tci: s_vid },
            inner: LabTag { tpid: 0x8100, tci: c_vid },
        }
    }

    /// A Dot1Q circuit's tag.
    #[must_use]
    pub const fn dot1q(c_vid: u16) -> Self {
        Self { outer: LabTag { tpid: 0x8100, tci: c_vid }, inner: LabTag { tpid: 0, tci: 0 } }
    }

    /// Bytes that the tags add to a frame.
    #[must_use]
    pub fn bytes(&self) -> usize {
        [self.outer, self.inner].iter().filter(|tag| tag.tpid != 0).count() * 4
    }

    /// S-VID (0 without one) and C-VID, as [`WireKey`] has them.
    #[must_use]
    pub fn vids(&self) -> (u16, u16) {
        let (outer, inner) = (self.outer.tci & 0xfff, self.inner.tci & 0xfff);
        if self.inner.tpid == 0 { (0, outer) } else { (outer, inner) }
    }
}

impl WireKey {
    /// DSCP, of an IP packet under at most two tags.
    #[must_use]
    pub fn dscp(&self) -> Option<u8> {
        self.ip_traffic_class().map(|traffic_class| traffic_class >> 2)
    }

    /// ECN field, of an IP packet under at most two tags: 3 is CE.
    #[must_use]
    pub fn ecn(&self) -> Option<u8> {
        self.ip_traffic_class().map(|traffic_class| traffic_class & 3)
    }

    fn ip_traffic_class(self) -> Option<u8> {
        if self.traffic_class == NOT_IP { None } else { self.traffic_class.try_into().ok() }
    }
}

impl AddAssign for WireCount {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}
