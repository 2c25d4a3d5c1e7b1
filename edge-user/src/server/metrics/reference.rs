//! `docs/metrics.md`, made from the table of families.

use std::fmt::Write as _;

use prometheus_client::metrics::MetricType;

use super::{
    families::families,
    family::{Extent, MetricFamily},
};

const INTRODUCTION: &str = r#"# Metrics

The daemon answers scrapes at `/metrics` of the address that the key `metrics` names
([`configuration.md`](configuration.md)), by default `http://127.0.0.1:9478/metrics`.

This file is made from the table that the daemon encodes answers by. To change it, change
`edge-user/src/server/metrics/families.rs`, and run `EDGE_WRITE_DOCS=1 cargo test -p edge-user --lib metrics`.

## The size of an answer

An answer has eight series for each circuit, a few for each port and export, one for each condition, and no more: 20,000
circuits make about 160,000 series. Of conditions of circuits, 256 are told at the most. A routed peering has two more, three for each link, and up to five for each session and its neighbour. `edge_series_left_out` is the number of detail series that an answer lacks: those of each class of a
peering on a port, and of each bucket.

## Detail of a circuit

Ask for it by the circuit's name, as often as there are circuits to look at:

```sh
curl 'http://127.0.0.1:9478/metrics?circuit=contoso&circuit=north%20west'
```

A name that no circuit has is answered with 404 and a sentence, and another parameter with 400. In Prometheus, give
detail a job of its own: when a circuit goes, the scrape of its detail fails, and no other one does.

```yaml
scrape_configs:
  - job_name: edge
    static_configs:
      - targets: ["127.0.0.1:9478"]
  - job_name: edge-detail
    params:
      circuit: ["contoso", "north west"]
    static_configs:
      - targets: ["127.0.0.1:9478"]
    metric_relabel_configs:   # the job "edge" has the rest
      - source_labels: [__name__]
        regex: "edge_(forwarded|dropped|refused|policer)_.*"
        action: keep
```

On a small edge, `metrics_detail = "all"` under `[edge]` has every answer tell of every circuit in detail. A reload may
change that.

## Formats

A scraper whose `Accept` header names `application/openmetrics-text` gets OpenMetrics 1.0.0, as Prometheus does. Others,
such as curl, get Prometheus's text format 0.0.4. Names, labels and values are the same in both. OpenMetrics has units,
too, and an end that tells a whole answer from one that was cut short.
"#;

/// The text of `docs/metrics.md`.
pub(super) fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    section(&mut text, "The edge, its ports, its ledger and its exports", |it| it == Extent::Edge);
    section(&mut text, "Each circuit", |it| it == Extent::Circuit);
    text.push_str(
        "\nA counter is a sum over the circuit's peerings, ports, links and classes. `direction` is \
         `inbound`, from the customer\ninto the core, or `outbound`.\n",
    );
    section(&mut text, "Each routed peering, its sessions and its neighbours", |it| {
        it == Extent::Routed
    });
    text.push_str(
        "\nA session has one address family, `ipv4` or `ipv6`. One with a customer's router has a \
         label `link`, and one with a\nvirtual network's gateway a label `vnet` instead.\n",
    );
    section(&mut text, "Detail: each class of a peering on a port", |it| it == Extent::Class);
    section(&mut text, "Detail: each bucket", |it| it == Extent::Policer);
    text.push_str(
        "\nA bucket of a whole circuit has no label `peering`, and one of a whole circuit \
         or peering no label `class`.\n",
    );
    text
}

/// A heading, and a table of the families whose extent is among the wanted ones.
fn section(text: &mut String, heading: &str, is_wanted: impl Fn(Extent) -> bool) {
    // Writing to a string can't fail.
    let _ok =
        write!(text, "\n## {heading}\n\n| name | type | labels | meaning |\n|---|---|---|---|\n");
    for family in families().filter(|family| is_wanted(family.extent())) {
        let _ok = writeln!(text, "{}", row(family));
    }
}

fn row(family: &MetricFamily) -> String {
    let kind = match family.kind() {
        MetricType::Counter => "counter",
        MetricType::Info => "info",
        MetricType::Gauge | MetricType::Histogram | MetricType::Unknown => "gauge",
    };
    let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{}` | {kind} | {} | {} |", family.name(), labels.join(", "), family.help)
}
