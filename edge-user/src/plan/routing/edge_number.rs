//! The edge's number in its MAC addresses.

use sha2::{Digest as _, Sha256};

/// The number of the edge with this name: a byte of its hash, the same in every version.
///
/// Two edges may have one number. Their addresses are the same then where an index is, too, which matters on one
/// segment alone; and a segment, which is a link's tags on a port, has one edge and one neighbour.
#[must_use]
pub fn edge_number(name: &str) -> u8 {
    let [number, ..]: [u8; 32] = Sha256::digest(name).into();
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_lasts() {
        // `printf ams-1 | sha256sum`
        assert_eq!(edge_number("ams-1"), 0x13);
    }
}
