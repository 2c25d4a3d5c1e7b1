//! The host path and the kernel program of a port, held against each other.

use edge_common::{Action, Reason, abi::counters::PortCounters, host::HostRouter};
use edge_user::{
    kernel::UnmatchedCounts,
    replay::{HostEngine, KernelEngine, PathEngine},
};

use crate::fixture::Fixture;

/// XDP actions (linux/bpf.h).
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_REDIRECT: u32 = 4;

/// The kernel runs nothing shorter than an Ethernet header (`bpf_test_init`).
pub const MIN_FRAME_LEN_BYTES: usize = 14;
/// The least first buffer of which tags can be popped, which take an Ethernet header behind them.
pub const LEAST_FIRST_LEN_BYTES: usize = 14 + 8;

/// Both, with tables of their own.
pub struct Both<'a> {
    fixture: &'a Fixture,
    host: HostEngine,
    kernel: KernelEngine,
}

impl<'a> Both<'a> {
    /// Those of `port`.
    ///
    /// # Panics
    ///
    /// If there is no such port, or its program does not load.
    #[must_use]
    pub fn new(fixture: &'a Fixture, port: &str) -> Self {
        let kernel = fixture.kernel(port).expect("the program loads");
        Self { fixture, host: fixture.host(port), kernel }
    }

    /// Routes frames by these tables of the router.
    pub fn route_by(&mut self, router: &HostRouter) {
        self.host.route_by(router.clone());
        self.kernel.route_by(router);
    }

    /// Runs a frame through both, whole, or in the kernel with so many bytes in the first of
    /// several buffers, and returns why its path ended.
    ///
    /// # Panics
    ///
    /// If outcomes or bytes differ, or the XDP action is not the reason's.
    pub fn run(&mut self, sent: &[u8], first_len_bytes: Option<u32>, now_ns: u64) -> Reason {
        let (mut by_host, mut by_kernel) = (sent.to_vec(), sent.to_vec());
        let host_outcome = self.host.run(&mut by_host, now_ns).expect("the host path runs");
        let ran = match first_len_bytes {
            None => self.kernel.run_for_action(&mut by_kernel, now_ns),
            Some(first) => self.kernel.run_in_buffers(&mut by_kernel, first, now_ns),
        };
        let (kernel_outcome, action) = ran.expect("the program runs");
        assert_eq!(host_outcome, kernel_outcome, "{first_len_bytes:?}: {sent:02x?}");
        assert_eq!(by_host, by_kernel, "{first_len_bytes:?}: {sent:02x?}");
        let reason = host_outcome.reason().expect("a reason");
        let expected = match host_outcome.action(reason, self.fixture.config.edge.unmatched) {
            Action::Forward | Action::Punt | Action::Answer => XDP_REDIRECT,
            Action::Pass => XDP_PASS,
            Action::Drop => XDP_DROP,
        };
        assert_eq!(action, expected, "{sent:02x?}");
        reason
    }

    /// Compares what both have counted.
    ///
    /// # Panics
    ///
    /// If that differs.
    pub fn check_counters(&self) {
        let counters = |engine: &dyn PathEngine| {
            let attachments = self.fixture.plan.attachments.iter();
            let counted = attachments.map(|known| engine.counted(known.index).expect("a meter"));
            let unmatched = engine.unmatched().expect("tags");
            let counters = engine.port_counters().expect("counters");
            check_unmatched(&counters, &unmatched);
            (counters, counted.collect::<Vec<_>>(), unmatched)
        };
        assert_eq!(counters(&self.host), counters(&self.kernel));
    }
}

/// Each frame of the two reasons is listed or left out.
fn check_unmatched(counters: &PortCounters, unmatched: &UnmatchedCounts) {
    let of = |reason: Reason| counters.reasons[usize::from(reason.number())].frames;
    let listed: u64 = unmatched.listed.values().map(|entry| entry.frames).sum();
    let counted = of(Reason::Unmatched) + of(Reason::Untagged);
    assert_eq!(listed + unmatched.left_out_frames, counted);
}

/// Whether a test run can deliver a frame in several buffers (Linux 6.18); says so if not.
///
/// # Panics
///
/// If the program does not load.
#[must_use]
pub fn splits_frames() -> bool {
    let mut kernel = Fixture::new("drop").kernel("customer0").expect("the program loads");
    let splits = kernel.run_in_buffers(&mut vec![0; 64], 32, 1).is_ok();
    if !splits {
        println!("SKIPPED: frames in several buffers: this kernel runs them whole (Linux 6.18)");
    }
    splits
}
