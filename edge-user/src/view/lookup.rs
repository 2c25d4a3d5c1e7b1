//! `edge lookup` as people read it.

use std::io::{self, Write};

use edge_api::RouteLookup;

use super::next_hop::next_hop;

/// Prints the fate of the frame, and every next hop that its route has.
pub fn print(found: &RouteLookup, out: &mut dyn Write) -> io::Result<()> {
    let RouteLookup { reason, next_hop: taken, port, owner, direction, .. } = found;
    write!(out, "{direction}: {reason}")?;
    if let (Some(taken), Some(port)) = (taken, port) {
        write!(out, ", via {taken} by port {port}")?;
    }
    if let Some(mac) = &found.neighbour_mac {
        write!(out, " to {mac}")?;
    }
    if let Some(owner) = owner {
        write!(out, ", as {owner}")?;
    }
    if let Some(mtu_bytes) = found.mtu_bytes {
        write!(out, ", packets up to {mtu_bytes} bytes")?;
    }
    writeln!(out)?;
    if let Some(source) = &found.source {
        writeln!(out, "source: {source}")?;
    }
    for hop in &found.next_hops {
        writeln!(out, "route: {}", next_hop(hop))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        let found: RouteLookup = serde_json::from_str(&json.replace('\n', "")).unwrap();
        let mut out = Vec::new();
        print(&found, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_frame_that_goes_on_has_its_way() {
        let text = text(
            r#"{"reason":"ok","next_hop":"10.1.255.6","port":"core0","owner":"contoso/private",
"direction":"inbound","next_hops":[{"next_hop":"10.1.255.6","port":"core0","link":null,"vnet":"hub",
"owner":"contoso/private","neighbour_mac":"02:00:00:00:00:09","live":true}],"source":"ok",
"neighbour_mac":"02:00:00:00:00:09","mtu_bytes":1500}"#,
        );
        assert_eq!(
            text,
            "inbound: ok, via 10.1.255.6 by port core0 to 02:00:00:00:00:09, as contoso/private, \
             packets up to 1500 bytes\nsource: ok\nroute: via 10.1.255.6 (hub, core0)\n"
        );
    }

    #[test]
    fn a_frame_that_is_dropped_has_its_reason() {
        let text = text(
            r#"{"reason":"no-route","next_hop":null,"port":null,"owner":null,"direction":"outbound",
"next_hops":[],"source":null,"neighbour_mac":null,"mtu_bytes":null}"#,
        );
        assert_eq!(text, "outbound: no-route\n");
    }
}
