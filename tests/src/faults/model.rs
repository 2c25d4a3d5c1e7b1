//! The configuration under test, its variants, and which frames are whose in all of them.

use std::collections::BTreeSet;

/// The ports: their interfaces have the same names.
pub const PORTS: [Port; 4] = [
    Port { name: "customer0", partner: "core0", side: "customer", link: "primary" },
    Port { name: "core0", partner: "customer0", side: "core", link: "primary" },
    Port { name: "customer1", partner: "core1", side: "customer", link: "secondary" },
    Port { name: "core1", partner: "customer1", side: "core", link: "secondary" },
];

/// The exports: a directory and a server.
pub const SINKS: [&str; 2] = ["files", "collector"];

/// Where the first puts its files.
pub const EXPORT_DIR: &str = "/var/lib/exports";

/// A port of the edge.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Its name.
    pub name: &'static str,
    /// The port that it forwards to.
    pub partner: &'static str,
    /// `customer` or `core`.
    pub side: &'static str,
    /// `primary` or `secondary`.
    pub link: &'static str,
}

impl Port {
    /// The direction of frames that it receives.
    #[must_use]
    pub fn direction(&self) -> &'static str {
        if self.side == "customer" { "inbound" } else { "outbound" }
    }
}

/// What one customer has, whatever the circuit is called at the time.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The circuit's names.
    pub names: &'static [&'static str],
    /// The peering.
    pub peering: &'static str,
    /// S-VID and C-VID of its frames.
    pub tags: &'static [(u16, u16)],
    /// The circuit has this name in every variant, is in every variant, on every port, with the
    /// same tags and the built-in classes.
    pub is_constant: bool,
}

/// Every peering of every circuit.
pub const GROUPS: [Group; 10] = [
    Group { names: &["alpha"], peering: "private", tags: &[(100, 10)], is_constant: true },
    Group { names: &["alpha"], peering: "microsoft", tags: &[(100, 20)], is_constant: true },
    Group { names: &["beta"], peering: "private", tags: &[(200, 10)], is_constant: true },
    Group {
        names: &["gamma", "gamma-2"],
        peering: "private",
        tags: &[(0, 300)],
        is_constant: false,
    },
    Group {
        names: &["delta"],
        peering: "private",
        tags: &[(400, 10), (400, 11)],
        is_constant: false,
    },
    Group { names: &["off"], peering: "private", tags: &[(500, 10)], is_constant: true },
    Group { names: &["zeta"], peering: "private", tags: &[(600, 10)], is_constant: false },
    Group {
        names: &["eta"],
        peering: "private",
        tags: &[(700, 10), (701, 10)],
        is_constant: false,
    },
    Group { names: &["theta"], peering: "private", tags: &[(0, 301)], is_constant: false },
    Group { names: &["iota"], peering: "public", tags: &[(800, 10)], is_constant: true },
];

/// Tags that no circuit has in any variant.
pub const UNCLAIMED: (u16, u16) = (999, 10);

/// Circuits whose bandwidth changes live.
pub const LIVE: [&str; 3] = ["alpha", "beta", "delta"];

/// A way in which the configuration can be another one.
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
}

/// All of them.
pub const VARIANTS: [Variant; 10] = [
    Variant::Renamed,
    Variant::Unlimited,
    Variant::OtherKey,
    Variant::OtherClasses,
    Variant::Removed,
    Variant::OtherTags,
    Variant::FewerPorts,
    Variant::Reversed,
    Variant::OtherEdge,
    Variant::ShortPeriod,
];

/// The configuration at some moment.
#[derive(Clone, Debug, Default)]
pub struct Model {
    variants: BTreeSet<Variant>,
    collector_port: u16,
}

