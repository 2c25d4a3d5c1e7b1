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
    let (mut sum, mut expected) = (0u64, NextByte::Option);
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
        NextByte::Option | NextByte::Nothing => None,
        NextByte::SourceRoute => Some(Reason::SourceRouted),
        NextByte::Len | NextByte::Data(_) | NextByte::Malformed => Some(Reason::Malformed),
    }
}

/// The meaning of an options' next byte. The bytes are read at places that the verifier knows: a place that depends on an
/// option's length would have it look at each option for each place.
#[derive(Clone, Copy)]
enum NextByte {
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

impl NextByte {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::Buffer;

    /// A header with these options and a right checksum.
    fn header(options: &[u8]) -> Vec<u8> {
        let mut header = vec![0x40 | (5 + options.len() / 4) as u8, 0, 0, 99, 0, 0, 0, 0, 64, 17];
        header.extend([0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        header.extend(options);
        let sum = sum(&header);
        header[10..12].copy_from_slice(&(!sum).to_be_bytes());
        header
    }

    fn sum(bytes: &[u8]) -> u16 {
        let words = bytes.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(word[1]));
        fold(words.sum())
    }

    fn fault_of(header: &[u8]) -> Option<Reason> {
        let mut bytes = [&[0xee; 18], header].concat();
        fault(&Buffer::new(&mut bytes, 0), 18)
    }

    /// Goes from option to option by their lengths (RFC 791, 3.1).
    fn fault_by_places(options: &[u8]) -> Option<Reason> {
        let mut at = 0;
        while at < options.len() {
            match options[at] {
                0 => return None,
                1 => at += 1,
                131 | 137 => return Some(Reason::SourceRouted),
                _ => match options.get(at + 1) {
                    Some(len) if *len >= 2 && at + usize::from(*len) <= options.len() => {
                        at += usize::from(*len);
                    }
                    _ => return Some(Reason::Malformed),
                },
            }
        }
        None
    }

    #[test]
    fn the_longest_header_is_read_to_its_end() {
        for (last, expected) in [
            ([1, 1, 1, 1], None),
            ([1, 1, 1, 131], Some(Reason::SourceRouted)),
            ([1, 1, 1, 7], Some(Reason::Malformed)),
            ([1, 1, 7, 2], None),
            ([1, 1, 7, 3], Some(Reason::Malformed)),
            ([0, 7, 7, 131], None),
        ] {
            let options = [&[1; 36][..], &last].concat();
            assert_eq!(fault_of(&header(&options)), expected, "{last:?}");
        }
    }

    proptest! {
        #[test]
        fn options_are_read_as_by_their_lengths(
            options in prop::collection::vec(
                prop_oneof![3 => 0u8..5, 1 => Just(131), 1 => Just(137), 2 => any::<u8>()],
                0..=40,
            ),
        ) {
            let options = &options[..options.len() & !3];
            prop_assert_eq!(fault_of(&header(options)), fault_by_places(options));
        }

        #[test]
        fn a_wrong_checksum_comes_first(
            options in prop::collection::vec(any::<u8>(), 40), words in 0usize..=10, place in 1usize..20, error in 1u8..,
        ) {
            let mut header = header(&options[..4 * words]);
            header[place] ^= error;
            // Both zeroes of one's complement are one number.
            prop_assume!(sum(&header) != 0xffff);
            prop_assert_eq!(fault_of(&header), Some(Reason::BadChecksum));
            let mut bytes = header.clone();
            prop_assert_eq!(is_sum_right(&Buffer::new(&mut bytes, 0), 0), sum(&header[..20]) == 0xffff);
        }

        #[test]
        fn a_header_that_ends_early_is_malformed(words in 5usize..=15, left in 0usize..60) {
            let mut header = header(&vec![1; 4 * (words - 5)]);
            prop_assume!(left < header.len());
            header.truncate(left);
            prop_assert_eq!(fault_of(&header), Some(Reason::Malformed));
            let mut bytes = header;
            let is_whole = left >= 20 && words == 5;
            prop_assert_eq!(is_sum_right(&Buffer::new(&mut bytes, 0), 0), is_whole);
        }
    }
}
