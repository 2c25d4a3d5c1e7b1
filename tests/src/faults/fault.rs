//! Faults that can happen to an edge, and their weights.

/// Something that happens to an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9`, and a start.
    Kill,
    /// SIGTERM, and a start.
    Stop,
    /// Its end, and a start that is killed.
    KillTheStart,
    /// A reload that is killed, and a start.
    KillTheReload,
    /// A reload of the same file.
    Reload,
    /// A reload of another file.
    Change,
    /// A reload of another file that is taken back unless it is confirmed.
    Unconfirmed,
    /// Another bandwidth.
    SetBandwidth,
    /// Its end, and a start of the version with the other layout.
    Upgrade,
    /// The same, and that start is killed.
    KillTheUpgrade,
    /// The disk is full, or has room again.
    Fill,
    /// The disk can't be written, or can again.
    ReadOnly,
    /// Somebody else writes in the ledger for seconds.
    Lock,
    /// All that is booked becomes records.
    Seal,
    /// The receiver takes its files.
    Take,
    /// A device refuses long frames for a while.
    Refuse,
    /// Ports change their places: each has another wire's interface, and the circuits follow.
    MovePorts,
    /// An interface gets another name.
    Rename,
    /// Two interfaces swap their names.
    SwapNames,
    /// Ports run in another XDP mode.
    Mode,
    /// An interface goes, or its program does.
    Trouble,
    /// An interface that has gone comes back.
    Recover,
    /// A file that is no configuration.
    WrongFile,
    /// A configuration with another billing, and a port that can't be attached.
    Impossible,
    /// A start from another network namespace with interfaces of the same names.
    Elsewhere,
    /// Two readers of the ledger beside a start or a reload.
    Readers,
    /// The wall clock says another time, anywhere from 1970 to 2100.
    Clock,
}

/// Each with its weight.
pub const FAULTS: [(u64, Fault); 27] = [
    (14, Fault::Kill),
    (9, Fault::Stop),
    (10, Fault::KillTheStart),
    (8, Fault::KillTheReload),
    (6, Fault::Reload),
    (22, Fault::Change),
    (4, Fault::Unconfirmed),
    (10, Fault::SetBandwidth),
    (8, Fault::Upgrade),
    (8, Fault::KillTheUpgrade),
    (6, Fault::Fill),
    (4, Fault::ReadOnly),
    (4, Fault::Lock),
    (8, Fault::Seal),
    (8, Fault::Take),
    (6, Fault::Refuse),
    (12, Fault::MovePorts),
    (10, Fault::Rename),
    (8, Fault::SwapNames),
    (8, Fault::Mode),
    (16, Fault::Trouble),
    (14, Fault::Recover),
    (14, Fault::WrongFile),
    (10, Fault::Impossible),
    (6, Fault::Elsewhere),
    (5, Fault::Readers),
    (14, Fault::Clock),
];
