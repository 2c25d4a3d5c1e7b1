//! Tables with a policer and a rate, and nothing else that the policer would ask for.

use edge_common::{
    Tables, Word,
    attachment::{Attachment, Slot},
    class::{Class, Dscp},
    fair::FlowQueues,
    in_flight::HandedOver,
    limits::Limits,
    meter::{Losses, Meter, PortCounters},
    police::{Lease, Policer},
    qos::QosRow,
    rate::Rate,
    tags::Vid,
};

/// One CPU's view of a policer.
pub(crate) struct OnePolicer<W> {
    pub(crate) rate: Rate,
    pub(crate) policer: Policer<W>,
    pub(crate) lease: Lease,
}

impl<W: Word> Tables for OnePolicer<W> {
    type Word = W;

    fn rate(&self, _: u32) -> Option<&Rate> {
        Some(&self.rate)
    }

    fn policer(&mut self, _: u32) -> Option<(&Policer<W>, &mut Lease)> {
        Some((&self.policer, &mut self.lease))
    }

    fn limits(&self, _: u32) -> Option<&Limits> {
        None
    }

    fn flow_queues(&self, _: u32) -> Option<&FlowQueues<W>> {
        None
    }

    fn s_tag(&self, _: Vid) -> Slot {
        Slot::Empty
    }

    fn c_tag(&self, _: u32, _: Vid) -> Slot {
        Slot::Empty
    }

    fn attachment(&self, _: u32) -> Option<&Attachment> {
        None
    }

    fn qos_row(&self, _: u32) -> Option<&QosRow> {
        None
    }

    fn meter(&mut self, _: u32) -> Option<&mut Meter> {
        None
    }

    fn losses(&mut self, _: u32) -> Option<&mut Losses> {
        None
    }

    fn port_counters(&mut self) -> Option<&mut PortCounters> {
        None
    }

    fn forward(&mut self) -> bool {
        false
    }

    fn hand_over(&mut self, _: HandedOver) {}

    fn note_attachment(&self, _: u32) {}

    fn note_class(&self, _: Class) {}

    fn note_dscp(&self, _: Dscp, _: Dscp) {}

    fn note_len_bytes(&self, _: u32) {}
}
