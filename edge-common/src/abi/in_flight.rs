//! Frames between the path and the wire: the path has counted them as forwarded, and the egress
//! device has not taken them yet.
//!
//! The kernel gathers the frames that a CPU redirects and hands them over in batches, in order. A
//! device takes as many from a batch's front as it has room for, and the kernel frees the rest
//! (`bq_xmit_all` in kernel/bpf/devmap.c). The kernel tells the number of these frames, not their
//! owners. So each CPU notes the owners of the frames that it has under way.

use edge_bound::below;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Frames in a batch (`DEV_MAP_BULK_SIZE`): the kernel hands one over in the middle of a poll.
const BATCH: u32 = 16;
/// More frames than can be under way on one CPU: a batch, and the frame that it has no room for.
pub const CAPACITY: usize = 64;

/// A frame that was handed to the kernel.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct HandedOver {
    /// Index of its attachment.
    pub attachment: u32,
    /// Number of its class.
    pub class: u32,
    /// Length that was metered.
    pub len_bytes: u32,
    /// Length as received.
    pub rx_len_bytes: u32,
}

/// A CPU's frames under way, oldest first. One port has received all of them: a CPU hands over the
/// frames of one device before it turns to the next device.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(number: u32) -> HandedOver {
        HandedOver { attachment: number, class: number % 8, len_bytes: 100, rx_len_bytes: 100 }
    }

    fn attachments(in_flight: &InFlight, Refused { first, end }: Refused) -> Vec<u32> {
        let count = end.wrapping_sub(first);
        (0..count).map(|at| in_flight.frame(first.wrapping_add(at)).attachment).collect()
    }

    /// The kernel's side: a queue of at most a batch, and a device with so much room.
    struct Kernel {
        queue: Vec<u32>,
        in_flight: InFlight,
        refused: Vec<u32>,
        expected: Vec<u32>,
    }

    impl Kernel {
        fn new() -> Self {
            let in_flight = InFlight { first: u32::MAX - 3, end: u32::MAX - 3, ..<_>::default() };
            Self { queue: vec![], in_flight, refused: vec![], expected: vec![] }
        }

        /// A frame of a port in native mode.
        fn redirect(
            &mut self,
            port: u32,
            number: u32,
            is_mtu_ok: bool,
            mut room: impl FnMut() -> usize,
        ) {
            self.in_flight.push(port, false, frame(number));
            if !is_mtu_ok {
                self.refuse(number);
                return;
            }
            if self.queue.len() == BATCH as usize {
                self.flush(room());
            }
            self.queue.push(number);
        }

        /// A frame of a port in generic mode, which comes into no batch.
        fn redirect_by_itself(&mut self, port: u32, number: u32, is_mtu_ok: bool) {
            self.in_flight.push(port, true, frame(number));
            if !is_mtu_ok {
                self.refuse(number);
            }
        }

        fn refuse(&mut self, number: u32) {
            let refused = self.in_flight.refused_newest();
            self.refused.extend(attachments(&self.in_flight, refused));
            self.expected.push(number);
        }

        fn flush(&mut self, room: usize) {
            if self.queue.is_empty() {
                return;
            }
            let taken = room.min(self.queue.len());
            let refused = self.in_flight.handed_over(
                u32::try_from(taken).unwrap(),
                u32::try_from(self.queue.len() - taken).unwrap(),
            );
            self.refused.extend(attachments(&self.in_flight, refused));
            self.expected.extend(&self.queue[taken..]);
            self.queue.clear();
        }
    }

    proptest! {
        #[test]
        fn what_a_device_refuses_is_known_frame_by_frame(
            // By poll: the port, its mode, which may be another one each time, and its frames.
            polls in prop::collection::vec((
                0..3u32,
                prop::bool::weighted(0.3),
                prop::collection::vec(prop::bool::weighted(0.9), 0..65),
            ), 1..40),
            rooms in prop::collection::vec(0..20usize, 400),
        ) {
            let mut kernel = Kernel::new();
            let mut rooms = rooms.into_iter().cycle();
            let mut number = 0;
            for (port, is_generic, frames) in polls {
                for is_mtu_ok in frames {
                    number += 1;
                    if is_generic {
                        kernel.redirect_by_itself(port, number, is_mtu_ok);
                    } else {
                        kernel.redirect(port, number, is_mtu_ok, || rooms.next().unwrap());
                    }
                }
                kernel.flush(rooms.next().unwrap());
            }
            prop_assert_eq!(kernel.refused, kernel.expected);
        }

        #[test]
        fn missed_batches_do_no_harm_after_the_next_poll(
            missed in 0..200u32, sent in 1..16u32, taken in 0..16u32,
        ) {
            let mut in_flight = InFlight::default();
            for number in 0..missed {
                in_flight.push(1, false, frame(number));
            }
            for number in 0..sent {
                in_flight.push(1, false, frame(1000 + number));
            }
            let taken = taken.min(sent);
            let refused = in_flight.handed_over(taken, sent - taken);
            let expected: Vec<u32> = (taken..sent).map(|number| 1000 + number).collect();
            prop_assert_eq!(attachments(&in_flight, refused), expected);
        }

        #[test]
        fn no_more_is_refused_than_there_is(
            frames in 0..200u32, taken: u32, refused: u32, one_by_one: bool,
        ) {
            let mut in_flight = InFlight::default();
            for number in 0..frames {
                in_flight.push(1, one_by_one, frame(number));
            }
            let Refused { first, end } = in_flight.handed_over(taken, refused);
            prop_assert!(end.wrapping_sub(first) <= frames.min(CAPACITY as u32));
            let newest = in_flight.refused_newest();
            prop_assert!(newest.end.wrapping_sub(newest.first) <= 1);
        }
    }

    #[test]
    fn a_port_that_hands_over_one_by_one_has_no_batches() {
        let mut in_flight = InFlight::default();
        in_flight.push(1, true, frame(7));
        in_flight.push(1, true, frame(8));
        let none = in_flight.handed_over(0, 5);
        assert_eq!(none.first, none.end);
        let newest = in_flight.refused_newest();
        assert_eq!(attachments(&in_flight, newest), [8]);
        let none = in_flight.refused_newest();
        assert_eq!(none.first, none.end);
        // The same port in the other mode begins anew, and stays in it.
        in_flight.push(1, false, frame(5));
        in_flight.push(1, false, frame(6));
        let refused = in_flight.handed_over(1, 1);
        assert_eq!(attachments(&in_flight, refused), [6]);
        in_flight.push(1, true, frame(7));
        let none = in_flight.handed_over(0, 1);
        assert_eq!(none.first, none.end);
        // And so does another port on the same CPU.
        in_flight.push(2, false, frame(9));
        let refused = in_flight.handed_over(0, 1);
        assert_eq!((attachments(&in_flight, refused), in_flight.port()), (vec![9], 2));
    }
}
