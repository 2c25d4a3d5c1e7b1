//! Keys of owners in the tables: the records that say which attachment or policer an index is.

use edge_common::abi::{self, NAME_LEN_BYTES, class::MAX_CLASSES, keys::Generation};

use crate::{
    model::{Accounting, Billing, Direction, Link, PeeringKind},
    plan::{AttachmentKey, PolicerKey, RoutedKey, SERVICE_NETWORK, Scope},
};

/// The scope that stands for the first class.
const FIRST_CLASS_SCOPE: u8 = 16;

pub(in crate::kernel) fn port_record(name: &str) -> abi::keys::PortKey {
    abi::keys::PortKey {
        name: name_bytes(name),
        interface: [0; NAME_LEN_BYTES],
        constants: abi::port::PortConstants::default(),
        program_ids: [0; 2],
    }
}

pub(in crate::kernel) fn port_name(record: &abi::keys::PortKey) -> Option<String> {
    name(&record.name)
}

/// The record of an index that this is the `generation`th owner of.
pub(in crate::kernel) fn attachment_record(
    key: &AttachmentKey,
    generation: Generation,
) -> abi::keys::AttachmentRecord {
    let mut classes = [[0; NAME_LEN_BYTES]; MAX_CLASSES];
    for (bytes, class) in classes.iter_mut().zip(&key.classes) {
        *bytes = name_bytes(class);
    }
    abi::keys::AttachmentRecord {
        edge: name_bytes(&key.edge),
        circuit: name_bytes(&key.circuit),
        service_key: name_bytes(key.service_key.as_deref().unwrap_or_default()),
        port: name_bytes(&key.port),
        classes,
        peering: number(PEERINGS, key.peering),
        direction: number(DIRECTIONS, key.direction),
        link: number(LINKS, key.link),
        billing: number(BILLINGS, key.billing),
        accounting: number(ACCOUNTINGS, key.accounting),
        vnet: name_bytes(key.vnet.as_deref().unwrap_or_default()),
        is_routed: key.is_routed.into(),
        reserved: [0; 2],
        generation: generation.to_bits(),
    }
}

pub(in crate::kernel) fn attachment_key(
    record: &abi::keys::AttachmentRecord,
) -> Option<AttachmentKey> {
    if !Generation::from_bits(record.generation).is_owned {
        return None;
    }
    Some(AttachmentKey {
        edge: name(&record.edge)?,
        circuit: name(&record.circuit)?,
        service_key: name(&record.service_key),
        peering: numbered(PEERINGS, record.peering)?,
        port: name(&record.port)?,
        direction: numbered(DIRECTIONS, record.direction)?,
        link: numbered(LINKS, record.link)?,
        billing: numbered(BILLINGS, record.billing)?,
        accounting: numbered(ACCOUNTINGS, record.accounting)?,
        classes: record.classes.iter().map_while(|class| name(class)).collect(),
        is_routed: record.is_routed != 0,
        vnet: name(&record.vnet),
    })
}

pub(in crate::kernel) fn policer_record(key: &PolicerKey) -> abi::keys::PolicerRecord {
    abi::keys::PolicerRecord {
        circuit: name_bytes(&key.circuit),
        vnet: name_bytes(key.vnet.as_deref().unwrap_or_default()),
        peering: key.peering.map_or(0, |peering| number(PEERINGS, peering)),
        scope: match key.scope {
            Scope::Purchased => 0,
            Scope::Peering => 1,
            Scope::Punts => 2,
            Scope::Answers => 3,
            Scope::Class(number) => FIRST_CLASS_SCOPE + number,
        },
        direction: number(DIRECTIONS, key.direction),
        link: number(LINKS, key.link),
        reserved: [0; 4],
    }
}

pub(in crate::kernel) fn policer_key(record: &abi::keys::PolicerRecord) -> Option<PolicerKey> {
    Some(PolicerKey {
        circuit: name(&record.circuit)?,
        peering: match record.peering {
            0 => None,
            number => Some(numbered(PEERINGS, number)?),
        },
        vnet: name(&record.vnet),
        scope: match record.scope {
            0 => Scope::Purchased,
            1 => Scope::Peering,
            2 => Scope::Punts,
            3 => Scope::Answers,
            class => Scope::Class(class.checked_sub(FIRST_CLASS_SCOPE)?),
        },
        direction: numbered(DIRECTIONS, record.direction)?,
        link: numbered(LINKS, record.link)?,
    })
}

pub(in crate::kernel) fn router_record(key: &RoutedKey) -> abi::keys::RouterRecord {
    let (circuit, vnet, peering, link) = match key {
        RoutedKey::Peering { circuit, peering, link } => {
            (&**circuit, "", number(PEERINGS, *peering), number(LINKS, *link))
        }
        RoutedKey::Vnet { circuit, vnet } => (&**circuit, &**vnet, 0, 0),
        // No virtual network has a peering.
        RoutedKey::Services => {
            (SERVICE_NETWORK, SERVICE_NETWORK, number(PEERINGS, PeeringKind::Microsoft), 0)
        }
    };
    abi::keys::RouterRecord {
        circuit: name_bytes(circuit),
        vnet: name_bytes(vnet),
        peering,
        link,
        reserved: [0; 6],
    }
}

pub(in crate::kernel) fn routed_key(record: &abi::keys::RouterRecord) -> Option<RoutedKey> {
    let circuit = name(&record.circuit)?;
    Some(match name(&record.vnet) {
        Some(_) if record.peering != 0 => RoutedKey::Services,
        Some(vnet) => RoutedKey::Vnet { circuit, vnet },
        None => RoutedKey::Peering {
            circuit,
            peering: numbered(PEERINGS, record.peering)?,
            link: numbered(LINKS, record.link)?,
        },
    })
}

