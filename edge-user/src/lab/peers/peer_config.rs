//! The configuration of a peer, as an operator would write it.

use std::fmt::Write as _;

use anyhow::Result;

/// The configuration of a peer.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its AS number.
    pub asn: u32,
    /// Its addresses and the edge's, a session each.
    pub ends: Vec<(String, String)>,
    /// TCP MD5 key.
    pub key: Option<String>,
    /// Milliseconds between packets of BFD.
    pub bfd_ms: Option<u32>,
    /// The prefixes that it tells.
    pub routes: Vec<String>,
    /// Statements of its export filter.
    pub export: String,
    /// Options of each session.
    pub options: String,
    /// Whether its kernel forwards by what it learns.
    pub forwards: bool,
    /// Whether its kernel uses equal routes side by side.
    pub balances: bool,
    /// The edge's addresses on the link that is to carry frames only while the other one can't.
    pub spare: Vec<String>,
}

impl PeerConfig {
    /// A peer that tells these prefixes.
    #[must_use]
    pub fn new(asn: u32, ends: &[(&str, &str)], routes: &[&str]) -> Self {
        Self {
            asn,
            ends: ends.iter().map(|(own, edge)| ((*own).to_owned(), (*edge).to_owned())).collect(),
            key: None,
            bfd_ms: None,
            routes: routes.iter().map(|route| (*route).to_owned()).collect(),
            export: String::new(),
            options: "graceful restart yes;".to_owned(),
            forwards: false,
            balances: false,
            spare: Vec::new(),
        }
    }

    /// With this key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// With BFD, whose packets are so many milliseconds apart.
    #[must_use]
    pub fn bfd_ms(mut self, interval_ms: u32) -> Self {
        self.bfd_ms = Some(interval_ms);
        self
    }

    /// With a kernel that forwards by what it learns.
    #[must_use]
    pub fn forwards(mut self) -> Self {
        self.forwards = true;
        self
    }

    /// With a kernel that forwards by what it learns, by equal routes side by side.
    #[must_use]
    pub fn balances(mut self) -> Self {
        self.balances = true;
        self.forwards()
    }

    /// With these of the edge's addresses on the spare link.
    #[must_use]
    pub fn spare(mut self, edge: &[&str]) -> Self {
        self.spare = edge.iter().map(|address| (*address).to_owned()).collect();
        self
    }

    /// The configuration in BIRD's language.
    pub(super) fn bird_text(&self) -> Result<String> {
        let mut text = String::from("log stderr all;\nrouter id 10.255.0.1;\nprotocol device {}\n");
        if let Some(ms) = self.bfd_ms {
            let interface = format!("interface \"*\" {{ interval {ms} ms; multiplier 3; }};");
            writeln!(text, "protocol bfd {{ {interface} }}")?;
        }
        for family in ["ipv4", "ipv6"] {
            let of_family = |text: &str| text.contains(':') == (family == "ipv6");
            writeln!(text, "protocol static {{ {family};")?;
            for route in self.routes.iter().filter(|route| of_family(route)) {
                writeln!(text, "  route {route} blackhole;")?;
            }
            writeln!(text, "}}")?;
            if self.forwards {
                let export = "import none; export where source = RTS_BGP;";
                let merge = if self.balances { "merge paths on;" } else { "" };
                writeln!(text, "protocol kernel {{ {merge} {family} {{ {export} }}; }}")?;
            }
            let ends = self.ends.iter().filter(|(own, _)| of_family(own));
            for (number, (own, edge)) in ends.enumerate() {
                writeln!(text, "protocol bgp {family}_{number} {{")?;
                writeln!(text, "  local {own} as {}; neighbor {edge} as 12076; direct;", self.asn)?;
                writeln!(text, "  connect retry time 1; error wait time 1, 2; {}", self.options)?;
                if let Some(key) = &self.key {
                    writeln!(text, "  password \"{key}\";")?;
                }
                if self.bfd_ms.is_some() {
                    writeln!(text, "  bfd on;")?;
                }
                // The longer path is the edge's second choice, the lower preference its peer's.
                let (import, path) = if self.spare.contains(edge) {
                    let longer = format!("bgp_path.prepend({0}); bgp_path.prepend({0});", self.asn);
                    ("import filter { bgp_local_pref = 50; accept; };", longer)
                } else {
                    ("import all;", String::new())
                };
                let export = format!(
                    "export filter {{ if source != RTS_STATIC then reject; {} {path} accept; }};",
                    self.export
                );
                writeln!(text, "  {family} {{ {import} {export} }};\n}}")?;
            }
        }
        Ok(text)
    }

    /// The configuration in FRR's language. An FRR here has no [`Self::spare`] link, and forwards in any case.
    pub(super) fn frr_text(&self) -> Result<String> {
        let mut text = format!(
            "router bgp {}\n bgp router-id 10.255.0.3\n no bgp ebgp-requires-policy\n",
            self.asn
        );
        writeln!(text, " no bgp network import-check")?;
        for (_, edge) in &self.ends {
            writeln!(text, " neighbor {edge} remote-as 12076")?;
            if let Some(key) = &self.key {
                writeln!(text, " neighbor {edge} password {key}")?;
            }
            if self.bfd_ms.is_some() {
                writeln!(text, " neighbor {edge} bfd")?;
            }
        }
        for family in ["ipv4", "ipv6"] {
            let of_family = |text: &str| text.contains(':') == (family == "ipv6");
            writeln!(text, " address-family {family} unicast")?;
            for (_, edge) in self.ends.iter().filter(|(own, _)| of_family(own)) {
                writeln!(text, "  neighbor {edge} activate")?;
            }
            for route in self.routes.iter().filter(|route| of_family(route)) {
                writeln!(text, "  network {route}")?;
            }
            if self.balances {
                writeln!(text, "  maximum-paths 2")?;
            }
            writeln!(text, " exit-address-family")?;
        }
        if let Some(ms) = self.bfd_ms {
            writeln!(text, "bfd")?;
            for (_, edge) in &self.ends {
                writeln!(text, " peer {edge}\n  receive-interval {ms}\n  transmit-interval {ms}")?;
            }
        }
        Ok(text)
    }
}
