//! The kernel engine: the loaded XDP program, run on frames by `BPF_PROG_TEST_RUN`.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{TestRun as _, TestRunOptions},
};
use edge_common::{
    Reason,
    abi::Outcome,
    meter::{Meter, PortCounters},
};
use nix::{
    sched::{CpuSet, sched_getcpu, sched_setaffinity},
    unistd::Pid,
};

use super::Engine;
use crate::{
    dataplane::{
        KernelTables, PortProgram, apply,
        program::{program, program_for_mtu},
        tables::ReplayTables,
    },
    plan::{Capacity, Plan, PortPlan},
};

/// The kernel runs nothing shorter than an Ethernet header (`bpf_test_init`).
const MIN_FRAME_LEN_BYTES: usize = 14;
/// The loopback interface of any network namespace: a test run asks only whether there is a
/// device to redirect to.
pub(crate) const LOOPBACK_IFINDEX: u32 = 1;

/// The program of one port, with tables of its own and no interface.
pub struct KernelEngine {
    ebpf: Ebpf,
    tables: KernelTables,
    replay: ReplayTables,
    port: u32,
    /// Room for the frame as it leaves.
    out: Vec<u8>,
}

impl KernelEngine {
    /// Loads the program of `port` and fills its tables with `plan`.
    pub fn new(plan: &Plan, port: &PortPlan, capacity: &Capacity) -> Result<Self> {
        stay_on_one_cpu()?;
        let mut ebpf = PortProgram::load_for_replay(port, capacity)?;
        let mut tables = KernelTables::take(&mut ebpf)?;
        let replay = ReplayTables::take(&mut ebpf)?;
        apply(&mut tables, plan, &vec![LOOPBACK_IFINDEX; plan.ports.len()])?;
        Ok(Self { ebpf, tables, replay, port: port.index, out: Vec::new() })
    }

    /// Runs the program for frames of this length, leaves the frame as it came out, and returns
    /// the XDP action.
    fn test_run(&mut self, frame: &mut Vec<u8>) -> Result<u32> {
        self.out.resize(frame.len() + 256, 0);
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut self.out);
        let mtu_bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let result = program(&mut self.ebpf, program_for_mtu(mtu_bytes))?
            .test_run(options)
            .with_context(|| format!("running the program on a frame of {} bytes", frame.len()))?;
        frame.clear();
        frame.extend_from_slice(&self.out[..result.data_size_out as usize]);
        Ok(result.return_value)
    }

    /// Runs the program and returns, beside the outcome, the XDP action it returned.
    pub fn run_for_action(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Result<(Outcome, u32)> {
        self.replay.prepare(now_ns);
        let action = self.test_run(frame)?;
        Ok((self.replay.outcome(), action))
    }
}

impl Engine for KernelEngine {
    fn run(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Result<Outcome> {
        if frame.len() < MIN_FRAME_LEN_BYTES {
            // No driver delivers one, either.
            let (reason, len_bytes) = (Reason::Malformed.number(), frame.len() as u32);
            return Ok(Outcome { reason, len_bytes, ..Outcome::unknown() });
        }
        Ok(self.run_for_action(frame, now_ns)?.0)
    }

    fn meter(&self, attachment: u32) -> Result<Meter> {
        self.tables.meter(attachment)
    }

    fn port_counters(&self) -> Result<PortCounters> {
        self.tables.port_counters(self.port)
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
    sched_setaffinity(Pid::from_raw(0), &cpus).with_context(|| format!("moving to CPU {cpu}"))
}
