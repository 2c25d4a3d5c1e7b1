//! Step 5, marking: the DSCP a frame leaves with.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    checksum,
    class::{Class, DsWord, Dscp, IpVersion, MAX_CLASSES},
    frame::Frame,
    reason::Reason,
};

const IPV4_CHECKSUM_OFFSET: usize = 10;

/// What an arriving DSCP means for a peering: its class, and the DSCP to leave with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marking {
    /// The class.
    pub class: Class,
    /// The DSCP to leave with.
    pub dscp: Dscp,
}

impl Marking {
    /// From its 16-bit form: class in the upper byte, DSCP in the lower.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        let [class, dscp] = bits.to_be_bytes();
        Self { class: Class::new(class), dscp: Dscp::new(dscp) }
    }

    /// The 16-bit form.
    #[must_use]
    pub const fn to_bits(self) -> u16 {
        u16::from_be_bytes([self.class.index() as u8, self.dscp.bits()])
    }
}

/// How much of a circuit's committed burst a class may use, in 1,024ths: from 1 to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstShare(u16);

impl BurstShare {
    /// The whole, as a power of two.
    pub const WHOLE_LOG2: u32 = 10;
    /// The whole burst.
    pub const WHOLE: Self = Self(1 << Self::WHOLE_LOG2);
    /// Shares are told apart as finely as this where CPUs keep what they lease.
    pub const LEVELS: usize = 8;

    /// A share in 1,024ths; what is out of range is the nearest that is not.
    #[inline(always)]
    #[must_use]
    pub const fn new(share: u16) -> Self {
        if share == 0 {
            Self(1)
        } else if share > Self::WHOLE.0 {
            Self::WHOLE
        } else {
            Self(share)
        }
    }

    /// In 1,024ths.
    #[inline(always)]
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Which eighth it ends in, below [`Self::LEVELS`].
    #[inline(always)]
    #[must_use]
    pub const fn level(self) -> usize {
        (self.0.wrapping_sub(1) >> 7) as usize & (Self::LEVELS - 1)
    }
}

/// What a QoS profile under one of `trust`, `reset` and `preserve` makes of frames.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct MarkRow {
    /// [`Marking::to_bits`], indexed by arriving DSCP.
    pub markings: [u16; Dscp::COUNT],
    /// [`BurstShare::get`], indexed by class.
    pub burst_shares: [u16; MAX_CLASSES],
}

const _: () = assert!(size_of::<MarkRow>() == 144);

impl MarkRow {
    /// The marking for an arriving DSCP.
    #[inline(always)]
    #[must_use]
    pub fn marking(&self, dscp: Dscp) -> Marking {
        Marking::from_bits(self.markings[usize::from(dscp.bits())])
    }

    /// The class's share of the burst.
    #[inline(always)]
    #[must_use]
    pub fn burst_share(&self, class: Class) -> BurstShare {
        BurstShare::new(self.burst_shares[class.index()])
    }
}

/// Gives the packet at `ds` the code point `dscp`. ECN stays; IPv4's header checksum follows.
#[inline(always)]
pub fn mark(frame: &mut impl Frame, ds: &DsWord, dscp: Dscp) -> Result<(), Reason> {
    let word = ds.with_dscp(dscp);
    if word == ds.word {
        return Ok(());
    }
    write(frame, ds, word).ok_or(Reason::Malformed)
}

#[inline(always)]
fn write(frame: &mut impl Frame, ds: &DsWord, word: u16) -> Option<()> {
    if ds.version == IpVersion::V4 {
        let offset = ds.offset + IPV4_CHECKSUM_OFFSET;
        let updated = checksum::update(frame.read_u16(offset)?, ds.word, word);
        frame.write_u16(offset, updated)?;
    }
    frame.write_u16(ds.offset, word)
}
