//! The frame check sequence that some captures have behind their frames (IEEE 802.3-2022, 3.2.9).
//!
//! It belongs to the wire and not to the frame: no program in XDP sees it, and it is wrong as soon
//! as a bit of the frame changes. Readers leave it off.

/// Its length in Ethernet: 32 bits.
const LEN_BYTES: u8 = 4;

/// The frame check sequence behind each frame, as far as a capture declares one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Declared {
    /// Nothing, or that there is none.
    #[default]
    None,
    /// The one of Ethernet.
    Ethernet,
    /// One that Ethernet doesn't have, of so many bits.
    Other(u16),
}

impl Declared {
    /// From the upper half of the link type of a pcap file (draft-ietf-opsawg-pcap, section 4):
    /// four bits of length in units of 16 bits, and one that says whether they hold.
    ///
    /// A length of 4 is taken for the bytes that its writer meant: no Ethernet frame has 64 bits.
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

    /// From the option `if_fcslen` of a pcapng interface: bits. The first drafts gave "4" as their
    /// example, and some writers give bytes.
    pub(super) fn of_interface(option: u8) -> Self {
        match option {
            0 => Self::None,
            32 | LEN_BYTES => Self::Ethernet,
            other => Self::Other(other.into()),
        }
    }

    /// From the flags of a pcapng packet: bytes in bits 5 to 8, before which the interface's
    /// option gives way unless they are 0.
    pub(super) fn of_packet(flags: u32) -> Option<Self> {
        match (flags >> 5 & 0xf) as u8 {
            0 => None,
            LEN_BYTES => Some(Self::Ethernet),
            other => Some(Self::Other(u16::from(other) * 8)),
        }
    }

    /// Bytes that are no frame's; the number of bits where Ethernet has no such sequence.
    pub(super) fn len_bytes(self) -> Result<u32, u16> {
        match self {
            Self::None => Ok(0),
            Self::Ethernet => Ok(LEN_BYTES.into()),
            Self::Other(bits) => Err(bits),
        }
    }
}
