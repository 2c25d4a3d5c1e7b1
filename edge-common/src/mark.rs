//! Step 5, marking: the DSCP a frame leaves with.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    checksum,
    class::{Class, DsWord, Dscp, IpVersion},
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

/// [`Marking::to_bits`] for each arriving DSCP, for one QoS profile under one of `trust`, `reset`
/// and `preserve`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct MarkRow {
    /// Indexed by arriving DSCP.
    pub markings: [u16; Dscp::COUNT],
}

const _: () = assert!(size_of::<MarkRow>() == 128);

impl MarkRow {
    /// The marking for an arriving DSCP.
    #[inline(always)]
    #[must_use]
    pub fn marking(&self, dscp: Dscp) -> Marking {
        Marking::from_bits(self.markings[usize::from(dscp.bits())])
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
