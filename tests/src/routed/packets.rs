//! Frames of a routed world: mostly right, to addresses that its tables have, and wrong in one way or another.

use edge_common::{
    abi::router::{LINK_LOCAL_PREFIX, RouterInterface},
    packet::checksum::fold,
};

use super::{ROUTED, RoutedWorld, dice::Dice};

pub(super) const OWN_V4: u32 = 0x0a00_0012;
pub(super) const PEER_V4: u32 = 0x0a00_0011;
pub(super) const OWN_V6: [u64; 2] = [0x2001_0db8_0000_0001, 2];
pub(super) const PEER_V6: [u64; 2] = [0x2001_0db8_0000_0001, 1];

/// Any address, of few: the interface's network, private networks, and what nobody may have.
pub(super) fn address_v4(dice: &mut Dice) -> u32 {
    let odd = [0, 0x7f00_0001, u32::MAX, 0xe000_0005, 0xf000_0001, 0x0a00_0010, 0x0a00_0013];
    match dice.below(16) {
        0 => dice.of(&odd),
        1 => OWN_V4,
        2 | 3 => PEER_V4,
        4..=8 => 0x0a00_0000 | dice.word() as u32 & 0x3f,
        9..=12 => 0xac10_0000 | dice.word() as u32 & 0x0f_ffff,
        _ => 0xc0a8_0000 | dice.word() as u32 & 0xffff,
    }
}

/// The same of IPv6.
pub(super) fn address_v6(dice: &mut Dice) -> [u64; 2] {
    let odd = [
        [0, 0],
        [0, 1],
        [0, 0xffff_0a00_0001],
        [0xff02 << 48, 1],
        [0xff02 << 48, 0x1_ff00_0002],
        [LINK_LOCAL_PREFIX, 0x55],
    ];
    match dice.below(16) {
        0 => dice.of(&odd),
        1 => OWN_V6,
        2 | 3 => PEER_V6,
        4..=9 => [0x2001_0db8_0000_0000 | dice.word() & 3, dice.word() & 0x0f],
        _ => [0x2001_0db8_0001_0000 | dice.word() & 0xff, dice.word()],
    }
}

pub(super) fn frame(world: &RoutedWorld, port: &str, dice: &mut Dice) -> Vec<u8> {
    let number = dice.below(ROUTED.len());
    let is_wire = dice.one_in(16);
    let tags: &[(u16, u16)] =
        if is_wire { &[(0x8100, 102), (0x8100, 10)] } else { ROUTED[number].2 };
    let interfaces = &world.router.interfaces;
    let own = world.interfaces[&(port.to_owned(), number)];
    let interface = interfaces[if dice.one_in(32) { 1 } else { own }];
    let mut frame = addresses(dice, &interface);
    for (tpid, vid) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend((vid | (dice.word() as u16 & 0xe000)).to_be_bytes());
    }
    match dice.below(16) {
        0 => {
            frame.extend([0x08, 0x06]);
            frame.extend(arp(dice));
        }
        1 => {
            frame.extend(dice.of(&[0x0806_u16, 0x8864, 0x0026, 0x88cc, 0x8847]).to_be_bytes());
            frame.extend(packet_v4(dice));
        }
        2..=8 => {
            frame.extend([0x08, 0x00]);
            frame.extend(packet_v4(dice));
        }
        _ => {
            frame.extend([0x86, 0xdd]);
            frame.extend(packet_v6(dice, &interface));
        }
    }
    if dice.one_in(4) {
        frame.resize(frame.len() + dice.below(12), 0);
    }
    if dice.one_in(24) {
        frame.truncate(14.max(dice.below(frame.len() + 1)));
    }
    if dice.one_in(24) {
        let at = dice.below(frame.len());
        frame[at] ^= 1 << dice.below(8);
    }
    frame
}

/// The MAC addresses.
fn addresses(dice: &mut Dice, interface: &RouterInterface) -> Vec<u8> {
    let to = match dice.below(24) {
        0 => [0xff; 6],
        3 => [1, 0x80, 0xc2, 0, 0, 0],
        1 => [0x33, 0x33, 0xff, 0, 0, 2],
        2 => [2, 0, 0, 0, 0, 9],
        _ => interface.mac().to_bytes(),
    };
    let from = if dice.one_in(64) { [1, 0, 0, 0, 0, 1] } else { [2, 0, 0, 0, 0, 1] };
    [to, from].concat()
}

fn arp(dice: &mut Dice) -> Vec<u8> {
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1];
    arp.extend(dice.of(&[PEER_V4, PEER_V4, 0, 0x0a00_0020]).to_be_bytes());
    arp.extend([0; 6]);
    arp.extend(dice.of(&[OWN_V4, OWN_V4, PEER_V4]).to_be_bytes());
    arp
}

