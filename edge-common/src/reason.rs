//! The reasons for which a frame leaves the path, with their numbers. Only this module maps them to
//! actions.

/// The reason why a frame's path ended. Every exit has a reason, and each port counts them all.
///
/// The numbers are the ABI of the port counters: append, never renumber, never reuse.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Classified, marked, within its rate, metered and forwarded.
    Ok = 0,
    /// Tagged, but no circuit claims the tag or tag pair.
    Unmatched = 1,
    /// No tag with an accepted TPID, and no circuit claims frames without.
    Untagged = 2,
    /// Truncated, or an IP header that a router must refuse (RFC 1812, 5.2.2; RFC 8200, 3).
    Malformed = 3,
    /// A link-local control protocol (LLDP, LACP, …), which the stack handles.
    Control = 4,
    /// The circuit is configured `enabled = false`.
    CircuitDisabled = 5,
    /// Above the purchased rate.
    OverRate = 6,
    /// The port it should leave by is not there.
    NoEgress = 7,
    /// One table refers to an entry that another one lacks. The daemon never writes such tables. A
    /// count would show a defect.
    DanglingTable = 8,
    /// The driver left no room in front of the frame for the tags it should leave with.
    NoHeadroom = 9,
    /// Forwarded, and then refused by the egress device, which is down, has no room in its ring, or
    /// takes no frame of this length. This is no exit of the path: it is known only after the path.
    EgressRefused = 10,
    /// For the router itself: ARP, neighbour discovery, BGP, BFD, or ICMP of its own.
    Punted = 11,
    /// An echo request to an address of the edge, which the path has answered.
    Answered = 12,
    /// For the router, or an echo request, and above the interface's rate of such frames.
    PuntLimited = 13,
    /// To another MAC address, or to an address of the edge where no service has it.
    NotForUs = 14,
    /// The IPv4 header's checksum is wrong (RFC 1812, 5.2.2).
    BadChecksum = 15,
    /// An address that no packet on this wire can have (RFC 1812, 5.3.7; RFC 4291).
    Martian = 16,
    /// A source address that this side may not send from (BCP 38).
    Spoofed = 17,
    /// No route to the destination. The sender is told.
    NoRoute = 18,
    /// The packet has come as far as its hop limit allows. The sender is told.
    TtlExpired = 19,
    /// Longer than the way out allows. The sender is told.
    TooBig = 20,
    /// The next hop's MAC address is not known.
    NoNeighbour = 21,
    /// Each link to the destination is down.
    LinkDown = 22,
    /// The sender names the routers on the way (RFC 7126, 4.3 and 4.4; RFC 5095).
    SourceRouted = 23,
}

/// The verdict on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sent to the port's destination: another port, or the stack.
    Forward,
    /// Left to the kernel's stack, untouched.
    Pass,
    /// Dropped.
    Drop,
    /// Sent to the router, without its tags.
    Punt,
    /// Turned into an ICMP message that goes back where the frame came from; dropped where no message may be sent.
    Answer,
}

/// The verdict on frames that belong to no circuit (`unmatched` in the configuration).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnmatchedPolicy {
    /// Drop them.
    Drop,
    /// Leave them to the kernel's stack.
    Pass,
}

impl Reason {
    /// Every reason, in number order.
    pub const ALL: [Self; 24] = [
        Self::Ok,
        Self::Unmatched,
        Self::Untagged,
        Self::Malformed,
        Self::Control,
        Self::CircuitDisabled,
        Self::OverRate,
        Self::NoEgress,
        Self::DanglingTable,
        Self::NoHeadroom,
        Self::EgressRefused,
        Self::Punted,
        Self::Answered,
        Self::PuntLimited,
        Self::NotForUs,
        Self::BadChecksum,
        Self::Martian,
        Self::Spoofed,
        Self::NoRoute,
        Self::TtlExpired,
        Self::TooBig,
        Self::NoNeighbour,
        Self::LinkDown,
        Self::SourceRouted,
    ];

