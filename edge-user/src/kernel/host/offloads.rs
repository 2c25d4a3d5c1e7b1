//! Offloads by which a NIC takes VLAN tags off before XDP sees the frame. edge turns them off
//! before it attaches a program, and on again where none was attached.
//!
//! The module uses ethtool's family of generic netlink, with the numbers of
//! `include/uapi/linux/ethtool_netlink.h`. The family has settings by name
//! (`netdev_features_strings`). The older ioctl has a flag for the first of them only.

use std::collections::BTreeSet;

use netlink_packet_core::DefaultNla;

use crate::kernel::{
    error::{Context as _, KernelError, Result},
    host::{
        genl::{Attributes, GenlFamily, nest, number},
        interface::Interface,
    },
};

const FAMILY: &str = "ethtool";
const ETHTOOL_MSG_FEATURES_GET: u8 = 11;
const ETHTOOL_MSG_FEATURES_SET: u8 = 12;
const ETHTOOL_A_FEATURES_HEADER: u16 = 1;
const ETHTOOL_A_FEATURES_HW: u16 = 2;
const ETHTOOL_A_FEATURES_WANTED: u16 = 3;
const ETHTOOL_A_FEATURES_ACTIVE: u16 = 4;
const ETHTOOL_A_HEADER_DEV_INDEX: u16 = 1;
const ETHTOOL_A_BITSET_NOMASK: u16 = 1;
const ETHTOOL_A_BITSET_BITS: u16 = 3;
const ETHTOOL_A_BITSET_BIT_NAME: u16 = 2;
const ETHTOOL_A_BITSET_BIT_VALUE: u16 = 3;
const ETHTOOL_A_BITSET_BITS_BIT: u16 = 1;

/// An offload that takes tags out of received frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct Offload {
    /// The kernel's name.
    name: &'static str,
    /// Its name in `ethtool -k`.
    shown_as: &'static str,
    /// The tags that it hides.
    tags: &'static str,
}

/// All such offloads. With either of them on, frames of some circuits would look untagged.
const OFFLOADS: [Offload; 2] = [
    Offload { name: "rx-vlan-hw-parse", shown_as: "rx-vlan-offload", tags: "C-tags" },
    Offload { name: "rx-vlan-stag-hw-parse", shown_as: "rx-vlan-stag-hw-parse", tags: "S-tags" },
];

/// Refuses an interface that hides tags in an offload which can't be turned off. Changes nothing.
pub(in crate::kernel) fn check(interface: &Interface) -> Result<()> {
    let settings = Settings::of(interface)?;
    match OFFLOADS.iter().find(|o| settings.is_on(o) && !settings.changeable.contains(o.name)) {
        Some(offload) => Err(KernelError::unsuitable(refusal(interface, *offload))),
        None => Ok(()),
    }
}

/// The offloads that hide tags now, as `ethtool -k` shows them, and whether each can be turned off.
pub(in crate::kernel) fn hiding(interface: &Interface) -> Result<Vec<(&'static str, bool)>> {
    let settings = Settings::of(interface)?;
    let on = OFFLOADS.iter().filter(|offload| settings.is_on(offload));
    Ok(on.map(|offload| (offload.shown_as, settings.changeable.contains(offload.name))).collect())
}

/// Turns the offloads off. Each is added to `turned_off` before the try, as a driver may accept one
/// and refuse the other.
pub(in crate::kernel) fn turn_off(
    interface: &Interface,
    turned_off: &mut Vec<Offload>,
) -> Result<()> {
    let settings = Settings::of(interface)?;
    turned_off.extend(OFFLOADS.into_iter().filter(|offload| settings.is_on(offload)));
    let Some(first) = turned_off.first() else { return Ok(()) };
    set(interface, turned_off, false).with_context(|| refusal(interface, *first))?;
    let settings = Settings::of(interface)?;
    if let Some(offload) = turned_off.iter().find(|offload| settings.is_on(offload)) {
        return Err(KernelError::unsuitable(refusal(interface, *offload)));
    }
    for Offload { shown_as, tags, .. } in turned_off {
        tracing::info!("{}: turned {shown_as} off, so that XDP sees the {tags}", interface.name());
    }
    Ok(())
}