fn packet_v4(dice: &mut Dice) -> Vec<u8> {
    let options: &[u8] = match dice.below(24) {
        0 => &[7, 4, 4, 0],
        1 => &[1, 1, 131, 3],
        2 => &[1, 137, 7, 4, 0, 0, 0, 0],
        3 => &[68, 9, 0, 0],
        4 => &[7, 1, 0, 0],
        5 => &[0, 131, 3, 4],
        6 => &[1, 1, 1, 1, 7, 7, 4, 0, 0, 0, 0, 0],
        _ => &[],
    };
    let (protocol, payload) = payload(dice, false);
    let total = 20 + options.len() + payload.len();
    let mut packet = vec![0x45 + options.len() as u8 / 4, dice.word() as u8];
    packet.extend((total as u16).to_be_bytes());
    packet.extend([0x12, 0x34]);
    packet.extend(dice.of(&[0_u16, 0x4000, 0x4000, 0x2000, 0x0005]).to_be_bytes());
    packet.extend([dice.of(&[64, 64, 255, 255, 2, 1, 0]), protocol, 0, 0]);
    packet.extend(address_v4(dice).to_be_bytes());
    packet.extend(address_v4(dice).to_be_bytes());
    packet.extend(options);
    let words = packet.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(word[1]));
    let sum = !fold(words.sum());
    let sum = if dice.one_in(24) { sum ^ 1 } else { sum };
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(payload);
    packet
}

fn packet_v6(dice: &mut Dice, interface: &RouterInterface) -> Vec<u8> {
    let (mut next, mut payload) = payload(dice, true);
    let link_local = [LINK_LOCAL_PREFIX, interface.link_local_id()];
    let solicited = [0xff02 << 48, 0x1_ff00_0000 | OWN_V6[1] & 0xff_ffff];
    let is_neighbour = next == 58 && matches!(payload.first(), Some(135 | 136));
    let to = if is_neighbour || dice.one_in(16) {
        dice.of(&[solicited, OWN_V6, link_local, [0xff02 << 48, 1]])
    } else {
        address_v6(dice)
    };
    match dice.below(16) {
        0 => {
            payload =
                [&[next, 0, dice.of(&[0, 4]), dice.of(&[0, 1]), 0, 0, 0, 0], &payload[..]].concat();
            next = 43;
        }
        1 => {
            payload = [&[next, 0, 0, dice.of(&[0, 1, 9]), 0, 0, 0, 0], &payload[..]].concat();
            next = 44;
        }
        _ => {}
    }
    let mut packet = (6 << 28 | dice.word() as u32 & 0x0fff_ffff).to_be_bytes().to_vec();
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, dice.of(&[64, 64, 255, 255, 2, 1, 0])]);
    for half in address_v6(dice).into_iter().chain(to) {
        packet.extend(half.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

/// A protocol, and what a packet of it has behind the IP header.
fn payload(dice: &mut Dice, is_v6: bool) -> (u8, Vec<u8>) {
    let len: usize = dice.of(&[8, 20, 33, 100, 101, 102, 103, 500, 1200, 1480]);
    let mut bytes: Vec<u8> = (0..len).map(|place: usize| (place * 7) as u8).collect();
    let icmp: u8 = if is_v6 { 58 } else { 1 };
    let protocol = dice.of(&[6, 17, 17, icmp, icmp, 47]);
    match protocol {
        6 | 17 => {
            let port = |dice: &mut Dice| dice.of(&[179_u16, 3784, 179, 50_005, 40_000]);
            bytes[..2].copy_from_slice(&port(dice).to_be_bytes());
            bytes[2..4].copy_from_slice(&port(dice).to_be_bytes());
            if len > 13 {
                bytes[13] = dice.of(&[0x02, 0x10, 0x12]);
            }
        }
        47 => {}
        _ => {
            let types: &[u8] =
                if is_v6 { &[128, 128, 129, 1, 2, 135, 136] } else { &[8, 8, 0, 3, 11, 5] };
            bytes[0] = dice.of(types);
            bytes[1] = u8::from(dice.one_in(16));
            if len >= 24 && matches!(bytes[0], 135 | 136) {
                let target = dice.of(&[OWN_V6, PEER_V6]);
                bytes[8..16].copy_from_slice(&target[0].to_be_bytes());
                bytes[16..24].copy_from_slice(&target[1].to_be_bytes());
            }
        }
    }
    (protocol, bytes)
}
