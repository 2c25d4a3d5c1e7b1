//! Frames through the router in memory.

use crate::{
    packets::Packet,
    routed_tables::{neighbour_mac, own_mac, tags},
};
use edge_common::{
    Action, Reason,
    abi::{
        counters::{LOSS_REASONS, ReasonCounter},
        in_flight::HandedOver,
        outcome::Outcome,
    },
    env::Way,
    host::{Buffer, FixedClock, HostTables},
    path::Ended,
    reason::UnmatchedPolicy,
};

/// Room that drivers leave in front of a frame.
const HEADROOM: usize = 256;

/// A frame, and what became of it.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) reason: Reason,
    pub(crate) action: Action,
    /// As it came.
    pub(crate) sent: Vec<u8>,
    /// As it is after the path.
    pub(crate) left: Vec<u8>,
    /// Its way out, and the record of it, if it leaves.
    pub(crate) handed_over: Option<(Way, HandedOver)>,
    pub(crate) outcome: Outcome,
}

impl Sent {
    /// Its way out.
    pub(crate) fn way(&self) -> Option<Way> {
        self.handed_over.map(|(way, _)| way)
    }

    /// The same frame.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.sent == self.left
    }
}

/// Takes frames along the path.
pub(crate) trait Send {
    /// A packet from the neighbour at an interface.
    fn send(&mut self, interface: u32, packet: &Packet) -> Sent;
    /// A frame of bytes.
    fn send_frame(&mut self, frame: &[u8]) -> Sent;
    /// With so many bytes of room in front of it.
    fn send_with_headroom(&mut self, frame: &[u8], headroom: usize) -> Sent;
    /// The reasons for which an attachment lost frames, and how many.
    fn lost(&self, attachment: u32) -> Vec<(Reason, ReasonCounter)>;
    /// Bytes and frames that an attachment forwarded, all classes together.
    fn metered(&self, attachment: u32) -> ReasonCounter;
}

impl Send for HostTables {
    fn send(&mut self, interface: u32, packet: &Packet) -> Sent {
        self.send_frame(&arriving(interface, packet))
    }

    fn send_frame(&mut self, frame: &[u8]) -> Sent {
        self.send_with_headroom(frame, HEADROOM)
    }

    fn send_with_headroom(&mut self, frame: &[u8], headroom: usize) -> Sent {
        let mut bytes = [&vec![0xee; headroom], frame].concat();
        let mut buffer = Buffer::new(&mut bytes, headroom);
        let FixedClock(now_ns) = self.buckets.clock;
        let outcome = self.process(&mut buffer, now_ns);
        let reason = Reason::from_number(outcome.reason).unwrap();
        let action = Ended { reason, is_routed: self.is_routed }.action(UnmatchedPolicy::Drop);
        assert!(self.handed_over.len() <= 1, "a frame leaves once");
        Sent {
            reason,
            action,
            sent: frame.to_vec(),
            left: buffer.as_bytes().to_vec(),
            handed_over: self.handed_over.first().copied(),
            outcome,
        }
    }

    fn lost(&self, attachment: u32) -> Vec<(Reason, ReasonCounter)> {
        let losses = self.losses[attachment as usize].reasons;
        LOSS_REASONS.into_iter().zip(losses).filter(|(_, lost)| lost.frames != 0).collect()
    }

    fn metered(&self, attachment: u32) -> ReasonCounter {
        let classes = self.meters[attachment as usize].classes;
        ReasonCounter {
            frames: classes.iter().map(|class| class.forwarded_frames).sum(),
            bytes: classes.iter().map(|class| class.forwarded_bytes).sum(),
        }
    }
}

/// A frame between two stations.
pub(crate) fn link(
    destination: [u8; 6],
    source: [u8; 6],
    tags: &[(u16, u16)],
    ether_type: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = [destination, source].concat();
    for (tpid, tci) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The frame of a packet from the neighbour at an interface.
pub(crate) fn arriving(interface: u32, packet: &Packet) -> Vec<u8> {
    let (own, neighbour) = (own_mac(interface), neighbour_mac(interface));
    link(own, neighbour, tags(interface), packet.ether_type(), &packet.bytes())
}

/// The frame of a packet to a next hop at an interface.
pub(crate) fn leaving(next_hop: u32, interface: u32, packet: &Packet) -> Vec<u8> {
    let (own, neighbour) = (own_mac(interface), neighbour_mac(next_hop));
    link(neighbour, own, tags(interface), packet.ether_type(), &packet.bytes())
}
