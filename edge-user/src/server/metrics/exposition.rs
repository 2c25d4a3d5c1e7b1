//! The text of an answer, made from a status by the table of families.

use std::fmt;

use edge_api::{CircuitStatus, Condition, Counters, SessionStatus, Status};
use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeGaugeValue, EncodeLabel as _, EncodeLabelSet, LabelSetEncoder,
        MetricEncoder, NoLabelSet, prometheus_text, text,
    },
    metrics::MetricType,
    registry::Registry,
};

use super::{
    families::families,
    family::{Extent, MetricFamily, SampleSource},
    figures::ScrapeFigures,
    format::TextFormat,
    selection::DetailSelection,
};
use crate::config::Direction;

/// About the length of a sample in bytes.
const SAMPLE_LEN_BYTES: usize = 100;

/// The text that answers a scrape. Names in the selection that no circuit has get no detail
/// ([`DetailSelection::check`] refuses them before).
pub(super) fn exposition(
    figures: ScrapeFigures,
    selection: &DetailSelection,
    format: TextFormat,
) -> Result<String, fmt::Error> {
    let answer = Answer::new(figures, selection.clone());
    let mut text = String::with_capacity(answer.capacity_bytes());
    write(answer, format, &mut text)?;
    Ok(text)
}

/// Writes an answer, in pieces of a few kilobytes.
pub(super) fn write(answer: Answer, format: TextFormat, out: &mut impl fmt::Write) -> fmt::Result {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(answer));
    match format {
        TextFormat::OpenMetrics => text::encode(out, &registry),
        TextFormat::Text => prometheus_text::encode(out, &registry),
    }
}

/// Figures, and the circuits that are shown in detail. The answer owns the figures, as a registry
/// takes nothing borrowed.
#[derive(Debug)]
pub(super) struct Answer {
    figures: ScrapeFigures,
    selection: DetailSelection,
    /// Detail series of circuits that are not selected.
    left_out: u64,
    /// Detail series of those that are.
    detailed: u64,
}

impl Answer {
    pub(super) fn new(figures: ScrapeFigures, selection: DetailSelection) -> Self {
        let (mut left_out, mut detailed) = (0, 0);
        for circuit in &figures.status.circuits {
            let series = detail_series(circuit);
            if selection.has(&circuit.name) { detailed += series } else { left_out += series }
        }
        Self { figures, selection, left_out, detailed }
    }

    fn capacity_bytes(&self) -> usize {
        let series = usize::try_from(self.detailed).unwrap_or_default();
        let routed = self.figures.routed_series();
        (series
            + 8 * self.figures.status.circuits.len()
            + routed
            + self.figures.status.conditions.len()
            + 200)
            * SAMPLE_LEN_BYTES
    }

    /// The circuits that are asked for.
    fn selected(&self) -> impl Iterator<Item = &CircuitStatus> {
        self.figures.status.circuits.iter().filter(|circuit| self.selection.has(&circuit.name))
    }

    fn write(&self, source: &SampleSource, samples: &mut FamilySamples<'_>) -> fmt::Result {
        let Status { edge, uptime_s, ledger, ports, circuits, domains, .. } = &*self.figures.status;
        match source {
            SampleSource::Info => samples.push(&[edge, env!("CARGO_PKG_VERSION")], 1),
            SampleSource::Uptime => samples.push_gauge(&[], uptime_s),
            SampleSource::LeftOut => samples.push(&[], self.left_out),
            SampleSource::Reasons => ports.iter().try_for_each(|port| {
                let mut reasons = port.reasons.iter();
                reasons
                    .try_for_each(|(reason, frames)| samples.push(&[&port.name, reason], *frames))
            }),
            SampleSource::Port(value) | SampleSource::PortCount(value) => {
                ports.iter().try_for_each(|port| {
                    value(port).map_or(Ok(()), |value| samples.push(&[&port.name], value))
                })
            }
            SampleSource::Ledger(value) => {
                value(ledger).map_or(Ok(()), |value| samples.push(&[], value))
            }
            SampleSource::Whole(value) => samples.push(&[], value(&self.figures.status)),
            SampleSource::Conditions => {
                let mut conditions = self.figures.status.conditions.iter();
                conditions.try_for_each(|condition| samples.push(&subject_of(condition), 1))
            }
            SampleSource::ExportState(value) | SampleSource::ExportCount(value) => {
                let mut exports = ledger.exports.iter();
                exports.try_for_each(|export| {
                    value(export).map_or(Ok(()), |value| samples.push(&[&export.name], value))
                })
            }
            SampleSource::Circuit(value) => {
                let mut circuits = circuits.iter();
                circuits.try_for_each(|circuit| samples.push(&[&circuit.name], value(circuit)))
            }
            SampleSource::Sum(value) => circuits.iter().try_for_each(|circuit| {
                let sum = Direction::ALL.iter().map(|way| sum(circuit, *way, *value)).sum();
                samples.push(&[&circuit.name], sum)
            }),
            SampleSource::SumByDirection(value) => circuits.iter().try_for_each(|circuit| {
                let mut ways = Direction::ALL.iter();
                ways.try_for_each(|way| {
                    samples.push(&[&circuit.name, way.as_str()], sum(circuit, *way, *value))
                })
            }),
            SampleSource::Session(value) => self.figures.sessions.iter().try_for_each(|session| {
                value(session).map_or(Ok(()), |value| samples.push(&labels_of(session), value))
            }),
            SampleSource::Domain(value) => domains.iter().try_for_each(|domain| {
                samples.push_gauge(&[&domain.circuit, &domain.peering], &value(domain))
            }),
            SampleSource::DomainCount(value) => domains.iter().try_for_each(|domain| {
                samples.push(&[&domain.circuit, &domain.peering], value(domain))
            }),
            SampleSource::Link(value) => domains.iter().try_for_each(|domain| {
                domain.links.iter().try_for_each(|link| {
                    let labels = [&domain.circuit, &domain.peering, &*link.link];
                    value(link).map_or(Ok(()), |value| samples.push_gauge(&labels, &value))
                })
            }),
            SampleSource::Neighbour(value) => domains.iter().try_for_each(|domain| {
                domain.neighbours.iter().try_for_each(|neighbour| {
                    let link = neighbour.link.as_deref().unwrap_or_default();
                    let vnet = neighbour.vnet.as_deref().unwrap_or_default();
                    let family = neighbour.family.as_str();
                    let labels = [&domain.circuit, &domain.peering, link, vnet, family];
                    samples.push(&labels, value(neighbour))
                })
            }),
            SampleSource::Class(value) => {
                self.selected().try_for_each(|circuit| classes(circuit, *value, samples))
            }
            SampleSource::Policer(value) | SampleSource::PolicerCount(value) => {
                self.selected().try_for_each(|circuit| {
                    circuit.policers.iter().try_for_each(|policer| {
                        // An empty label counts as absent.
                        let peering = policer.peering.as_deref().unwrap_or_default();
                        let class = policer.class.as_deref().unwrap_or_default();
                        let (direction, link) = (&policer.direction, &policer.link);
                        let labels = [&circuit.name, peering, class, direction, link];
                        samples.push(&labels, value(policer))
                    })
                })
            }
        }
    }
}