/// Turns the offloads on again that [`turn_off`] has turned off.
pub(in crate::kernel) fn turn_on(interface: &Interface, offloads: &[Offload]) {
    let Some(first) = offloads.first() else { return };
    let shown: Vec<&str> = offloads.iter().map(|offload| offload.shown_as).collect();
    let (name, shown) = (interface.name(), shown.join(" and "));
    match set(interface, offloads, true) {
        Ok(()) => tracing::info!("{name}: turned {shown} on again"),
        Err(error) => tracing::warn!(
            "{name}: {shown} stays off, as turning it on again failed: {error:#}; `ethtool -K \
             {name} {} on`",
            first.shown_as,
        ),
    }
}

fn refusal(interface: &Interface, Offload { shown_as, tags, .. }: Offload) -> String {
    let name = interface.name();
    format!(
        "{name} hides {tags} from XDP ({shown_as} is on) and can't be told not to, so frames would \
         be taken for untagged ones; `ethtool -K {name} {shown_as} off` says why, or use another \
         interface"
    )
}

/// Settings of an interface, by the kernel's names.
struct Settings {
    on: BTreeSet<String>,
    changeable: BTreeSet<String>,
}

impl Settings {
    fn of(interface: &Interface) -> Result<Self> {
        let answer = family()?
            .ask(ETHTOOL_MSG_FEATURES_GET, &[header(interface)])
            .with_context(|| format!("reading the offload settings of {}", interface.name()))?;
        Ok(Self {
            on: names(&answer, ETHTOOL_A_FEATURES_ACTIVE)?,
            changeable: names(&answer, ETHTOOL_A_FEATURES_HW)?,
        })
    }

    fn is_on(&self, offload: &Offload) -> bool {
        self.on.contains(offload.name)
    }
}

fn set(interface: &Interface, offloads: &[Offload], value: bool) -> Result<()> {
    let bits: Vec<DefaultNla> = offloads.iter().map(|offload| bit(*offload, value)).collect();
    let bits = nest(ETHTOOL_A_BITSET_BITS, &bits);
    let wanted = nest(ETHTOOL_A_FEATURES_WANTED, &[bits]);
    family()?.ask(ETHTOOL_MSG_FEATURES_SET, &[header(interface), wanted]).map(drop)
}

fn family() -> Result<GenlFamily> {
    GenlFamily::open(FAMILY)?.ok_or_else(|| {
        KernelError::unsuitable(
            "this kernel has no ethtool netlink, so edge can't know whether an interface hides \
             VLAN tags; boot one with CONFIG_ETHTOOL_NETLINK, as distributions have it",
        )
    })
}

fn header(interface: &Interface) -> DefaultNla {
    let index = number(ETHTOOL_A_HEADER_DEV_INDEX, interface.index());
    nest(ETHTOOL_A_FEATURES_HEADER, &[index])
}

fn bit(offload: Offload, value: bool) -> DefaultNla {
    let mut name = offload.name.as_bytes().to_vec();
    name.push(0);
    let mut attributes = vec![DefaultNla::new(ETHTOOL_A_BITSET_BIT_NAME, name)];
    attributes.extend(value.then(|| DefaultNla::new(ETHTOOL_A_BITSET_BIT_VALUE, Vec::new())));
    nest(ETHTOOL_A_BITSET_BITS_BIT, &attributes)
}

/// Names of the bits that are set in a bitset. Without a mask it lists those alone.
fn names(answer: &Attributes, kind: u16) -> Result<BTreeSet<String>> {
    let bitset = answer.find(kind)?.context("the kernel leaves out some offload settings")?;
    let bitset = Attributes::nested_in(bitset);
    let has_mask = bitset.find(ETHTOOL_A_BITSET_NOMASK)?.is_none();
    let Some(bits) = bitset.find(ETHTOOL_A_BITSET_BITS)? else { return Ok(BTreeSet::new()) };
    let mut names = BTreeSet::new();
    for bit in Attributes::nested_in(bits).iter() {
        let bit = Attributes::nested_in(bit?.1);
        let is_set = !has_mask || bit.find(ETHTOOL_A_BITSET_BIT_VALUE)?.is_some();
        if let Some(name) = bit.find(ETHTOOL_A_BITSET_BIT_NAME)?.filter(|_| is_set) {
            let name = String::from_utf8_lossy(name);
            names.insert(name.trim_end_matches('\0').to_owned());
        }
    }
    Ok(names)
}
