//! The buckets of frames to the router, and of its ICMP answers, at each link with routes.

use edge_common::abi::{
    rate::{MAX_BURST_NS, Rate},
    router::FRAME_COST_BYTES,
};

use crate::{
    config::{RoutedKey, RoutingConfig, SERVICE_NETWORK},
    model::{Direction, Link, PeeringKind},
    plan::{PolicerKey, Scope},
};

/// Frames that may come at once.
const BURST_FRAMES: u64 = 100;

/// The buckets of the link of this name, with their rates: that of frames to the router, and that of answers.
pub(in crate::plan) fn limit_keys(
    link: &RoutedKey,
    routing: &RoutingConfig,
) -> [(PolicerKey, Rate); 2] {
    let limits =
        [(Scope::Punts, routing.punt_rate_per_s), (Scope::Answers, routing.icmp_rate_per_s)];
    limits.map(|(scope, frames_per_s)| (key(scope, link), rate(frames_per_s)))
}

fn key(scope: Scope, link: &RoutedKey) -> PolicerKey {
    let (circuit, peering, vnet, link) = match link {
        RoutedKey::Peering { circuit, peering, link } => (&**circuit, *peering, None, *link),
        // VNets belong to the private peering, whichever links that has.
        RoutedKey::Vnet { circuit, vnet } => {
            (&**circuit, PeeringKind::Private, Some(vnet.clone()), Link::Primary)
        }
        RoutedKey::Services => {
            let vnet = Some(SERVICE_NETWORK.to_owned());
            (SERVICE_NETWORK, PeeringKind::Microsoft, vnet, Link::Primary)
        }
    };
    PolicerKey {
        circuit: circuit.to_owned(),
        peering: Some(peering),
        scope,
        direction: if vnet.is_none() { Direction::Inbound } else { Direction::Outbound },
        vnet,
        link,
    }
}

/// So many frames a second, up to a hundred of them at once; 0: the burst is less than a frame, so that none passes.
fn rate(frames_per_s: u32) -> Rate {
    let cost_bytes = u64::from(FRAME_COST_BYTES);
    let rate_bps = u64::from(frames_per_s.max(1)) * cost_bytes * 8;
    let most_bytes = u64::from(frames_per_s) * cost_bytes * (MAX_BURST_NS / 1_000_000_000);
    let burst_bytes = (BURST_FRAMES * cost_bytes).min(most_bytes).max(1);
    Rate::new(rate_bps, burst_bytes).expect("the configuration bounds the number of frames")
}

#[cfg(test)]
mod tests {
    use edge_common::abi::qos::BurstShare;

    use super::*;

    #[test]
    fn every_number_of_frames_is_a_rate_and_none_is_none() {
        for frames_per_s in (0..2_000).chain([100_000]) {
            let rate = rate(frames_per_s);
            let burst_ticks = rate.ceiling_ticks(BurstShare::WHOLE);
            let frames = burst_ticks / rate.ticks(FRAME_COST_BYTES);
            assert_eq!(frames, u64::from(frames_per_s * 16).min(100), "{frames_per_s}");
        }
    }
}
