//! Configurations as text, built up key by key: for the demonstration, the benchmarks and the
//! tests.
//!
//! A key that is given again has its last value, so that a sample can be changed. Nothing is
//! checked here, as some tests need a configuration that is wrong.

mod circuit;
mod keys;

use std::fmt::{self, Display, Formatter};

use self::keys::SampleKeys;
pub use self::{circuit::SampleCircuit, keys::Value};

/// The text of a configuration.
#[must_use]
#[derive(Clone, Debug)]
pub struct Sample {
    edge: SampleKeys,
    ports: Vec<SamplePort>,
    circuits: Vec<SampleCircuit>,
    /// Names of profiles, with the keys of their classes.
    profiles: Vec<(String, Vec<String>)>,
    ledger: SampleKeys,
    routing: SampleKeys,
    tables: String,
}

impl Sample {
    /// An edge of this name, which has no ports yet.
    pub fn new(name: &str) -> Self {
        Self {
            edge: SampleKeys::default().with("name", name),
            ports: Vec::new(),
            circuits: Vec::new(),
            profiles: Vec::new(),
            ledger: SampleKeys::default(),
            routing: SampleKeys::default(),
            tables: String::new(),
        }
    }

    /// The edge of a lab, with a port to a customer and one to the core. It serves metrics at any
    /// free port, so that several edges can run at a time.
    pub fn lab() -> Self {
        Self::new("lab").edge("metrics", "127.0.0.1:0").pair("customer0", "core0")
    }

    /// A key of `[edge]`.
    pub fn edge(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.edge.set(key, value);
        self
    }

    /// One more port.
    pub fn port(mut self, port: SamplePort) -> Self {
        self.ports.push(port);
        self
    }

    /// A port to a customer and one to the core, which forward to each other.
    pub fn pair(self, customer: &str, core: &str) -> Self {
        self.port(SamplePort::new(customer, "customer").forward(core))
            .port(SamplePort::new(core, "core").forward(customer))
    }

    /// Changes the port of this name.
    ///
    /// # Panics
    ///
    /// If there is no such port.
    pub fn change_port(
        mut self,
        name: &str,
        change: impl FnOnce(SamplePort) -> SamplePort,
    ) -> Self {
        let known = self.ports.iter_mut().find(|port| port.0.has("name", name));
        let port = known.expect("a port of that name");
        *port = change(port.clone());
        self
    }

    /// Has every port so far run in this XDP mode.
    pub fn xdp_mode(mut self, mode: &str) -> Self {
        for port in &mut self.ports {
            port.0.set("xdp_mode", mode);
        }
        self
    }

    /// One more circuit.
    pub fn circuit(self, circuit: SampleCircuit) -> Self {
        self.circuits([circuit])
    }

    /// More circuits, in this order.
    pub fn circuits(mut self, circuits: impl IntoIterator<Item = SampleCircuit>) -> Self {
        self.circuits.extend(circuits);
        self
    }

    /// Changes the circuit of this name, which keeps its place.
    ///
    /// # Panics
    ///
    /// If there is no such circuit.
    pub fn change_circuit(
        mut self,
        name: &str,
        change: impl FnOnce(SampleCircuit) -> SampleCircuit,
    ) -> Self {
        let known = self.circuits.iter_mut().find(|circuit| circuit.has_name(name));
        let circuit = known.expect("a circuit of that name");
        *circuit = change(circuit.clone());
        self
    }

    /// Changes every circuit so far.
    pub fn change_circuits(mut self, change: impl FnMut(SampleCircuit) -> SampleCircuit) -> Self {
        self.circuits = self.circuits.into_iter().map(change).collect();
        self
    }

    /// A profile, by the keys of each of its classes.
    pub fn qos(mut self, name: &str, classes: impl IntoIterator<Item = impl Display>) -> Self {
        let classes = classes.into_iter().map(|class| class.to_string()).collect();
        self.profiles.push((name.to_owned(), classes));
        self
    }

    /// A key of `[ledger]`.
    pub fn ledger(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.ledger.set(key, value);
        self
    }

    /// A key of `[routing]`.
    pub fn routing(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.routing.set(key, value);
        self
    }

    /// Other tables, as they are.
    pub fn tables(mut self, text: &str) -> Self {
        self.tables.push_str(text);
        self
    }
}

