//! `[edge]`: its keys, and the checks of their values.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use edge_common::reason::UnmatchedPolicy;

use super::{
    Edge, MetricsDetail,
    error::Errors,
    keys::{Field, Keys},
    names, values,
};

/// The ledger's directory, unless the file names another one.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/edge";
/// The control socket, unless the file names another one.
pub const DEFAULT_CONTROL: &str = "/run/edge/control.sock";
const DEFAULT_METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9478);

/// `[edge]`.
pub(super) struct RawEdge {
    name: Field<String>,
    state_dir: Field<String>,
    control: Field<String>,
    metrics: Field<String>,
    metrics_detail: Field<MetricsDetail>,
    pin_dir: Field<String>,
    unmatched: Field<UnmatchedPolicy>,
}

impl RawEdge {
    pub(super) fn read(mut keys: Keys<'_, '_>) -> Self {
        let edge = Self {
            name: keys.required("name", values::string),
            state_dir: keys.optional("state_dir", values::string),
            control: keys.optional("control", values::string),
            metrics: keys.optional("metrics", values::string),
            metrics_detail: keys.optional("metrics_detail", values::choice),
            pin_dir: keys.optional("pin_dir", values::string),
            unmatched: keys.optional("unmatched", values::choice),
        };
        keys.finish();
        edge
    }

    /// Stand-in for an `[edge]` that is no table: every key counts as wrong.
    pub(super) fn bad() -> Self {
        Self {
            name: Field::Bad,
            state_dir: Field::Bad,
            control: Field::Bad,
            metrics: Field::Bad,
            metrics_detail: Field::Bad,
            pin_dir: Field::Bad,
            unmatched: Field::Bad,
        }
    }

    pub(super) fn checked(&self, errors: &Errors<'_>) -> Option<Edge> {
        let name = self.name.and_then(|name| names::name("name", name, errors));
        let path = |key: &str, field: &Field<String>, default: &str| {
            field.and_then(|path| names::path(key, path, errors)).value_or(default.into())
        };
        let state_dir = path("state_dir", &self.state_dir, DEFAULT_STATE_DIR);
        let control = self.control.and_then(|path| names::socket("control", path, errors));
        let pin_dir = path("pin_dir", &self.pin_dir, "/sys/fs/bpf/edge");
        if let Some(path) = self.pin_dir.given()
            && path.value.strip_prefix("/sys/fs/bpf").is_some_and(|below| below.contains('.'))
        {
            let help = "names on a BPF file system have none: give another path";
            errors.add(path.span, format!("`pin_dir` is {:?}, with a dot; {help}", path.value));
        }
        let metrics = self.metrics.and_then(|metrics| {
            let address = metrics.value.parse().ok();
            if address.is_none() {
                let text = &metrics.value;
                let help = "give an IP address and a port, such as \"127.0.0.1:9478\"";
                errors.add(metrics.span, format!("`metrics` is {text:?}; {help}"));
            }
            address
        });
        Some(Edge {
            name: name.given()?.value.clone(),
            state_dir: state_dir?,
            control: control.value_or(DEFAULT_CONTROL.into())?,
            metrics: metrics.value_or(DEFAULT_METRICS)?,
            metrics_is_explicit: self.metrics.given().is_some(),
            metrics_detail: self.metrics_detail.value_or(MetricsDetail::Circuit)?,
            pin_dir: pin_dir?,
            unmatched: self.unmatched.value_or(UnmatchedPolicy::Drop)?,
        })
    }
}
