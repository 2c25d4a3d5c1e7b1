//! Routers of customers: BIRD and FRR, as they come with a distribution.

mod bird_peer;
mod frr_peer;

pub use self::{
    bird_peer::{BirdPeer, PeerConfig},
    frr_peer::FrrPeer,
};