/// The values of keys by their numbers, from 1. All versions share the numbers: append, and never
/// renumber.
pub(in crate::kernel) const PEERINGS: &[PeeringKind] =
    &[PeeringKind::Private, PeeringKind::Public, PeeringKind::Microsoft];
pub(in crate::kernel) const DIRECTIONS: &[Direction] = &[Direction::Inbound, Direction::Outbound];
pub(in crate::kernel) const LINKS: &[Link] = &[Link::Primary, Link::Secondary];
pub(in crate::kernel) const BILLINGS: &[Billing] = &[Billing::Metered, Billing::Unlimited];
pub(in crate::kernel) const ACCOUNTINGS: &[Accounting] =
    &[Accounting::L1, Accounting::L2, Accounting::Mef, Accounting::L3];

/// The value with this number.
pub(in crate::kernel) fn numbered<T: Copy>(values: &[T], number: u8) -> Option<T> {
    values.get(usize::from(number).checked_sub(1)?).copied()
}

fn number<T: PartialEq + Copy>(values: &[T], value: T) -> u8 {
    let numbers = (1..).zip(values);
    numbers.into_iter().find(|(_, known)| **known == value).map_or(0, |(number, _)| number)
}

/// A name as bytes. The configuration's checks keep it shorter than the array. Other names of
/// interfaces can be longer, and are cut.
pub(in crate::kernel) fn name_bytes(name: &str) -> [u8; NAME_LEN_BYTES] {
    let mut bytes = [0; NAME_LEN_BYTES];
    bytes.iter_mut().zip(name.as_bytes()).for_each(|(place, byte)| *place = *byte);
    bytes
}

pub(in crate::kernel) fn name(bytes: &[u8]) -> Option<String> {
    let name = bytes.split(|byte| *byte == 0).next()?;
    str::from_utf8(name).ok().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros as _;

    use super::*;

    fn attachment(peering: PeeringKind) -> AttachmentKey {
        AttachmentKey {
            edge: "ams-1".into(),
            circuit: "c".repeat(63),
            service_key: None,
            peering,
            port: "cust".into(),
            direction: Direction::Outbound,
            link: Link::Secondary,
            billing: Billing::Unlimited,
            accounting: Accounting::L3,
            classes: vec!["voice".into(), "default".into()],
            is_routed: true,
            vnet: None,
        }
    }

    #[test]
    fn keys_round_trip() {
        let owned = Generation { number: 7, is_owned: true };
        for peering in PeeringKind::ALL.iter().copied() {
            for service_key in [None, Some("6f0a5d4e".to_owned())] {
                let key = AttachmentKey { service_key, ..attachment(peering) };
                let mut record = attachment_record(&key, owned);
                assert_eq!(attachment_key(&record), Some(key));
                record.generation = Generation { is_owned: false, ..owned }.to_bits();
                assert_eq!(attachment_key(&record), None);
                let vnet = Some("v".repeat(63));
                let key = AttachmentKey { vnet, is_routed: false, ..attachment(peering) };
                assert_eq!(attachment_key(&attachment_record(&key, owned)), Some(key));
            }
            for direction in Direction::ALL.iter().copied() {
                for link in Link::ALL.iter().copied() {
                    for peering in [None, Some(peering)] {
                        let of_router = [Scope::Punts, Scope::Answers];
                        let others = [Scope::Purchased, Scope::Peering, Scope::Class(7)];
                        for scope in others.into_iter().chain(of_router) {
                            let vnet = scope.is_of_router().then(|| "hub".to_owned());
                            let circuit = "contoso".to_owned();
                            let key = PolicerKey { circuit, peering, vnet, scope, direction, link };
                            assert_eq!(policer_key(&policer_record(&key)), Some(key));
                        }
                    }
                }
            }
        }
        let record = port_record("customer0");
        assert_eq!(port_name(&record).as_deref(), Some("customer0"));
    }

    #[test]
    fn names_of_links_round_trip_and_zeros_name_none() {
        let circuit = || "c".repeat(63);
        for peering in PeeringKind::ALL.iter().copied() {
            for link in Link::ALL.iter().copied() {
                let key = RoutedKey::Peering { circuit: circuit(), peering, link };
                assert_eq!(routed_key(&router_record(&key)), Some(key));
            }
        }
        let key = RoutedKey::Vnet { circuit: circuit(), vnet: "v".repeat(63) };
        assert_eq!(routed_key(&router_record(&key)), Some(key));
        let key = RoutedKey::Services;
        assert_eq!(routed_key(&router_record(&key)), Some(key));
        assert_eq!(routed_key(&abi::keys::RouterRecord::new_zeroed()), None);
    }

    #[test]
    fn all_values_have_numbers_and_numbers_last() {
        assert!(PeeringKind::ALL.iter().all(|value| number(PEERINGS, *value) > 0));
        assert!(Direction::ALL.iter().all(|value| number(DIRECTIONS, *value) > 0));
        assert!(Link::ALL.iter().all(|value| number(LINKS, *value) > 0));
        assert!(Billing::ALL.iter().all(|value| number(BILLINGS, *value) > 0));
        assert!(Accounting::ALL.iter().all(|value| number(ACCOUNTINGS, *value) > 0));
        assert_eq!(number(BILLINGS, Billing::Unlimited), 2);
        assert_eq!(numbered(ACCOUNTINGS, 4), Some(Accounting::L3));
        assert_eq!((numbered(LINKS, 0), numbered(LINKS, 3)), (None, None));
    }
}