impl Display for Sample {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.edge.write("[edge]", f)?;
        for SamplePort(keys) in &self.ports {
            keys.write("[[port]]", f)?;
        }
        for circuit in &self.circuits {
            circuit.fmt(f)?;
        }
        for (name, classes) in &self.profiles {
            writeln!(f, "[qos.{name}]\nclasses = [")?;
            for class in classes {
                writeln!(f, "  {{ {class} }},")?;
            }
            writeln!(f, "]")?;
        }
        if !self.ledger.is_empty() {
            self.ledger.write("[ledger]", f)?;
        }
        if !self.routing.is_empty() {
            self.routing.write("[routing]", f)?;
        }
        f.write_str(&self.tables)
    }
}

/// `[[port]]`.
#[must_use]
#[derive(Clone, Debug)]
pub struct SamplePort(SampleKeys);

impl SamplePort {
    /// A port on the interface of its name, which forwards to the stack.
    pub fn new(name: &str, side: &str) -> Self {
        Self(SampleKeys::default().with("name", name).with("interface", name).with("side", side))
    }

    /// Any of its keys.
    pub fn key(self, key: &str, value: impl Into<Value>) -> Self {
        Self(self.0.with(key, value))
    }

    /// Its interface.
    pub fn interface(self, name: &str) -> Self {
        self.key("interface", name)
    }

    /// The port that it forwards to.
    pub fn forward(self, port: &str) -> Self {
        self.key("forward", port)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Burst, CTags, Config, DscpPolicy, XdpMode};

    fn parsed(sample: &Sample) -> Config {
        let text = sample.to_string();
        config::parse(&text, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
    }

    fn sample() -> Sample {
        let contoso = SampleCircuit::new("contoso \"the first\"", "1 Gbps")
            .s_tag(100)
            .key("burst", 8000)
            .key("ports", ["core0", "customer0"])
            .peering("private", 10)
            .of_peering("private", "dscp", "reset")
            .peering("microsoft", "20-29")
            .of_peering("microsoft", "qos", "own");
        let others = (0..3u16).map(|number| {
            SampleCircuit::new(format!("c{number}"), 1_000_000).peering("private", 300 + number)
        });
        Sample::lab()
            .qos("own", [r#"name = "voice", dscp = [46]"#, r#"name = "rest", dscp = ["default"]"#])
            .ledger("checkpoint", "1s")
            .circuit(contoso)
            .circuits(others)
            .port(SamplePort::new("spare", "customer").interface("eth9"))
    }

    #[test]
    fn a_sample_is_a_configuration() {
        let config = parsed(&sample().tables("[[export]]\nname = \"files\"\ndir = \"/var/e\"\n"));
        assert_eq!(config.edge.name, "lab");
        assert_eq!(config.exports.len(), 1);
        assert_eq!(config.ledger.checkpoint.as_secs(), 1);
        let ports: Vec<_> = config.ports.iter().map(|port| port.interface.as_str()).collect();
        assert_eq!(ports, ["customer0", "core0", "eth9"]);
        let circuits: Vec<_> = config.circuits.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(circuits, ["contoso \"the first\"", "c0", "c1", "c2"]);
        let contoso = &config.circuits[0];
        assert_eq!((contoso.s_tag, contoso.bandwidth_bps), (Some(100), 1_000_000_000));
        assert_eq!(contoso.burst, Some(Burst::Size { bytes: 8000 }));
        assert_eq!(contoso.ports.len(), 2);
        assert_eq!(contoso.peerings[0].dscp, DscpPolicy::Reset);
        assert_eq!(contoso.peerings[1].c_tags, CTags { first: 20, last: 29 });
        assert_eq!(config.qos["own"].classes.len(), 2);
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        let sample = sample()
            .edge("name", "other")
            .ledger("checkpoint", "5s")
            .xdp_mode("native")
            .change_port("core0", |port| port.key("xdp_mode", "generic"))
            .change_circuits(|circuit| circuit.key("bandwidth", "2 Gbps"))
            .change_circuit("c1", |circuit| circuit.peering("private", 7).key("name", "c9"));
        let config = parsed(&sample);
        assert_eq!((config.edge.name.as_str(), config.ledger.checkpoint.as_secs()), ("other", 5));
        let modes: Vec<_> = config.ports.iter().map(|port| port.xdp_mode).collect();
        assert_eq!(modes, [XdpMode::Native, XdpMode::Generic, XdpMode::Native]);
        assert!(config.circuits.iter().all(|circuit| circuit.bandwidth_bps == 2_000_000_000));
        assert_eq!(config.circuits[2].name, "c9");
        assert_eq!(config.circuits[2].peerings[0].c_tags, CTags::one(7));
        assert_eq!(config.circuits[2].peerings.len(), 1);
    }
}
