//! The path's surroundings: look-ups, buckets, counters, an egress, a clock. BPF maps and
//! helpers in the kernel, vectors on the host.

use crate::{
    abi::{
        admission::Admission,
        attachment::{Attachment, Slot},
        class::Class,
        counters::{Losses, Meter, PortCounters},
        in_flight::HandedOver,
        policer::{Bucket, FlowQueues, Lease, Limits, Policer},
        qos::{BurstShare, QosRow},
        rate::Rate,
    },
    packet::{
        frame::Frame,
        ip::{DsWord, Dscp},
        transport::Transport,
        vlan::{Tag, Vid},
    },
};

/// All of it, for the path of one port.
pub trait Env: Lookup + BucketCalls + Counters + Egress + Observer {}

impl<T: Lookup + BucketCalls + Counters + Egress + Observer> Env for T {}

/// Tables that say what frames are.
pub trait Lookup {
    /// The port's S-table.
    fn s_tag(&self, vid: Vid) -> Slot;
    /// C-table number `table`.
    fn c_tag(&self, table: u32, vid: Vid) -> Slot;
    /// An attachment.
    fn attachment(&self, index: u32) -> Option<&Attachment>;
    /// A row of a QoS profile.
    fn qos_row(&self, index: u32) -> Option<&QosRow>;
    /// The limits inside the circuit of an attachment, by the attachment's index.
    fn limits(&self, attachment: u32) -> Option<&Limits>;
}

/// Buckets and the clock that fills them.
pub trait Buckets {
    /// A word that CPUs share.
    type Word: Word;
    /// The clock.
    type Clock: Clock;

    /// The clock.
    fn clock(&self) -> Self::Clock;
    /// A rate.
    fn rate(&self, index: u32) -> Option<&Rate>;
    /// A policer: what all CPUs share, and what this CPU has leased of it.
    fn policer(&mut self, index: u32) -> Option<(&Policer<Self::Word>, &mut Lease)>;
    /// The phantom queues of a circuit's flows.
    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<Self::Word>>;
}

/// Parts of the policer that are functions of their own in the kernel object: the verifier checks them
/// once, and not at each call.
pub trait BucketCalls: Buckets {
    /// [`crate::policer::bucket::buy`] with these buckets, and with the features of the port.
    fn buy(&mut self, bucket: Bucket, share: BurstShare, len_bytes: u32) -> Admission;
    /// [`crate::policer::fairness::refresh`] with these buckets.
    fn refresh_flows(&mut self, bucket: Bucket, flow_queues: u32);
}

/// Parts of the path that look into a frame, and are functions of their own in the kernel object for the
/// same reason.
pub trait FrameCalls: Frame {
    /// [`crate::packet::transport::transport`] of this frame.
    fn transport(&self, packet: &DsWord) -> Transport;
    /// [`crate::packet::flow_hash::flow_hash`] of this frame.
    fn flow_hash(&self, last: &Tag) -> u64;
    /// [`crate::path::mark::mark_congestion`] of this frame.
    fn mark_congestion(&mut self, last: &Tag) -> Option<()>;
}

/// This CPU's counters.
pub trait Counters {
    /// Those of an attachment.
    fn meter(&mut self, attachment: u32) -> Option<&mut Meter>;
    /// Those of what an attachment lost beside that.
    fn losses(&mut self, attachment: u32) -> Option<&mut Losses>;
    /// Those of the port.
    fn port_counters(&mut self) -> Option<&mut PortCounters>;
}

/// The way out.
pub trait Egress {
    /// Sends the frame to where the port forwards; false where that is gone.
    fn forward(&mut self) -> bool;
    /// Keeps in mind that `frame` was forwarded, where a device can still refuse it.
    fn hand_over(&mut self, frame: HandedOver);
}

/// Learns what the path found out about the frame: a replay does. A live program carries none of it
/// from step to step.
pub trait Observer {
    /// The frame's attachment.
    fn note_attachment(&self, _index: u32) {}
    /// Its class.
    fn note_class(&self, _class: Class) {}
    /// The DSCP that it came with, and the one that it leaves with.
    fn note_dscp(&self, _arriving: Dscp, _leaving: Dscp) {}
    /// Its length: as received, and then as accounted.
    fn note_len_bytes(&self, _len_bytes: u32) {}
}

/// A monotonic clock.
pub trait Clock {
    /// Nanoseconds since some start. Two CPUs may differ by a few.
    fn now_ns(&self) -> u64;
}

impl<C: Clock> Clock for &C {
    fn now_ns(&self) -> u64 {
        (*self).now_ns()
    }
}

/// A 64-bit word that several CPUs change at once.
pub trait Word {
    /// Reads it.
    fn load(&self) -> u64;
    /// Stores `new` if the word still is `old`, and returns what it was.
    fn compare_exchange(&self, old: u64, new: u64) -> u64;
    /// Stores `value`.
    fn store(&self, value: u64);
    /// Adds, wrapping, and returns what it was.
    fn fetch_add(&self, value: u64) -> u64;
}

impl Word for core::cell::Cell<u64> {
    fn load(&self) -> u64 {
        self.get()
    }

    fn compare_exchange(&self, old: u64, new: u64) -> u64 {
        let was = self.get();
        if was == old {
            self.set(new);
        }
        was
    }

    fn store(&self, value: u64) {
        self.set(value);
    }

    fn fetch_add(&self, value: u64) -> u64 {
        self.replace(self.get().wrapping_add(value))
    }
}
