//! Steps that may happen to a ledger.

use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The slots of an epoch have counted on, and are read.
    Read(ReadStep),
    /// A reading of earlier comes again.
    Repeat(prop::sample::Index),
    /// A slot has another owner.
    Reuse {
        epoch: usize,
        slot: usize,
        owner: u32,
    },
    /// Time goes on, in seconds.
    Pass(i64),
    /// The wall clock steps, in seconds.
    Jump(i64),
    /// It is set to so many seconds since 1970.
    Set(i64),
    /// It is right again.
    SetRight,
    /// NTP is there, or not.
    Synchronized(bool),
    /// Another boot begins, so many seconds later.
    Reboot(i64),
    Seal {
        is_full: bool,
    },
    /// A receiver gets so many batches at most.
    Acknowledge {
        sink: usize,
        most: usize,
    },
    Expire {
        keep_hours: u64,
    },
    Reopen,
    Reincarnate,
    MarkLost {
        epoch: usize,
    },
}

#[derive(Clone, Debug)]
pub(super) struct ReadStep {
    pub(super) epoch: usize,
    /// Of each slot and class.
    pub(super) more: Vec<u64>,
    /// Frames, and as many bytes, that the reading lacks of each slot and class.
    pub(super) dips: Vec<u64>,
    pub(super) period_s: u64,
    pub(super) is_final: bool,
    pub(super) is_full: bool,
    /// Index of the daemon, of two, that books it.
    pub(super) daemon: usize,
}

impl ReadStep {
    /// A reading of the first daemon, in which each class of each slot has so many bytes more.
    pub(super) fn of_all_slots(bytes: u64) -> Self {
        Self {
            epoch: 0,
            more: vec![bytes; 6],
            dips: vec![0; 6],
            period_s: 3600,
            is_final: false,
            is_full: false,
            daemon: 0,
        }
    }
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let count = prop_oneof![3 => Just(0u64), 3 => 1..50u64, 2 => 1..10_000_000_000u64];
    let read = (
        0..2usize,
        prop::collection::vec(count, 6),
        prop::collection::vec(prop_oneof![4 => Just(0u64), 1 => 1..100u64], 6),
        prop::sample::select(vec![3600u64, 300, 900, 2400, 14400, 86400]),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.2),
        0..2usize,
    );
    let read = read.prop_map(|(epoch, more, dips, period_s, is_final, is_full, daemon)| {
        Step::Read(ReadStep { epoch, more, dips, period_s, is_final, is_full, daemon })
    });
    let day = 86_400i64;
    prop_oneof![
        16 => read,
        1 => any::<prop::sample::Index>().prop_map(Step::Repeat),
        2 => (0..2usize, 0..3usize, 0..4u32)
            .prop_map(|(epoch, slot, owner)| Step::Reuse { epoch, slot, owner }),
        14 => (1..3600i64).prop_map(Step::Pass),
        1 => (1..2 * day).prop_map(Step::Pass),
        3 => (-3600..3600i64).prop_map(Step::Jump),
        1 => (-2 * day..2 * day).prop_map(Step::Jump),
        1 => (-400 * day..400 * day).prop_map(Step::Jump),
        2 => (0..130 * 365 * day).prop_map(Step::Set),
        3 => Just(Step::SetRight),
        1 => any::<bool>().prop_map(Step::Synchronized),
        2 => prop_oneof![1..600i64, 1..90 * day].prop_map(Step::Reboot),
        6 => prop::bool::weighted(0.2).prop_map(|is_full| Step::Seal { is_full }),
        8 => (0..2usize, 1..9usize).prop_map(|(sink, most)| Step::Acknowledge { sink, most }),
        4 => (0..3u64).prop_map(|keep_hours| Step::Expire { keep_hours }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Reincarnate),
        1 => (0..2usize).prop_map(|epoch| Step::MarkLost { epoch }),
    ]
}
