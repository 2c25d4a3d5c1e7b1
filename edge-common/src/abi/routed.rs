//! Results of the router's look into a frame, each in one word: in the kernel object, they come from functions that
//! return a number.

use super::fib::RouteValue;
use crate::reason::Reason;

/// The fate of a frame by its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressed {
    /// It goes on to the look-up of its route.
    Onwards,
    /// The same, and it is an echo request, which the path answers if the address turns out to be the edge's.
    EchoOnwards,
    /// It is for the router.
    ForRouter,
    /// It is an echo request to the interface.
    Echo,
    /// Its path ends.
    Ended(Reason),
}

impl Addressed {
    const REASON: u64 = 1 << 8;

    /// As a number.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        match self {
            Self::Onwards => 0,
            Self::EchoOnwards => 1,
            Self::ForRouter => 2,
            Self::Echo => 3,
            Self::Ended(reason) => Self::REASON | reason.number() as u64,
        }
    }

    /// From [`Self::to_bits`].
    #[inline(always)]
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        match bits {
            0 => Self::Onwards,
            1 => Self::EchoOnwards,
            2 => Self::ForRouter,
            3 => Self::Echo,
            _ => Self::Ended(Reason::of_number(bits as u8)),
        }
    }
}

/// The route of a packet, or the reason why it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routed(u64);

impl Routed {
    const REASON: u64 = 1 << 40;

    /// By this value.
    #[inline(always)]
    #[must_use]
    pub const fn by(value: RouteValue) -> Self {
        Self(value.to_bits() as u64)
    }

    /// By the next hop with this index.
    #[inline(always)]
    #[must_use]
    pub const fn to(next_hop: u32) -> Self {
        Self(next_hop as u64)
    }

    /// None, for this reason.
    #[inline(always)]
    #[must_use]
    pub const fn none(reason: Reason) -> Self {
        Self(Self::REASON | reason.number() as u64)
    }

    /// From its 64-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The 32 bits of the value or the index.
    #[inline(always)]
    pub fn checked(self) -> Result<u32, Reason> {
        if self.0 & Self::REASON == 0 {
            Ok(self.0 as u32)
        } else {
            Err(Reason::of_number(self.0 as u8))
        }
    }
}

/// An ICMP message that the path makes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer(u32);

impl Answer {
    /// No message.
    pub const NONE: Self = Self(u32::MAX - 3);
    /// The reply to an echo request (RFC 792; RFC 4443, 4.2).
    pub const ECHO: Self = Self(0);
    /// Time exceeded in transit (RFC 792; RFC 4443, 3.3).
    pub const TTL_EXPIRED: Self = Self(1);
    /// No route to the destination (RFC 1812, 5.2.7.1; RFC 4443, 3.1).
    pub const NO_ROUTE: Self = Self(2);
    const TOO_BIG: u32 = 3;

    /// Packet too big, with the MTU in bytes of the way out (RFC 1191, 4; RFC 4443, 3.2).
    #[inline(always)]
    #[must_use]
    pub const fn too_big(mtu_bytes: u32) -> Self {
        Self(mtu_bytes << 2 | Self::TOO_BIG)
    }

    /// From its 32-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The 32-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The MTU, where the packet is too big; else `None`.
    #[inline(always)]
    #[must_use]
    pub const fn mtu_bytes(self) -> Option<u32> {
        if self.0 & 3 == Self::TOO_BIG { Some(self.0 >> 2) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        let others = [Addressed::Onwards, Addressed::EchoOnwards, Addressed::ForRouter];
        let ended = Reason::ALL.into_iter().map(Addressed::Ended);
        for addressed in others.into_iter().chain([Addressed::Echo]).chain(ended) {
            assert_eq!(Addressed::from_bits(addressed.to_bits()), addressed);
        }
        for reason in Reason::ALL {
            assert_eq!(Routed::none(reason).checked(), Err(reason));
        }
        assert_eq!(Routed::to(u32::MAX).checked(), Ok(u32::MAX));
        assert_eq!(Answer::too_big(1400).mtu_bytes(), Some(1400));
        for answer in [Answer::ECHO, Answer::TTL_EXPIRED, Answer::NO_ROUTE] {
            assert_eq!(answer.mtu_bytes(), None);
        }
    }
}
