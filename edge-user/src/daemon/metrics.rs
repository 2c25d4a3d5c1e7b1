//! Counters for Prometheus, over HTTP.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::map_request,
    response::{IntoResponse as _, Response},
    routing::get,
};
use edge_api::{Counters, LedgerState, LedgerStatus, PolicerStatus, Status};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Mutex};

use super::{connections, instance::Instance};
use crate::config::Edge;

/// Longest time for a client to send the head of a request, from the connection's beginning or the
/// last answer on.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// The longest head of a request in bytes.
const HEAD_LEN_BYTES: usize = 16 * 1024;

/// Opens the port. One that the configuration names must be free; where the default one isn't,
/// traffic matters more.
pub async fn bind(edge: &Edge) -> Result<Option<TcpListener>> {
    match TcpListener::bind(edge.metrics).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if edge.metrics_is_explicit => Err(error).with_context(|| {
            format!("opening {} for metrics; another `metrics` address may be free", edge.metrics)
        }),
        Err(error) => {
            tracing::warn!("no metrics: {} can't be opened: {error}", edge.metrics);
            Ok(None)
        }
    }
}

/// Answers until the process ends.
pub async fn serve(listener: TcpListener, instance: Arc<Mutex<Instance>>) {
    let scrapes = Scrapes { instance, turn: Arc::default() };
    let router = Router::new().route("/metrics", get(metrics)).with_state(scrapes);
    connections::serve("the metrics' address", listener, |stream, asked| {
        let note = move |request: Request| {
            asked.note();
            std::future::ready(request)
        };
        let service = TowerToHyperService::new(router.clone().layer(map_request(note)));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_LEN_BYTES);
        async move {
            // A client that goes, or sends what is no request, is no matter.
            let _gone = http.serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await;
}

/// The state that scrapes share.
#[derive(Clone)]
struct Scrapes {
    instance: Arc<Mutex<Instance>>,
    /// One scrape at a time waits for the instance: however many there are, the control socket's
    /// clients wait for one.
    turn: Arc<Mutex<()>>,
}

async fn metrics(State(Scrapes { instance, turn }): State<Scrapes>) -> Response {
    let _turn = turn.lock().await;
    let status = instance.lock().await.status();
    match status {
        Ok(status) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, exposition(&status)).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response(),
    }
}

/// Picks one of the counters.
type Value = fn(&Counters) -> u64;

/// Prometheus's text format, version 0.0.4.
fn exposition(status: &Status) -> String {
    let mut text = String::new();
    family(&mut text, "edge_port_frames_total", "counter", "Frames received, by reason.");
    for port in &status.ports {
        for (reason, frames) in &port.reasons {
            let labels = [("port", port.name.as_str()), ("reason", reason)];
            sample(&mut text, "edge_port_frames_total", &labels, *frames);
        }
    }
    let help = "1: the port's program runs on its interface; 0: it does not.";
    family(&mut text, "edge_port_attached", "gauge", help);
    for port in &status.ports {
        let labels = [("port", port.name.as_str())];
        sample(&mut text, "edge_port_attached", &labels, u64::from(port.xdp_mode != "none"));
    }
    let families: [(&str, &str, Value); 6] = [
        ("edge_forwarded_frames_total", "Frames forwarded.", |c| c.forwarded_frames),
        ("edge_forwarded_bytes_total", "Bytes forwarded.", |c| c.forwarded_bytes),
        ("edge_dropped_frames_total", "Frames above the rate.", |c| c.dropped_frames),
        ("edge_dropped_bytes_total", "Bytes above the rate.", |c| c.dropped_bytes),
        ("edge_refused_frames_total", "Frames that the egress device refused.", |c| {
            c.refused_frames
        }),
        ("edge_refused_bytes_total", "Bytes that the egress device refused.", |c| c.refused_bytes),
    ];
    for (name, help, value) in families {
        family(&mut text, name, "counter", help);
        for circuit in &status.circuits {
            for peering in &circuit.peerings {
                for class in &peering.classes {
                    let labels = [
                        ("circuit", circuit.name.as_str()),
                        ("peering", &peering.kind),
                        ("port", &peering.port),
                        ("link", &peering.link),
                        ("direction", &peering.direction),
                        ("class", &class.class),
                    ];
                    sample(&mut text, name, &labels, value(&class.counters));
                }
            }
        }
    }
    policers(&mut text, status);
    ledger(&mut text, &status.ledger);
    text
}

fn ledger(text: &mut String, ledger: &LedgerStatus) {
    let is_ok = u64::from(ledger.state == LedgerState::Ok);
    family(text, "edge_ledger_ok", "gauge", "1: the meters are booked; 0: the ledger fails.");
    sample(text, "edge_ledger_ok", &[], is_ok);
    if let Some(booked) = ledger.last_booked {
        let name = "edge_ledger_last_booked_timestamp_seconds";
        family(text, name, "gauge", "When the meters were last booked.");
        sample(text, name, &[], booked.as_second().unsigned_abs());
    }
    family(text, "edge_export_ok", "gauge", "1: batches arrive; 0: the export fails.");
    for export in &ledger.exports {
        let labels = [("export", export.name.as_str())];
        sample(text, "edge_export_ok", &labels, u64::from(export.last_error.is_none()));
    }
    family(text, "edge_export_batches_total", "counter", "Batches that arrived since the start.");
    for export in &ledger.exports {
        let labels = [("export", export.name.as_str())];
        sample(text, "edge_export_batches_total", &labels, export.delivered_batches);
    }
}

/// Picks a number of a policer.
type OfPolicer = fn(&PolicerStatus) -> u64;

fn policers(text: &mut String, status: &Status) {
    let families: [(&str, &str, &str, OfPolicer); 6] = [
        ("edge_policer_rate_bps", "gauge", "Rate.", |p| p.rate_bps),
        ("edge_policer_used_bytes", "gauge", "Used of the burst.", |p| p.used_bytes),
        ("edge_policer_peak_1ms_bps", "gauge", "Most in 1 ms of the last minute.", |p| {
            p.peak_1ms_bps
        }),
        ("edge_policer_peak_100ms_bps", "gauge", "Most in 100 ms of the last minute.", |p| {
            p.peak_100ms_bps
        }),
        ("edge_policer_leases_total", "counter", "Leases bought by CPUs.", |p| p.leases),
        ("edge_policer_retries_total", "counter", "Attempts lost to another CPU.", |p| p.retries),
    ];
    for (name, kind, help, value) in families {
        family(text, name, kind, help);
        for circuit in &status.circuits {
            for policer in &circuit.policers {
                let labels = [
                    ("circuit", circuit.name.as_str()),
                    ("peering", policer.peering.as_deref().unwrap_or_default()),
                    ("class", policer.class.as_deref().unwrap_or_default()),
                    ("direction", &policer.direction),
                    ("link", &policer.link),
                ];
                sample(text, name, &labels, value(policer));
            }
        }
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string can't fail.
    let _ok = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn sample(text: &mut String, name: &str, labels: &[(&str, &str)], value: u64) {
    let labels: Vec<String> =
        labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
    let labels =
        if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ok = writeln!(text, "{name}{labels} {value}");
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut text = String::new();
        sample(&mut text, "m", &[("l", "a\"b\\c")], 7);
        assert_eq!(text, "m{l=\"a\\\"b\\\\c\"} 7\n");
    }
}
