//! The settings of the ports' interfaces, which are asked for no more often than needed.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    daemon::error::Result,
    kernel::host::{
        device::Device,
        link_settings::{LinkSettings, SettingsReader},
    },
};

/// Some settings change without a message of the kernel's: a bond's speed with its interfaces, a virtual
/// NIC's with its host.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Settings by the index of their interface.
pub(super) type SettingsByIndex = BTreeMap<u32, LinkSettings>;

/// The ports' interfaces, with the settings that each had when it was last asked.
pub(super) struct LinkWatch {
    /// `None`: this kernel can't be asked.
    reader: Option<SettingsReader>,
    known: BTreeMap<u32, AskedLink>,
}

struct AskedLink {
    device: Device,
    asked: Instant,
    settings: LinkSettings,
}

impl LinkWatch {
    pub(super) fn open() -> Result<Self> {
        Ok(Self { reader: SettingsReader::open()?, known: BTreeMap::new() })
    }

    /// Asks interfaces that have changed, and those that were not asked for a while. Returns the settings of
    /// all, if any are others than before.
    pub(super) fn follow<'d>(
        &mut self,
        devices: impl Iterator<Item = &'d Device>,
    ) -> Option<SettingsByIndex> {
        let Self { reader, known } = self;
        let reader = reader.as_ref()?;
        follow(known, devices, Instant::now(), |device| reader.settings(device))
    }
}

fn follow<'d>(
    known: &mut BTreeMap<u32, AskedLink>,
    devices: impl Iterator<Item = &'d Device>,
    now: Instant,
    mut ask: impl FnMut(&Device) -> LinkSettings,
) -> Option<SettingsByIndex> {
    let mut before = std::mem::take(known);
    let mut has_changed = false;
    for device in devices {
        let last = before.remove(&device.ifindex);
        let is_due = last.as_ref().is_none_or(|last| {
            last.device != *device || now.duration_since(last.asked) >= ASK_AGAIN_AFTER
        });
        let link = match last {
            Some(last) if !is_due => last,
            last => {
                let settings = ask(device);
                has_changed |= last.is_none_or(|last| last.settings != settings);
                AskedLink { device: device.clone(), asked: now, settings }
            }
        };
        known.insert(device.ifindex, link);
    }
    has_changed |= !before.is_empty();
    let settings = known.iter().map(|(index, link)| (*index, link.settings.clone()));
    has_changed.then(|| settings.collect())
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn a_link_is_asked_when_it_changes_and_now_and_then() {
        let (mut known, start) = (BTreeMap::new(), Instant::now());
        let mut asked = 0;
        let mut look = |devices: &[Device], after_s: u64, speed_bps: u64| {
            let now = start + Duration::from_secs(after_s);
            let settings = follow(&mut known, devices.iter(), now, |_| {
                asked += 1;
                LinkSettings { speed_bps: Some(speed_bps), ..LinkSettings::default() }
            });
            let speeds = settings.map(|settings| {
                settings.values().filter_map(|link| link.speed_bps).collect::<Vec<_>>()
            });
            (asked, speeds)
        };
        let first = Device { ifindex: 5, is_up: true, ..Device::default() };
        let unplugged = Device { carrier_changes: 1, ..first.clone() };
        let second = Device { ifindex: 6, ..first.clone() };
        assert_eq!(look(slice::from_ref(&first), 0, 10), (1, Some(vec![10])));
        // Nobody asks a link that is as before.
        assert_eq!(look(slice::from_ref(&first), 9, 25), (1, None));
        assert_eq!(look(&[first], 10, 25), (2, Some(vec![25])));
        assert_eq!(look(slice::from_ref(&unplugged), 11, 25), (3, None));
        assert_eq!(look(&[unplugged.clone(), second], 12, 40), (4, Some(vec![25, 40])));
        assert_eq!(look(&[unplugged], 13, 40), (4, Some(vec![25])));
        assert_eq!(look(&[], 14, 40), (4, Some(vec![])));
        assert_eq!(look(&[], 15, 40), (4, None));
    }
}
