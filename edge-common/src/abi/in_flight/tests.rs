use proptest::prelude::*;

use super::*;

fn frame(number: u32) -> HandedOver {
    HandedOver { attachment: number, class: number % 8, len_bytes: 100, rx_len_bytes: 100 }
}

fn attachments(in_flight: &InFlight, Refused { first, end }: Refused) -> Vec<u32> {
    let count = end.wrapping_sub(first);
    (0..count).map(|at| in_flight.frame(first.wrapping_add(at)).attachment).collect()
}

/// Egress devices of the kernel's side.
const DEVICES: usize = 3;

/// The kernel's side: a queue for each device, of at most a batch, and a device with so much room.
struct Kernel {
    queues: [Vec<u32>; DEVICES],
    in_flight: [InFlight; DEVICES],
    refused: Vec<u32>,
    expected: Vec<u32>,
}

impl Kernel {
    fn new() -> Self {
        let in_flight = InFlight { first: u32::MAX - 3, end: u32::MAX - 3, ..<_>::default() };
        Self {
            queues: <_>::default(),
            in_flight: [in_flight; DEVICES],
            refused: vec![],
            expected: vec![],
        }
    }

    /// A frame of a port in native mode.
    fn redirect(
        &mut self,
        port: u32,
        device: usize,
        number: u32,
        is_mtu_ok: bool,
        mut room: impl FnMut() -> usize,
    ) {
        self.in_flight[device].push(port, false, frame(number));
        if !is_mtu_ok {
            self.refuse(device, number);
            return;
        }
        if self.queues[device].len() == BATCH as usize {
            self.flush(device, room());
        }
        self.queues[device].push(number);
    }

    /// A frame of a port in generic mode, which comes into no batch.
    fn redirect_by_itself(&mut self, port: u32, device: usize, number: u32, is_mtu_ok: bool) {
        self.in_flight[device].push(port, true, frame(number));
        if !is_mtu_ok {
            self.refuse(device, number);
        }
    }

    fn refuse(&mut self, device: usize, number: u32) {
        let refused = self.in_flight[device].refused_newest();
        self.refused.extend(attachments(&self.in_flight[device], refused));
        self.expected.push(number);
    }

    fn flush(&mut self, device: usize, room: usize) {
        let queue = &mut self.queues[device];
        if queue.is_empty() {
            return;
        }
        let taken = room.min(queue.len());
        let refused = self.in_flight[device].handed_over(
            u32::try_from(taken).unwrap(),
            u32::try_from(queue.len() - taken).unwrap(),
        );
        self.refused.extend(attachments(&self.in_flight[device], refused));
        self.expected.extend(&queue[taken..]);
        queue.clear();
    }
}

proptest! {
    #[test]
    fn what_a_device_refuses_is_known_frame_by_frame(
        // By poll: the port, its mode, which may be another one each time, and its frames, each
        // with the device that it leaves by.
        polls in prop::collection::vec((
            0..3u32,
            prop::bool::weighted(0.3),
            prop::collection::vec((0..DEVICES, prop::bool::weighted(0.9)), 0..100),
        ), 1..40),
        rooms in prop::collection::vec(0..20usize, 400),
    ) {
        let mut kernel = Kernel::new();
        let mut rooms = rooms.into_iter().cycle();
        let mut number = 0;
        for (port, is_generic, frames) in polls {
            for (device, is_mtu_ok) in frames {
                number += 1;
                if is_generic {
                    kernel.redirect_by_itself(port, device, number, is_mtu_ok);
                } else {
                    let room = || rooms.next().unwrap();
                    kernel.redirect(port, device, number, is_mtu_ok, room);
                }
            }
            // The device that got its first frame last comes first, but the order doesn't matter.
            for device in (0..DEVICES).rev() {
                kernel.flush(device, rooms.next().unwrap());
            }
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
