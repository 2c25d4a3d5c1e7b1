//! Grace periods: the time until no reader can see any more what was replaced (read-copy update:
//! Documentation/RCU/whatisRCU.rst of the kernel).

/// Grace periods, one after the other.
pub trait Grace {
    /// A grace period that was begun.
    type Ticket: Copy + Send;

    /// Begins a grace period, which is over when all readers that had begun before this call have ended. Periods end
    /// in the order in which they were begun.
    fn start(&mut self) -> Self::Ticket;
    /// Whether it is over.
    fn is_over(&self, ticket: Self::Ticket) -> bool;
}

/// The grace of arrays that have no readers, or none without a lock: each period is over at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReaders;

impl Grace for NoReaders {
    type Ticket = ();

    fn start(&mut self) {}

    fn is_over(&self, (): ()) -> bool {
        true
    }
}
