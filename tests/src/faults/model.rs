//! The configuration under test, and its variants.

use std::collections::BTreeSet;

use edge_user::config::sample::{self, Sample, SampleCircuit};

use super::{groups::Group, wires::WIRES};

/// The exports: a directory and a server.
pub const SINKS: [&str; 2] = ["files", "collector"];

/// Where the first puts its files.
pub const EXPORT_DIR: &str = "/var/lib/exports";

/// Circuits of [`Variant::Many`], with as many S-tags as [`MANY_S_TAGS`], of which the tables for
/// the others have no room.
const MANY: u16 = 200;
const MANY_S_TAGS: u16 = 40;
const FIRST_OF_MANY: u16 = 2000;

/// A way in which the configuration can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// A circuit has another name.
    Renamed,
    /// A circuit is unlimited.
    Unlimited,
    /// A circuit has another service key.
    OtherKey,
    /// The classes of a profile have other names.
    OtherClasses,
    /// A circuit is not there.
    Removed,
    /// One of two circuits with the same tags is not there.
    Alone,
    /// A circuit has other tags.
    OtherTags,
    /// A circuit is on two ports of four.
    FewerPorts,
    /// Circuits are in the opposite order.
    Reversed,
    /// The edge has another name.
    OtherEdge,
    /// Usage is kept by five minutes.
    ShortPeriod,
    /// There are some hundred circuits more.
    Many,
}

/// All of them.
pub const VARIANTS: [Variant; 12] = [
    Variant::Renamed,
    Variant::Unlimited,
    Variant::OtherKey,
    Variant::OtherClasses,
    Variant::Removed,
    Variant::Alone,
    Variant::OtherTags,
    Variant::FewerPorts,
    Variant::Reversed,
    Variant::OtherEdge,
    Variant::ShortPeriod,
    Variant::Many,
];

/// The port at the edge's end of a wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: &'static str,
    /// The configuration's name for its interface.
    pub interface: String,
    /// `native`, `generic` or `auto`.
    pub mode: &'static str,
}

/// The configuration at some moment.
#[derive(Clone, Debug)]
pub struct Model {
    variants: BTreeSet<Variant>,
    collector_port: u16,
    /// By wire.
    pub ports: [Port; 4],
    /// The wires in the order in which the file has their ports.
    pub order: [usize; 4],
}

impl Model {
    /// Without any variant; the collector listens at this port of the edge's `lo`.
    #[must_use]
    pub fn new(collector_port: u16) -> Self {
        let ports = WIRES.map(|wire| Port {
            name: wire.name,
            interface: wire.name.to_owned(),
            mode: "auto",
        });
        Self { variants: BTreeSet::new(), collector_port, ports, order: [0, 1, 2, 3] }
    }

    /// The same circuits as at first, on the ports that there are now.
    #[must_use]
    pub fn without_variants(&self) -> Self {
        Self { variants: BTreeSet::new(), ..self.clone() }
    }

    /// The same with one variant more or less.
    #[must_use]
    pub fn toggled(&self, variant: Variant) -> Self {
        let mut other = self.clone();
        if !other.variants.remove(&variant) {
            other.variants.insert(variant);
        }
        other
    }

    /// Whether it has this variant.
    #[must_use]
    pub fn has(&self, variant: Variant) -> bool {
        self.variants.contains(&variant)
    }

    /// Names of circuits that [`Variant::Many`] adds.
    pub fn many() -> impl Iterator<Item = String> {
        (0..MANY).map(|number| format!("many-{number}"))
    }

    /// The charge of the frames of `group` from `wire`, in the words of the ledger's records: edge,
    /// circuit, service key, billing and the names of the classes. `None`: no circuit has them.
    #[must_use]
    pub fn charge(&self, group: &Group, wire: usize) -> Option<String> {
        let mut circuit = group.names[0];
        let (mut key, mut billing, mut classes) = ("-", "metered", "");
        let is_there = match circuit {
            "gamma" => {
                circuit = self.either(Variant::Renamed, "gamma-2", "gamma");
                true
            }
            "delta" => {
                billing = self.either(Variant::Unlimited, "unlimited", "metered");
                key = self.either(Variant::OtherKey, "key-2", "key-1");
                classes = self.rest_class();
                true
            }
            "eta" => {
                classes = self.rest_class();
                true
            }
            "iota" => {
                billing = "unlimited";
                true
            }
            "zeta" => {
                key = "zeta";
                !self.has(Variant::Removed)
            }
            "pi" => !self.has(Variant::Alone),
            "theta" => !self.has(Variant::FewerPorts) || WIRES[wire].link == "primary",
            "off" => false,
            _ => true,
        };
        let edge = self.either(Variant::OtherEdge, "ams-2", "ams-1");
        (is_there && group.is_on(wire)).then(|| [edge, circuit, key, billing, classes].join(" "))
    }

