//! The speed, the queues and the driver of an interface, by ethtool.
//!
//! Speed and queues come from ethtool's family of generic netlink, which finds an interface by its index,
//! whatever its name is by then. The numbers are those of `include/uapi/linux/ethtool_netlink.h`. The
//! family does not tell the driver.

use netlink_packet_core::DefaultNla;

use crate::kernel::{
    error::{Context as _, Result},
    host::{
        device::Device,
        genl::{Attributes, GenlFamily, nest, number},
        interface::Interface,
    },
};

const FAMILY: &str = "ethtool";
const ETHTOOL_MSG_LINKMODES_GET: u8 = 4;
const ETHTOOL_MSG_CHANNELS_GET: u8 = 17;
/// The header is the first attribute of both.
const HEADER: u16 = 1;
const ETHTOOL_A_HEADER_DEV_INDEX: u16 = 1;
const ETHTOOL_A_HEADER_FLAGS: u16 = 3;
/// Link modes as bits instead of a hundred names.
const ETHTOOL_FLAG_COMPACT_BITSETS: u32 = 1;
const ETHTOOL_A_LINKMODES_SPEED: u16 = 5;
const ETHTOOL_A_CHANNELS_RX_COUNT: u16 = 6;
const ETHTOOL_A_CHANNELS_TX_COUNT: u16 = 7;
const ETHTOOL_A_CHANNELS_COMBINED_COUNT: u16 = 9;
/// `SPEED_UNKNOWN` of `include/uapi/linux/ethtool.h`. Some drivers say 0 instead.
const SPEED_UNKNOWN: u32 = u32::MAX;

/// Settings of an interface that only its driver knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkSettings {
    /// The link's speed in bit/s; `None`: the driver knows none, as without a carrier.
    pub speed_bps: Option<u64>,
    /// The driver's name; `None`: it gives none.
    pub driver: Option<String>,
    /// Queues in use for receiving.
    pub rx_queues: u32,
    /// Queues in use for sending.
    pub tx_queues: u32,
}

/// A connection that asks for settings of interfaces of the network namespace that it was opened in.
pub struct SettingsReader(GenlFamily);

impl SettingsReader {
    /// Opens it; `None`: this kernel has no ethtool netlink.
    pub fn open() -> Result<Option<Self>> {
        Ok(GenlFamily::open(FAMILY)?.map(Self))
    }

    /// The settings of an interface. A driver that does not answer leaves out what it was asked for.
    ///
    /// Some drivers ask the NIC's firmware, which can take milliseconds.
    #[must_use]
    pub fn settings(&self, device: &Device) -> LinkSettings {
        let speed_bps = self.speed_bps(device).unwrap_or_default();
        let queues = self.queues(device).unwrap_or_default();
        let (rx_queues, tx_queues) = queues.unwrap_or((device.rx_queues, device.tx_queues));
        LinkSettings { speed_bps, driver: driver(device), rx_queues, tx_queues }
    }

    fn speed_bps(&self, device: &Device) -> Result<Option<u64>> {
        let answer = self.0.ask(ETHTOOL_MSG_LINKMODES_GET, &[header(device)])?;
        let speed_mbps = value(&answer, ETHTOOL_A_LINKMODES_SPEED)?;
        Ok(speed_mbps.and_then(speed_of))
    }

    /// Queues for receiving and for sending; `None`: the driver has no channels to set.
    fn queues(&self, device: &Device) -> Result<Option<(u32, u32)>> {
        let answer = self.0.ask(ETHTOOL_MSG_CHANNELS_GET, &[header(device)])?;
        let [rx, tx, combined] = [
            value(&answer, ETHTOOL_A_CHANNELS_RX_COUNT)?,
            value(&answer, ETHTOOL_A_CHANNELS_TX_COUNT)?,
            value(&answer, ETHTOOL_A_CHANNELS_COMBINED_COUNT)?,
        ]
        .map(Option::unwrap_or_default);
        // A combined channel has a queue of each kind.
        let (rx, tx) = (rx.saturating_add(combined), tx.saturating_add(combined));
        Ok((rx > 0 && tx > 0).then_some((rx, tx)))
    }
}

fn driver(device: &Device) -> Option<String> {
    let interface = Interface::find(&device.name).ok()?;
    // Another interface may have the name by now.
    (interface.index() == device.ifindex).then(|| interface.driver().ok().flatten()).flatten()
}

fn speed_of(speed_mbps: u32) -> Option<u64> {
    let is_known = speed_mbps != SPEED_UNKNOWN && speed_mbps != 0;
    is_known.then(|| u64::from(speed_mbps) * 1_000_000)
}

fn header(device: &Device) -> DefaultNla {
    let index = number(ETHTOOL_A_HEADER_DEV_INDEX, device.ifindex);
    let flags = number(ETHTOOL_A_HEADER_FLAGS, ETHTOOL_FLAG_COMPACT_BITSETS);
    nest(HEADER, &[index, flags])
}

fn value(answer: &Attributes, kind: u16) -> Result<Option<u32>> {
    let Some(value) = answer.find(kind)? else { return Ok(None) };
    let value = value.try_into().context("a number of ethtool's that is no u32")?;
    Ok(Some(u32::from_ne_bytes(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::host::device::Devices;

    #[test]
    fn an_unknown_speed_is_none() {
        for (speed_mbps, expected) in [
            (0, None),
            (SPEED_UNKNOWN, None),
            (10, Some(10_000_000)),
            (400_000, Some(400_000_000_000)),
        ] {
            assert_eq!(speed_of(speed_mbps), expected);
        }
    }

    #[test]
    fn an_interface_without_a_driver_has_the_queues_that_it_was_made_with() -> Result<()> {
        let lo = Devices::open()?.by_name("lo")?.context("every namespace has it")?;
        let reader = SettingsReader::open()?.context("this kernel has ethtool netlink")?;
        let settings = reader.settings(&lo);
        assert_eq!((settings.speed_bps, settings.driver.as_deref()), (None, None));
        assert_eq!((settings.rx_queues, settings.tx_queues), (lo.rx_queues, lo.tx_queues));
        // Nobody answers for one that is gone.
        let gone =
            Device { ifindex: u32::MAX >> 1, name: "edge-none".to_owned(), ..Device::default() };
        assert_eq!(reader.settings(&gone), LinkSettings::default());
        Ok(())
    }
}
