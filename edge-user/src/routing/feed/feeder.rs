//! The feed as one loop: messages, the schedule of tables, and dumps.

use std::{
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use crate::routing::feed::{
    error::{FeedError, Result},
    listener::{Heard, RouteListener},
    namespace::Namespace,
    schedule::{Pacing, RebuildEnd, Schedule},
    tables::{TableDump, Tables},
};

/// Follows tables of a network namespace, and has each rebuilt after it has changed.
pub struct RouteFeed {
    listener: RouteListener,
    tables: Tables,
    schedule: Schedule,
    began: Instant,
}

/// A step of a [`RouteFeed`].
#[derive(Debug, Default)]
pub struct Fed {
    /// All that was heard, by which the caller follows interfaces and neighbours.
    pub heard: Heard,
    /// The table that was rebuilt.
    pub rebuilt: Option<u32>,
    /// The table that could not be read. It is as it was, and read again within a second.
    pub failed: Option<(u32, FeedError)>,
}

impl RouteFeed {
    /// Opens it in `namespace`. It follows no table yet.
    pub fn open(namespace: &Namespace, pacing: Pacing) -> Result<Self> {
        Ok(Self {
            listener: RouteListener::open(namespace)?,
            tables: Tables::open(namespace)?,
            schedule: Schedule::new(pacing),
            began: Instant::now(),
        })
    }

    /// Follows a table, which is read as soon as possible.
    pub fn follow(&mut self, table: u32) {
        self.listener.follow(table);
    }

    /// Follows a table no longer.
    pub fn forget(&mut self, table: u32) {
        self.listener.forget(table);
        self.schedule.forget(table);
    }

    /// Has a table that is followed rebuilt, as something has changed that the kernel tells nobody of.
    pub fn mark(&mut self, table: u32) {
        self.schedule.mark(table, self.began.elapsed());
    }

    /// The number of times that the kernel had no room for messages.
    pub fn losses(&self) -> u64 {
        self.listener.losses()
    }

    /// The number of tables that wait for being rebuilt.
    pub fn waiting(&self) -> usize {
        self.schedule.waiting()
    }

    /// Takes in the messages that are there and has one table rebuilt, if the time for one has come; else waits for
    /// that, or for a message, up to `limit` or until `wake` can be read.
    ///
    /// # Errors
    ///
    /// Where messages can't be read any more: the feed has to be opened anew.
    pub fn step(
        &mut self,
        limit: Duration,
        wake: Option<BorrowedFd<'_>>,
        rebuild: impl FnOnce(u32, TableDump) -> RebuildEnd,
    ) -> Result<Fed> {
        self.listener.pump()?;
        let mut fed = Fed { heard: self.listener.take(), ..Fed::default() };
        let now = self.began.elapsed();
        fed.heard.tables.iter().for_each(|table| self.schedule.mark(*table, now));
        let Some(table) = self.schedule.take(now) else {
            let next = self.schedule.next().map(|next| next.saturating_sub(now));
            let limit = next.map_or(limit, |next| next.min(limit));
            self.listener.wait_also(Some(limit), wake)?;
            return Ok(fed);
        };
        let end = match self.tables.dump(table, &mut self.listener) {
            Ok(dump) => {
                fed.rebuilt = Some(table);
                rebuild(table, dump)
            }
            Err(error) => {
                fed.failed = Some((table, error));
                RebuildEnd::Failed
            }
        };
        self.schedule.end(table, self.began.elapsed(), end);
        Ok(fed)
    }
}
