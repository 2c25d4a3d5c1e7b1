//! The internet checksum (RFC 1071), and its incremental update.

use edge_bound::below;

/// The checksum after a change of a 16-bit word that it covers from `old` to `new`: RFC 1624,
/// equation 3, `HC' = ~(~HC + ~m + m')`. A wrong checksum stays wrong by the same amount.
#[inline(always)]
#[must_use]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 & 0xffff;
    let sum = sum + (!old as u32 & 0xffff) + new as u32;
    // Three 16-bit terms: the first fold leaves a carry of at most one, the second none.
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    !(sum as u16)
}

/// The one's complement sum of 16-bit words, given as a sum of words of up to 32 bits, folded to 16 bits.
#[inline(always)]
#[must_use]
pub const fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    // At most 2^17: one fold leaves a carry of at most one, the next none.
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// The most bytes that [`sum`] looks at: those of the longest packet that an ICMP error quotes.
pub const MAX_SUM_BYTES: usize = 1280;

/// The one's complement sum of the 16-bit words of `len_bytes`, of which there are four at least, an odd one filled up with zero
/// (RFC 1071, 1). `word` reads the four bytes at a place; `None`: there are none. Callers use
/// [`super::frame::Frame::sum`].
#[inline(always)]
pub fn sum(len_bytes: usize, word: impl Fn(usize) -> Option<u32>) -> Option<u16> {
    let mut sum = 0u64;
    for place in 0..MAX_SUM_BYTES / 4 {
        if 4 * place + 4 > len_bytes {
            break;
        }
        sum += u64::from(word(4 * place)?);
    }
    // The last bytes, up to three, are read as the end of four.
    let last = word(below::<2048>(len_bytes.max(4) - 4))?;
    let tail = match len_bytes & 3 {
        0 => 0,
        rest => last << (32 - 8 * rest),
    };
    Some(fold(sum + u64::from(tail)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::frame::Frame as _;

    fn full(words: &[u16]) -> u16 {
        let mut sum: u32 = words.iter().map(|word| u32::from(*word)).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    /// RFC 1624, section 4: the case that equation 2 of RFC 1141 gets wrong.
    #[test]
    fn rfc_1624_example() {
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    proptest! {
        #[test]
        fn equals_full_recomputation(mut words in prop::collection::vec(any::<u16>(), 10), new: u16) {
            // An IPv4 header begins with version 4: never all zeroes.
            words[0] |= 0x4000;
            words[5] = 0;
            let before = full(&words);
            let old = words[0];
            words[0] = new | 0x4000;
            prop_assert_eq!(update(before, old, words[0]), full(&words));
        }

        #[test]
        fn wrong_stays_wrong(checksum: u16, old: u16, new: u16) {
            let error = update(checksum, old, new);
            prop_assert_eq!(update(error, new, old) % 0xffff, checksum % 0xffff);
        }

        /// Byte by byte: the first of each two is the upper one.
        #[test]
        fn the_sum_of_any_bytes_is_that_of_their_words(
            bytes in prop::collection::vec(any::<u8>(), 4..=MAX_SUM_BYTES), offset in 0usize..5,
        ) {
            let mut sum_of_all = 0u64;
            for (at, byte) in bytes.iter().enumerate() {
                sum_of_all += u64::from(*byte) << if at % 2 == 0 { 8 } else { 0 };
            }
            while sum_of_all > 0xffff {
                sum_of_all = (sum_of_all >> 16) + (sum_of_all & 0xffff);
            }
            // The bytes around them don't count.
            let mut frame = [&vec![0xff; offset], bytes.as_slice(), &[0xff; 7]].concat();
            let frame = crate::host::Buffer::new(&mut frame, 0);
            prop_assert_eq!(frame.sum(offset, bytes.len()).map(u64::from), Some(sum_of_all));
        }

        #[test]
        fn bytes_that_are_not_there_have_no_sum(len in 4usize..=MAX_SUM_BYTES, missing in 1usize..9) {
            let mut frame = vec![1; len.saturating_sub(missing)];
            let frame = crate::host::Buffer::new(&mut frame, 0);
            prop_assert_eq!(frame.sum(0, len), None);
        }

        #[test]
        fn folding_keeps_the_rest_and_tells_zero_from_others(sum: u64) {
            prop_assert_eq!(u64::from(fold(sum)) % 0xffff, sum % 0xffff);
            prop_assert_eq!(fold(sum) == 0, sum == 0);
        }
    }
}
