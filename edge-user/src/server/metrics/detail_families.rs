//! The families of detail, which answers have of circuits that are asked for, and what tells of the others.

use super::family::{MetricFamily, SampleSource};

const CLASS: &[&str] = &["circuit", "peering", "port", "link", "direction", "class"];
const POLICER: &[&str] = &["circuit", "peering", "class", "direction", "link"];

/// These families, in the order of an answer.
pub(super) const DETAIL_FAMILIES: &[MetricFamily] = &[
    MetricFamily {
        stem: "edge_forwarded",
        unit: Some("frames"),
        labels: CLASS,
        help: "Frames of the class that left.",
        source: SampleSource::Class(|counters| counters.forwarded_frames),
    },
    MetricFamily {
        stem: "edge_forwarded",
        unit: Some("bytes"),
        labels: CLASS,
        help: "Bytes of the class that left, by the circuit's accounting.",
        source: SampleSource::Class(|counters| counters.forwarded_bytes),
    },
    MetricFamily {
        stem: "edge_dropped",
        unit: Some("frames"),
        labels: CLASS,
        help: "Frames of the class that arrived above the rate and were dropped.",
        source: SampleSource::Class(|counters| counters.dropped_frames),
    },
    MetricFamily {
        stem: "edge_dropped",
        unit: Some("bytes"),
        labels: CLASS,
        help: "Bytes of the frames of the class that arrived above the rate and were dropped.",
        source: SampleSource::Class(|counters| counters.dropped_bytes),
    },
    MetricFamily {
        stem: "edge_refused",
        unit: Some("frames"),
        labels: CLASS,
        help: "Frames of the class, within the rate, that the egress device refused.",
        source: SampleSource::Class(|counters| counters.refused_frames),
    },
    MetricFamily {
        stem: "edge_refused",
        unit: Some("bytes"),
        labels: CLASS,
        help: "Bytes of the frames of the class, within the rate, that the egress device refused.",
        source: SampleSource::Class(|counters| counters.refused_bytes),
    },
    MetricFamily {
        stem: "edge_policer_rate",
        unit: Some("bps"),
        labels: POLICER,
        help: "Bits a second that the bucket admits.",
        source: SampleSource::Policer(|policer| policer.rate_bps),
    },
    MetricFamily {
        stem: "edge_policer_used",
        unit: Some("bytes"),
        labels: POLICER,
        help: "Bytes of the bucket's burst that are used at the moment.",
        source: SampleSource::Policer(|policer| policer.used_bytes),
    },
    MetricFamily {
        stem: "edge_policer_peak_1ms",
        unit: Some("bps"),
        labels: POLICER,
        help: "Bits a second that the bucket admitted in the busiest millisecond of the last \
               minute.",
        source: SampleSource::Policer(|policer| policer.peak_1ms_bps),
    },
    MetricFamily {
        stem: "edge_policer_peak_100ms",
        unit: Some("bps"),
        labels: POLICER,
        help: "Bits a second that the bucket admitted in the busiest 100 milliseconds of the last \
               minute.",
        source: SampleSource::Policer(|policer| policer.peak_100ms_bps),
    },
    MetricFamily {
        stem: "edge_policer_leases",
        unit: None,
        labels: POLICER,
        help: "Leases that CPUs bought of the bucket.",
        source: SampleSource::PolicerCount(|policer| policer.leases),
    },
    MetricFamily {
        stem: "edge_policer_retries",
        unit: None,
        labels: POLICER,
        help: "Attempts to buy a lease of the bucket that a CPU lost to another one.",
        source: SampleSource::PolicerCount(|policer| policer.retries),
    },
    MetricFamily {
        stem: "edge_series_left_out",
        unit: None,
        labels: &[],
        help: "Detail series that this answer lacks, of circuits that were not asked for.",
        source: SampleSource::LeftOut,
    },
];
