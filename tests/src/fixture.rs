//! A configuration with a circuit of each kind, and both engines on it.

use std::path::Path;

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

[qos.two]
classes = [
  { name = "gold", dscp = [46, 34], mark = 40, burst_share = 1.0 },
  { name = "rest", dscp = ["default"], mark = 8, burst_share = 0.5 },
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
        let text = CONFIG.replacen("name = \"test\"", &edge, 1);
        let config = config::parse(&text, Path::new("test.toml"));
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        let capacity = Capacity::for_config(&config);
        let plan = Plan::new(&config, &capacity.unused(), Police::Purchased);
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
        KernelEngine::new(&self.plan, self.plan.port(port).expect("a port"), &self.capacity)
    }
}
