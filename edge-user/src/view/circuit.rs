//! `edge circuit show` as people read it.

use std::io::{self, Write};

use edge_api::{CircuitRecord, PeeringRecord, VnetLinkRecord};

use super::table::plain;
use crate::units::bit_rate;

/// Prints a line for each thing that is known.
pub fn print(record: &CircuitRecord, out: &mut dyn Write) -> io::Result<()> {
    let bandwidth = bit_rate(record.bandwidth_bps);
    writeln!(out, "{}: {bandwidth}, {}, {}", plain(&record.name), record.sku, record.billing)?;
    let ports =
        |ports: &[String]| if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    for (name, value) in [
        ("circuit", record.circuit_state.clone()),
        ("provider", record.provider_state.clone()),
        ("service key", or_none(&record.service_key)),
        ("provider's name", or_none(&record.provider)),
        ("location", or_none(&record.location)),
        ("model", or_none(&record.model)),
        ("S-tag", s_tags(record)),
        ("primary port", ports(&record.primary_ports)),
        ("secondary port", ports(&record.secondary_ports)),
    ] {
        writeln!(out, "  {name:<16}{}", plain(&value))?;
    }
    for peering in &record.peerings {
        writeln!(
            out,
            "  {:<16}{}",
            format!("{} peering", peering.kind),
            plain(&of_peering(peering))
        )?;
    }
    for VnetLinkRecord { vnet, region, port, s_tag, c_tag, gateways } in &record.vnet_links {
        let region = region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
        let tags = [("S", s_tag), ("C", c_tag)];
        let tags = tags.iter().filter_map(|(side, vid)| vid.map(|vid| format!(" {side} {vid}")));
        let tags: String = tags.collect();
        let text = format!("{vnet}{region}: {port}{tags}, gateway {}", gateways.join(" and "));
        writeln!(out, "  {:<16}{}", "VNet", plain(&text))?;
    }
    Ok(())
}

fn s_tags(record: &CircuitRecord) -> String {
    match (record.s_tag, record.secondary_s_tag) {
        (None, _) => "none".to_owned(),
        (Some(both), None) => both.to_string(),
        (Some(primary), Some(secondary)) => {
            format!("{primary} on the primary link, {secondary} on the secondary one")
        }
    }
}

fn of_peering(peering: &PeeringRecord) -> String {
    let PeeringRecord { kind: _, state, c_tag, peer_asn, primary, secondary, has_key, .. } =
        peering;
    let mut parts = vec![state.clone(), format!("C-tag {c_tag}")];
    if let Some(asn) = peer_asn {
        parts.push(format!("AS {asn}{}", if *has_key { " with a key" } else { "" }));
    }
    for (name, networks) in [("primary", primary), ("secondary", secondary)] {
        if !networks.is_empty() {
            parts.push(format!("{name} {}", networks.join(" and ")));
        }
    }
    if !peering.advertised_prefixes.is_empty() {
        parts.push(format!("registered {}", peering.advertised_prefixes.join(" and ")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_circuit_has_a_line() {
        let record = CircuitRecord {
            name: "contoso".to_owned(),
            service_key: Some("9f1".to_owned()),
            provider: None,
            location: Some("amsterdam".to_owned()),
            model: None,
            sku: "standard".to_owned(),
            billing: "metered".to_owned(),
            bandwidth_bps: 50_000_000,
            circuit_state: "Enabled".to_owned(),
            provider_state: "Provisioned".to_owned(),
            s_tag: Some(7),
            secondary_s_tag: Some(8),
            primary_ports: vec!["customer0".to_owned()],
            secondary_ports: Vec::new(),
            peerings: vec![PeeringRecord {
                kind: "private".to_owned(),
                state: "Enabled".to_owned(),
                c_tag: "10".to_owned(),
                peer_asn: Some(65001),
                primary: vec!["192.0.2.0/30".to_owned()],
                secondary: Vec::new(),
                has_key: true,
                advertised_prefixes: Vec::new(),
            }],
            vnet_links: vec![VnetLinkRecord {
                vnet: "hub".to_owned(),
                region: None,
                port: "core0".to_owned(),
                s_tag: None,
                c_tag: Some(70),
                gateways: vec!["10.1.255.6".to_owned()],
            }],
        };
        let mut out = Vec::new();
        print(&record, &mut out).expect("memory");
        let text = String::from_utf8(out).expect("text");
        for line in [
            "contoso: 50 Mbps, standard, metered",
            "  provider        Provisioned",
            "  S-tag           7 on the primary link, 8 on the secondary one",
            "  secondary port  none",
            "  private peering Enabled, C-tag 10, AS 65001 with a key, primary 192.0.2.0/30",
            "  VNet            hub: core0 C 70, gateway 10.1.255.6",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }
}
