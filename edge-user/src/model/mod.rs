//! The types that configuration, tables and bills share, such as ports, offers and readings.

mod link_state;
mod metrics_detail;
mod offer;
mod port;
mod prices;
mod reading;
pub(crate) mod spelled;
mod terms;
mod treatment;

pub use self::{
    link_state::{LinkReason, LinkState, PeeringLinkName},
    metrics_detail::MetricsDetail,
    offer::{Accounting, Billing, ConnectivityModel, Provisioning, Sku},
    port::{Direction, Forward, Link, Port, Side, XdpMode},
    prices::{Gigabyte, MonthlyFees, Prices, SlaCredit, ZonePrices},
    reading::{ClassReading, DropReading, EpochInfo, Owner, Reading, Series, SlotReading},
    terms::Terms,
    treatment::{DscpPolicy, Ecn, Fairness, PeeringKind, Policing},
};
