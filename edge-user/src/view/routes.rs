//! `edge routes` as people read it: a line for each route.

use std::{
    io::{self, Write},
    net::IpAddr,
};

use comfy_table::Table;
use edge_api::{
    BgpRoute, ForwardingRoute, ReceivedRoute, RouteDifference, RouteHops, RouteListing, Routes,
};

use super::{next_hop::way, table::text_table};

/// Prints the routes of one view.
pub fn print(routes: &Routes, out: &mut dyn Write) -> io::Result<()> {
    let (table, none) = match &routes.listing {
        RouteListing::Received { routes } => (received(routes), "no peer has told a route"),
        RouteListing::Advertised { routes } => (advertised(routes), "no peer is told a route"),
        RouteListing::Forwarding { routes } => {
            (forwarding(routes), "the forwarding table is empty")
        }
        RouteListing::Diff { routes } => {
            (difference(routes), "the forwarding table is as the kernel's routing table")
        }
    };
    if table.is_empty() {
        return writeln!(out, "{}/{}: {none}", routes.circuit, routes.peering);
    }
    writeln!(out, "{table}")
}

fn received(routes: &[ReceivedRoute]) -> Table {
    let header =
        ["prefix", "from", "next hop", "AS path", "pref", "MED", "communities", "standing"];
    let mut table = text_table(header, [4, 5]);
    for ReceivedRoute { route, standing } in routes {
        let mut row = bgp(route);
        row.push(standing.as_str().to_owned());
        table.add_row(row);
    }
    table
}

fn advertised(routes: &[BgpRoute]) -> Table {
    let header = ["prefix", "to", "next hop", "AS path", "pref", "MED", "communities"];
    let mut table = text_table(header, [4, 5]);
    table.add_rows(routes.iter().map(bgp));
    table
}

fn bgp(route: &BgpRoute) -> Vec<String> {
    let number = |number: Option<u32>| number.map_or_else(none, |number| number.to_string());
    vec![
        route.prefix.clone(),
        route.link.clone().or_else(|| route.vnet.clone()).unwrap_or_else(none),
        route.next_hop.map_or_else(none, |next_hop| next_hop.to_string()),
        route.as_path.clone().unwrap_or_else(none),
        number(route.local_preference),
        number(route.med),
        route.communities.join(" "),
    ]
}

fn forwarding(routes: &[ForwardingRoute]) -> Table {
    let mut table = text_table(["side", "destination", "way"], []);
    for route in routes {
        let destination = destination(route.prefix.as_ref(), route.first, route.last);
        table.add_row([route.side.as_str().to_owned(), destination, way(&route.way)]);
    }
    table
}

fn difference(routes: &[RouteDifference]) -> Table {
    let mut table = text_table(["side", "destination", "kernel's table", "forwarding table"], []);
    for route in routes {
        let destination = destination(route.prefix.as_ref(), route.first, route.last);
        let told = |hops: &Option<RouteHops>| hops.as_ref().map_or("no route".to_owned(), way);
        let side = route.side.as_str().to_owned();
        table.add_row([side, destination, told(&route.kernel), told(&route.forwarding)]);
    }
    table
}

/// The interval as a prefix, or else by its ends.
fn destination(prefix: Option<&String>, first: IpAddr, last: IpAddr) -> String {
    prefix.cloned().unwrap_or_else(|| format!("{first} to {last}"))
}

fn none() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BGP: &str = r#""prefix":"10.9.0.0/16","link":"primary","vnet":null,"next_hop":
"192.168.15.17","as_path":"65001 {65002}","local_preference":100,"med":null,"communities":
["12076:51002","12076:5010"],"since":null"#;
    const HOP: &str = r#"{"next_hop":"10.1.255.6","port":"core0","link":null,"vnet":"hub","owner":
"contoso/private","neighbour_mac":null,"live":true}"#;

    /// The words of each line.
    fn lines(view: &str, routes: &str) -> Vec<String> {
        let json = format!(
            r#"{{"circuit":"contoso","peering":"private","view":"{view}","routes":[{routes}]}}"#
        );
        let routes: Routes = serde_json::from_str(&json.replace('\n', "")).unwrap();
        let mut out = Vec::new();
        print(&routes, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).collect()
    }

    #[test]
    fn routes_of_bgp_have_their_attributes() {
        let told = "10.9.0.0/16 primary 192.168.15.17 65001 {65002} 100 - 12076:51002 12076:5010";
        let refused = format!(r#"{{{BGP},"standing":"refused"}}"#);
        assert_eq!(lines("received", &refused)[1], format!("{told} refused"));
        assert_eq!(lines("advertised", &format!("{{{BGP}}}"))[1], told);
    }

    #[test]
    fn intervals_are_prefixes_where_they_can_be() {
        let first = format!(
            r#"{{"side":"cloud","prefix":"10.1.0.0/16","first":"10.1.0.0","last":"10.1.255.255",
"action":"forward","hops":[{HOP},{HOP}]}}"#
        );
        let second = r#"{"side":"customer","prefix":null,"first":"10.9.0.0","last":"10.9.0.2",
"action":"blackhole","hops":[]}"#;
        let lines = lines("forwarding", &format!("{first},{second}"));
        let hop = "via 10.1.255.6 (hub, core0, no MAC yet)";
        assert_eq!(lines[1], format!("cloud 10.1.0.0/16 {hop}, {hop}"));
        assert_eq!(lines[2], "customer 10.9.0.0 to 10.9.0.2 blackhole");
    }

    #[test]
    fn a_difference_has_both_ways() {
        let route = format!(
            r#"{{"side":"cloud","prefix":"10.1.0.0/16","first":"10.1.0.0","last":"10.1.255.255",
"kernel":{{"action":"forward","hops":[{HOP}]}},"forwarding":null}}"#
        );
        let line = &lines("diff", &route)[1];
        assert_eq!(line, "cloud 10.1.0.0/16 via 10.1.255.6 (hub, core0, no MAC yet) no route");
    }

    #[test]
    fn a_view_without_routes_says_so() {
        for (view, text) in [
            ("received", "contoso/private: no peer has told a route"),
            ("advertised", "contoso/private: no peer is told a route"),
            ("forwarding", "contoso/private: the forwarding table is empty"),
            ("diff", "contoso/private: the forwarding table is as the kernel's routing table"),
        ] {
            assert_eq!(lines(view, ""), [text]);
        }
    }
}
