//! Names of links' pins: `NUMBER-MODE`.

use std::fmt;

use crate::kernel::host::attached_mode::AttachedMode;

/// The name of a link's pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkName {
    /// The kernel's number of the link, which no other one of this boot has. (The index of the
    /// interface, in sets of version 3.)
    pub number: u32,
    /// The mode of its program.
    pub mode: AttachedMode,
}

impl LinkName {
    /// The name that a file has; `None`: it is no link's.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (number, mode) = name.split_once('-')?;
        let modes = [AttachedMode::Native, AttachedMode::Generic];
        let mode = modes.into_iter().find(|known| known.as_str() == mode)?;
        Some(Self { number: number.parse().ok()?, mode })
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.mode.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_names_round_trip() {
        for mode in [AttachedMode::Native, AttachedMode::Generic] {
            let link = LinkName { number: 17, mode };
            assert_eq!(LinkName::parse(&link.to_string()), Some(link));
        }
        assert_eq!(LinkName::parse("customer0"), None);
    }
}
