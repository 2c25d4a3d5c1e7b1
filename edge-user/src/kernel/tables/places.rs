//! Places of fields in the entries of tables, as the tables' books page describes them.

use edge_common::abi::{
    books::Layout,
    class::MAX_CLASSES,
    counters::{ClassCounters, ClassLosses, Losses, Meter, PortCounters, ReasonCounter},
};
use zerocopy::FromZeros as _;

use crate::{
    kernel::tables::{
        keys::{self, ACCOUNTINGS, BILLINGS, DIRECTIONS, LINKS, PEERINGS, numbered},
        raw_map::WORD,
    },
    plan::AttachmentKey,
};

/// A port, as tables know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPort {
    /// Its name.
    pub name: String,
    /// The configuration's name for its interface.
    pub interface: Option<String>,
    /// The kernel's ids of its programs; 0: none.
    pub program_ids: [u32; 2],
}

/// A layout, to read entries by.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Places(pub(in crate::kernel) Layout);

impl Places {
    pub(in crate::kernel) fn key(&self, key: &[u8]) -> Option<AttachmentKey> {
        let Layout { key_numbers, key_classes, name_len, class_count, .. } = self.0;
        let numbers = key.get(key_numbers as usize..)?.first_chunk()?;
        let [peering, direction, link, billing, accounting, is_routed] = *numbers;
        let vnet = Some(self.0.key_vnet).filter(|offset| *offset != 0);
        let classes = (0..class_count).map(|class| self.name(key, key_classes + class * name_len));
        Some(AttachmentKey {
            edge: self.name(key, self.0.key_edge)?,
            circuit: self.name(key, self.0.key_circuit)?,
            service_key: self.name(key, self.0.key_service_key),
            peering: numbered(PEERINGS, peering)?,
            port: self.name(key, self.0.key_port)?,
            direction: numbered(DIRECTIONS, direction)?,
            link: numbered(LINKS, link)?,
            billing: numbered(BILLINGS, billing)?,
            accounting: numbered(ACCOUNTINGS, accounting)?,
            classes: classes.map_while(|name| name).collect(),
            is_routed: is_routed != 0,
            vnet: vnet.and_then(|offset| self.name(key, offset)),
        })
    }

    pub(in crate::kernel) fn known_port(&self, key: &[u8]) -> Option<KnownPort> {
        let Layout { port_key_name, port_key_interface, port_key_programs, .. } = self.0;
        let told = |offset: u32| Some(offset).filter(|offset| *offset != 0);
        let program_id = |number: usize| {
            let at = told(port_key_programs)? as usize + number * size_of::<u32>();
            Some(u32::from_ne_bytes(*key.get(at..)?.first_chunk()?))
        };
        Some(KnownPort {
            name: self.name(key, port_key_name)?,
            interface: told(port_key_interface).and_then(|offset| self.name(key, offset)),
            program_ids: [0, 1].map(|number| program_id(number).unwrap_or(0)),
        })
    }

    pub(in crate::kernel) fn name(&self, key: &[u8], offset: u32) -> Option<String> {
        let offset = offset as usize;
        keys::name(key.get(offset..offset + self.0.name_len as usize)?)
    }

    pub(in crate::kernel) fn meter(&self, words: &[u64]) -> Meter {
        let layout = &self.0;
        let mut meter = Meter::default();
        for (number, counters) in meter.classes.iter_mut().enumerate().take(self.class_count()) {
            let at =
                |field: u32| word(words, number * layout.class_stride as usize + field as usize);
            *counters = ClassCounters {
                forwarded_frames: at(layout.forwarded_frames),
                forwarded_bytes: at(layout.forwarded_bytes),
                dropped_frames: at(layout.dropped_frames),
                dropped_bytes: at(layout.dropped_bytes),
            };
        }
        meter
    }

    pub(in crate::kernel) fn losses(&self, words: &[u64]) -> Losses {
        let layout = &self.0;
        let mut losses = Losses::default();
        for (number, class) in losses.classes.iter_mut().enumerate().take(self.class_count()) {
            let at =
                |field: u32| word(words, number * layout.loss_stride as usize + field as usize);
            *class = ClassLosses {
                refused_frames: at(layout.refused_frames),
                refused_bytes: at(layout.refused_bytes),
            };
        }
        let count = layout.loss_reason_count as usize;
        self.reasons(&mut losses.reasons, count, layout.loss_reasons as usize, words);
        losses
    }

    pub(in crate::kernel) fn of_port(&self, words: &[u64]) -> PortCounters {
        let mut counters = PortCounters::new_zeroed();
        let count = self.0.port_reason_count as usize;
        self.reasons(&mut counters.reasons, count, 0, words);
        counters
    }

    fn reasons(&self, reasons: &mut [ReasonCounter], count: usize, start: usize, words: &[u64]) {
        for (number, reason) in reasons.iter_mut().enumerate().take(count) {
            let at = start + number * self.0.reason_stride as usize;
            *reason = ReasonCounter { frames: word(words, at), bytes: word(words, at + WORD) };
        }
    }

    fn class_count(&self) -> usize {
        MAX_CLASSES.min(self.0.class_count as usize)
    }
}

/// The number at an offset in bytes; 0 behind the end.
fn word(words: &[u64], offset: usize) -> u64 {
    words.get(offset / WORD).copied().unwrap_or(0)
}
