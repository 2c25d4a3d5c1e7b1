//! Documents, errors and client of the control API, which a daemon of `edge` serves on its socket.
//!
//! The daemon fills the documents, and the command line and other programs read them. The comments
//! here are the descriptions in `/v1/openapi.json`. The crate uses nothing else of `edge`: a
//! program that asks a daemon needs neither the data plane nor the ledger.

mod availability;
mod bandwidth;
mod booked;
mod changes;
mod circuit;
mod circuit_history;
mod circuit_recent;
mod circuit_step;
mod client;
mod condition;
mod config_status;
mod domain;
mod drain;
mod drops;
mod error;
mod event;
mod exact_prefix;
mod export;
mod health;
mod ledger;
mod policer;
mod port;
mod ports;
mod rates;
mod reach;
mod reload;
mod revision;
mod route_hops;
mod route_lookup;
mod routes;
mod session;
mod status;
mod trace;
mod unmatched;
mod usage;

pub use self::{
    availability::{Availability, LinkAvailability, LinkTransition, PeeringAvailability},
    bandwidth::{Bandwidth, BandwidthChange, BandwidthRequest},
    booked::Booked,
    changes::{
        Applied, ChangeKind, ChangedValue, ConfigChange, ConfigChanges, ConfigThing, TrafficNow,
    },
    circuit::{CircuitStatus, ClassStatus, Counters, Dropped, PeeringStatus},
    circuit_history::{CircuitHistory, DirectionTraffic, HistoryPoint, ReasonDrops},
    circuit_recent::{CircuitRecent, RecentSecond, SecondTraffic},
    circuit_step::{
        CircuitKeys, CircuitRecord, CircuitStep, CircuitStepped, PeeringRecord, VnetLinkRecord,
    },
    client::{Client, ClientError, is_answered},
    condition::{Condition, ConditionKind},
    config_status::{ConfigStatus, TimedBandwidthStatus, UnconfirmedChange},
    domain::{DomainStatus, LinkStatus, NeighbourStatus, SessionCounts},
    drain::{DrainRequest, LinkOutOfUse, LinkUse, LinksOutOfUse},
    drops::{DropInterval, DropSum, Drops},
    error::{ConfigErrorDocument, ErrorDocument},
    event::{EdgeEvent, EventKind},
    exact_prefix::exact_prefix,
    export::ExportStatus,
    health::Health,
    ledger::{LedgerState, LedgerStatus},
    policer::PolicerStatus,
    port::PortStatus,
    ports::Ports,
    rates::{CircuitRates, ClassRates, PortRates, TrafficRates},
    reach::{
        CircuitLocation, CircuitReach, LinkedVnet, NotTold, OutOfReach, RegionReach, ServiceReach,
    },
    reload::Reloaded,
    revision::{Confirmed, History, Revision, RevisionOrigin, RollbackRequest},
    route_hops::{NextHopStatus, RouteAction, RouteHops},
    route_lookup::RouteLookup,
    routes::{
        BgpRoute, ForwardingRoute, ReceivedRoute, RouteDifference, RouteListing, RouteSide,
        RouteStanding, Routes, RoutesView,
    },
    session::{BfdStatus, LivenessState, RouteFamily, SessionState, SessionStatus, Sessions},
    status::Status,
    trace::{TraceCounts, TraceEnd, TraceLine, TraceStart, TracedFrame, TracedPort, TracedTag},
    unmatched::{NearestCircuit, TagFault, Unmatched, UnmatchedFrames},
    usage::{Usage, UsageRecord},
};
