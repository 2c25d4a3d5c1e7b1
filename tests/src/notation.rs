//! Frames in a line of text, as `docs/packet-path.md` writes them.

use anyhow::{Context as _, Result, bail};

use crate::{
    frames::{Transport, frame, ipv4_checksum},
    shim::Shim,
};

/// The frame that `text` describes: words in the order of the frame.
///
/// * `to=01-80-c2-00-00-0e`: the destination, where it matters.
/// * `88a8:100`, `8100:10/5`, `8100:10/5d`: a tag by TPID and VID, with PCP 5, and with DEI.
/// * `ipv4`, `ipv6`, `arp`, `lldp`, `lacp`, or any EtherType such as `8847`.
/// * `pppoe`, `snap`: the header of a `PPPoE` session or of 802.2 SNAP, in front of one of these; a number
///   is then that of a PPP protocol or an EtherType.
/// * Of IP: `dscp=46`, `ecn=1`, `udp=50000`, `tcp=22`, `icmp`, `sum+1` (a checksum that is wrong by
///   so much), `fragment` (not the first), `options` or an extension header, `payload=1472`.
/// * Faults: `version=5`, `ihl=4`, `total=19`, `padding=4`, and last of all
///   `cut=40`: no more of the frame than that.
pub fn frame_of(text: &str) -> Result<Vec<u8>> {
    let mut described = Described::default();
    for word in text.split_whitespace() {
        described.add(word).with_context(|| format!("the word {word:?} of {text:?}"))?;
    }
    described.bytes()
}

#[derive(Default)]
struct Described {
    destination: Option<Vec<u8>>,
    tags: Vec<(u16, u16)>,
    ether_type: Option<u16>,
    shim: Option<Shim>,
    ip: Option<Transport>,
    checksum_error: u16,
    version: Option<u8>,
    ihl: Option<u8>,
    total: Option<u16>,
    padding: usize,
    cut: Option<usize>,
}

impl Described {
    fn add(&mut self, word: &str) -> Result<()> {
        if let Some((key, value)) = word.split_once('=') {
            return self.set(key, value);
        }
        if let Some((tpid, tag)) = word.split_once(':') {
            self.tags.push((u16::from_str_radix(tpid, 16)?, tci(tag)?));
            return Ok(());
        }
        if let Some(error) = word.strip_prefix("sum+") {
            self.checksum_error = error.parse()?;
            return Ok(());
        }
        match word {
            "pppoe" => self.shim = Some(Shim::PPPOE),
            "snap" => self.shim = Some(Shim::SNAP),
            "ipv4" => self.start_ip(false),
            "ipv6" => self.start_ip(true),
            "icmp" => self.packet()?.protocol = if self.packet()?.is_v6 { 58 } else { 1 },
            "fragment" => {
                let packet = self.packet()?;
                packet.fragment = 8;
                packet.extensions.extend(packet.is_v6.then_some((44, 0)));
            }
            "options" => self.packet()?.extensions.push((60, 0)),
            "arp" => self.ether_type = Some(0x0806),
            "lldp" => self.ether_type = Some(0x88cc),
            "lacp" => self.ether_type = Some(0x8809),
            number => self.ether_type = Some(u16::from_str_radix(number, 16)?),
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "to" => {
                let bytes = value.split('-').map(|byte| u8::from_str_radix(byte, 16));
                self.destination = Some(bytes.collect::<Result<_, _>>()?);
            }
            "dscp" => self.packet()?.ds |= value.parse::<u8>()? << 2,
            "ecn" => self.packet()?.ds |= value.parse::<u8>()?,
            "udp" | "tcp" => {
                let packet = self.packet()?;
                packet.protocol = if key == "udp" { 17 } else { 6 };
                packet.ports.1 = value.parse()?;
            }
            "payload" => self.packet()?.payload_bytes = value.parse()?,
            "version" => self.version = Some(value.parse()?),
            "ihl" => self.ihl = Some(value.parse()?),
            "total" => self.total = Some(value.parse()?),
            "padding" => self.padding = value.parse()?,
            "cut" => self.cut = Some(value.parse()?),
            _ => bail!("no such key"),
        }
        Ok(())
    }

    fn start_ip(&mut self, is_v6: bool) {
        self.ether_type = Some(if is_v6 { 0x86dd } else { 0x0800 });
        self.ip = Some(Transport {
            is_v6,
            ds: 0,
            protocol: 17,
            ports: (1024, 9),
            extensions: Vec::new(),
            fragment: 0,
            payload_bytes: 42,
        });
    }

    fn packet(&mut self) -> Result<&mut Transport> {
        self.ip.as_mut().context("behind neither ipv4 nor ipv6")
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        let ether_type = self.ether_type.context("there is no EtherType")?;
        let mut payload = self.ip.as_ref().map_or_else(|| vec![0x5a; 46], Transport::packet);
        self.damage(&mut payload);
        let (ether_type, mut payload) = match self.shim {
            Some(shim) => shim.around(ether_type, &payload),
            None => (ether_type, payload),
        };
        payload.resize(payload.len() + self.padding, 0);
        let mut frame = frame(&self.tags, ether_type, &payload);
        if let Some(destination) = &self.destination {
            frame.splice(..6, destination.iter().copied());
        }
        frame.truncate(self.cut.unwrap_or(usize::MAX));
        Ok(frame)
    }

    fn damage(&self, payload: &mut [u8]) {
        let Some(ip) = &self.ip else { return };
        payload[0] = self.version.map_or(payload[0], |version| version << 4 | payload[0] & 0x0f);
        payload[0] = self.ihl.map_or(payload[0], |ihl| ihl | payload[0] & 0xf0);
        if let Some(total) = self.total {
            let at = if ip.is_v6 { 4 } else { 2 };
            payload[at..at + 2].copy_from_slice(&total.to_be_bytes());
        }
        if !ip.is_v6 {
            let sum = u64::from(ipv4_checksum(payload)) + u64::from(self.checksum_error);
            let sum = u16::try_from(sum % 0xffff).unwrap_or(0);
            payload[10..12].copy_from_slice(&sum.to_be_bytes());
        }
    }
}

fn tci(tag: &str) -> Result<u16> {
    let (vid, priority) = tag.split_once('/').unwrap_or((tag, "0"));
    let dei = u16::from(priority.ends_with('d'));
    let pcp: u16 = priority.trim_end_matches('d').parse()?;
    Ok(pcp << 13 | dei << 12 | vid.parse::<u16>()?)
}
