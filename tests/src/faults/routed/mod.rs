//! A model of the world around an edge that routes: customers with the same addresses speak BGP or have static routes, and
//! things happen to the edge, its BIRD, its routing namespace, its cables and the customers' routers, in random order.
//!
//! * No packet reaches another customer, and no packet with a source that its customer has not announced reaches anybody.
//! * The wire and the ledger have the same frames and bytes of each customer.
//! * When things are as they should be, every customer reaches its own network again, without an operator.

mod change;
mod happen;
pub mod model;
mod nuisance;
mod reckoning;
pub mod run;
pub mod traffic;
mod trouble;
