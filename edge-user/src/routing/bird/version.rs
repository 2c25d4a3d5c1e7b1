//! Versions of BIRD, and their differences.

use std::{fmt, str::FromStr};

/// A version such as 2.0.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BirdVersion {
    /// 2.
    pub major: u16,
    /// 0.
    pub minor: u16,
    /// 12.
    pub patch: u16,
}

impl BirdVersion {
    /// Oldest version that the configuration is written for: that of Debian 12.
    pub const OLDEST: Self = Self::new(2, 0, 12);
    /// First version that is not supported: its tables and answers differ.
    pub const TOO_NEW: Self = Self::new(3, 0, 0);
    /// First version in which a function tells the type of its result; before it, that is a syntax
    /// error.
    const TYPED_FUNCTIONS: Self = Self::new(2, 14, 0);
    /// First version that wants a session's kind of authentication named (`authentication md5`);
    /// before it, that is a syntax error.
    const NAMED_AUTHENTICATION: Self = Self::new(2, 17, 0);
    /// First version that tells peers with equal addresses apart by the interface of an incoming
    /// connection (BIRD's commit d4f70a6d1, "BGP: Listening socket refactoring").
    const LISTENERS_BY_INTERFACE: Self = Self::new(2, 18, 0);

    /// A version by its parts.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Whether the configuration is written for this version.
    #[must_use]
    pub fn is_supported(self) -> bool {
        (Self::OLDEST..Self::TOO_NEW).contains(&self)
    }

    /// Whether a function tells the type of its result.
    #[must_use]
    pub fn types_functions(self) -> bool {
        self >= Self::TYPED_FUNCTIONS
    }

    /// Whether a session's authentication has to be named.
    #[must_use]
    pub fn names_authentication(self) -> bool {
        self >= Self::NAMED_AUTHENTICATION
    }

    /// Whether peers with equal addresses may connect to one port: before 2.18 each session listens
    /// on a port of its own, so that no connection is taken for another peer's, and only the edge
    /// connects.
    #[must_use]
    pub fn accepts_equal_peers(self) -> bool {
        self >= Self::LISTENERS_BY_INTERFACE
    }
}

/// Text that has no version in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of BIRD")]
pub struct NoBirdVersion(String);

impl FromStr for BirdVersion {
    type Err = NoBirdVersion;

    /// Reads `2.0.12`, `2.18`, or such a version followed by a suffix as `2.13.1-rc1+git`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_version = || NoBirdVersion(text.to_owned());
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let mut parts = text[..end].trim_end_matches('.').split('.').map(str::parse::<u16>);
        let mut part = || parts.next().transpose();
        let read = || -> Result<Option<Self>, std::num::ParseIntError> {
            let (major, minor, patch) = (part()?, part()?, part()?);
            Ok(major.zip(minor).map(|(major, minor)| Self::new(major, minor, patch.unwrap_or(0))))
        };
        let version = { read }();
        version.map_err(|_no_number| no_version())?.ok_or_else(no_version)
    }
}

impl fmt::Display for BirdVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, patch } = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let read = |text: &str| text.parse::<BirdVersion>();
        assert_eq!(read("2.0.12"), Ok(BirdVersion::new(2, 0, 12)));
        assert_eq!(read("2.18"), Ok(BirdVersion::new(2, 18, 0)));
        assert_eq!(read("2.13.1-rc1+git"), Ok(BirdVersion::new(2, 13, 1)));
        assert_eq!(read("3.3.2"), Ok(BirdVersion::new(3, 3, 2)));
        for wrong in ["", "2", "x", "bird", "2.x", "99999.1", ".1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(BirdVersion::new(2, 0, 12) < BirdVersion::new(2, 13, 0));
    }

    #[test]
    fn differences_begin_where_they_do() {
        let has = |(major, minor, patch)| {
            let version = BirdVersion::new(major, minor, patch);
            let is_supported = version.is_supported();
            let rest = [
                version.types_functions(),
                version.names_authentication(),
                version.accepts_equal_peers(),
            ];
            (is_supported, rest)
        };
        assert_eq!(has((2, 0, 8)), (false, [false, false, false]));
        assert_eq!(has((2, 0, 12)), (true, [false, false, false]));
        assert_eq!(has((2, 14, 0)), (true, [true, false, false]));
        assert_eq!(has((2, 17, 0)), (true, [true, true, false]));
        assert_eq!(has((2, 18, 0)), (true, [true, true, true]));
        assert_eq!(has((2, 19, 2)), (true, [true, true, true]));
        assert_eq!(has((3, 0, 0)), (false, [true, true, true]));
    }
}
