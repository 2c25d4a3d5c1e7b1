//! Ports and an S-tag for a circuit that its provider connects.

use std::collections::BTreeSet;

use super::{CTags, Circuit, Config, CoreTag, Forward, Link, Port, Side};

/// The tags that a frame can have.
const VIDS: std::ops::RangeInclusive<u16> = 1..=4094;

/// A wish for ports and an S-tag. The rest is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The customer-side port of the primary link.
    pub primary: Option<String>,
    /// The customer-side port of the secondary link.
    pub secondary: Option<String>,
    /// The S-tag's VID.
    pub s_tag: Option<u16>,
    /// The S-tag's VID on the secondary link. None is chosen: without one, both links have the same.
    pub secondary_s_tag: Option<u16>,
}

/// Ports and tags of a circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Its customer-side ports, and the core-side ports of their traffic.
    pub ports: Vec<String>,
    /// The S-tag's VID.
    pub s_tag: u16,
    /// The S-tag's VID on the secondary link, where that is another one.
    pub secondary_s_tag: Option<u16>,
}

/// Chooses ports and an S-tag: of each link the customer-side port with the least bandwidth sold, and the lowest VID that
/// nobody has on these ports. A circuit has no secondary port where there is none.
///
/// # Errors
///
/// A sentence: no port has the link or the name, or every tag is taken.
pub fn allocate(config: &Config, circuit: &str, wish: &Wish) -> Result<Allocation, String> {
    let others: Vec<&Circuit> =
        config.circuits.iter().filter(|other| other.name != circuit).collect();
    let primary = port(config, &others, Link::Primary, wish.primary.as_deref())?
        .ok_or("no customer-side port has `link = \"primary\"`; add one first")?;
    let secondary = port(config, &others, Link::Secondary, wish.secondary.as_deref())?;
    let mut ports: Vec<String> = Vec::new();
    for own in [Some(primary), secondary].into_iter().flatten() {
        let is_its = |port: &&Port| {
            let is_to = |from: &Port, to: &Port| from.forward == Forward::Port(to.name.clone());
            port.name == own.name || is_to(own, port) || is_to(port, own)
        };
        ports.extend(config.ports.iter().filter(is_its).map(|port| port.name.clone()));
    }
    ports.sort_unstable();
    ports.dedup();
    let s_tag = match wish.s_tag {
        Some(s_tag) => s_tag,
        None => free_s_tag(&others, &ports).ok_or_else(|| {
            format!("every S-tag is taken on the ports {}; name others", ports.join(", "))
        })?,
    };
    Ok(Allocation { ports, s_tag, secondary_s_tag: wish.secondary_s_tag })
}

/// The port of a link that is wished for, or the one with the least bandwidth sold.
fn port<'c>(
    config: &'c Config,
    others: &[&Circuit],
    link: Link,
    name: Option<&str>,
) -> Result<Option<&'c Port>, String> {
    let is_one = |port: &&Port| port.side == Side::Customer && port.link == link;
    let candidates: Vec<&Port> = config.ports.iter().filter(is_one).collect();
    let Some(name) = name else {
        let sold_bps = |port: &&&Port| -> u64 {
            let on_it = others.iter().filter(|other| other.ports.contains(&port.name));
            on_it.map(|other| other.bandwidth_bps).sum()
        };
        return Ok(candidates.iter().min_by_key(sold_bps).copied());
    };
    let found = candidates.iter().find(|port| port.name == name).copied();
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = candidates.iter().map(|port| port.name.as_str()).collect();
        let link = link.as_str();
        if names.is_empty() {
            format!("no customer-side port has `link = \"{link}\"`, and {name:?} is none")
        } else {
            format!(
                "{name:?} is no customer-side port of the {link} link; these are: {}",
                names.join(", ")
            )
        }
    })
}

fn free_s_tag(others: &[&Circuit], ports: &[String]) -> Option<u16> {
    let mut taken = BTreeSet::new();
    for other in others.iter().filter(|it| it.ports.iter().any(|port| ports.contains(port))) {
        taken.extend(other.s_tag.into_iter().chain(other.secondary_s_tag));
        if let CoreTag::Vid(vid) = other.core_s_tag {
            taken.insert(vid);
        }
        if other.s_tag.is_none() {
            // Its C-tags are the outer ones. A circuit with every tag leaves none, and the check of the whole says so.
            let own = other.peerings.iter().map(|peering| peering.c_tags);
            for CTags { first, last } in own.filter(|tags| *tags != CTags::ANY) {
                taken.extend(first..=last);
            }
        }
    }
    VIDS.into_iter().find(|vid| !taken.contains(vid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        self,
        sample::{Sample, SampleCircuit, SamplePort},
    };

    fn config() -> Config {
        let circuit = |name: &str, bandwidth: &str| {
            SampleCircuit::new(name, bandwidth).peering("private", 10)
        };
        let sample = Sample::lab()
            .pair("customer1", "core1")
            .port(
                SamplePort::new("customer2", "customer").forward("core2").key("link", "secondary"),
            )
            .port(SamplePort::new("core2", "core").forward("customer2").key("link", "secondary"))
            .circuit(circuit("a", "3 Gbps").s_tag(1).key("ports", ["customer0", "core0"]))
            .circuit(circuit("b", "1 Gbps").s_tag(2).key("ports", ["customer1", "core1"]))
            .circuit(
                circuit("c", "1 Gbps")
                    .s_tag(1)
                    .key("core_s_tag", 3)
                    .key("ports", ["customer1", "core1"]),
            )
            .circuit(
                SampleCircuit::new("d", "1 Mbps")
                    .peering("private", "4-6")
                    .key("ports", ["customer2", "core2"]),
            );
        config::parse(&sample.to_string(), std::path::Path::new("sample")).expect("a configuration")
    }

    #[test]
    fn the_emptiest_ports_and_the_lowest_free_tag_are_chosen() {
        let config = config();
        let of = |wish: Wish| allocate(&config, "new", &wish);
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let both = names(&["core1", "core2", "customer1", "customer2"]);
        assert_eq!(
            of(Wish::default()),
            Ok(Allocation { ports: both, s_tag: 7, secondary_s_tag: None })
        );
        let first = Wish { primary: Some("customer0".into()), ..Wish::default() };
        let ports = names(&["core0", "core2", "customer0", "customer2"]);
        assert_eq!(
            of(first.clone()),
            Ok(Allocation { ports: ports.clone(), s_tag: 2, secondary_s_tag: None })
        );
        let tagged = Wish { s_tag: Some(9), secondary_s_tag: Some(8), ..first };
        assert_eq!(of(tagged), Ok(Allocation { ports, s_tag: 9, secondary_s_tag: Some(8) }));
        // A circuit is not in its own way.
        let again =
            allocate(&config, "a", &Wish { primary: Some("customer0".into()), ..Wish::default() });
        assert_eq!(again.map(|it| it.s_tag), Ok(1));
    }

    #[test]
    fn ports_that_there_are_not_are_refused() {
        let config = config();
        for (primary, secondary, said) in [
            (
                Some("customer2"),
                None,
                "is no customer-side port of the primary link; these are: customer0, customer1",
            ),
            (Some("core0"), None, "is no customer-side port of the primary link"),
            (
                None,
                Some("customer0"),
                "is no customer-side port of the secondary link; these are: customer2",
            ),
        ] {
            let wish = Wish {
                primary: primary.map(Into::into),
                secondary: secondary.map(Into::into),
                ..Wish::default()
            };
            let refused = allocate(&config, "new", &wish).expect_err("a refusal");
            assert!(refused.contains(said), "{refused}");
        }
    }
}
