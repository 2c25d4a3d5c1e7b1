//! `QoS` profiles: the table of classes, markings and shares of bursts.

use edge_bound::below;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::class::{Class, MAX_CLASSES};
use crate::packet::{ip::Dscp, transport::Transport, vlan::Pcp};

/// The treatment of an arriving DSCP on a peering: its class, and the DSCP to leave with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marking {
    /// The class.
    pub class: Class,
    /// The DSCP to leave with.
    pub dscp: Dscp,
}

impl Marking {
    /// The marking with this 16-bit form: class in the upper byte, DSCP in the lower.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        let [class, dscp] = bits.to_be_bytes();
        Self { class: Class::new(class), dscp: Dscp::new(dscp) }
    }

    /// The 16-bit form.
    #[must_use]
    pub const fn to_bits(self) -> u16 {
        u16::from_be_bytes([self.class.number(), self.dscp.bits()])
    }
}

/// Share of a circuit's committed burst that a class may use, in 1,024ths: from 1 to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstShare(u16);

impl BurstShare {
    /// The whole burst, as a power of two.
    pub const WHOLE_LOG2: u32 = 10;
    /// The whole burst.
    pub const WHOLE: Self = Self(1 << Self::WHOLE_LOG2);
    /// Number of shares that CPUs tell apart in their leases.
    pub const LEVELS: usize = 8;

    /// A share in 1,024ths. A number out of range gives the nearest share.
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

    /// The share in 1,024ths.
    #[inline(always)]
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The eighth that it ends in, below [`Self::LEVELS`].
    #[inline(always)]
    #[must_use]
    pub fn level(self) -> usize {
        below::<{ Self::LEVELS }>(usize::from(self.0.wrapping_sub(1) >> 7))
    }
}

/// Stands for the code point that the frame came with.
pub const AS_IT_CAME: u8 = u8::MAX;

/// A QoS profile under one of `trust`, `reset` and `preserve`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct QosRow {
    /// [`Marking::to_bits`], indexed by arriving DSCP.
    pub markings: [u16; Dscp::COUNT],
    /// [`BurstShare::get`], indexed by class.
    pub burst_shares: [u16; MAX_CLASSES],
    /// Class of frames that are not IP, indexed by the PCP of their outer tag.
    pub pcp_classes: [u8; Pcp::COUNT],
    /// PCP that frames leave with in their outer tag, or [`AS_IT_CAME`]; indexed by class.
    pub pcp_marks: [u8; MAX_CLASSES],
    /// DSCP for packets that a rule, not their own DSCP, puts into a class, or [`AS_IT_CAME`];
    /// indexed by class.
    pub rule_dscps: [u8; MAX_CLASSES],
    /// Rules in use, the first of [`Self::rules`].
    pub rule_count: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// Rules. The first one that matches counts.
    pub rules: [Rule; MAX_RULES],
}

const _: () = assert!(size_of::<QosRow>() == 336);

const _: () = assert!(core::mem::offset_of!(QosRow, burst_shares) == 128);

const _: () = assert!(core::mem::offset_of!(QosRow, pcp_classes) == 144);

const _: () = assert!(core::mem::offset_of!(QosRow, rule_count) == 168);

const _: () = assert!(core::mem::offset_of!(QosRow, rules) == 176);

impl QosRow {
    /// The marking for an arriving DSCP.
    #[inline(always)]
    #[must_use]
    pub fn marking(&self, dscp: Dscp) -> Marking {
        Marking::from_bits(self.markings[dscp.index()])
    }

    /// The marking of a packet with this DSCP that a rule puts into `class`.
    #[inline(always)]
    #[must_use]
    pub fn rule_marking(&self, class: Class, arriving: Dscp) -> Marking {
        let by_dscp = self.marking(arriving);
        if by_dscp.class == class {
            return by_dscp;
        }
        let dscp = self.rule_dscps[class.index()];
        Marking { class, dscp: if dscp == AS_IT_CAME { arriving } else { Dscp::new(dscp) } }
    }

    /// The class's share of the burst.
    #[inline(always)]
    #[must_use]
    pub fn burst_share(&self, class: Class) -> BurstShare {
        BurstShare::new(self.burst_shares[class.index()])
    }

    /// The class of a frame that is not IP.
    #[inline(always)]
    #[must_use]
    pub fn pcp_class(&self, pcp: Pcp) -> Class {
        Class::new(self.pcp_classes[below::<{ Pcp::COUNT }>(usize::from(pcp.0))])
    }

    /// The PCP that the class's frames leave with; `None`: as they came.
    #[inline(always)]
    #[must_use]
    pub fn pcp_mark(&self, class: Class) -> Option<Pcp> {
        let pcp = self.pcp_marks[class.index()];
        if pcp == AS_IT_CAME { None } else { Some(Pcp(pcp & 7)) }
    }
}

/// Rules that a profile can have at the most.
pub const MAX_RULES: usize = 16;

/// Packets of one protocol between ranges of ports.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct Rule {
    /// Protocol number (RFC 5237).
    pub protocol: u8,
    /// The class.
    pub class: u8,
    /// First source port.
    pub src_first: u16,
    /// Last source port.
    pub src_last: u16,
    /// First destination port.
    pub dst_first: u16,
    /// Last destination port.
    pub dst_last: u16,
}

const _: () = assert!(size_of::<Rule>() == 10);

impl Rule {
    #[inline(always)]
    pub(crate) fn matches(&self, transport: Transport) -> bool {
        self.protocol == transport.protocol()
            && (self.takes_any_port()
                || transport.has_ports()
                    && transport.src_port() >= self.src_first
                    && transport.src_port() <= self.src_last
                    && transport.dst_port() >= self.dst_first
                    && transport.dst_port() <= self.dst_last)
    }

    #[inline(always)]
    fn takes_any_port(&self) -> bool {
        self.src_first == 0
            && self.src_last == u16::MAX
            && self.dst_first == 0
            && self.dst_last == u16::MAX
    }
}
