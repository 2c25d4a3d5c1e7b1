//! Names of protocols, tables and constants in the configuration, by which answers are told apart.

use std::{fmt, str::FromStr};

use super::model::{AddressFamily, DomainSide};

/// A BGP session: the device it is on, and the addresses it speaks over. In the configuration its
/// name is `c12v4`: `c` for a customer's or `g` for a gateway's, the index of the device, and the
/// family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName {
    /// The index of the session's device.
    pub index: u32,
    /// The side of the domain that the peer is on.
    pub side: DomainSide,
    /// The family of its addresses and of its routes.
    pub family: AddressFamily,
}

/// A text that is no session's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a session, such as c12v4")]
pub struct NoSessionName(String);

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            DomainSide::Customer => 'c',
            DomainSide::Cloud => 'g',
        };
        write!(f, "{side}{}{}", self.index, self.family)
    }
}

impl FromStr for SessionName {
    type Err = NoSessionName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (side, rest) = match text.split_at_checked(1)? {
                ("c", rest) => (DomainSide::Customer, rest),
                ("g", rest) => (DomainSide::Cloud, rest),
                _ => return None,
            };
            let (index, family) = rest.split_once('v')?;
            let family = match family {
                "4" => AddressFamily::V4,
                "6" => AddressFamily::V6,
                _ => return None,
            };
            let index = index.parse().ok()?;
            Some(Self { index, side, family })
        };
        // Only the form that is written: no sign, no leading zero.
        let name: Option<Self> = read();
        name.filter(|name| name.to_string() == text).ok_or_else(|| NoSessionName(text.to_owned()))
    }
}

/// The BIRD table of a domain: `d1000v4`.
#[must_use]
pub fn table(kernel_table: u32, family: AddressFamily) -> String {
    format!("d{kernel_table}{family}")
}

/// The protocol that copies a domain's table into the kernel: `k1000v4`.
#[must_use]
pub fn kernel(kernel_table: u32, family: AddressFamily) -> String {
    format!("k{kernel_table}{family}")
}

/// The protocol of a domain's static routes and announcements on one side: `sc1000v4`, `sg1000v4`.
#[must_use]
pub fn statics(kernel_table: u32, side: DomainSide, family: AddressFamily) -> String {
    match side {
        DomainSide::Customer => format!("sc{kernel_table}{family}"),
        DomainSide::Cloud => format!("sg{kernel_table}{family}"),
    }
}

/// The protocol of a group of prefixes of the service network: `s0123456789abcdefv4`.
#[must_use]
pub fn service_group(group: &str, family: AddressFamily) -> String {
    format!("s{group}{family}")
}

/// The protocol between a domain and the service network: `p1000v4`.
#[must_use]
pub fn service_access(kernel_table: u32, family: AddressFamily) -> String {
    format!("p{kernel_table}{family}")
}

/// The constant that has a device's key: `key_12`.
#[must_use]
pub fn key(index: u32) -> String {
    format!("key_{index}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_read_as_written(index: u32, is_customer: bool, is_v4: bool) {
            let side = if is_customer { DomainSide::Customer } else { DomainSide::Cloud };
            let family = if is_v4 { AddressFamily::V4 } else { AddressFamily::V6 };
            let name = SessionName { index, side, family };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }

        #[test]
        fn any_text_is_a_name_or_none(text in "[cgk]?[0-9+]{0,11}v?[46]?") {
            if let Ok(name) = text.parse::<SessionName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }

    #[test]
    fn other_protocols_are_no_sessions() {
        for other in [
            "",
            "c",
            "c1",
            "cv4",
            "c1v5",
            "k1000v4",
            "c01v4",
            "c+1v4",
            "bfd1",
            "é1v4",
            "c4294967296v4",
        ] {
            assert!(other.parse::<SessionName>().is_err(), "{other}");
        }
    }
}
