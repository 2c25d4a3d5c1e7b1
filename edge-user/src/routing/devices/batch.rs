//! Changes to interfaces, many in one datagram.

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;

use crate::routing::devices::{
    error::Result,
    netlink::{DeviceSocket, LinkAnswer},
};

/// Changes in one datagram. Their acknowledgements fit into a socket's receive buffer of the usual
/// size, so that none is lost.
const MOST: usize = 100;

/// A change to an interface, as a request to rtnetlink(7).
#[derive(Clone, Debug)]
pub(super) struct LinkChange {
    message: RouteNetlinkMessage,
    flags: u16,
}

impl LinkChange {
    /// Makes something that is not there yet.
    pub(super) fn make(message: RouteNetlinkMessage) -> Self {
        Self { message, flags: NLM_F_CREATE | NLM_F_EXCL }
    }

    /// Changes or removes something that is there.
    pub(super) fn alter(message: RouteNetlinkMessage) -> Self {
        Self { message, flags: 0 }
    }
}

impl DeviceSocket {
    /// Makes the changes, in their order, and returns what became of each: one that is refused holds
    /// up no other.
    ///
    /// # Errors
    ///
    /// The socket itself fails: what became of the changes is not known.
    pub(super) fn change_all(&self, changes: &[LinkChange]) -> Result<Vec<Result<()>>> {
        let mut results = Vec::with_capacity(changes.len());
        for batch in changes.chunks(MOST) {
            results.extend(self.change_batch(batch)?);
        }
        Ok(results)
    }

    /// Makes one change.
    pub(super) fn change(&self, change: LinkChange) -> Result<()> {
        self.change_batch(&[change])?.into_iter().collect()
    }

    fn change_batch(&self, batch: &[LinkChange]) -> Result<Vec<Result<()>>> {
        let requests: Vec<_> =
            batch.iter().map(|change| (change.message.clone(), change.flags | NLM_F_ACK)).collect();
        let mut numbers = self.send(&requests)?;
        let mut results = Vec::with_capacity(batch.len());
        // The kernel takes the requests in their order, and answers each before the next.
        while !numbers.is_empty() {
            for (number, _, answer) in self.hear(&numbers)? {
                let result = match answer {
                    LinkAnswer::Part(_) => continue,
                    LinkAnswer::End => Ok(()),
                    LinkAnswer::Refusal(error) => Err(error),
                };
                results.push(result);
                numbers.start = number + 1;
            }
        }
        Ok(results)
    }
}
