//! The tables in the hands of another thread than the engine's.

use std::{collections::BTreeSet, ops::Deref, sync::MutexGuard};

use super::{
    error::Result,
    forwarding::{Forwarding, interfaces_of},
    orders::{OrderSender, RouterOrder},
    tables::RouterTables,
};

/// The engine's tables, into which it writes nothing as long as this is held.
pub struct TablesGuard<'e, T: RouterTables> {
    forwarding: MutexGuard<'e, Forwarding<T>>,
    orders: &'e OrderSender,
}

impl<'e, T: RouterTables> TablesGuard<'e, T> {
    pub(super) fn new(forwarding: MutexGuard<'e, Forwarding<T>>, orders: &'e OrderSender) -> Self {
        Self { forwarding, orders }
    }

    /// Has the engine go on with other tables, into which the caller has copied these while holding them. Domains that
    /// found no room are tried again.
    ///
    /// # Errors
    ///
    /// The engine goes on with the present ones.
    pub fn replace(mut self, tables: T) -> Result<()> {
        let broken = self.forwarding.replace(tables)?;
        let orders = self.orders;
        drop(self);
        let interfaces: BTreeSet<u32> = interfaces_of(&broken).into_keys().collect();
        orders.give(RouterOrder::Remade(interfaces))
    }
}

impl<T: RouterTables> Deref for TablesGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.forwarding.tables()
    }
}
