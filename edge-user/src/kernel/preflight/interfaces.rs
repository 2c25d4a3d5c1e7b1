//! The interfaces of this network namespace, for the choice of ports. Nothing is changed.

use std::collections::BTreeMap;

use aya::programs::loaded_programs;
use nix::ifaddrs::getifaddrs;
use serde::Serialize;

use super::mode::{Decision, Facts, decide};
use crate::{
    kernel::{
        error::{Context as _, Result},
        host::{
            device::{Device, Devices},
            interface::Interface,
            layers::Layers,
            link_settings::SettingsReader,
            offloads,
            xdp_features::XdpFeatures,
        },
    },
    model::XdpMode,
};

/// Kinds of devices made by commands that can be ports.
const KINDS: [&str; 2] = ["bond", "veth"];

/// An interface.
#[derive(Clone, Debug, Serialize)]
pub struct InterfaceLook {
    /// Its name.
    pub name: String,
    /// The name of its driver.
    pub driver: Option<String>,
    /// The link's speed in bit/s.
    pub speed_bps: Option<u64>,
    /// Its MTU.
    pub mtu_bytes: u32,
    /// Whether it is administratively up.
    pub up: bool,
    /// Whether there is a link.
    pub carrier: bool,
    /// Whether native XDP is possible; none: only a try can tell.
    pub native_xdp: Option<bool>,
    /// The reason why it is not.
    pub native_xdp_obstacle: Option<String>,
    /// Offloads that hide tags, which `edge run` turns off.
    pub offloads: Vec<OffloadLook>,
    /// XDP programs on it.
    pub programs: Vec<AttachedLook>,
    /// The reason why it should be no port; none: it can be one.
    pub unfit: Option<String>,
}

/// An offload that is on.
#[derive(Clone, Debug, Serialize)]
pub struct OffloadLook {
    /// Its name in `ethtool -k`.
    pub name: &'static str,
    /// Whether it can be turned off.
    pub changeable: bool,
}

/// An XDP program.
#[derive(Clone, Debug, Serialize)]
pub struct AttachedLook {
    /// The kernel's number of it.
    pub id: u32,
    /// Its name, where this process may ask for it.
    pub name: Option<String>,
    /// The mode that it runs in.
    pub mode: &'static str,
}

/// Looks at every interface but the loopback device.
pub fn look() -> Result<Vec<InterfaceLook>> {
    let devices = Devices::open()?.all()?;
    let host = HostFacts {
        layers: Layers::read()?,
        settings: SettingsReader::open()?,
        names: devices.iter().map(|device| (device.ifindex, device.name.clone())).collect(),
        addresses: addresses()?,
    };
    let others = devices.iter().filter(|device| device.name != "lo");
    others.map(|device| host.look_at(device)).collect()
}

/// Facts about all interfaces.
struct HostFacts {
    layers: Layers,
    /// `None`: this kernel can't tell.
    settings: Option<SettingsReader>,
    names: BTreeMap<u32, String>,
    /// An address of each interface that has one.
    addresses: BTreeMap<String, String>,
}

impl HostFacts {
    fn look_at(&self, device: &Device) -> Result<InterfaceLook> {
        let context = || format!("looking at {}", device.name);
        let interface = Interface::find(&device.name)?;
        let driver = interface.driver().with_context(context)?;
        let mtu_bytes = interface.mtu_bytes().with_context(context)?;
        let features = XdpFeatures::of(device.ifindex)?;
        let facts = Facts {
            interface: &device.name,
            wanted: XdpMode::Native,
            mtu_bytes,
            driver: driver.as_deref(),
            egress: None,
            features,
        };
        let obstacle = match decide(&facts) {
            Decision::Refuse(why) | Decision::Generic(why) => Some(why),
            Decision::AsConfigured | Decision::Native => None,
        };
        let offloads: Vec<_> = offloads::hiding(&interface)?
            .into_iter()
            .map(|(name, changeable)| OffloadLook { name, changeable })
            .collect();
        let programs = device.programs.iter().map(|(mode, id)| AttachedLook {
            id: *id,
            name: program_name(*id),
            mode: mode.as_str(),
        });
        Ok(InterfaceLook {
            unfit: self.unfit(device, &offloads),
            native_xdp: features.map(|_| obstacle.is_none()),
            native_xdp_obstacle: obstacle,
            speed_bps: self.settings.as_ref().and_then(|all| all.settings(device).speed_bps),
            name: device.name.clone(),
            driver,
            mtu_bytes,
            up: device.is_up,
            carrier: device.has_carrier,
            programs: programs.collect(),
            offloads,
        })
    }

    fn unfit(&self, device: &Device, offloads: &[OffloadLook]) -> Option<String> {
        let kind = device.kind.as_deref().filter(|kind| !KINDS.contains(kind));
        let owner = device.part_of.map(|owner| match self.names.get(&owner) {
            Some(name) => name.clone(),
            None => format!("interface {owner}"),
        });
        if !device.is_ethernet {
            Some("its frames are not Ethernet's".to_owned())
        } else if let Some(kind) = kind {
            Some(format!("it is no port's cable, but a device of the kind {kind}"))
        } else if let Some(owner) = owner {
            Some(format!("it is a part of {owner}"))
        } else if let Some(address) = self.addresses.get(&device.name) {
            Some(format!("the host has the address {address} there"))
        } else if self.layers.has_above(device.ifindex) && device.kind.as_deref() != Some("bond") {
            Some("other devices of the host are on top of it".to_owned())
        } else if !device.programs.is_empty() {
            Some("it has an XDP program already".to_owned())
        } else {
            let fixed = offloads.iter().find(|offload| !offload.changeable)?;
            Some(format!("it hides tags, and {} can't be turned off", fixed.name))
        }
    }
}

/// An address of each interface, but for those that every interface has by itself.
fn addresses() -> Result<BTreeMap<String, String>> {
    let mut addresses = BTreeMap::new();
    for one in getifaddrs().context("asking for the host's addresses")? {
        let Some(address) = one.address else { continue };
        let text = if let Some(v4) = address.as_sockaddr_in() {
            v4.ip().to_string()
        } else if let Some(v6) = address.as_sockaddr_in6()
            && !v6.ip().is_unicast_link_local()
        {
            v6.ip().to_string()
        } else {
            continue;
        };
        addresses.insert(one.interface_name, text);
    }
    Ok(addresses)
}

fn program_name(id: u32) -> Option<String> {
    let program = loaded_programs().flatten().find(|program| program.id() == id)?;
    program.name_as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}
