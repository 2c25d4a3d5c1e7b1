//! What the path asks of its surroundings: tables, a clock, a shared word.

use crate::{
    attachment::{Attachment, Slot},
    class::{Class, Dscp},
    fair::{self, FlowQueues},
    in_flight::HandedOver,
    limits::Limits,
    meter::{Losses, Meter, PortCounters},
    police::{self, Admission, Bucket, Lease, Policer},
    port::Features,
    qos::{BurstShare, QosRow},
    rate::Rate,
    tags::Vid,
};

/// The tables of one port. BPF maps in the kernel, vectors on the host.
pub trait Tables {
    /// A word that CPUs share.
    type Word: Word;

    /// The port's S-table.
    fn s_tag(&self, vid: Vid) -> Slot;
    /// C-table number `table`.
    fn c_tag(&self, table: u32, vid: Vid) -> Slot;
    /// An attachment.
    fn attachment(&self, index: u32) -> Option<&Attachment>;
    /// A row of a QoS profile.
    fn qos_row(&self, index: u32) -> Option<&QosRow>;
    /// A rate.
    fn rate(&self, index: u32) -> Option<&Rate>;
    /// A policer: what all CPUs share, and what this CPU has leased of it.
    fn policer(&mut self, index: u32) -> Option<(&Policer<Self::Word>, &mut Lease)>;
    /// The limits inside the circuit of an attachment, by the attachment's index.
    fn limits(&self, attachment: u32) -> Option<&Limits>;
    /// The phantom queues of a circuit's flows.
    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<Self::Word>>;
    /// [`police::buy`] with these tables. In the kernel a function of its own, which the verifier
    /// looks at once and not wherever it is called.
    fn buy(
        &mut self,
        clock: &impl Clock,
        bucket: Bucket,
        share: BurstShare,
        len_bytes: u32,
    ) -> Admission {
        police::buy(self, clock, Features::ECN, bucket, share, len_bytes)
    }
    /// [`fair::refresh`] with these tables; likewise.
    fn refresh_flows(&mut self, clock: &impl Clock, bucket: Bucket, flow_queues: u32) {
        fair::refresh(self, clock, bucket, flow_queues);
    }
    /// This CPU's counters of an attachment.
    fn meter(&mut self, attachment: u32) -> Option<&mut Meter>;
    /// This CPU's counters of what an attachment lost beside that.
    fn losses(&mut self, attachment: u32) -> Option<&mut Losses>;
    /// This CPU's counters of the port.
    fn port_counters(&mut self) -> Option<&mut PortCounters>;
    /// Sends the frame to where the port forwards; false where that is gone.
    fn forward(&mut self) -> bool;
    /// Keeps in mind that `frame` was forwarded, where a device can still refuse it.
    fn hand_over(&mut self, frame: HandedOver);

    /// What the path found out about the frame, for those who look on: a replay. Nothing in a
    /// live program, which carries none of it from step to step.
    fn note_attachment(&self, index: u32);
    /// See [`Self::note_attachment`].
    fn note_class(&self, class: Class);
    /// See [`Self::note_attachment`].
    fn note_dscp(&self, arriving: Dscp, leaving: Dscp);
    /// See [`Self::note_attachment`].
    fn note_len_bytes(&self, len_bytes: u32);
}

/// A monotonic clock.
pub trait Clock {
    /// Nanoseconds since some start. Two CPUs may differ by a few.
    fn now_ns(&self) -> u64;
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