    /// The verdict on a frame that leaves the path for this reason.
    #[must_use]
    #[inline(always)]
    pub const fn action(self, unmatched: UnmatchedPolicy) -> Action {
        match self {
            Self::Ok => Action::Forward,
            Self::Control => Action::Pass,
            Self::Unmatched | Self::Untagged => match unmatched {
                UnmatchedPolicy::Drop => Action::Drop,
                UnmatchedPolicy::Pass => Action::Pass,
            },
            Self::Malformed
            | Self::CircuitDisabled
            | Self::OverRate
            | Self::NoEgress
            | Self::DanglingTable
            | Self::NoHeadroom
            | Self::EgressRefused
            | Self::PuntLimited
            | Self::NotForUs
            | Self::BadChecksum
            | Self::Martian
            | Self::Spoofed
            | Self::NoNeighbour
            | Self::LinkDown
            | Self::SourceRouted => Action::Drop,
            Self::Punted => Action::Punt,
            Self::Answered | Self::NoRoute | Self::TtlExpired | Self::TooBig => Action::Answer,
        }
    }

    /// The same for one frame, of which it is known whether the path has chosen its way itself: without an answer, a frame to
    /// answer is dropped.
    #[must_use]
    #[inline(always)]
    pub const fn action_on(self, is_routed: bool, unmatched: UnmatchedPolicy) -> Action {
        let action = self.action(unmatched);
        if matches!(action, Action::Answer) && !is_routed { Action::Drop } else { action }
    }

    /// The stable name, as `edge status` and `edge replay` print it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unmatched => "unmatched",
            Self::Untagged => "untagged",
            Self::Malformed => "malformed",
            Self::Control => "control",
            Self::CircuitDisabled => "circuit-disabled",
            Self::OverRate => "over-rate",
            Self::NoEgress => "no-egress",
            Self::DanglingTable => "dangling-table",
            Self::NoHeadroom => "no-headroom",
            Self::EgressRefused => "egress-refused",
            Self::Punted => "punted",
            Self::Answered => "answered",
            Self::PuntLimited => "punt-limited",
            Self::NotForUs => "not-for-us",
            Self::BadChecksum => "bad-checksum",
            Self::Martian => "martian",
            Self::Spoofed => "spoofed",
            Self::NoRoute => "no-route",
            Self::TtlExpired => "ttl-expired",
            Self::TooBig => "too-big",
            Self::NoNeighbour => "no-neighbour",
            Self::LinkDown => "link-down",
            Self::SourceRouted => "source-routed",
        }
    }

    /// The reason with this number.
    #[inline(always)]
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The reason with this number, of which the path knows that there is one. (A look into [`Self::ALL`] would be an
    /// access with a bound that verifiers lose.)
    #[inline(always)]
    #[must_use]
    pub const fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Ok,
            1 => Self::Unmatched,
            2 => Self::Untagged,
            3 => Self::Malformed,
            4 => Self::Control,
            5 => Self::CircuitDisabled,
            6 => Self::OverRate,
            7 => Self::NoEgress,
            9 => Self::NoHeadroom,
            10 => Self::EgressRefused,
            11 => Self::Punted,
            12 => Self::Answered,
            13 => Self::PuntLimited,
            14 => Self::NotForUs,
            15 => Self::BadChecksum,
            16 => Self::Martian,
            17 => Self::Spoofed,
            18 => Self::NoRoute,
            19 => Self::TtlExpired,
            20 => Self::TooBig,
            21 => Self::NoNeighbour,
            22 => Self::LinkDown,
            23 => Self::SourceRouted,
            // 8, and numbers that there are not.
            _ => Self::DanglingTable,
        }
    }

    /// The number, as counted.
    #[must_use]
    #[inline(always)]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_place_in_all() {
        for (number, reason) in (0u8..).zip(Reason::ALL) {
            assert_eq!(reason.number(), number);
            assert_eq!(Reason::from_number(number), Some(reason));
            assert_eq!(Reason::of_number(number), reason);
        }
        assert_eq!(Reason::from_number(24), None);
    }

    #[test]
    fn names_are_unique() {
        for reason in Reason::ALL {
            let same = Reason::ALL.iter().filter(|r| r.as_str() == reason.as_str());
            assert_eq!(same.count(), 1, "{}", reason.as_str());
        }
    }
}
