//! Readings of the meters of a set of tables, and the meters' owners.

use std::path::PathBuf;

use edge_common::Reason;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    offer::{Accounting, Billing},
    port::{Direction, Link},
    treatment::PeeringKind,
};
use crate::time::Moment;

/// The owner of a meter. A meter keeps its owner for life: where one of these fields changes,
/// another meter goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// The provider's key for it.
    pub service_key: Option<String>,
    /// The peering.
    pub peering: PeeringKind,
    /// The link.
    pub link: Link,
    /// The direction.
    pub direction: Direction,
    /// Whether outbound traffic is billed.
    pub billing: Billing,
    /// The bytes of a frame that count.
    pub accounting: Accounting,
}

/// A class of an owner: usage is kept for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// The owner of the meter.
    pub owner: Owner,
    /// The class's name.
    pub class: String,
}

/// One life of a set of tables, in which counters only grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochInfo {
    /// A random number, made with the tables and kept in them.
    pub id: Uuid,
    /// The kernel's boot that the tables belong to: they don't outlive it.
    pub boot_id: Uuid,
    /// The directory of their pins.
    pub pin_dir: PathBuf,
    /// Version of their layout.
    pub layout_version: u32,
    /// The time of their creation by the wall clock, which may have been wrong.
    pub created: Timestamp,
}

/// All meters of an epoch at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The tables' life.
    pub epoch: EpochInfo,
    /// The time of the reading, by the clocks of the tables' boot.
    pub taken: Moment,
    /// Every meter that has an owner.
    pub slots: Vec<SlotReading>,
    /// Whether no program counts in these tables any more.
    pub is_final: bool,
}

/// The meter of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotReading {
    /// Its index in the tables.
    pub slot: u32,
    /// Number of owners that the slot has had: counters begin anew with each.
    pub generation: u64,
    /// Its owner.
    pub owner: Owner,
    /// Its classes, by number.
    pub classes: Vec<ClassReading>,
    /// Drops, of what was dropped alone.
    pub drops: Vec<DropReading>,
}

/// Counts of a class since its meter began: frames that have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassReading {
    /// The class's name.
    pub class: String,
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Frames that were dropped for one reason since a meter began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropReading {
    /// The reason.
    pub reason: Reason,
    /// The class's name, where drops are counted by class.
    pub class: Option<String>,
    /// Frames.
    pub frames: u64,
    /// Their bytes: as metered where there is a class, else as received.
    pub bytes: u64,
}