impl Collector for Answer {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // A family without samples is left out.
        let is_wanted = |family: &&MetricFamily| self.detailed > 0 || !family.extent().is_detail();
        for family in families().filter(is_wanted) {
            let unit = family.encoded_unit();
            let metric = encoder.encode_descriptor(
                family.stem,
                family.help,
                unit.as_ref(),
                family.kind(),
            )?;
            self.write(&family.source, &mut FamilySamples { metric, family })?;
        }
        Ok(())
    }
}

/// The number of detail series that a circuit has.
fn detail_series(circuit: &CircuitStatus) -> u64 {
    let classes = circuit.peerings.iter().map(|peering| peering.classes.len()).sum::<usize>();
    let series = families().map(|family| match family.extent() {
        Extent::Edge | Extent::Circuit | Extent::Routed => 0,
        Extent::Class => classes,
        Extent::Policer => circuit.policers.len(),
    });
    series.sum::<usize>() as u64
}

/// A counter of a circuit in one direction: of all peerings, ports, links and classes.
fn sum(circuit: &CircuitStatus, direction: Direction, value: fn(&Counters) -> u64) -> u64 {
    let peerings = circuit.peerings.iter();
    let peerings = peerings.filter(|peering| peering.direction == direction.as_str());
    peerings.map(|peering| value(&peering.total)).sum()
}

/// The labels of a condition. An empty one counts as absent.
fn subject_of(condition: &Condition) -> [&str; 6] {
    let Condition { kind, port, circuit, export, direction, link, .. } = condition;
    let [port, circuit, export, direction, link] =
        [port, circuit, export, direction, link].map(|name| name.as_deref().unwrap_or_default());
    [kind.as_str(), port, circuit, export, direction, link]
}

/// The labels of a session. An empty one counts as absent.
fn labels_of(session: &SessionStatus) -> [&str; 5] {
    let link = session.link.as_deref().unwrap_or_default();
    let vnet = session.vnet.as_deref().unwrap_or_default();
    [&session.circuit, &session.peering, link, vnet, session.family.as_str()]
}

fn classes(
    circuit: &CircuitStatus,
    value: fn(&Counters) -> u64,
    samples: &mut FamilySamples<'_>,
) -> fmt::Result {
    circuit.peerings.iter().try_for_each(|peering| {
        let (kind, port, link) = (&peering.kind, &peering.port, &peering.link);
        peering.classes.iter().try_for_each(|class| {
            let labels = [&circuit.name, kind, port, link, &peering.direction, &class.class];
            samples.push(&labels.map(String::as_str), value(&class.counters))
        })
    })
}

/// The samples of one family.
struct FamilySamples<'a> {
    metric: MetricEncoder<'a>,
    family: &'static MetricFamily,
}

impl FamilySamples<'_> {
    /// Adds one, with the labels' values in the table's order.
    fn push(&mut self, values: &[&str], value: u64) -> fmt::Result {
        let labels = Labels::new(self.family.labels, values);
        match self.family.kind() {
            MetricType::Info => self.metric.encode_info(&labels),
            MetricType::Counter => {
                let mut sample = self.metric.encode_family(&labels)?;
                sample.encode_counter::<NoLabelSet, _, f64>(&value, None)
            }
            MetricType::Gauge | MetricType::Histogram | MetricType::Unknown => {
                self.push_gauge(values, &value)
            }
        }
    }

    fn push_gauge(&mut self, values: &[&str], value: &impl EncodeGaugeValue) -> fmt::Result {
        let labels = Labels::new(self.family.labels, values);
        self.metric.encode_family(&labels)?.encode_gauge(value)
    }
}

/// Labels of a sample.
struct Labels<'a> {
    names: &'static [&'static str],
    values: &'a [&'a str],
}

impl<'a> Labels<'a> {
    fn new(names: &'static [&'static str], values: &'a [&'a str]) -> Self {
        debug_assert_eq!(names.len(), values.len(), "{names:?} {values:?}");
        Self { names, values }
    }
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let mut labels = self.names.iter().zip(self.values);
        labels.try_for_each(|(name, value)| (*name, *value).encode(encoder.encode_label()))
    }
}
