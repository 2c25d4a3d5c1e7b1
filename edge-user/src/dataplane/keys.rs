//! Table keys as the kernel keeps them for us.

use edge_common::{
    abi::{self, NAME_LEN_BYTES},
    class::MAX_CLASSES,
};

use crate::{
    config::{Direction, Link, PeeringKind},
    plan::{AttachmentKey, PolicerKey, Scope},
};

/// The scope that stands for the first class.
const FIRST_CLASS_SCOPE: u8 = 16;

pub(super) fn port_record(name: &str) -> abi::PortKey {
    abi::PortKey { name: name_bytes(name) }
}

pub(super) fn port_name(record: &abi::PortKey) -> Option<String> {
    name(&record.name)
}

pub(super) fn attachment_record(key: &AttachmentKey) -> abi::AttachmentKey {
    let mut classes = [[0; NAME_LEN_BYTES]; MAX_CLASSES];
    for (bytes, class) in classes.iter_mut().zip(&key.classes) {
        *bytes = name_bytes(class);
    }
    abi::AttachmentKey {
        circuit: name_bytes(&key.circuit),
        port: name_bytes(&key.port),
        classes,
        peering: peering_number(key.peering),
        reserved: [0; 7],
    }
}

pub(super) fn attachment_key(record: &abi::AttachmentKey) -> Option<AttachmentKey> {
    Some(AttachmentKey {
        circuit: name(&record.circuit)?,
        peering: peering(record.peering)?,
        port: name(&record.port)?,
        classes: record.classes.iter().map_while(name).collect(),
    })
}

pub(super) fn policer_record(key: &PolicerKey) -> abi::PolicerKey {
    abi::PolicerKey {
        circuit: name_bytes(&key.circuit),
        peering: key.peering.map_or(0, peering_number),
        scope: match key.scope {
            Scope::Purchased => 0,
            Scope::Peering => 1,
            Scope::Class(number) => FIRST_CLASS_SCOPE + number,
        },
        direction: match key.direction {
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        },
        link: match key.link {
            Link::Primary => 1,
            Link::Secondary => 2,
        },
        reserved: [0; 4],
    }
}

pub(super) fn policer_key(record: &abi::PolicerKey) -> Option<PolicerKey> {
    Some(PolicerKey {
        circuit: name(&record.circuit)?,
        peering: match record.peering {
            0 => None,
            number => Some(peering(number)?),
        },
        scope: match record.scope {
            0 => Scope::Purchased,
            1 => Scope::Peering,
            class => Scope::Class(class.checked_sub(FIRST_CLASS_SCOPE)?),
        },
        direction: match record.direction {
            1 => Direction::Inbound,
            2 => Direction::Outbound,
            _ => return None,
        },
        link: match record.link {
            1 => Link::Primary,
            2 => Link::Secondary,
            _ => return None,
        },
    })
}

fn peering_number(kind: PeeringKind) -> u8 {
    match kind {
        PeeringKind::Private => 1,
        PeeringKind::Public => 2,
        PeeringKind::Microsoft => 3,
    }
}

fn peering(number: u8) -> Option<PeeringKind> {
    match number {
        1 => Some(PeeringKind::Private),
        2 => Some(PeeringKind::Public),
        3 => Some(PeeringKind::Microsoft),
        _ => None,
    }
}

/// A name, which the configuration's checks keep shorter than the array.
fn name_bytes(name: &str) -> [u8; NAME_LEN_BYTES] {
    let mut bytes = [0; NAME_LEN_BYTES];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

fn name(bytes: &[u8; NAME_LEN_BYTES]) -> Option<String> {
    let bytes: Vec<u8> = bytes.iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        for peering in [PeeringKind::Private, PeeringKind::Public, PeeringKind::Microsoft] {
            let classes = vec!["voice".to_owned(), "default".to_owned()];
            let (circuit, port) = ("c".repeat(63), "cust".to_owned());
            let key = AttachmentKey { circuit, peering, port, classes };
            assert_eq!(attachment_key(&attachment_record(&key)), Some(key));
            for direction in [Direction::Inbound, Direction::Outbound] {
                for link in [Link::Primary, Link::Secondary] {
                    for peering in [None, Some(peering)] {
                        for scope in [Scope::Purchased, Scope::Peering, Scope::Class(7)] {
                            let circuit = "contoso".to_owned();
                            let key = PolicerKey { circuit, peering, scope, direction, link };
                            assert_eq!(policer_key(&policer_record(&key)), Some(key));
                        }
                    }
                }
            }
        }
        let record = port_record("customer0");
        assert_eq!(port_name(&record).as_deref(), Some("customer0"));
    }
}
