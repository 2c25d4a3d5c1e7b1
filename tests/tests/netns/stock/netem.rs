//! TCP through the policer on paths whose length and losses are the kernel's own (`sch_netem`).

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use edge_tests::{
    daemon::{Daemon, detach, status},
    ends::{PORTS, contoso, lab, with_one_class},
    stock::{Bound, forwarded, peering, run, settled, stock_or_skip},
};
use edge_user::lab::{
    IpFamily, Lab, Path, TagStack, WireCount,
    flows::{self, FlowsLoad},
    tcp::{self, TcpLoad},
};

const RATE_BPS: u64 = 20_000_000;
/// A full segment's payload: 1,500 bytes less IP, TCP and timestamps.
const PAYLOAD_BYTES: f64 = 1448.0;
/// Its frame: two tags in, FCS out.
const FRAME_BYTES: f64 = 1522.0;
const SLACK_BYTES: u64 = 2 * 1522;
/// The least goodput of one flow, as a part of the rate's. A guest's clock stands still at times.
const LEAST_GOODPUT: f64 = 0.7;
const ATTEMPTS: usize = 3;

/// Two far ends with a path through an edge.
struct Edge {
    lab: Lab,
    path: Path,
    daemon: Daemon,
    /// The bound since the circuit's whole bursts were free.
    bound: Bound,
}

impl Edge {
    fn start() -> Result<Self> {
        let mut lab = lab(1600)?;
        let [customer, core] = PORTS;
        let path = lab.join(customer, core, TagStack::qinq(100, 10))?;
        for (own, other) in [(&path.near, &path.far), (&path.far, &path.near)] {
            // The lab's own least timeout is made for a path without a length.
            let route = format!("{} dev eth0 src {} mtu 1500 rto_min 200ms", other.v4, own.v4);
            run(&own.ns, &format!("ip route change {route}"))?;
        }
        let config = with_one_class(contoso().key("bandwidth", RATE_BPS));
        let daemon = Daemon::start(&lab, &config)?;
        let burst_bytes = status()?.circuits[0].policers.first().context("a policer")?.burst_bytes;
        let bound = Bound::new(RATE_BPS, burst_bytes + SLACK_BYTES);
        Ok(Self { lab, path, daemon, bound })
    }

    /// Has both far ends send by way of a netem with these words.
    fn netem(&self, words: &str) -> Result<()> {
        for end in [&self.path.near, &self.path.far] {
            run(&end.ns, &format!("tc qdisc replace dev eth0 root netem limit 10000 {words}"))?;
        }
        Ok(())
    }

    /// Checks that the forwarded frames have arrived, both ways and within the bound. Returns what has
    /// arrived, and what was sent.
    fn check(&self) -> Result<[[WireCount; 2]; 2]> {
        let [customer, core] = PORTS;
        let mut counts = [[WireCount::default(); 2]; 2];
        for ((direction, from, to), counts) in
            [("inbound", customer, core), ("outbound", core, customer)].into_iter().zip(&mut counts)
        {
            let received = || Ok(self.lab.far_end(to)?.received()?.total());
            let arrived = settled(received)?;
            self.bound.check(arrived.bytes, direction);
            let status = status()?;
            let counted = forwarded(&peering(&status, "contoso", "private", direction)?.total);
            assert_eq!(counted, arrived, "{direction}");
            *counts = [arrived, self.lab.far_end(from)?.offered()?.total()];
        }
        Ok(counts)
    }

    fn stop(self) -> Result<()> {
        self.daemon.stop()?;
        detach(&self.lab)?;
        Ok(())
    }
}

#[test]
fn tcp_over_a_path_of_the_kernels_own() -> Result<()> {
    if !stock_or_skip("tcp_over_a_path_of_the_kernels_own", &["sch_netem"]) {
        return Ok(());
    }
    let edge = Edge::start()?;
    edge.netem("delay 10ms")?;
    a_flow_gets_most_of_the_rate(&edge)?;
    edge.netem("delay 2ms loss 1%")?;
    what_is_lost_before_the_edge_is_not_billed(&edge)?;
    edge.stop()
}

fn a_flow_gets_most_of_the_rate(edge: &Edge) -> Result<()> {
    let room_bps = 20e6 * PAYLOAD_BYTES / FRAME_BYTES;
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let load = FlowsLoad {
            family: IpFamily::V4,
            dscp: 0,
            congestion: &["cubic"],
            paced: true,
            warm_up: Duration::from_millis(500),
            length: Duration::from_secs(2),
        };
        let report = flows::run(&edge.path, load)?;
        edge.check()?;
        let goodput = report.total_goodput_bps() / room_bps;
        println!("goodput {goodput:.3}, {} sent again, {:?}", report.retransmits(), report.flows);
        assert!(report.flows.iter().all(|flow| flow.rtt >= Duration::from_millis(20)));
        if goodput >= LEAST_GOODPUT {
            return Ok(());
        }
        seen.push(goodput);
    }
    bail!("goodput {LEAST_GOODPUT} not reached: {seen:.3?}");
}

fn what_is_lost_before_the_edge_is_not_billed(edge: &Edge) -> Result<()> {
    let came = || Ok::<_, anyhow::Error>(status()?.ports[0].rx_frames);
    let (sent_before, came_before) = (edge.check()?[0][1].frames, came()?);
    let load = TcpLoad { family: IpFamily::V4, dscp: 0, duration: Duration::from_secs(1) };
    let report = tcp::start(&edge.path, load)?.join()?;
    assert!(report.received_bytes > 100_000, "{report:?}");
    let (sent, came) = (edge.check()?[0][1].frames - sent_before, came()? - came_before);
    println!("{came} of {sent} frames came to the edge, {report:?}");
    assert!(came < sent, "{came} of {sent}");
    Ok(())
}
