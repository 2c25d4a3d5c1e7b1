//! Routers of customers: BIRD and FRR, as they come with a distribution.

mod bird_peer;
mod frr_peer;
mod peer_config;
mod preflight;

pub use self::{
    bird_peer::BirdPeer, frr_peer::FrrPeer, peer_config::PeerConfig, preflight::peers_preflight,
};
