//! Frames between the path and the wire: the path has counted them as forwarded, and the egress
//! device has not taken them yet.
//!
//! The kernel gathers the frames that a CPU redirects to a device and hands them over in batches, in
//! order; it has a queue for each CPU and device. A device takes as many from a batch's front as it
//! has room for, and the kernel frees the rest (`bq_enqueue` and `bq_xmit_all` in
//! kernel/bpf/devmap.c). The kernel tells the number of these frames, not their owners. So each CPU
//! notes the owners of the frames that it has under way to each port.

use edge_bound::below;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Frames in a batch (`DEV_MAP_BULK_SIZE`): the kernel hands one over in the middle of a poll.
const BATCH: u32 = 16;
/// More frames than can be under way to one device on one CPU: a batch, and the frame that it has
/// no room for.
pub const CAPACITY: usize = 64;

/// A frame that was handed to the kernel.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct HandedOver {
    /// Index of its attachment; 0: the router's, or an answer of the path.
    pub attachment: u32,
    /// Number of its class.
    pub class: u32,
    /// Length that was metered.
    pub len_bytes: u32,
    /// Length as received; 0: the port has counted it under another reason than [`crate::Reason::Ok`], and its refusal
    /// takes nothing off.
    pub rx_len_bytes: u32,
}

impl HandedOver {
    /// A frame of this length from the router, which belongs to no attachment.
    #[inline(always)]
    #[must_use]
    pub const fn from_router(rx_len_bytes: u32) -> Self {
        Self { attachment: 0, class: 0, len_bytes: 0, rx_len_bytes }
    }

    /// A frame to the router, or an answer.
    #[inline(always)]
    #[must_use]
    pub const fn nobodys() -> Self {
        Self::from_router(0)
    }
}

/// A CPU's frames under way to one port, oldest first. One port has received all of them: a CPU
/// hands over the frames of one device before it turns to the next device.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct InFlight {
    /// Number of the oldest.
    first: u32,
    /// One more than the number of the newest.
    end: u32,
    /// Index of the port that received them.
    port: u32,
    /// 1: the newest frame was handed over by itself (generic XDP), and no batch has it.
    one_by_one: u32,
    /// The frames, by the low bits of their numbers.
    frames: [HandedOver; CAPACITY],
}

const _: () = assert!(size_of::<InFlight>() == 16 + CAPACITY * size_of::<HandedOver>());
const _: () = assert!(CAPACITY.is_power_of_two());

/// Numbers of frames that a device has refused: `first..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The first.
    pub first: u32,
    /// One more than the last; at most [`CAPACITY`] more than the first.
    pub end: u32,
}

impl Default for InFlight {
    fn default() -> Self {
        let frames = [HandedOver::default(); CAPACITY];
        Self { first: 0, end: 0, port: 0, one_by_one: 0, frames }
    }
}

impl InFlight {
    /// Index of the port that received the frames.
    #[must_use]
    #[inline(always)]
    pub fn port(&self) -> u32 {
        self.port
    }

    /// The frame with this number.
    #[must_use]
    #[inline(always)]
    pub fn frame(&self, number: u32) -> HandedOver {
        self.frames[below::<CAPACITY>(number as usize)]
    }

    /// Notes that a frame of `port` is handed over, in a batch or by itself. The program says
    /// which: after a change of the port's mode, another one may have run on this CPU before.
    #[inline(always)]
    pub fn push(&mut self, port: u32, one_by_one: bool, frame: HandedOver) {
        if self.port != port || one_by_one || self.one_by_one != 0 {
            // No frame of another port is under way any more, and none that went by itself.
            self.first = self.end;
            self.port = port;
            self.one_by_one = u32::from(one_by_one);
        }
        self.frames[below::<CAPACITY>(self.end as usize)] = frame;
        self.end = self.end.wrapping_add(1);
    }

    /// Notes that a device got a batch, took `taken` frames and refused the `refused` after them.
    #[inline(always)]
    pub fn handed_over(&mut self, taken: u32, refused: u32) -> Refused {
        if self.one_by_one != 0 {
            return Refused { first: 0, end: 0 };
        }
        let under_way = self.under_way();
        let batch = taken.saturating_add(refused).min(under_way);
        // A batch of fewer frames comes at the end of a poll, with the newest frames. A whole batch
        // has the oldest frames, and the next batch may have one that it had no room for.
        let is_last = taken.saturating_add(refused) < BATCH;
        let first =
            if is_last { self.end.wrapping_sub(batch) } else { self.end.wrapping_sub(under_way) };
        let end = first.wrapping_add(batch);
        self.first = if is_last { self.end } else { end };
        if self.first == self.end {
            // Numbers begin anew, so that the frames stay in the same few cache lines.
            self.first = 0;
            self.end = 0;
        }
        Refused { first: end.wrapping_sub(refused.min(batch)), end }
    }

    /// Notes that the kernel did not take the newest frame into a batch.
    #[inline(always)]
    pub fn refused_newest(&mut self) -> Refused {
        if self.first == self.end {
            return Refused { first: 0, end: 0 };
        }
        let newest = self.end.wrapping_sub(1);
        self.end = newest;
        Refused { first: newest, end: newest.wrapping_add(1) }
    }

    /// Number of frames that are still noted: new ones overwrite those that no tracepoint came for.
    #[inline(always)]
    fn under_way(&self) -> u32 {
        self.end.wrapping_sub(self.first).min(CAPACITY as u32)
    }
}

#[cfg(test)]
mod tests;