impl Model {
    /// Without any variant; the collector listens at this port of the edge's `lo`.
    #[must_use]
    pub fn new(collector_port: u16) -> Self {
        Self { variants: BTreeSet::new(), collector_port }
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

    /// As the daemon reads it.
    #[must_use]
    pub fn toml(&self) -> String {
        let edge = self.either(Variant::OtherEdge, "ams-2", "ams-1");
        let period = self.either(Variant::ShortPeriod, "5min", "1h");
        let mut text = format!(
            "[edge]\nname = \"{edge}\"\nmetrics = \"127.0.0.1:0\"\n\
             [ledger]\ncheckpoint = \"1s\"\nperiod = \"{period}\"\n\
             [[export]]\nname = \"{}\"\ndir = \"{EXPORT_DIR}\"\n\
             [[export]]\nname = \"{}\"\nurl = \"http://127.0.0.1:{}/usage\"\n",
            SINKS[0], SINKS[1], self.collector_port,
        );
        text.extend(PORTS.map(|Port { name, partner, side, link }| {
            format!(
                "[[port]]\nname = \"{name}\"\ninterface = \"{name}\"\nside = \"{side}\"\n\
                 forward = \"{partner}\"\nlink = \"{link}\"\n"
            )
        }));
        let mut circuits = self.circuits();
        if self.has(Variant::Reversed) {
            circuits.reverse();
        }
        text.extend(circuits);
        let voice = self.either(Variant::OtherClasses, "calls", "voice");
        let rest = self.either(Variant::OtherClasses, "bulk", "rest");
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
        let ports = self.either(Variant::FewerPorts, "ports = [\"customer0\", \"core0\"]\n", "");
        let private = |tags: &str| format!("[[circuit.peering]]\nkind = \"private\"\n{tags}\n");
        let circuit = |name: &str, keys: &str, peerings: &str| {
            format!("[[circuit]]\nname = \"{name}\"\n{keys}\n{peerings}")
        };
        let mut circuits = vec![
            circuit(
                "alpha",
                "bandwidth = \"1 Gbps\"\ns_tag = 100",
                &format!(
                    "{}[[circuit.peering]]\nkind = \"microsoft\"\nc_tag = 20\ndscp = \"preserve\"\n",
                    private("c_tag = 10")
                ),
            ),
            circuit("beta", "bandwidth = \"500 kbps\"\ns_tag = 200", &private("c_tag = 10")),
            circuit(gamma, "bandwidth = \"1 Gbps\"", &private("c_tag = 300")),
            circuit(
                "delta",
                &format!(
                    "bandwidth = \"5 Mbps\"\nbilling = \"{billing}\"\nservice_key = \"{key}\"\n\
                     s_tag = 400"
                ),
                &private("c_tag = \"10-19\"\nqos = \"own\""),
            ),
            circuit(
                "off",
                "bandwidth = \"1 Gbps\"\nenabled = false\ns_tag = 500",
                &private("c_tag = 10"),
            ),
        ];
        if !self.has(Variant::Removed) {
            circuits.push(circuit(
                "zeta",
                "bandwidth = \"1 Gbps\"\nservice_key = \"zeta\"\ns_tag = 600",
                &private("c_tag = 10"),
            ));
        }
        circuits.extend([
            circuit(
                "eta",
                &format!("bandwidth = \"1 Gbps\"\ns_tag = {eta}"),
                &private("c_tag = 10\nqos = \"own\""),
            ),
            circuit("theta", &format!("bandwidth = \"1 Gbps\"\n{ports}"), &private("c_tag = 301")),
            circuit(
                "iota",
                "bandwidth = \"1 Mbps\"\nfairness = \"flow\"\nbilling = \"unlimited\"\ns_tag = 800",
                "[[circuit.peering]]\nkind = \"public\"\nc_tag = 10\ndscp = \"preserve\"\n",
            ),
        ]);
        circuits
    }

    fn has(&self, variant: Variant) -> bool {
        self.variants.contains(&variant)
    }

    fn either(&self, variant: Variant, with: &'static str, without: &'static str) -> &'static str {
        if self.has(variant) { with } else { without }
    }
}

/// The class of an IP packet by the built-in profile.
#[must_use]
pub fn built_in_class(dscp: Option<u8>) -> &'static str {
    match dscp {
        Some(46) => "voice",
        Some(34 | 18) => "interactive",
        _ => "default",
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
