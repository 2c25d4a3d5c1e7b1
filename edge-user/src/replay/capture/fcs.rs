//! The frame check sequence that some captures have behind their frames (IEEE 802.3-2022, 3.2.9).
//!
//! The sequence belongs to the wire, not to the frame: no XDP program sees it, and it is wrong as
//! soon as a bit of the frame changes. Readers leave it off.

/// Its length in Ethernet: 32 bits.
const LEN_BYTES: u8 = 4;

/// The frame check sequence behind each frame, by the capture's declaration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Declared {
    /// The capture declares none, or nothing.
    #[default]
    None,
    /// Ethernet's sequence.
    Ethernet,
    /// A sequence of another length in bits, which Ethernet doesn't have.
    Other(u16),
}

impl Declared {
    /// The declaration in the upper half of a pcap file's link type (draft-ietf-opsawg-pcap,
    /// section 4): four bits of length in units of 16 bits, and a bit that says whether the length
    /// is valid.
    ///
    /// A length of 4 counts as four bytes: its writer meant these, as Ethernet has no sequence of
    /// 64 bits.
    pub(super) fn of_link_type(field: u32) -> Self {
        const IS_PRESENT: u32 = 1 << 26;

        let units = (field >> 28) as u8;
        match units {
            _ if field & IS_PRESENT == 0 => Self::None,
            0 => Self::None,
            2 | LEN_BYTES => Self::Ethernet,
            other => Self::Other(u16::from(other) * 16),
        }
    }

    /// The declaration in the option `if_fcslen` of a pcapng interface, in bits. The first drafts
    /// had "4" as their example, and some writers give bytes.
    pub(super) fn of_interface(option: u8) -> Self {
        match option {
            0 => Self::None,
            32 | LEN_BYTES => Self::Ethernet,
            other => Self::Other(other.into()),
        }
    }

    /// The declaration in the flags of a pcapng packet: bytes, in bits 5 to 8. Unless they are 0,
    /// they override the interface's option.
    pub(super) fn of_packet(flags: u32) -> Option<Self> {
        match (flags >> 5 & 0xf) as u8 {
            0 => None,
            LEN_BYTES => Some(Self::Ethernet),
            other => Some(Self::Other(u16::from(other) * 8)),
        }
    }

    /// The length of the sequence in bytes. The error is its length in bits, where Ethernet has no
    /// such sequence.
    pub(super) fn len_bytes(self) -> Result<u32, u16> {
        match self {
            Self::None => Ok(0),
            Self::Ethernet => Ok(LEN_BYTES.into()),
            Self::Other(bits) => Err(bits),
        }
    }
}
