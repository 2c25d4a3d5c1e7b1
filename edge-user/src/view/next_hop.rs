//! Ways and next hops in a line.

use edge_api::{NextHopStatus, RouteAction, RouteHops};

/// A way, such as `via 10.1.255.6 (hub, core0)`.
#[must_use]
pub fn way(way: &RouteHops) -> String {
    match way.action {
        RouteAction::Forward => way.hops.iter().map(next_hop).collect::<Vec<_>>().join(", "),
        RouteAction::Local | RouteAction::Blackhole => way.action.as_str().to_owned(),
    }
}

/// A next hop, with whatever keeps frames from it.
#[must_use]
pub fn next_hop(hop: &NextHopStatus) -> String {
    let end = hop.link.as_deref().or(hop.vnet.as_deref());
    let silent = hop.neighbour_mac.is_none().then_some("no MAC yet");
    let down = (!hop.live).then_some("link down");
    let notes: Vec<&str> = [end, Some(&*hop.port), silent, down].into_iter().flatten().collect();
    format!("via {} ({})", hop.next_hop, notes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_hop_tells_what_keeps_frames_from_it() {
        let hop = NextHopStatus {
            next_hop: "192.168.15.17".parse().unwrap(),
            port: "customer0".to_owned(),
            link: Some("primary".to_owned()),
            vnet: None,
            owner: "contoso/private".to_owned(),
            neighbour_mac: Some("02:00:00:00:00:01".to_owned()),
            live: true,
        };
        assert_eq!(next_hop(&hop), "via 192.168.15.17 (primary, customer0)");
        let dead = NextHopStatus { neighbour_mac: None, live: false, ..hop };
        let told = "via 192.168.15.17 (primary, customer0, no MAC yet, link down)";
        assert_eq!(next_hop(&dead), told);
        let of = |action, hops| way(&RouteHops { action, hops });
        assert_eq!(of(RouteAction::Forward, vec![dead]), told);
        assert_eq!(of(RouteAction::Local, Vec::new()), "local");
    }
}
