//! Another bandwidth for a circuit of a checked configuration.

use std::path::Path;

use super::{
    Circuit, Config,
    burst::{burst_bytes, check_share, least_share_permille},
    catalogue::bandwidth_refusal,
    names::unknown,
    rates,
};

/// A bandwidth that a circuit can't have; nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BandwidthRefused {
    /// There is no such circuit.
    #[error("{0}")]
    NoCircuit(String),
    /// The circuit can't have this bandwidth.
    #[error("{0}")]
    NotAllowed(String),
}

impl BandwidthRefused {
    /// The same refusal, for a file at `path` that was edited since it was read.
    #[must_use]
    pub fn by_file(self, path: &Path) -> Self {
        let edited =
            |text| format!("{}, which was edited since it was read: {text}", path.display());
        match self {
            Self::NoCircuit(text) => Self::NoCircuit(edited(text)),
            Self::NotAllowed(text) => Self::NotAllowed(edited(text)),
        }
    }
}

impl Config {
    /// The circuit `name` as it would be with the bandwidth `bandwidth_bps` in bit/s, and its place
    /// in [`Config::circuits`]. The burst follows, unless the file gives it in bytes.
    ///
    /// The method refuses everything that the file's checks would refuse.
    pub fn circuit_at(
        &self,
        name: &str,
        bandwidth_bps: u64,
    ) -> Result<(usize, Circuit), BandwidthRefused> {
        let bandwidth_bps = rates::in_range_bps(bandwidth_bps)
            .map_err(|message| BandwidthRefused::NotAllowed(format!("the bandwidth {message}")))?;
        let place = self.circuits.iter().position(|circuit| circuit.name == name);
        let place = place.ok_or_else(|| {
            let known = self.circuits.iter().map(|circuit| circuit.name.as_str());
            BandwidthRefused::NoCircuit(unknown("circuit", name, known))
        })?;
        let circuit = &self.circuits[place];
        let refused = |what: String| {
            let rate = crate::units::bit_rate(bandwidth_bps);
            BandwidthRefused::NotAllowed(format!("circuit {name:?} at {rate}: {what}"))
        };
        if let Some(limit) = self.limits(circuit).find(|limit| limit.bandwidth_bps > bandwidth_bps)
        {
            return Err(refused(format!("{limit}, which is more; lower that first")));
        }
        let (links, most) = (circuit.vnet_links.len(), circuit.sku.vnet_links(bandwidth_bps));
        if links > most {
            let has = format!("it has {links} VNet links, and may have {most}");
            return Err(refused(format!("{has}; remove some first")));
        }
        if let Some(refusal) = bandwidth_refusal(&self.catalogue, circuit, bandwidth_bps) {
            return Err(refused(refusal));
        }
        let burst_bytes = self.burst_bytes_at(circuit, bandwidth_bps).map_err(refused)?;
        Ok((place, Circuit { bandwidth_bps, burst_bytes, ..circuit.clone() }))
    }

    /// The bandwidths inside a circuit.
    fn limits(&self, circuit: &Circuit) -> impl Iterator<Item = Limit> {
        circuit.peerings.iter().flat_map(|peering| {
            let kind = peering.kind.as_str();
            let own = peering
                .bandwidth_bps
                .map(|bandwidth_bps| Limit { what: format!("the {kind} peering"), bandwidth_bps });
            let classes = self.qos[&peering.qos].classes.iter().filter_map(move |class| {
                let what = format!("class {:?} of the {kind} peering", class.name);
                Some(Limit { what, bandwidth_bps: class.bandwidth_bps? })
            });
            own.into_iter().chain(classes)
        })
    }

    fn burst_bytes_at(&self, circuit: &Circuit, bandwidth_bps: u64) -> Result<u64, String> {
        let bytes = burst_bytes(circuit.burst, bandwidth_bps)?;
        let profiles = circuit.peerings.iter().map(|peering| &peering.qos);
        let least =
            profiles.map(|name| (least_share_permille(&self.qos[name]), name.as_str())).min();
        if let Some((permille, profile)) = least {
            check_share(bytes, permille, profile)?;
        }
        Ok(bytes)
    }
}

/// A bandwidth inside a circuit.
struct Limit {
    what: String,
    bandwidth_bps: u64,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} has {}", self.what, crate::units::bit_rate(self.bandwidth_bps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn config(burst: &str) -> Config {
        let source = format!(
            "edge = {{ name = 'e' }}\nport = [{{ name = 'p', interface = 'i', side = 'core' }}]\n\
             [[circuit]]\nname = 'contoso'\nbandwidth = '1 Gbps'\n{burst}\n\
             [[circuit.peering]]\nkind = 'private'\nc_tag = 10\n"
        );
        parse(&source, Path::new("f")).expect("correct")
    }

    #[test]
    fn the_burst_follows_unless_it_is_in_bytes() {
        for (burst, bandwidth_bps, bytes) in [
            ("", 2_000_000_000, 6_250_000),
            ("", 1_000_000, 128_000),
            ("burst = '10ms'", 2_000_000_000, 2_500_000),
            ("burst = '10ms'", 100_000_000, 125_000),
            ("burst = '256 KiB'", 2_000_000_000, 262_144),
            ("burst = 500000", 10_000_000, 500_000),
        ] {
            let (place, circuit) =
                config(burst).circuit_at("contoso", bandwidth_bps).expect("it fits");
            assert_eq!((place, circuit.bandwidth_bps), (0, bandwidth_bps));
            assert_eq!(circuit.burst_bytes, bytes, "{burst} at {bandwidth_bps}");
        }
    }

    #[test]
    fn a_changed_circuit_is_what_its_file_would_be() {
        for burst in ["", "burst = '10ms'", "burst = '256 KiB'"] {
            let mut changed = config(burst);
            let (place, circuit) = changed.circuit_at("contoso", 50_000_000).expect("it fits");
            changed.circuits[place] = circuit;
            let file = config(&format!("#{burst}\n{burst}"));
            assert_ne!(changed, file);
            let (_, back) = changed.circuit_at("contoso", 1_000_000_000).expect("it fits");
            changed.circuits[place] = back;
            assert_eq!(changed, file);
        }
    }

    #[test]
    fn what_a_file_may_not_say_is_refused() {
        for (burst, name, bandwidth_bps, expected) in [
            ("", "contosso", 1_000_000, "did you mean \"contoso\"?"),
            ("", "contoso", 63_999, "give 64 kbps to 800 Gbps"),
            ("burst = '10ms'", "contoso", 1_000_000, "no full frame fits"),
            ("burst = '256 KiB'", "contoso", 100_000, "longer than 16 s"),
        ] {
            let refused = config(burst).circuit_at(name, bandwidth_bps).expect_err(burst);
            assert!(refused.to_string().contains(expected), "{refused}");
        }
        let mut limited = config("");
        limited.circuits[0].peerings[0].bandwidth_bps = Some(500_000_000);
        let refused = limited.circuit_at("contoso", 400_000_000).expect_err("less than the limit");
        assert!(refused.to_string().contains("the private peering has 500 Mbps"), "{refused}");
    }
}
