//! `edge bench`: measurements of the loaded programs in test runs, without an interface.

pub mod look_ups;
pub mod policer;
mod routed;
pub mod stages;
mod traced;

use std::path::Path;

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{TestRun as _, TestRunOptions, Xdp},
};
use etherparse::PacketBuilder;

use crate::{
    config::{
        self,
        sample::{Sample, SamplePort},
    },
    kernel::{KernelTables, PortProgram, apply, error::KernelError},
    plan::{Capacity, Plan, Police, PortPlan},
    replay,
};

/// Length of the headers of [`udp`]'s frames: Ethernet, two tags, IPv4, UDP.
const HEADERS_LEN_BYTES: usize = 14 + 2 * 4 + 20 + 8;

/// A port's programs, with tables of their own.
struct LoadedPort {
    ebpf: Ebpf,
    tables: KernelTables,
    plan: Plan,
}

/// An edge with the port of the benchmarks, `customer0`, and no circuits yet.
fn edge() -> Sample {
    Sample::new("bench")
        .port(SamplePort::new("customer0", "customer").interface("lo").forward("core0"))
        .port(SamplePort::new("core0", "core").interface("lo0"))
}

/// The programs of the port `customer0`, with tables for `sample`.
fn load(sample: &Sample) -> Result<LoadedPort> {
    load_by(sample, PortProgram::load_for_bench)
}

/// Does the same with programs that `loader` loads.
fn load_by(
    sample: &Sample,
    loader: fn(&PortPlan, &Capacity) -> Result<Ebpf, KernelError>,
) -> Result<LoadedPort> {
    let config = config::parse(&sample.to_string(), Path::new("bench"))?;
    let capacity = Capacity::for_config(&config);
    let plan = Plan::new(&config, &capacity.unused(), Police::Purchased)?;
    let port = plan.port("customer0").context("the port of the benchmark")?;
    let mut ebpf = loader(port, &capacity)?;
    let mut tables = KernelTables::take(&mut ebpf)?;
    apply(&mut tables, &plan, &vec![replay::kernel::LOOPBACK_IFINDEX; plan.ports.len()])?;
    Ok(LoadedPort { ebpf, tables, plan })
}

/// Nanoseconds a run, as the kernel measures them over `repeat` runs.
fn test_run(program: &Xdp, frame: &[u8], repeat: u32) -> Result<f64> {
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    options.repeat = repeat;
    let result = program.test_run(options).context("a test run")?;
    Ok(result.duration.as_secs_f64() * 1e9)
}

/// The CPUs that test runs can run on.
fn online_cpus() -> Result<Vec<u32>> {
    aya::util::online_cpus()
        .map_err(|(file, error)| anyhow::Error::new(error).context(format!("reading {file}")))
}

/// A double-tagged frame of `len_bytes` with IPv4 and UDP.
fn udp(dscp: u8, s_vid: u16, c_vid: u16, len_bytes: usize) -> Result<Vec<u8>> {
    let payload =
        len_bytes.checked_sub(HEADERS_LEN_BYTES).context("a frame has room for its headers")?;
    let mut header = etherparse::Ipv4Header::new(
        u16::try_from(8 + payload)?,
        64,
        etherparse::IpNumber::UDP,
        [10; 4],
        [11; 4],
    )?;
    header.dscp = etherparse::IpDscp::try_new(dscp)?;
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
        .double_vlan(s_vid.try_into()?, c_vid.try_into()?)
        .ip(etherparse::IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default()))
        .udp(1, 2);
    let mut frame = Vec::new();
    builder.write(&mut frame, &vec![0; payload])?;
    Ok(frame)
}
