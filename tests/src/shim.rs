//! Eight bytes between tags and IP: `PPPoE` sessions, and 802.2 SNAP.

use proptest::{prelude::*, sample::select};

/// One of the two, with what may be wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shim {
    /// A `PPPoE` session (RFC 2516, 4).
    Pppoe {
        /// Version, type and code.
        start: u16,
    },
    /// LLC and SNAP (RFC 1042).
    Snap {
        /// DSAP, SSAP, control and organization.
        start: [u8; 6],
    },
}

impl Shim {
    /// A `PPPoE` session's data.
    pub const PPPOE: Self = Self::Pppoe { start: 0x1100 };
    /// SNAP with an EtherType.
    pub const SNAP: Self = Self::Snap { start: [0xaa, 0xaa, 3, 0, 0, 0] };

    /// The shim in front of `payload`, which has this EtherType, with its own EtherType or length.
    #[must_use]
    pub fn around(self, ether_type: u16, payload: &[u8]) -> (u16, Vec<u8>) {
        match self {
            Self::Pppoe { start } => {
                let protocol = match ether_type {
                    0x0800 => 0x0021,
                    0x86dd => 0x0057,
                    other => other,
                };
                let words = [start, 0x4321, length(payload.len() + 2), protocol];
                (0x8864, [&words.map(u16::to_be_bytes).concat(), payload].concat())
            }
            Self::Snap { start } => {
                let header = [start.as_slice(), &ether_type.to_be_bytes()].concat();
                (length(payload.len() + header.len()), [&header, payload].concat())
            }
        }
    }
}

/// As an 802.3 length has to be.
fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX).min(1500)
}

/// None, mostly, or one that is right, mostly.
pub fn any_shim() -> impl Strategy<Value = Option<Shim>> {
    let pppoe = select(vec![0x1100u16, 0x1100, 0x1100, 0x1109, 0x2100, 0x0011]);
    let snap = prop_oneof![
        4 => Just([0xaa, 0xaa, 3, 0, 0, 0]),
        1 => (0usize..6, any::<u8>()).prop_map(|(at, byte)| {
            let mut start = [0xaa, 0xaa, 3, 0, 0, 0];
            start[at] = byte;
            start
        }),
    ];
    prop_oneof![
        6 => Just(None),
        1 => pppoe.prop_map(|start| Some(Shim::Pppoe { start })),
        1 => snap.prop_map(|start| Some(Shim::Snap { start })),
    ]
}
