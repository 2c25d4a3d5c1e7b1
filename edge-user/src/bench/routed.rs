//! The cost of routed frames. One that is forwarded comes out with one hop less to live, and otherwise as it came: the way
//! out has the tags of the way in, and the neighbour the MAC address of the edge's own interface. So it can be sent 250 times,
//! on caches that are cold at first. One whose neighbour is not known is dropped as it came, behind all look-ups.

use std::path::Path;

use anyhow::{Context as _, Result};
use aya::Ebpf;
use etherparse::PacketBuilder;

use super::{edge, test_run};
use crate::{
    config::{
        self,
        sample::{Sample, SampleCircuit},
    },
    kernel::{
        KernelTables, PortProgram, apply,
        object::{program::program, variant::single_buffer},
        store_router,
    },
    plan::{Capacity, InterfacePlaces, Plan, Police},
    replay::{
        self,
        route_tables::{route_tables, with_room_for},
        routes_file::{self, FileRoute},
    },
};

/// Hops that a frame has left, and so the most runs of one.
const TTL: u8 = 255;
/// Runs of a frame in one measurement.
const REPEAT: u32 = 250;
/// Measurements that one round takes the mean of. For each, the kernel waits twice until no CPU runs a program
/// (`bpf_dispatcher_change_prog`), which takes it 15 ms.
const TIMES: u32 = 20;
/// Routes of the customer, in whose tree a source is looked up.
const ROUTES: u32 = 4_000;
const LEN_BYTES: usize = 128;

/// A port with a routed circuit.
pub(super) struct RoutedPort {
    ebpf: Ebpf,
    /// With the customer's tags, to the interface of its peering-link.
    frame: Vec<u8>,
    name: &'static str,
    /// Number of measurements that a round takes the mean of, and runs in each.
    runs: (u32, u32),
}

/// The stages, in order: the look-up of a source in a table of 4,000 routes is what the second has over the third.
pub(super) const STAGES: [&str; 3] = [
    "routed, IPv4, the source one of 4,000 routes, cold",
    "routed, IPv4, the same, dropped without a neighbour",
    "routed, IPv4, any source, dropped without a neighbour",
];

impl RoutedPort {
    /// The ports of [`STAGES`].
    pub(super) fn all() -> Result<[Self; 3]> {
        let port = |sources, has_neighbour| Self::new(sources, has_neighbour);
        Ok([port("advertised", true)?, port("advertised", false)?, port("off", false)?])
    }

    fn new(source_check: &str, has_neighbour: bool) -> Result<Self> {
        let config = config::parse(&sample(source_check).to_string(), Path::new("bench"))?;
        let capacity = Capacity::for_config(&config);
        let plan = Plan::new(&config, &capacity.unused(), Police::Purchased)?;
        let mut router = route_tables(&plan, &capacity, &routes(&plan)?)?;
        let capacity = with_room_for(capacity, &router);
        let [customer, cloud] = [0, 1].map(|place| &plan.interfaces[place]);
        for next_hop in InterfacePlaces::of(cloud.index).next_hops() {
            let neighbour = if has_neighbour { customer.value.mac } else { 0 };
            router.next_hops[next_hop as usize].neighbour = neighbour;
        }
        let port = plan.port("customer0").context("the port of the benchmark")?;
        let mut ebpf = PortProgram::load_for_bench(port, &capacity)?;
        let mut tables = KernelTables::take(&mut ebpf)?;
        apply(&mut tables, &plan, &vec![replay::kernel::LOOPBACK_IFINDEX; plan.ports.len()])?;
        store_router(&tables, &router);
        let frame = frame(customer.value.mac().to_bytes())?;
        let runs = if has_neighbour { (TIMES, REPEAT) } else { (1, TIMES * REPEAT * 50) };
        Ok(Self { ebpf, frame, name: single_buffer(port.features), runs })
    }

    /// Nanoseconds a frame.
    pub(super) fn measure(&mut self) -> Result<f64> {
        let program = program(&mut self.ebpf, self.name)?;
        let (times, repeat) = self.runs;
        let mut sum = 0.0;
        for _ in 0..times {
            sum += test_run(program, &self.frame, repeat)?;
        }
        Ok(sum / f64::from(times))
    }
}

fn sample(source_check: &str) -> Sample {
    let circuit = SampleCircuit::new("routed", "100 Gbps")
        .s_tag(100)
        .peering("private", 10)
        .of_peering("private", "static_routes", ["9.0.0.0/8"])
        .of_peering("private", "primary", "192.168.15.16/30")
        .of_peering("private", "primary_v6", "fd00:15::/126")
        .of_peering("private", "source_check", source_check)
        .of_vnet("hub", "port", "core0")
        .of_vnet("hub", "s_tag", 100)
        .of_vnet("hub", "c_tag", 10)
        .of_vnet("hub", "own", "10.1.255.5/30")
        .of_vnet("hub", "gateway", "10.1.255.6")
        .of_vnet("hub", "own_v6", "fd00:1::5/126")
        .of_vnet("hub", "gateway_v6", "fd00:1::6")
        .of_vnet("hub", "prefixes", ["10.1.0.0/16", "2001:db8:1::/48"]);
    edge().circuit(circuit).routing("daemon", "none")
}

/// Every other /24, so that no two are next to each other.
fn routes(plan: &Plan) -> Result<Vec<FileRoute>> {
    let prefix = |number: u32| {
        let third = 2 * number;
        format!("{}.{}.{}.0/24", 20 + (third >> 16), third >> 8 & 0xff, third & 0xff)
    };
    let lines =
        (0..ROUTES).map(|number| format!("{} via routed/private/primary\n", prefix(number)));
    let text: String = lines.collect();
    Ok(routes_file::parse(&text, Path::new("bench"), plan)?)
}

fn frame(own_mac: [u8; 6]) -> Result<Vec<u8>> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2; 6], own_mac)
        .double_vlan(100.try_into()?, 10.try_into()?)
        .ipv4([20, 15, 160, 1], [10, 1, 0, 1], TTL)
        .udp(1, 2)
        .write(&mut frame, &[0; LEN_BYTES - 22 - 20 - 8])?;
    Ok(frame)
}
