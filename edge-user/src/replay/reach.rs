//! The end of the bytes that the path reads of a frame. The verdict on a frame that is cut before
//! that end depends on zeros that no sender has sent.

use std::cell::Cell;

use edge_common::{
    Frame,
    host::{Buffer, HostFrame, HostRouter},
    packet::{checksum, encapsulation, ip_version::IpVersion},
};

use super::host::{HEADROOM_BYTES, HostEngine, with_headroom};
use crate::plan::{Capacity, Plan, PortPlan};

/// Takes frames along the path, on tables of its own, to see which bytes the path reads.
pub(super) struct Reach<'a> {
    plan: &'a Plan,
    port: &'a PortPlan,
    capacity: &'a Capacity,
    /// Tables of the router, where these are not the plan's.
    router: Option<&'a HostRouter>,
    /// The path, made for the first frame that is cut.
    path: Option<HostEngine>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(plan: &'a Plan, port: &'a PortPlan, capacity: &'a Capacity) -> Self {
        Self { plan, port, capacity, router: None, path: None }
    }

    /// Routes frames by these tables of the router.
    pub(super) fn route_by(&mut self, router: &'a HostRouter) {
        self.router = Some(router);
    }

    /// The end of the bytes in `frame` that the path of the port reads at `now_ns`.
    pub(super) fn of(&mut self, frame: &[u8], now_ns: u64) -> usize {
        let Self { plan, port, capacity, router, path } = self;
        let path = path.get_or_insert_with(|| {
            let mut path = HostEngine::new(plan, port, capacity);
            if let Some(router) = router {
                path.route_by(router.clone());
            }
            path
        });
        let mut bytes = with_headroom(frame);
        let buffer = Buffer::new(&mut bytes, HEADROOM_BYTES);
        let mut watched = Watched { buffer, moved_bytes: 0, reach: Cell::new(0) };
        path.process(&mut watched, now_ns);
        watched.reach.get()
    }
}

/// A frame that notes which of its bytes are read.
struct Watched<'a> {
    buffer: Buffer<'a>,
    /// The distance in bytes that its start has moved since it came.
    moved_bytes: i32,
    reach: Cell<usize>,
}

impl Watched<'_> {
    fn note(&self, offset: usize, len_bytes: usize) {
        let end = (offset + len_bytes).checked_add_signed(self.moved_bytes as isize);
        self.reach.set(self.reach.get().max(end.unwrap_or(0)));
    }
}

impl Frame for Watched<'_> {
    fn len_bytes(&self) -> u32 {
        self.buffer.len_bytes()
    }

    fn holds(&self, end: usize) -> bool {
        self.buffer.holds(end)
    }

    fn read_u16(&self, offset: usize) -> Option<u16> {
        self.note(offset, size_of::<u16>());
        self.buffer.read_u16(offset)
    }

    fn read_u32(&self, offset: usize) -> Option<u32> {
        self.note(offset, size_of::<u32>());
        self.buffer.read_u32(offset)
    }

    fn write_u16(&mut self, offset: usize, value: u16) -> Option<()> {
        self.buffer.write_u16(offset, value)
    }

    fn write_u32(&mut self, offset: usize, value: u32) -> Option<()> {
        self.buffer.write_u32(offset, value)
    }

    fn move_start(&mut self, by_bytes: i32) -> Option<()> {
        self.buffer.move_start(by_bytes)?;
        self.moved_bytes += by_bytes;
        Some(())
    }

    fn cut(&mut self, len_bytes: u32) -> Option<()> {
        self.buffer.cut(len_bytes)
    }

    fn sum(&self, offset: usize, len_bytes: usize) -> Option<u16> {
        checksum::sum(len_bytes, |at| self.read_u32(offset + at))
    }

    fn encapsulated_ip_version(&self, ether_type: u16, offset: usize) -> Option<IpVersion> {
        encapsulation::ip_version(self, ether_type, offset)
    }
}

impl HostFrame for Watched<'_> {}
