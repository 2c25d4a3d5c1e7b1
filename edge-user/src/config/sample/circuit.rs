//! A circuit of a sample, with its peerings and VNet links.

use std::fmt::{self, Display, Formatter};

use super::{Value, keys::SampleKeys};

/// `[[circuit]]`.
#[must_use]
#[derive(Clone, Debug)]
pub struct SampleCircuit {
    keys: SampleKeys,
    peerings: Vec<SampleKeys>,
    vnet_links: Vec<SampleKeys>,
}

impl SampleCircuit {
    /// A circuit without an S-tag, and without peerings yet.
    pub fn new(name: impl Into<Value>, bandwidth: impl Into<Value>) -> Self {
        let keys = SampleKeys::default().with("name", name).with("bandwidth", bandwidth);
        Self { keys, peerings: Vec::new(), vnet_links: Vec::new() }
    }

    /// Any of its keys.
    pub fn key(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.set(key, value);
        self
    }

    /// Its S-tag.
    pub fn s_tag(self, vid: impl Into<Value>) -> Self {
        self.key("s_tag", vid)
    }

    /// A peering of this kind, with these C-tags.
    pub fn peering(self, kind: &str, c_tag: impl Into<Value>) -> Self {
        self.of_peering(kind, "c_tag", c_tag)
    }

    /// Any key of the peering of this kind.
    pub fn of_peering(mut self, kind: &str, key: &str, value: impl Into<Value>) -> Self {
        set(&mut self.peerings, ("kind", kind), key, value);
        self
    }

    /// Any key of the link to this virtual network.
    pub fn of_vnet(mut self, vnet: &str, key: &str, value: impl Into<Value>) -> Self {
        set(&mut self.vnet_links, ("vnet", vnet), key, value);
        self
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        self.keys.has("name", name)
    }
}

/// Sets a key of the table that has `name`, or of a new one.
fn set(tables: &mut Vec<SampleKeys>, name: (&str, &str), key: &str, value: impl Into<Value>) {
    let known = tables.iter().position(|table| table.has(name.0, name.1));
    let place = known.unwrap_or(tables.len());
    if known.is_none() {
        tables.push(SampleKeys::default().with(name.0, name.1));
    }
    tables[place].set(key, value);
}

impl Display for SampleCircuit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.keys.write("[[circuit]]", f)?;
        for peering in &self.peerings {
            peering.write("[[circuit.peering]]", f)?;
        }
        for vnet_link in &self.vnet_links {
            vnet_link.write("[[circuit.vnet_link]]", f)?;
        }
        Ok(())
    }
}
