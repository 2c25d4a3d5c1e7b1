//! Traced frames as people read them, and as a capture has them.

use std::{fmt::Write as _, net::IpAddr};

use edge_api::{TraceCounts, TracedFrame, TracedTag};
use edge_common::packet::vlan::{OUTER_TAG_OFFSET, TAG_LEN_BYTES};
use etherparse::{EtherType, IpNumber, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use jiff::tz::Offset;

use crate::units::count;

/// A frame in a line: when (UTC), where, what, and its fate.
#[must_use]
pub fn line(frame: &TracedFrame) -> String {
    let at = Offset::UTC.to_datetime(frame.at).strftime("%H:%M:%S.%6f").to_string();
    let mut line = format!("{at} {}", frame.port);
    if !frame.tags.is_empty() {
        line = format!("{line} {}", tags(&frame.tags));
    }
    // Writing to a string doesn't fail.
    let _ = write!(line, " {}, {} bytes → {}", packet(frame), frame.len_bytes, fate(frame));
    line
}

/// The fate of a frame: `forward ok to core0 as 8100:2100, DSCP 26→0; contoso private inbound, class default`.
#[must_use]
pub fn fate(frame: &TracedFrame) -> String {
    let TracedFrame { verdict, reason, egress, dscp_in, dscp_out, left_tags, .. } = frame;
    let mut fate = format!("{verdict} {reason}");
    // Writing to a string doesn't fail.
    if let Some(egress) = egress {
        let _ = write!(fate, " to {egress}");
    }
    if let Some(left) = left_tags.as_ref().filter(|left| **left != frame.tags) {
        let left = if left.is_empty() { "untagged".to_owned() } else { tags(left) };
        let _ = write!(fate, " as {left}");
    }
    match (dscp_in, dscp_out) {
        (Some(came), Some(left)) if came != left => {
            let _ = write!(fate, ", DSCP {came}→{left}");
        }
        (Some(dscp), _) => {
            let _ = write!(fate, ", DSCP {dscp}");
        }
        (None, _) => {}
    }
    let TracedFrame { circuit, peering, direction, class, vnet, .. } = frame;
    if let (Some(circuit), Some(peering), Some(direction)) = (circuit, peering, direction) {
        let _ = write!(fate, "; {circuit} {peering} {direction}");
    }
    if let Some(vnet) = vnet {
        let _ = write!(fate, ", from the network {vnet}");
    }
    if let Some(class) = class {
        let _ = write!(fate, ", class {class}");
    }
    fate
}

/// A frame's bytes as received, as far as they were captured; `None`: they are no hexadecimal.
#[must_use]
pub fn bytes(frame: &TracedFrame) -> Option<Vec<u8>> {
    let (pairs, rest) = frame.data.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[upper, lower]: &[u8; 2]| u8::try_from(digit(*upper)? << 4 | digit(*lower)?).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

/// The frames that are not in lines, where there are any.
#[must_use]
pub fn left_out(counts: &TraceCounts) -> Option<String> {
    let TraceCounts { capped, lost, .. } = *counts;
    let causes = [
        (capped, "came above the rate (--rate)"),
        (lost, "were lost, as they were not read in time"),
    ];
    let causes = causes.into_iter().filter(|(frames, _)| *frames > 0);
    let texts: Vec<_> = causes.map(|(frames, why)| format!("{} {why}", count(frames))).collect();
    (!texts.is_empty()).then(|| format!("frames left out so far: {}", texts.join("; ")))
}

/// All frames of a trace that has ended.
#[must_use]
pub fn summary(counts: &TraceCounts) -> String {
    let TraceCounts { matched, told, capped, lost } = *counts;
    let [matched, told, capped, lost] = [matched, told, capped, lost].map(count);
    format!(
        "{told} frames of {matched} that were looked for; {capped} came above the rate, {lost} were lost"
    )
}

fn tags(tags: &[TracedTag]) -> String {
    let tag = |TracedTag { tpid, vid, pcp, dei }: &TracedTag| {
        let tpid = tpid.strip_prefix("0x").unwrap_or(tpid);
        let priority = if *pcp == 0 && !dei { String::new() } else { format!("/{pcp}") };
        format!("{tpid}:{vid}{priority}{}", if *dei { "d" } else { "" })
    };
    tags.iter().map(tag).collect::<Vec<_>>().join(" ")
}

/// The packet behind the tags: addresses, ports and protocol.
fn packet(frame: &TracedFrame) -> String {
    let bytes = bytes(frame).unwrap_or_default();
    let at = OUTER_TAG_OFFSET + TAG_LEN_BYTES * frame.tags.len();
    let Some(&[upper, lower]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else {
        return "cut short".to_owned();
    };
    let ether_type = EtherType(u16::from_be_bytes([upper, lower]));
    let sliced = LaxSlicedPacket::from_ether_type(ether_type, &bytes[at + 2..]);
    let ports = match &sliced.transport {
        Some(TransportSlice::Udp(udp)) => Some((udp.source_port(), udp.destination_port())),
        Some(TransportSlice::Tcp(tcp)) => Some((tcp.source_port(), tcp.destination_port())),
        _ => None,
    };
    match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let (from, to) = (header.source_addr().into(), header.destination_addr().into());
            packet_text(from, to, ports, ip.payload().ip_number, sliced.transport.as_ref())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let (from, to) = (header.source_addr().into(), header.destination_addr().into());
            packet_text(from, to, ports, ip.payload().ip_number, sliced.transport.as_ref())
        }
        Some(LaxNetSlice::Arp(_)) => "ARP".to_owned(),
        None => format!("EtherType {:#06x}", ether_type.0),
    }
}

fn packet_text(
    from: IpAddr,
    to: IpAddr,
    ports: Option<(u16, u16)>,
    protocol: IpNumber,
    transport: Option<&TransportSlice<'_>>,
) -> String {
    let end = |address: IpAddr, port: Option<u16>| match (address, port) {
        (address, None) => address.to_string(),
        (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
    };
    let from = end(from, ports.map(|(from, _)| from));
    let to = end(to, ports.map(|(_, to)| to));
    let kind = match transport {
        Some(TransportSlice::Icmpv4(icmp)) => format!("ICMP type {}", icmp.type_u8()),
        Some(TransportSlice::Icmpv6(icmp)) => format!("ICMPv6 type {}", icmp.type_u8()),
        _ => {
            protocol.keyword_str().map_or_else(|| format!("protocol {}", protocol.0), str::to_owned)
        }
    };
    format!("{from} > {to} {kind}")
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;

    fn frame(data: &[u8]) -> TracedFrame {
        let data = data.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let json = r#"{"at":"2026-01-01T09:15:02.123456789Z","port":"customer0","verdict":"forward","reason":"ok","egress":
"core0","circuit":"contoso","peering":"microsoft","direction":"inbound","class":"default","dscp_in":26,"dscp_out":0,
"tags":[{"tpid":"0x88a8","vid":100,"pcp":5,"dei":true},{"tpid":"0x8100","vid":10,"pcp":0,"dei":false}],"left_tags":
[{"tpid":"0x8100","vid":2100,"pcp":5,"dei":true}],"len_bytes":102,"data":""}"#;
        TracedFrame { data, ..serde_json::from_str(json).unwrap() }
    }

    fn tagged(build: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut frame = vec![2; 12];
        frame.extend([0x88, 0xa8, 0xb0, 100, 0x81, 0, 0, 10]);
        build(&mut frame);
        frame
    }

    #[test]
    fn a_line_tells_what_came_and_its_fate() {
        let mut packet = Vec::new();
        let builder = PacketBuilder::ipv4([10, 1, 0, 7], [10, 2, 0, 9], 64).udp(5000, 53);
        builder.write(&mut packet, &[0; 8]).unwrap();
        let udp = tagged(|frame| {
            frame.extend([8, 0]);
            frame.extend(&packet);
        });
        assert_eq!(
            line(&frame(&udp)),
            "09:15:02.123456 customer0 88a8:100/5d 8100:10 10.1.0.7:5000 > 10.2.0.9:53 UDP, 102 bytes → forward ok \
             to core0 as 8100:2100/5d, DSCP 26→0; contoso microsoft inbound, class default"
        );
        let mut packet = Vec::new();
        let builder = PacketBuilder::ipv6([1; 16], [2; 16], 64).tcp(1, 2, 3, 4);
        builder.write(&mut packet, &[]).unwrap();
        let dropped = TracedFrame {
            verdict: "drop".to_owned(),
            reason: "over-rate".to_owned(),
            egress: None,
            left_tags: None,
            dscp_out: None,
            ..frame(&tagged(|frame| {
                frame.extend([0x86, 0xdd]);
                frame.extend(&packet);
            }))
        };
        assert_eq!(
            line(&dropped),
            "09:15:02.123456 customer0 88a8:100/5d 8100:10 [101:101:101:101:101:101:101:101]:1 > \
             [202:202:202:202:202:202:202:202]:2 TCP, 102 bytes → drop over-rate, DSCP 26; contoso microsoft inbound, \
             class default"
        );
    }

    #[test]
    fn any_bytes_have_a_line() {
        for (data, expected) in [
            (tagged(|frame| frame.extend([0x88, 0x47, 1, 2, 3])), "EtherType 0x8847"),
            (tagged(|frame| frame.push(8)), "cut short"),
            (tagged(|frame| frame.extend([8, 0, 0x45])), "EtherType 0x0800"),
            (Vec::new(), "cut short"),
        ] {
            let line = line(&frame(&data));
            assert!(line.contains(&format!(" {expected}, 102 bytes")), "{line}");
        }
        let mut arp = [0, 1, 8, 0, 6, 4, 0, 1].to_vec();
        arp.extend([0; 20]);
        let arp = line(&frame(&tagged(|frame| {
            frame.extend([8, 6]);
            frame.extend(&arp);
        })));
        assert!(arp.contains("8100:10 ARP, 102"), "{arp}");
        let odd = TracedFrame { data: "0".to_owned(), ..frame(&[]) };
        assert_eq!(bytes(&odd), None);
    }

    #[test]
    fn what_is_left_out_is_told() {
        let none = TraceCounts { matched: 7, told: 7, capped: 0, lost: 0 };
        assert_eq!(left_out(&none), None);
        let some = TraceCounts { matched: 7000, told: 1, capped: 6000, lost: 999 };
        let text = "frames left out so far: 6,000 came above the rate (--rate); 999 were lost, as they were not read in time";
        assert_eq!(left_out(&some).as_deref(), Some(text));
        let text =
            "1 frames of 7,000 that were looked for; 6,000 came above the rate, 999 were lost";
        assert_eq!(summary(&some), text);
    }
}
