//! A configuration with a circuit of each kind, and both engines on it.

use std::{fmt::Display, path::Path};

use anyhow::Result;
use edge_user::{
    config::{self, Config},
    plan::{Capacity, Plan, Police},
    replay::{HostEngine, KernelEngine},
};

/// Every policy, both kinds of circuit, one disabled, one slow.
pub const CONFIG: &str = r#"
[edge]
name = "test"

[[port]]
name = "customer0"
interface = "cust0"
side = "customer"
forward = "core0"

[[port]]
name = "core0"
interface = "core0"
side = "core"
forward = "customer0"

[[circuit]]
name = "qinq"
bandwidth = "10 Gbps"
s_tag = 100
  [[circuit.peering]]
  kind = "private"
  c_tag = 10
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 20
  [[circuit.peering]]
  kind = "public"
  c_tag = 30

[[circuit]]
name = "dot1q"
bandwidth = "1 Gbps"
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 200
  qos = "two"

[[circuit]]
name = "off"
bandwidth = "50 Mbps"
enabled = false
s_tag = 101
  [[circuit.peering]]
  kind = "private"
  c_tag = 10

[[circuit]]
name = "slow"
bandwidth = "64 kbps"
burst = 8000
  [[circuit.peering]]
  kind = "private"
  c_tag = 300

[[circuit]]
name = "ranges"
bandwidth = "1 Gbps"
s_tag = 102
accounting = "l1"
  [[circuit.peering]]
  kind = "private"
  c_tag = "100-199"
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = "200-4094"

[[circuit]]
name = "any"
bandwidth = "1 Gbps"
s_tag = 103
core_s_tag = 1103
s_tpid = "0x9100"
  [[circuit.peering]]
  kind = "private"
  c_tag = "any"

[[circuit]]
name = "translated"
bandwidth = "1 Gbps"
s_tag = 104
core_s_tag = 400
s_tpid = "0x8100"
core_s_tpid = "0x88a8"
accounting = "mef"
  [[circuit.peering]]
  kind = "private"
  c_tag = 10
  core_c_tag = 40
  qos = "ports"
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 20
  core_c_tag = 41
  core_c_tpid = "0x88a8"
  qos = "ports"
  [[circuit.peering]]
  kind = "public"
  c_tag = 30
  core_c_tag = 42
  qos = "ports"

[[circuit]]
name = "c-alone"
bandwidth = "1 Gbps"
s_tag = 105
core_s_tag = 0
accounting = "l3"
  [[circuit.peering]]
  kind = "private"
  c_tag = 10
  core_c_tag = 410
  qos = "ports"

[[circuit]]
name = "s-alone"
bandwidth = "1 Gbps"
s_tag = 107
accounting = "mef"
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 10
  core_c_tag = 0

[[circuit]]
name = "pushed"
bandwidth = "1 Gbps"
core_s_tag = 420
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 310
  qos = "ports"

[[circuit]]
name = "bare"
bandwidth = "1 Gbps"
s_tag = 106
core_s_tag = 0
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 10
  core_c_tag = 0
  qos = "ports"

[[circuit]]
name = "limited"
bandwidth = "1 Mbps"
s_tag = 108
  [[circuit.peering]]
  kind = "private"
  c_tag = 10
  bandwidth = "200 kbps"
  qos = "limits"
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 20
  qos = "limits"

[[circuit]]
name = "fair"
bandwidth = "1 Mbps"
burst = 8000
fairness = "flow"
s_tag = 109
  [[circuit.peering]]
  kind = "private"
  c_tag = 10

[[circuit]]
name = "told"
bandwidth = "1 Mbps"
burst = 8000
ecn = "mark"
s_tag = 110
core_s_tag = 0
  [[circuit.peering]]
  kind = "private"
  c_tag = 10
  core_c_tag = 11

[qos.limits]
classes = [
  { name = "few", dscp = [46, 34], bandwidth = "64 kbps" },
  { name = "rest", dscp = ["default"], bandwidth = "150 kbps", burst_share = 0.5 },
]

[qos.two]
classes = [
  { name = "gold", dscp = [46, 34], mark = 40, burst_share = 1.0 },
  { name = "rest", dscp = ["default"], mark = 8, burst_share = 0.5 },
]

[qos.ports]
classes = [
  { name = "voice", dscp = [46], pcp = [5], pcp_mark = 6, match = { proto = "udp", dst_port = "50000-50019" } },
  { name = "shell", mark = 18, match = [{ proto = "tcp", dst_port = 22 }, { proto = "tcp", src_port = 22 }] },
  { name = "ping", pcp_mark = 0, match = [{ proto = "icmp" }, { proto = "icmpv6" }] },
  { name = "rest", dscp = ["default", 10], burst_share = 0.5 },
]
"#;

/// A configuration with its plan on empty tables.
pub struct Fixture {
    /// The configuration.
    pub config: Config,
    /// The size of its tables.
    pub capacity: Capacity,
    /// Their contents.
    pub plan: Plan,
}

impl Fixture {
    /// [`CONFIG`], with `unmatched` as given.
    ///
    /// # Panics
    ///
    /// If the configuration is not valid.
    #[must_use]
    pub fn new(unmatched: &str) -> Self {
        let edge = format!("name = \"test\"\nunmatched = \"{unmatched}\"");
        Self::of(&CONFIG.replacen("name = \"test\"", &edge, 1), Police::Purchased)
    }

    /// The configuration `text`.
    ///
    /// # Panics
    ///
    /// If it is not valid.
    #[must_use]
    pub fn of(text: &(impl Display + ?Sized), police: Police) -> Self {
        let config = config::parse(&text.to_string(), Path::new("test.toml"));
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        let capacity = Capacity::for_config(&config);
        let plan = Plan::new(&config, &capacity.unused(), police);
        Self { capacity, plan: plan.expect("the tables have room"), config }
    }

    /// The host path of `port`.
    ///
    /// # Panics
    ///
    /// If there is no such port.
    #[must_use]
    pub fn host(&self, port: &str) -> HostEngine {
        HostEngine::new(&self.plan, self.plan.port(port).expect("a port"), &self.capacity)
    }

    /// The kernel program of `port`.
    ///
    /// # Panics
    ///
    /// If there is no such port.
    pub fn kernel(&self, port: &str) -> Result<KernelEngine> {
        let port = self.plan.port(port).expect("a port");
        Ok(KernelEngine::new(&self.plan, port, &self.capacity)?)
    }
}
