//! The kernel engine: the loaded XDP program, run on frames by `BPF_PROG_TEST_RUN`.

use aya::{
    Ebpf,
    programs::{TestRun as _, TestRunOptions},
};
use edge_common::{
    Reason,
    abi::{
        counters::{Counted, PortCounters},
        outcome::Outcome,
    },
    host::HostRouter,
};
use nix::{
    sched::{CpuSet, sched_getcpu, sched_setaffinity},
    unistd::Pid,
};

use super::{
    PathEngine,
    error::{ReplayError, Result},
};
use crate::{
    kernel::{
        KernelTables, PortProgram, TraceMaps, UnmatchedCounts, apply,
        error::KernelError,
        object::{
            program::program,
            variant::{may_split, several_buffers, single_buffer},
        },
        store_router,
        tables::replay_tables::ReplayTables,
    },
    plan::{Capacity, Plan, PortPlan},
    report::Told,
};

/// The kernel runs nothing shorter than an Ethernet header (`bpf_test_init`).
const MIN_FRAME_LEN_BYTES: usize = 14;
/// The loopback interface of any network namespace: a test run only needs a device to redirect to.
pub(crate) const LOOPBACK_IFINDEX: u32 = 1;

/// The program of one port, with tables of its own and no interface.
pub struct KernelEngine {
    ebpf: Ebpf,
    tables: KernelTables,
    replay: ReplayTables,
    port: PortPlan,
    /// The refusal of the program for frames in several buffers by a kernel that is too old.
    frags_refused: Option<KernelError>,
    /// Room for the frame as it leaves.
    out: Vec<u8>,
}

impl KernelEngine {
    /// Loads the program of `port` and fills its tables with `plan`.
    pub fn new(plan: &Plan, port: &PortPlan, capacity: &Capacity) -> Result<Self> {
        let (ebpf, frags_refused) = PortProgram::load_for_replay(port, capacity)?;
        Self::of(ebpf, frags_refused, plan, port, capacity)
    }

    /// The same of a program with a trace in it, and the maps of that.
    pub fn traced(plan: &Plan, port: &PortPlan, capacity: &Capacity) -> Result<(Self, TraceMaps)> {
        let mut ebpf = PortProgram::load_traced_for_replay(port, capacity)?;
        let trace = TraceMaps::take(&mut ebpf)?;
        Ok((Self::of(ebpf, None, plan, port, capacity)?, trace))
    }

    fn of(
        mut ebpf: Ebpf,
        frags_refused: Option<KernelError>,
        plan: &Plan,
        port: &PortPlan,
        capacity: &Capacity,
    ) -> Result<Self> {
        stay_on_one_cpu()?;
        let mut tables = KernelTables::take(&mut ebpf)?;
        let replay = ReplayTables::take(&mut ebpf)?;
        apply(&mut tables, plan, &vec![LOOPBACK_IFINDEX; plan.ports.len()])?;
        tables.set_egress(capacity.router_port(), LOOPBACK_IFINDEX)?;
        Ok(Self { ebpf, tables, replay, port: port.clone(), frags_refused, out: Vec::new() })
    }

    /// Routes frames by these tables of the router, instead of the plan's.
    pub fn route_by(&mut self, router: &HostRouter) {
        store_router(&self.tables, router);
    }

    /// Runs the program that an interface for frames of this length would have, and returns the
    /// outcome and the XDP action.
    pub fn run_for_action(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Result<(Outcome, u32)> {
        let mtu_bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        self.test_run(may_split(mtu_bytes), frame, None, now_ns)
    }

    /// Runs the program for frames in several buffers, of which the first has this many bytes,
    /// as some drivers deliver them; Linux 6.18 or later.
    pub fn run_in_buffers(
        &mut self,
        frame: &mut Vec<u8>,
        first_len_bytes: u32,
        now_ns: u64,
    ) -> Result<(Outcome, u32)> {
        let context = xdp_md(first_len_bytes);
        self.test_run(true, frame, Some(&context), now_ns)
    }

    /// Runs a program and leaves the frame as it came out.
    fn test_run(
        &mut self,
        in_buffers: bool,
        frame: &mut Vec<u8>,
        context: Option<&[u8]>,
        now_ns: u64,
    ) -> Result<(Outcome, u32)> {
        if let (true, Some(refused)) = (in_buffers, &self.frags_refused) {
            let len_bytes = frame.len();
            return Err(ReplayError::Engine(Told::new(format!(
                "a frame of {len_bytes} bytes can't be run: {refused:#}"
            ))));
        }
        self.replay.prepare(now_ns);
        self.out.resize(frame.len() + 256, 0);
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut self.out);
        options.ctx_in = context;
        let features = self.port.features;
        let name = if in_buffers { several_buffers(features) } else { single_buffer(features) };
        let result = program(&mut self.ebpf, name)?.test_run(options).map_err(|error| {
            let text = format!("running the program on a frame of {} bytes", frame.len());
            KernelError::from(error).after(text)
        })?;
        frame.clear();
        frame.extend_from_slice(&self.out[..result.data_size_out as usize]);
        Ok((self.replay.outcome(), result.return_value))
    }
}

/// A `struct xdp_md` (linux/bpf.h) that asks for a first buffer of this length.
fn xdp_md(first_len_bytes: u32) -> [u8; 24] {
    const DATA_END: usize = 4;
    let mut context = [0; 24];
    context[DATA_END..DATA_END + 4].copy_from_slice(&first_len_bytes.to_ne_bytes());
    context
}

impl PathEngine for KernelEngine {
    fn run(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Result<Outcome> {
        if frame.len() < MIN_FRAME_LEN_BYTES {
            // No driver delivers one, either.
            let (reason, len_bytes) = (Reason::Malformed.number(), u32::try_from(frame.len())?);
            return Ok(Outcome { reason, len_bytes, ..Outcome::unknown() });
        }
        Ok(self.run_for_action(frame, now_ns)?.0)
    }

    fn counted(&self, attachment: u32) -> Result<Counted> {
        Ok(self.tables.counted(attachment)?)
    }

    fn port_counters(&self) -> Result<PortCounters> {
        Ok(self.tables.port_counters(self.port.index)?)
    }

    fn unmatched(&self) -> Result<UnmatchedCounts> {
        Ok(self.tables.unmatched(self.port.index)?)
    }
}

/// Leases are per CPU: on one CPU, a replay's verdicts depend on the capture alone.
pub(crate) fn stay_on_one_cpu() -> Result<()> {
    move_to_cpu(sched_getcpu()?)
}

/// Has the calling thread run on this CPU only.
pub(crate) fn move_to_cpu(cpu: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &cpus).map_err(|errno| {
        ReplayError::Engine(Told::bare(errno).after(format!("moving to CPU {cpu}")))
    })
}