    /// The configuration.
    pub fn config(&self) -> Sample {
        let edge = self.either(Variant::OtherEdge, "ams-2", "ams-1");
        let period = self.either(Variant::ShortPeriod, "5min", "1h");
        let [files, collector] = SINKS;
        let exports = format!(
            "[[export]]\nname = \"{files}\"\ndir = \"{EXPORT_DIR}\"\nwatermarks = true\n\
             [[export]]\nname = \"{collector}\"\nurl = \"http://127.0.0.1:{}/usage\"\n\
             watermarks = true\n",
            self.collector_port,
        );
        let mut sample = Sample::new(edge)
            .edge("metrics", "127.0.0.1:0")
            .ledger("checkpoint", "1s")
            .ledger("period", period)
            .tables(&exports);
        for wire in self.order {
            let Port { name, interface, mode } = &self.ports[wire];
            let port = sample::SamplePort::new(name, WIRES[wire].side)
                .interface(interface)
                .forward(self.ports[WIRES[wire].partner].name)
                .key("link", WIRES[wire].link)
                .key("xdp_mode", *mode);
            sample = sample.port(port);
        }
        let mut circuits = self.circuits();
        if self.has(Variant::Reversed) {
            circuits.reverse();
        }
        let voice = self.either(Variant::OtherClasses, "calls", "voice");
        let rest = self.rest_class();
        let classes = [
            format!("name = \"{voice}\", dscp = [46]"),
            format!("name = \"{rest}\", dscp = [\"default\"]"),
        ];
        sample.circuits(circuits).qos("own", classes)
    }

    fn circuits(&self) -> Vec<SampleCircuit> {
        let gamma = self.either(Variant::Renamed, "gamma-2", "gamma");
        let billing = self.either(Variant::Unlimited, "unlimited", "metered");
        let key = self.either(Variant::OtherKey, "key-2", "key-1");
        let eta = if self.has(Variant::OtherTags) { 701 } else { 700 };
        let [primary, secondary] = ["primary", "secondary"].map(|link| self.ports_of(link));
        let gigabit = |name: &str| SampleCircuit::new(name, "1 Gbps");
        let mut circuits = vec![
            gigabit("alpha").s_tag(100).peering("private", 10).peering("microsoft", 20).of_peering(
                "microsoft",
                "dscp",
                "preserve",
            ),
            SampleCircuit::new("beta", "500 kbps").s_tag(200).peering("private", 10),
            gigabit(gamma).peering("private", 300),
            SampleCircuit::new("delta", "5 Mbps")
                .key("billing", billing)
                .key("service_key", key)
                .s_tag(400)
                .peering("private", "10-19")
                .of_peering("private", "qos", "own"),
            gigabit("off").key("enabled", false).s_tag(500).peering("private", 10),
        ];
        if !self.has(Variant::Removed) {
            let zeta = gigabit("zeta").key("service_key", "zeta").s_tag(600);
            circuits.push(zeta.peering("private", 10));
        }
        let theta = gigabit("theta").peering("private", 301);
        let is_on_two = self.has(Variant::FewerPorts);
        circuits.extend([
            gigabit("eta").s_tag(eta).peering("private", 10).of_peering("private", "qos", "own"),
            if is_on_two { theta.key("ports", primary.clone()) } else { theta },
            SampleCircuit::new("iota", "1 Mbps")
                .key("fairness", "flow")
                .key("billing", "unlimited")
                .s_tag(800)
                .peering("public", 10)
                .of_peering("public", "dscp", "preserve"),
            gigabit("nu").s_tag(900).peering("private", 10).key("ports", primary.clone()),
            gigabit("xi").s_tag(900).peering("private", 10).key("ports", secondary.clone()),
            gigabit("omicron").peering("private", 302).key("ports", primary.clone()),
        ]);
        if !self.has(Variant::Alone) {
            circuits.push(gigabit("pi").peering("private", 302).key("ports", secondary));
        }
        if self.has(Variant::Many) {
            circuits.extend(Self::many().zip(0..).map(|(name, number)| {
                let s_tag = FIRST_OF_MANY + number % MANY_S_TAGS;
                SampleCircuit::new(name, "50 Mbps")
                    .s_tag(s_tag)
                    .key("ports", primary.clone())
                    .peering("private", number / MANY_S_TAGS + 1)
            }));
        }
        circuits
    }

    fn ports_of(&self, link: &str) -> Vec<&'static str> {
        let own = WIRES.iter().zip(&self.ports).filter(|(wire, _)| wire.link == link);
        own.map(|(_, port)| port.name).collect()
    }

    fn rest_class(&self) -> &'static str {
        self.either(Variant::OtherClasses, "bulk", "rest")
    }

    fn either(&self, variant: Variant, with: &'static str, without: &'static str) -> &'static str {
        if self.has(variant) { with } else { without }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_variant_is_a_configuration() {
        let base = Model::new(80);
        let mut all = base.clone();
        all.ports.rotate_left(1);
        all.order.reverse();
        for variant in VARIANTS {
            all = all.toggled(variant);
            for model in [&all, &base.toggled(variant)] {
                let text = model.config().to_string();
                assert_ne!(text, base.config().to_string());
                edge_user::config::parse(&text, Path::new("f")).unwrap_or_else(|e| panic!("{e}"));
            }
        }
    }
}
