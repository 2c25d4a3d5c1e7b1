//! Orders to the engine's thread.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind, Read as _, Write as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{
    error::{EngineError, Result},
    plan::RouterPlan,
};
use crate::routing::devices::Teardown;

/// An order to the thread.
pub(super) enum RouterOrder {
    /// To have the devices of this plan, and for now also those that it has no more.
    Devices(Arc<RouterPlan>, OrderAnswer<()>),
    /// To have the devices of the plan that is followed, after another one was refused.
    OwnDevices(OrderAnswer<()>),
    /// To follow a plan.
    Follow(Arc<RouterPlan>, OrderAnswer<()>),
    /// To give devices a carrier, or take it.
    Carrier { indices: BTreeSet<u32>, is_present: bool },
    /// To read the tables of some domains again, as their forwarding tables may be others: those with an error, and
    /// those of these interfaces.
    Remade(BTreeSet<u32>),
    /// To remove all that was made, and end.
    TearDown(OrderAnswer<Teardown>),
    /// To end.
    End,
}

/// The way of an answer.
pub(super) type OrderAnswer<V> = Sender<Result<V>>;

/// The sending end of orders.
pub(super) struct OrderSender {
    orders: Sender<RouterOrder>,
    wake: UnixStream,
}

/// The receiving end, by which the thread wakes.
pub(super) struct OrderReceiver {
    orders: Receiver<RouterOrder>,
    wake: UnixStream,
}

/// Both ends.
pub(super) fn order_channel() -> Result<(OrderSender, OrderReceiver)> {
    let pair = || -> io::Result<_> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        Ok((near, far))
    };
    let (near, far) = pair()?;
    let (sender, receiver) = mpsc::channel();
    Ok((OrderSender { orders: sender, wake: near }, OrderReceiver { orders: receiver, wake: far }))
}

impl OrderSender {
    /// Gives an order. Nobody waits for it.
    pub(super) fn give(&self, order: RouterOrder) -> Result<()> {
        self.orders.send(order).map_err(|_gone| EngineError::Ended)?;
        match (&self.wake).write(&[1]) {
            Ok(_) => Ok(()),
            // One that is full wakes as well.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives an order, and waits for its answer.
    pub(super) fn ask<V>(&self, order: impl FnOnce(OrderAnswer<V>) -> RouterOrder) -> Result<V> {
        let (answer, answers) = mpsc::channel();
        self.give(order(answer))?;
        answers.recv().map_err(|_gone| EngineError::Ended)?
    }
}

impl OrderReceiver {
    /// The next order, if there is one.
    pub(super) fn next(&self) -> Option<RouterOrder> {
        self.orders.try_recv().ok()
    }

    /// Waits for an order, or for `limit`.
    pub(super) fn wait(&self, limit: Duration) {
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        // An interrupted wait is a short one.
        let _ = poll(&mut [PollFd::new(self.wake.as_fd(), PollFlags::POLLIN)], limit);
    }

    /// Forgets that there were orders: before [`Self::next`], so that none is slept through.
    pub(super) fn rest(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.wake).read(&mut bytes), Ok(count) if count == bytes.len()) {}
    }
}

impl AsFd for OrderReceiver {
    /// Can be read when there are orders.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
