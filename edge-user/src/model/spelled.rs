//! Types with a few values, each with a spelling.

use edge_common::reason::UnmatchedPolicy;
use serde::Serializer;

/// A type with a few values, each with a spelling.
pub(crate) trait Spelled: Copy + PartialEq + 'static {
    const VALUES: &'static [Self];

    fn spelling(self) -> &'static str;
}

/// Serializes a value as its spelling, for types of crates without serialization.
pub(crate) fn spelling<T: Spelled, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.spelling())
}

/// An enum with the contract's spelling of each value.
macro_rules! spelled {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// Every value.
            $vis const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The configuration's spelling.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                let found = Self::ALL.iter().copied().find(|value| value.as_str() == text);
                found.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not known")))
            }
        }

        impl $crate::model::spelled::Spelled for $name {
            const VALUES: &'static [Self] = Self::ALL;

            fn spelling(self) -> &'static str {
                self.as_str()
            }
        }
    };
}
pub(crate) use spelled;

impl Spelled for UnmatchedPolicy {
    const VALUES: &'static [Self] = &[Self::Drop, Self::Pass];

    fn spelling(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Pass => "pass",
        }
    }
}
