//! Interfaces on top of others, such as a VLAN device on a NIC. With a port on both, a frame may
//! pass both programs, be policed and billed twice, or leave with tags that belong to another
//! circuit.

use std::collections::{BTreeMap, BTreeSet};

use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};

use crate::kernel::{
    error::{Context as _, Result},
    host::rtnetlink::Rtnetlink,
};

/// The interfaces of this network namespace, and what each is on top of.
#[derive(Debug, Default)]
pub(in crate::kernel) struct Layers {
    /// Indices of interfaces, by the index of one that they are directly on top of.
    above: BTreeMap<u32, BTreeSet<u32>>,
}

impl Layers {
    /// Asks the kernel.
    pub(in crate::kernel) fn read() -> Result<Self> {
        let links = Rtnetlink::open().and_then(|rtnetlink| rtnetlink.links());
        let links = links.context("asking which interfaces are on top of which others")?;
        let mut layers = Self::default();
        for link in &links {
            if let Some(below) = below(link) {
                layers.put(below, link.header.index);
            }
            for attribute in &link.attributes {
                if let LinkAttribute::Controller(controller) = attribute {
                    layers.put(link.header.index, *controller);
                }
            }
        }
        Ok(layers)
    }

    /// Whether the interface `above` is on top of `below`, directly or with others between them.
    pub(in crate::kernel) fn is_above(&self, above: u32, below: u32) -> bool {
        let mut seen = BTreeSet::new();
        let mut left = vec![below];
        while let Some(index) = left.pop() {
            for next in self.above.get(&index).into_iter().flatten() {
                if *next == above {
                    return true;
                }
                if seen.insert(*next) {
                    left.push(*next);
                }
            }
        }
        false
    }

    /// Whether an interface is directly on top of `below`.
    pub(in crate::kernel) fn has_above(&self, below: u32) -> bool {
        self.above.contains_key(&below)
    }

    fn put(&mut self, below: u32, above: u32) {
        self.above.entry(below).or_default().insert(above);
    }
}

/// The interface of this namespace whose frames an interface takes, for kinds that have one. On
/// veth and tunnels, `IFLA_LINK` means something else: the other end, or the interface that carries
/// the tunnel, whose frames are different ones.
fn below(link: &LinkMessage) -> Option<u32> {
    let mut kind_has_one = false;
    let (mut index, mut is_elsewhere) = (None, false);
    for attribute in &link.attributes {
        if let LinkAttribute::Link(below) = attribute {
            index = Some(*below);
        } else if let LinkAttribute::LinkNetNsId(_) = attribute {
            is_elsewhere = true;
        } else if let LinkAttribute::LinkInfo(infos) = attribute {
            kind_has_one = infos.iter().any(|info| {
                matches!(
                    info,
                    LinkInfo::Kind(
                        InfoKind::Vlan
                            | InfoKind::MacVlan
                            | InfoKind::MacVtap
                            | InfoKind::IpVlan
                            | InfoKind::IpVtap
                            | InfoKind::MacSec
                            | InfoKind::Dsa
                    )
                )
            });
        }
    }
    index.filter(|below| kind_has_one && !is_elsewhere && *below != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(pairs: &[(u32, u32)]) -> Layers {
        let mut layers = Layers::default();
        for (below, above) in pairs {
            layers.put(*below, *above);
        }
        layers
    }

    #[test]
    fn above_is_above_what_is_between() {
        // Two interfaces of a bond, with a VLAN device and a bridge of it.
        let layers = layers(&[(1, 3), (2, 3), (3, 4), (4, 5)]);
        for (above, below) in [(3, 1), (3, 2), (4, 1), (5, 1), (5, 3)] {
            assert!(layers.is_above(above, below), "{above} {below}");
            assert!(!layers.is_above(below, above), "{above} {below}");
        }
        for (one, other) in [(1, 2), (2, 1), (1, 1), (6, 1), (1, 6)] {
            assert!(!layers.is_above(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_circle_ends() {
        let layers = layers(&[(1, 2), (2, 1)]);
        assert!(layers.is_above(1, 1) && !layers.is_above(3, 1));
    }

    #[test]
    fn kinds_that_have_frames_of_the_one_below() {
        let link = |kind: InfoKind, elsewhere: bool| {
            let mut link = LinkMessage::default();
            link.attributes =
                vec![LinkAttribute::Link(7), LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)])];
            link.attributes.extend(elsewhere.then_some(LinkAttribute::LinkNetNsId(0)));
            link
        };
        assert_eq!(below(&link(InfoKind::Vlan, false)), Some(7));
        assert_eq!(below(&link(InfoKind::MacVlan, false)), Some(7));
        assert_eq!(below(&link(InfoKind::MacVlan, true)), None);
        assert_eq!(below(&link(InfoKind::Veth, false)), None);
        assert_eq!(below(&link(InfoKind::Vxlan, false)), None);
        assert_eq!(below(&LinkMessage::default()), None);
    }

    #[test]
    fn the_kernel_tells_its_interfaces() -> Result<()> {
        let links = Rtnetlink::open()?.links()?;
        assert!(!links.is_empty());
        Layers::read()?;
        Ok(())
    }
}
