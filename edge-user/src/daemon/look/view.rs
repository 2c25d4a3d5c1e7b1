//! The view of a ledger, and what has to be known to make it.

use std::path::PathBuf;

use jiff::Timestamp;

use super::missing::Missing;
use crate::{
    billing::ledger::{Ledger, Policy},
    config::Config,
};

/// The ledger with all that was counted, as far as it can be seen.
#[derive(Debug)]
pub struct View {
    /// A private copy, in which the meters are booked as they are now.
    pub ledger: Ledger,
    /// Data planes whose last counts are not in it.
    pub missing: Vec<Missing>,
    /// Notes for the reader of the figures.
    pub notes: Vec<String>,
    /// Whether there is a data plane whose books it is: of this boot, and not closed.
    pub is_counting: bool,
}

/// The parts of a configuration that say where its meters are, and how they are booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedAt {
    pub(super) pin_dir: PathBuf,
    pub(super) policy: Policy,
}

impl LookedAt {
    /// The parts of `config`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { pin_dir: config.edge.pin_dir.clone(), policy: config.ledger.policy() }
    }
}

impl View {
    /// Whether it has all usage of the time before a moment, or of all time.
    #[must_use]
    pub fn is_complete_until(&self, to: Option<Timestamp>) -> bool {
        self.missing.iter().all(|missing| to.is_some_and(|to| to <= missing.since))
    }
}
