//! The use of the ports by the configuration that runs, which is the same until there is another one.

use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{Config, ConfigDigest, PortUse};

/// The use by the last configuration that was asked for.
#[derive(Default)]
pub(super) struct KnownUses(Mutex<Option<(ConfigDigest, Arc<[PortUse]>)>>);

impl KnownUses {
    pub(super) fn of(&self, config: &Config, digest: &ConfigDigest) -> Arc<[PortUse]> {
        // Each change is one assignment: no panic can leave it half done.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, uses)) if of == digest => Arc::clone(uses),
            _ => {
                let uses: Arc<[PortUse]> = config.port_use().into();
                *known = Some((digest.clone(), Arc::clone(&uses)));
                uses
            }
        }
    }
}
