//! The edge's BIRD with real peers: BIRD and FRR.

mod changes;
mod life;
mod limits;
mod liveness;
mod policies;
mod routes;
mod sessions;
mod tables;
