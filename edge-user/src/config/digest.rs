//! One number for a configuration, the same for two files that mean the same.

use std::{fmt, sync::OnceLock};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Circuit, Config};

/// A digest that is quickly brought up to date when one of many circuits changes.
#[derive(Clone, Debug)]
pub struct ConfigDigest {
    /// The digest of everything but the circuits.
    rest: [u8; 32],
    circuits: Vec<[u8; 32]>,
    /// The text, once somebody has asked for it: each look at the edge has it, and it takes the digests of all circuits.
    text: OnceLock<String>,
}

impl PartialEq for ConfigDigest {
    fn eq(&self, other: &Self) -> bool {
        let Self { rest, circuits, text: _ } = self;
        (rest, circuits) == (&other.rest, &other.circuits)
    }
}

impl Eq for ConfigDigest {}

impl ConfigDigest {
    /// The digest of a checked configuration, with the prefixes of services in the files that it names. Spaces, comments,
    /// notations and defaults that the file spells out make no difference.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let Config {
            edge,
            ports,
            circuits,
            qos,
            ledger,
            exports,
            prices,
            routing,
            catalogue,
            service_network,
            unlinked_vnets: _,
        } = config;
        let places = (routing, catalogue, service_network);
        Self {
            rest: sha256(&(edge, ports, qos, ledger, exports, prices, places)),
            circuits: circuits.iter().map(sha256).collect(),
            text: OnceLock::new(),
        }
    }

    /// Brings the digest up to date after the circuit at `place` has changed.
    ///
    /// # Panics
    ///
    /// If there is no circuit at `place`.
    pub fn change(&mut self, place: usize, circuit: &Circuit) {
        self.circuits[place] = sha256(circuit);
        self.text = OnceLock::new();
    }
}

/// SHA-256 of SHA-256s, in hexadecimal.
impl fmt::Display for ConfigDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.get_or_init(|| {
            let mut all = Sha256::new_with_prefix(self.rest);
            for circuit in &self.circuits {
                all.update(circuit);
            }
            format!("{:x}", all.finalize())
        }))
    }
}

fn sha256(value: &impl Serialize) -> [u8; 32] {
    // A configuration has no map whose keys are neither text nor numbers.
    let document = serde_json::to_vec(value).expect("it is a document");
    Sha256::digest(document).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    const CONFIG: &str = "edge = { name = 'e' }\nport = [{ name = 'p', interface = 'i', side = \
        'core' }]\n[[circuit]]\nname = 'contoso'\nbandwidth = '1 Gbps'\n\
        [[circuit.peering]]\nkind = 'private'\nc_tag = 10\n";

    #[test]
    fn a_digest_tells_meanings_apart_and_not_notations() {
        let digest = |text: &str| ConfigDigest::new(&parse(text, "f".as_ref()).unwrap());
        let of = digest(CONFIG);
        assert_eq!(of.to_string().len(), 64);
        let same = CONFIG.replace("1 Gbps", "1000 Mbps") + "  dscp = 'preserve' # the default\n";
        assert_eq!(digest(&same), of);
        for other in [
            CONFIG.replace("1 Gbps", "2 Gbps"),
            CONFIG.replace("c_tag = 10", "c_tag = 11"),
            CONFIG.replace("name = 'e'", "name = 'e', unmatched = 'pass'"),
            CONFIG.replace("[[circuit]]", "[ledger]\ncheckpoint = '20s'\n[[circuit]]"),
            CONFIG.replace("bandwidth =", "burst = '10ms'\nbandwidth ="),
        ] {
            let other = digest(&other);
            assert_ne!(other, of);
            assert_ne!(other.to_string(), of.to_string());
        }
        let mut changed = of.clone();
        let (_, circuit) =
            parse(CONFIG, "f".as_ref()).unwrap().circuit_at("contoso", 2_000_000_000).unwrap();
        changed.change(0, &circuit);
        let other = digest(&CONFIG.replace("1 Gbps", "2 Gbps"));
        assert_eq!(changed, other);
        assert_eq!(changed.to_string(), other.to_string());
    }
}
