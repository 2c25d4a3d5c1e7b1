//! The IPv4 header as a router has to check it: its checksum, and the options in it.

use super::{checksum::fold, frame::Frame};
use crate::reason::Reason;

/// Words of 32 bits in a header without options, and in the longest.
const LEAST_WORDS: usize = 5;
const MOST_WORDS: usize = 15;

/// Loose and strict source and record route (RFC 791, 3.1).
const LOOSE_SOURCE_ROUTE: u8 = 131;
const STRICT_SOURCE_ROUTE: u8 = 137;
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;

/// Whether the checksum of the 20 bytes of a header without options is right (RFC 1812, 5.2.2).
#[inline(always)]
pub fn is_sum_right(frame: &(impl Frame + ?Sized), offset: usize) -> bool {
    let mut sum = 0u64;
    for word in 0..LEAST_WORDS {
        match frame.read_u32(offset + 4 * word) {
            Some(word) => sum += u64::from(word),
            None => return false,
        }
    }
    fold(sum) == 0xffff
}

/// The fault of a header with options at `offset`: a wrong checksum, options that are not whole, or a source route.
/// Callers use [`crate::env::FrameCalls::ipv4_header_fault`].
#[inline(always)]
pub fn fault(frame: &(impl Frame + ?Sized), offset: usize) -> Option<Reason> {
    let Some(first) = frame.read_u16(offset) else { return Some(Reason::Malformed) };
    let words = (first >> 8 & 0x0f) as usize;
    let (mut sum, mut expected) = (0u64, Expected::Option);
    for place in 0..MOST_WORDS {
        if place >= words {
            break;
        }
        let Some(word) = frame.read_u32(offset + 4 * place) else {
            return Some(Reason::Malformed);
        };
        sum += u64::from(word);
        if place >= LEAST_WORDS {
            for byte in word.to_be_bytes() {
                expected = expected.after(byte);
            }
        }
    }
    if fold(sum) != 0xffff {
        return Some(Reason::BadChecksum);
    }
    match expected {
        Expected::Option | Expected::Nothing => None,
        Expected::SourceRoute => Some(Reason::SourceRouted),
        Expected::Len | Expected::Data(_) | Expected::Malformed => Some(Reason::Malformed),
    }
}

/// The meaning of an options' next byte. The bytes are read at places that the verifier knows: a place that depends on an
/// option's length would have it look at each option for each place.
#[derive(Clone, Copy)]
enum Expected {
    /// An option's type.
    Option,
    /// Its length, which counts the type and itself (RFC 791, 3.1).
    Len,
    /// So many bytes of it.
    Data(u8),
    /// Padding behind the last option.
    Nothing,
    /// Nothing more, as there is a source route.
    SourceRoute,
    /// Nothing more, as an option's length is below two.
    Malformed,
}

impl Expected {
    #[inline(always)]
    fn after(self, byte: u8) -> Self {
        match self {
            Self::Option => match byte {
                END_OF_OPTIONS => Self::Nothing,
                NO_OPERATION => Self::Option,
                LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => Self::SourceRoute,
                _ => Self::Len,
            },
            Self::Len => match byte {
                0 | 1 => Self::Malformed,
                2 => Self::Option,
                _ => Self::Data(byte - 2),
            },
            Self::Data(0 | 1) => Self::Option,
            Self::Data(left) => Self::Data(left - 1),
            Self::Nothing | Self::SourceRoute | Self::Malformed => self,
        }
    }
}
