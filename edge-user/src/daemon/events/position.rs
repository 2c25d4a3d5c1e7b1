//! The event that a reader has had last.

use std::str::FromStr;

/// The place from which a reader wants events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventPosition {
    /// All that are kept.
    All,
    /// Those to come.
    Now,
    /// Those behind this one.
    Behind {
        /// The daemon's start.
        epoch: String,
        /// The number.
        number: u64,
    },
    /// Those behind one that no daemon has sent.
    Unknown,
}

/// A text that is no position.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the id of an event, \"all\" or \"now\" is expected")]
pub struct NoPosition;

impl FromStr for EventPosition {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        match text {
            "all" => return Ok(Self::All),
            "now" => return Ok(Self::Now),
            _ => {}
        }
        let (epoch, number) = text.split_once('-').ok_or(NoPosition)?;
        let is_epoch = epoch.len() == 16 && epoch.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_epoch || !is_number {
            return Err(NoPosition);
        }
        let number = number.parse().map_err(|_overflow| NoPosition)?;
        Ok(Self::Behind { epoch: epoch.to_owned(), number })
    }
}
