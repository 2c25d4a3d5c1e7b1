//! A family of metrics: a name, a meaning, and the part of a status that its samples are from.

use edge_api::{
    CircuitStatus, Counters, DomainStatus, ExportStatus, LedgerStatus, LinkStatus, NeighbourStatus,
    PolicerStatus, PortStatus, SessionStatus, Status,
};
use prometheus_client::{metrics::MetricType, registry::Unit};

/// A family: samples with one name and one meaning.
#[derive(Debug)]
pub(super) struct MetricFamily {
    /// The name without the suffix of its unit and of its kind.
    pub(super) stem: &'static str,
    /// The unit, which ends the name. `frames` and `bps` are not among the base units of
    /// `OpenMetrics`, which allows others.
    pub(super) unit: Option<&'static str>,
    /// Names of the labels, in the order of the values that [`SampleSource`] gives.
    pub(super) labels: &'static [&'static str],
    /// The meaning, as one sentence with the unit in it.
    pub(super) help: &'static str,
    /// The origin of the samples.
    pub(super) source: SampleSource,
}

/// The part of a status that a family takes its samples from: one for each entry.
#[derive(Debug)]
pub(super) enum SampleSource {
    /// One sample, whose labels have the information.
    Info,
    /// Seconds since the daemon's start.
    Uptime,
    /// The number of detail series that an answer lacks.
    LeftOut,
    /// Frames of a port, by reason.
    Reasons,
    /// A number of each port, if it has one.
    Port(fn(&PortStatus) -> Option<u64>),
    /// A count of each port, if it has one.
    PortCount(fn(&PortStatus) -> Option<u64>),
    /// A number of the ledger, if it has one.
    Ledger(fn(&LedgerStatus) -> Option<u64>),
    /// A number of the edge as a whole.
    Whole(fn(&Status) -> u64),
    /// Each condition, as 1.
    Conditions,
    /// A number of each export, if it has one.
    ExportState(fn(&ExportStatus) -> Option<u64>),
    /// A count of each export, if it has one.
    ExportCount(fn(&ExportStatus) -> Option<u64>),
    /// A number of each circuit.
    Circuit(fn(&CircuitStatus) -> u64),
    /// The sum of each circuit's peerings in both directions.
    Sum(fn(&Counters) -> u64),
    /// The sum of a counter for each direction.
    SumByDirection(fn(&Counters) -> u64),
    /// A number of each BGP session, if it has one.
    Session(fn(&SessionStatus) -> Option<u64>),
    /// A number of each routing domain.
    Domain(fn(&DomainStatus) -> f64),
    /// A count of each routing domain.
    DomainCount(fn(&DomainStatus) -> u64),
    /// A number of each link of a routing domain's peering, if it has one.
    Link(fn(&LinkStatus) -> Option<f64>),
    /// A number of each neighbour of a routing domain.
    Neighbour(fn(&NeighbourStatus) -> u64),
    /// Detail: a count of each class of each peering on each port.
    Class(fn(&Counters) -> u64),
    /// Detail: a number of each bucket.
    Policer(fn(&PolicerStatus) -> u64),
    /// Detail: a count of each bucket.
    PolicerCount(fn(&PolicerStatus) -> u64),
}

/// The part of an edge that a family has one series for, or a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The edge, a port or an export; every answer has them.
    Edge,
    /// A circuit; every answer has them.
    Circuit,
    /// A routing domain, a session or a neighbour of a routed circuit; every answer has them.
    Routed,
    /// A class of a peering on a port; only of circuits that are asked for.
    Class,
    /// A bucket; only of circuits that are asked for.
    Policer,
}

impl Extent {
    /// Whether only circuits that a scrape names have such series.
    pub(super) fn is_detail(self) -> bool {
        matches!(self, Self::Class | Self::Policer)
    }
}

impl MetricFamily {
    /// The family's name, as its samples have it.
    #[cfg(test)]
    pub(super) fn name(&self) -> String {
        let unit = self.unit.map(|unit| format!("_{unit}")).unwrap_or_default();
        let suffix = match self.kind() {
            MetricType::Counter => "_total",
            MetricType::Info => "_info",
            MetricType::Gauge | MetricType::Histogram | MetricType::Unknown => "",
        };
        format!("{}{unit}{suffix}", self.stem)
    }

    /// The unit, as the encoder wants it.
    pub(super) fn encoded_unit(&self) -> Option<Unit> {
        self.unit.map(|unit| Unit::Other(unit.to_owned()))
    }

    /// Counter, gauge or info.
    pub(super) fn kind(&self) -> MetricType {
        match self.source {
            SampleSource::Info => MetricType::Info,
            SampleSource::Reasons
            | SampleSource::PortCount(_)
            | SampleSource::ExportCount(_)
            | SampleSource::Sum(_)
            | SampleSource::SumByDirection(_)
            | SampleSource::DomainCount(_)
            | SampleSource::Class(_)
            | SampleSource::PolicerCount(_) => MetricType::Counter,
            SampleSource::Uptime
            | SampleSource::LeftOut
            | SampleSource::Port(_)
            | SampleSource::Ledger(_)
            | SampleSource::Whole(_)
            | SampleSource::Conditions
            | SampleSource::ExportState(_)
            | SampleSource::Circuit(_)
            | SampleSource::Session(_)
            | SampleSource::Domain(_)
            | SampleSource::Link(_)
            | SampleSource::Neighbour(_)
            | SampleSource::Policer(_) => MetricType::Gauge,
        }
    }

    /// The part of an edge that it has series for.
    pub(super) fn extent(&self) -> Extent {
        match self.source {
            SampleSource::Info
            | SampleSource::Uptime
            | SampleSource::LeftOut
            | SampleSource::Reasons
            | SampleSource::Port(_)
            | SampleSource::PortCount(_)
            | SampleSource::Ledger(_)
            | SampleSource::Whole(_)
            | SampleSource::Conditions
            | SampleSource::ExportState(_)
            | SampleSource::ExportCount(_) => Extent::Edge,
            SampleSource::Circuit(_) | SampleSource::Sum(_) | SampleSource::SumByDirection(_) => {
                Extent::Circuit
            }
            SampleSource::Session(_)
            | SampleSource::Domain(_)
            | SampleSource::DomainCount(_)
            | SampleSource::Link(_)
            | SampleSource::Neighbour(_) => Extent::Routed,
            SampleSource::Class(_) => Extent::Class,
            SampleSource::Policer(_) | SampleSource::PolicerCount(_) => Extent::Policer,
        }
    }
}
