//! Faults of the router as a whole, for those who look.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Faults of the router, by the part that has them. The daemon notes them, and every status has them.
#[derive(Default)]
pub(super) struct RouterFaults(Mutex<BTreeMap<FaultyPart, String>>);

/// A part of the router that can have a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FaultyPart {
    /// The engine can't follow the configuration.
    Plan,
    /// The engine writes to tables that frames don't pass any more.
    Tables,
    /// The interface that leads to the router.
    Device,
    /// The engine does not know which links have a carrier.
    Carriers,
}

impl RouterFaults {
    /// Notes the fault of a part; `None`: it has none. Returns whether this is another one than before.
    pub(super) fn note(&self, part: FaultyPart, fault: Option<&str>) -> bool {
        // Each change is one call: no panic can leave it half done.
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match fault {
            Some(fault) => faults.insert(part, fault.to_owned()),
            None => faults.remove(&part),
        };
        before.as_deref() != fault
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether a part has a fault.
    pub(super) fn has(&self, part: FaultyPart) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_its_last_fault_and_others_theirs() {
        let faults = RouterFaults::default();
        assert!(!faults.note(FaultyPart::Plan, None) && faults.all().is_empty());
        assert!(faults.note(FaultyPart::Device, Some("missing")));
        assert!(!faults.note(FaultyPart::Device, Some("missing")));
        assert!(faults.note(FaultyPart::Plan, Some("refused")));
        assert!(faults.note(FaultyPart::Device, Some("no program")));
        assert_eq!(faults.all(), ["refused", "no program"]);
        assert!(faults.note(FaultyPart::Plan, None));
        assert!(!faults.has(FaultyPart::Plan) && faults.has(FaultyPart::Device));
        assert_eq!(faults.all(), ["no program"]);
    }
}
