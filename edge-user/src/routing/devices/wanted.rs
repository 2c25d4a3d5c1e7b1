//! The devices that a configuration wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv6Addr,
};

use crate::routing::devices::{
    address::InterfaceAddress,
    error::{DevicesError, Result},
    router_mac::RouterMac,
};

/// The smallest MTU of an interface with IPv4 (RFC 791, 3.2).
const SMALLEST_MTU_BYTES: u32 = 68;
/// The smallest MTU of an interface with IPv6 (RFC 8200, 5). Below it, the kernel takes the
/// interface's IPv6 addresses away.
const SMALLEST_MTU_V6_BYTES: u32 = 1280;

/// The device of a peering-link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedDevice {
    /// The peering-link's index, which is in the device's name and in its MAC address.
    pub index: u32,
    /// The kernel's routing table of the peering-link's routing domain.
    pub table: u32,
    /// The edge's own IPv4 address on the peering-link.
    pub v4: Option<InterfaceAddress>,
    /// The edge's own IPv6 address on the peering-link.
    pub v6: Option<InterfaceAddress>,
    /// The link-local address beside `v6`; `None`: [`RouterMac::link_local`].
    pub link_local: Option<Ipv6Addr>,
    /// The largest packet, without Ethernet header and tags.
    pub mtu_bytes: u32,
    /// Whether the peering-link is enabled.
    pub is_up: bool,
}

impl WantedDevice {
    /// The device's name.
    #[must_use]
    pub fn name(&self) -> String {
        device_name(self.index)
    }

    /// All its addresses, with a link-local one where it has IPv6.
    pub(super) fn addresses(&self, mac: RouterMac) -> BTreeSet<InterfaceAddress> {
        let link_local = self.link_local.unwrap_or_else(|| mac.link_local());
        let link_local = self.v6.and_then(|_| InterfaceAddress::link_local(link_local));
        [self.v4, self.v6, link_local].into_iter().flatten().collect()
    }

    fn check(&self) -> Result<()> {
        let name = self.name();
        let refuse = |why: String| Err(DevicesError::invalid(format!("device {name}: {why}")));
        if self.index > RouterMac::LARGEST_INDEX {
            return refuse(format!("an index is at most {}", RouterMac::LARGEST_INDEX));
        }
        let is_right = |address: Option<InterfaceAddress>, is_v4| {
            address.is_none_or(|address| address.address().is_ipv4() == is_v4)
        };
        if !is_right(self.v4, true) || !is_right(self.v6, false) {
            return refuse("an address is of the other family".to_owned());
        }
        if let Some(link_local) = self.link_local
            && InterfaceAddress::link_local(link_local).is_none()
        {
            return refuse(format!("{link_local} is no link-local address"));
        }
        let smallest = if self.v6.is_some() { SMALLEST_MTU_V6_BYTES } else { SMALLEST_MTU_BYTES };
        if self.mtu_bytes < smallest {
            let mtu = self.mtu_bytes;
            return refuse(format!("an MTU of {mtu} is below {smallest}, the least it may be"));
        }
        Ok(())
    }
}

/// The name of the device of a peering-link.
#[must_use]
pub fn device_name(index: u32) -> String {
    format!("r{index}")
}

/// The peering-link that a device's name stands for; `None`: no device of a peering-link is called
/// that.
pub(super) fn index_of(name: &str) -> Option<u32> {
    let index = name.strip_prefix('r')?.parse().ok()?;
    // No `r007`, `r+7` or an index that no MAC address has room for.
    (index <= RouterMac::LARGEST_INDEX && device_name(index) == name).then_some(index)
}

/// All devices that a configuration wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedDevices(BTreeMap<u32, WantedDevice>);

impl WantedDevices {
    /// Checks the devices. They may have the same addresses.
    ///
    /// # Errors
    ///
    /// [`DevicesError::Invalid`]: a device can't be, or two have one index.
    pub fn new(devices: impl IntoIterator<Item = WantedDevice>) -> Result<Self> {
        let mut by_index = BTreeMap::new();
        for device in devices {
            device.check()?;
            let name = device.name();
            if by_index.insert(device.index, device).is_some() {
                return Err(DevicesError::invalid(format!(
                    "two peering-links want the device {name}"
                )));
            }
        }
        Ok(Self(by_index))
    }

    /// The device of this peering-link.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&WantedDevice> {
        self.0.get(&index)
    }

    /// In the order of their indices.
    pub fn iter(&self) -> impl Iterator<Item = &WantedDevice> {
        self.0.values()
    }

    /// The number of devices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn device(index: u32) -> WantedDevice {
        WantedDevice {
            index,
            table: 1000,
            v4: InterfaceAddress::v4(Ipv4Addr::new(192, 168, 15, 18), 30),
            v6: "2001:db8::2".parse().ok().and_then(|v6| InterfaceAddress::v6(v6, 126)),
            link_local: None,
            mtu_bytes: 1500,
            is_up: true,
        }
    }

    fn refusal(device: WantedDevice) -> String {
        WantedDevices::new([device]).expect_err("a refusal").to_string()
    }

    #[test]
    fn devices_may_have_the_same_addresses_and_not_the_same_index() {
        assert_eq!(WantedDevices::new([device(1), device(2)]).expect("two").len(), 2);
        let error = WantedDevices::new([device(1), device(1)]).expect_err("one index");
        assert_eq!(error.to_string(), "two peering-links want the device r1");
    }

    #[test]
    fn devices_that_can_not_be_are_refused() {
        let most = RouterMac::LARGEST_INDEX;
        assert_eq!(
            refusal(device(most + 1)),
            format!("device r{}: an index is at most {most}", most + 1)
        );
        let small = WantedDevice { mtu_bytes: 1279, ..device(1) };
        assert_eq!(
            refusal(small.clone()),
            "device r1: an MTU of 1279 is below 1280, the least it may be"
        );
        assert!(WantedDevices::new([WantedDevice { v6: None, ..small }]).is_ok());
        let swapped = WantedDevice { v4: device(1).v6, ..device(1) };
        assert_eq!(refusal(swapped), "device r1: an address is of the other family");
        let global = WantedDevice { link_local: "2001:db8::1".parse().ok(), ..device(1) };
        assert_eq!(refusal(global), "device r1: 2001:db8::1 is no link-local address");
    }

    #[test]
    fn a_link_local_address_comes_with_ipv6_alone() {
        let mac = RouterMac::new(1, 7).expect("room");
        let of = |device: WantedDevice| -> Vec<String> {
            device.addresses(mac).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            of(device(7)),
            ["192.168.15.18/30", "2001:db8::2/126", "fe80::ed:1ff:fe00:7/64"]
        );
        assert_eq!(of(WantedDevice { v6: None, ..device(7) }), ["192.168.15.18/30"]);
        let own = WantedDevice { link_local: "fe80::2".parse().ok(), v4: None, ..device(7) };
        assert_eq!(of(own), ["2001:db8::2/126", "fe80::2/64"]);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for index in [0, 1, 4000, RouterMac::LARGEST_INDEX] {
            assert_eq!(index_of(&device_name(index)), Some(index));
        }
        for name in ["r", "r01", "r+1", "r-1", "s1", "r1x", "r16777216", "R1", ""] {
            assert_eq!(index_of(name), None, "{name}");
        }
    }
}
