//! The configuration under test, and its variants.

use std::{collections::BTreeSet, fmt::Write as _};

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

    /// The configuration file.
    #[must_use]
    pub fn toml(&self) -> String {
        self.toml_with("")
    }

    /// The same with more ports.
    #[must_use]
    pub fn toml_with(&self, more_ports: &str) -> String {
        let edge = self.either(Variant::OtherEdge, "ams-2", "ams-1");
        let period = self.either(Variant::ShortPeriod, "5min", "1h");
        let mut text = format!(
            "[edge]\nname = \"{edge}\"\nmetrics = \"127.0.0.1:0\"\n\
             [ledger]\ncheckpoint = \"1s\"\nperiod = \"{period}\"\n\
             [[export]]\nname = \"{}\"\ndir = \"{EXPORT_DIR}\"\n\
             [[export]]\nname = \"{}\"\nurl = \"http://127.0.0.1:{}/usage\"\n",
            SINKS[0], SINKS[1], self.collector_port,
        );
        for wire in self.order {
            let Port { name, interface, mode } = &self.ports[wire];
            let (side, link) = (WIRES[wire].side, WIRES[wire].link);
            let partner = self.ports[WIRES[wire].partner].name;
            // Writing to a string can't fail.
            let _written = write!(
                text,
                "[[port]]\nname = \"{name}\"\ninterface = \"{interface}\"\nside = \"{side}\"\n\
                 forward = \"{partner}\"\nlink = \"{link}\"\nxdp_mode = \"{mode}\"\n"
            );
        }
        text += more_ports;
        let mut circuits = self.circuits();
        if self.has(Variant::Reversed) {
            circuits.reverse();
        }
        text.extend(circuits);
        let voice = self.either(Variant::OtherClasses, "calls", "voice");
        let rest = self.rest_class();
        let profile = format!(
            "[qos.own]\nclasses = [{{ name = \"{voice}\", dscp = [46] }}, \
             {{ name = \"{rest}\", dscp = [\"default\"] }}]\n"
        );
        text + &profile
    }

    fn circuits(&self) -> Vec<String> {
        let gamma = self.either(Variant::Renamed, "gamma-2", "gamma");
        let billing = self.either(Variant::Unlimited, "unlimited", "metered");
        let key = self.either(Variant::OtherKey, "key-2", "key-1");
        let eta = self.either(Variant::OtherTags, "701", "700");
        let [primary, secondary] = ["primary", "secondary"].map(|link| self.ports_of(link));
        let theta = if self.has(Variant::FewerPorts) { &primary[..] } else { "" };
        let private = |tags: &str| format!("[[circuit.peering]]\nkind = \"private\"\n{tags}\n");
        let circuit = |name: &str, keys: &str, peerings: &str| {
            format!("[[circuit]]\nname = \"{name}\"\n{keys}\n{peerings}")
        };
        let gigabit = |more: &str| format!("bandwidth = \"1 Gbps\"\n{more}");
        let mut circuits = vec![
            circuit(
                "alpha",
                &gigabit("s_tag = 100"),
                &format!(
                    "{}[[circuit.peering]]\nkind = \"microsoft\"\nc_tag = 20\ndscp = \"preserve\"\n",
                    private("c_tag = 10")
                ),
            ),
            circuit("beta", "bandwidth = \"500 kbps\"\ns_tag = 200", &private("c_tag = 10")),
            circuit(gamma, &gigabit(""), &private("c_tag = 300")),
            circuit(
                "delta",
                &format!(
                    "bandwidth = \"5 Mbps\"\nbilling = \"{billing}\"\nservice_key = \"{key}\"\n\
                     s_tag = 400"
                ),
                &private("c_tag = \"10-19\"\nqos = \"own\""),
            ),
            circuit("off", &gigabit("enabled = false\ns_tag = 500"), &private("c_tag = 10")),
        ];
        if !self.has(Variant::Removed) {
            let keys = gigabit("service_key = \"zeta\"\ns_tag = 600");
            circuits.push(circuit("zeta", &keys, &private("c_tag = 10")));
        }
        circuits.extend([
            circuit(
                "eta",
                &gigabit(&format!("s_tag = {eta}")),
                &private("c_tag = 10\nqos = \"own\""),
            ),
            circuit("theta", &gigabit(theta), &private("c_tag = 301")),
            circuit(
                "iota",
                "bandwidth = \"1 Mbps\"\nfairness = \"flow\"\nbilling = \"unlimited\"\ns_tag = 800",
                "[[circuit.peering]]\nkind = \"public\"\nc_tag = 10\ndscp = \"preserve\"\n",
            ),
        ]);
        for (name, keys, tag, ports) in [
            ("nu", "s_tag = 900\n", 10, &primary),
            ("xi", "s_tag = 900\n", 10, &secondary),
            ("omicron", "", 302, &primary),
            ("pi", "", 302, &secondary),
        ] {
            if name != "pi" || !self.has(Variant::Alone) {
                let keys = gigabit(&format!("{keys}{ports}"));
                circuits.push(circuit(name, &keys, &private(&format!("c_tag = {tag}"))));
            }
        }
        if self.has(Variant::Many) {
            circuits.extend(Self::many().zip(0..).map(|(name, number)| {
                let (s_tag, c_tag) = (number % MANY_S_TAGS, number / MANY_S_TAGS);
                let s_tag = FIRST_OF_MANY + s_tag;
                let keys = format!("bandwidth = \"50 Mbps\"\ns_tag = {s_tag}\n{primary}");
                circuit(&name, &keys, &private(&format!("c_tag = {}", c_tag + 1)))
            }));
        }
        circuits
    }

    fn ports_of(&self, link: &str) -> String {
        let own = WIRES.iter().zip(&self.ports).filter(|(wire, _)| wire.link == link);
        let names: Vec<&str> = own.map(|(_, port)| port.name).collect();
        format!("ports = {names:?}")
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
                let text = model.toml();
                assert_ne!(text, base.toml());
                edge_user::config::parse(&text, Path::new("f")).unwrap_or_else(|e| panic!("{e}"));
            }
        }
    }
}
