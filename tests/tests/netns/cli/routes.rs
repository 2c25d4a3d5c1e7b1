//! `edge replay --routes`: a capture of a routed peering's frames, by the routes of a file.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use edge_common::abi::routing::Mac;
use edge_tests::frames::{frame, ipv4_checksum};
use edge_user::{
    config,
    lab::root_or_skip,
    plan::{Capacity, Plan, Police},
    replay::capture::{CaptureReader, CapturedFrame},
};
use etherparse::PacketBuilder;
use serde_json::{Value, json};

use super::{Place, told};

const CONFIG: &str = r#"edge = { name = "lab" }
port = [{ name = "customer0", interface = "eth1", side = "customer" },
        { name = "core0", interface = "eth2", side = "core" }]
routing = { daemon = "none" }
[[circuit]]
name = "contoso"
bandwidth = "1 Gbps"
s_tag = 100
vnet_link = [{ vnet = "hub", port = "core0", s_tag = 700, own = "10.1.255.5/30", gateway = "10.1.255.6", prefixes = ["10.1.0.0/16"] }]
peering = [{ kind = "private", c_tag = 10, primary = "192.168.15.16/30", static_routes = ["172.16.0.0/16"] }]
"#;
const ROUTES: &str = "# what the customer announces\n10.9.0.0/16 via contoso/private/primary\n\
                      10.20.0.0/16 via contoso/hub\n";

/// The MAC address of the edge on the customer's link.
fn own_mac() -> Result<[u8; 6]> {
    let config = config::parse(CONFIG, Path::new("edge.toml"))?;
    let unused = Capacity::for_config(&config).unused();
    let plan = Plan::new(&config, &unused, Police::Purchased)?;
    let own = plan.interfaces.iter().find(|own| own.key.to_string() == "contoso/private/primary");
    Ok(Mac::from_bits(own.context("a link")?.value.mac).to_bytes())
}

/// A frame of the customer's to this MAC address, with a UDP packet in it.
fn to_edge(mac: [u8; 6], from: [u8; 4], to: [u8; 4], ttl: u8) -> Result<Vec<u8>> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4(from, to, ttl).udp(1024, 2048).write(&mut packet, &[0; 72])?;
    assert_eq!(packet[10..12], ipv4_checksum(&packet).to_be_bytes());
    let mut bytes = frame(&[(0x8100, 100), (0x8100, 10)], 0x0800, &packet);
    bytes[..6].copy_from_slice(&mac);
    Ok(bytes)
}

#[test]
fn a_capture_is_replayed_by_the_routes_of_a_file() -> Result<()> {
    const TEST: &str = "a_capture_is_replayed_by_the_routes_of_a_file";
    let place = Place::new(CONFIG)?;
    fs::write(place.path("routes.txt"), ROUTES)?;
    let mac = own_mac()?;
    let customer = [10, 9, 0, 1];
    let frames = [
        to_edge(mac, customer, [10, 1, 0, 9], 64)?,
        to_edge(mac, customer, [10, 20, 0, 9], 64)?,
        to_edge(mac, [172, 16, 0, 1], [10, 1, 0, 9], 64)?,
        to_edge(mac, [10, 8, 0, 1], [10, 1, 0, 9], 64)?,
        to_edge(mac, customer, [11, 0, 0, 1], 64)?,
        to_edge(mac, customer, [10, 1, 0, 9], 1)?,
        to_edge([2, 0, 0, 0, 0, 1], customer, [10, 1, 0, 9], 64)?,
    ];
    place.capture("in.pcap", &frames)?;
    let mut engines = vec!["host"];
    if root_or_skip(TEST) {
        engines.push("kernel");
    }
    let mut seen = Vec::new();
    for engine in engines {
        let arguments = ["replay", "-c", "edge.toml", "--port", "customer0", "--engine", engine];
        let rest = ["--routes", "routes.txt", "--json", "-o", "out.pcap", "in.pcap"];
        let (code, out, err) = told(&place.edge(&[&arguments[..], &rest].concat())?);
        assert_eq!(code, 0, "{err}");
        let lines: Vec<Value> = out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let fates: Vec<Value> =
            lines.iter().map(|line| json!([line["verdict"], line["reason"]])).collect();
        let expected = [
            json!(["forward", "ok"]),
            json!(["forward", "ok"]),
            json!(["forward", "ok"]),
            json!(["drop", "spoofed"]),
            json!(["answer", "no-route"]),
            json!(["answer", "ttl-expired"]),
            json!(["drop", "not-for-us"]),
        ];
        assert_eq!(fates, expected, "{engine}");
        assert_eq!(lines[0]["circuit"], "contoso");
        let left: Vec<CapturedFrame> =
            CaptureReader::open(&place.path("out.pcap"))?.collect::<Result<_, _>>()?;
        // It has the tag of the VNet's link, and a TTL less by one.
        assert_eq!(left[0].data[12..18], [0x81, 0, 0x02, 0xbc, 0x08, 0]);
        assert_eq!(left[0].data[18 + 8], 63);
        seen.push((lines, left));
    }
    assert!(seen.windows(2).all(|engines| engines[0] == engines[1]), "{seen:#?}");
    Ok(())
}

#[test]
fn a_file_of_routes_that_is_wrong_is_refused_before_anything_is_written() -> Result<()> {
    let place = Place::new(CONFIG)?;
    place.capture("in.pcap", &[])?;
    fs::write(
        place.path("routes.txt"),
        "10.9.0.0/16 via contoso/private\n10.9/16 via contoso/hub\n",
    )?;
    let replay =
        ["replay", "-c", "edge.toml", "--port", "customer0", "--engine", "host", "in.pcap"];
    let run = |rest: &[&str]| -> Result<(i32, String, String)> {
        Ok(told(&place.edge(&[&replay[..], rest].concat())?))
    };
    let (code, out, err) = run(&["--routes", "routes.txt", "-o", "out.pcap"])?;
    assert_eq!((code, &*out), (2, ""), "{err}");
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 2, "{err}");
    assert!(lines[0].starts_with("routes.txt:1:17: error: there is no link"), "{err}");
    assert!(lines[1].starts_with("routes.txt:2:1: error: \"10.9/16\" is no prefix"), "{err}");
    assert!(!place.path("out.pcap").exists());
    let (code, _, err) = run(&["--routes", "missing.txt"])?;
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("reading the routes in missing.txt"), "{err}");
    fs::write(place.path("routes.txt"), ROUTES)?;
    let (code, _, err) = run(&["--routes", "routes.txt", "-o", "routes.txt"])?;
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("routes.txt is the file of routes"), "{err}");
    assert_eq!(fs::read_to_string(place.path("routes.txt"))?, ROUTES);
    Ok(())
}
