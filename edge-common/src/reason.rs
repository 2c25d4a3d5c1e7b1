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
    pub const ALL: [Self; 11] = [
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
            | Self::EgressRefused => Action::Drop,
        }
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
        }
    }

    /// The reason with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
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
        }
        assert_eq!(Reason::from_number(11), None);
    }

    #[test]
    fn names_are_unique() {
        for reason in Reason::ALL {
            let same = Reason::ALL.iter().filter(|r| r.as_str() == reason.as_str());
            assert_eq!(same.count(), 1, "{}", reason.as_str());
        }
    }
}
