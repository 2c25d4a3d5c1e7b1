//! The part of a plan that routes frames: interfaces of the router, their next hops, and the domains that they are in.

mod domain;
mod edge_number;
mod interface;
mod places;
mod room;
mod router_rates;
mod services;
mod told;

pub(super) use self::{
    domain::domains,
    interface::{NewInterface, routed_keys},
    room::needed,
    router_rates::limit_keys,
    services::service_plan,
};
pub use self::{
    domain::{DomainInterface, DomainPlan, RouteLimits},
    edge_number::edge_number,
    interface::InterfacePlan,
    places::{InterfacePlaces, MAX_INTERFACES},
    room::RouterCapacity,
    services::ServicePlan,
};
