//! Conditions that an operator should know of now.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ConfigStatus, LedgerState, LedgerStatus, LinkOutOfUse, PortStatus, Status, UnconfirmedChange,
};

/// A condition that lasts: its subject, and a sentence with the effect and what to do next. No two have the same kind and
/// the same subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Condition {
    /// Its kind.
    pub kind: ConditionKind,
    /// The port that it is about; null: no port.
    pub port: Option<String>,
    /// The circuit that it is about; null: no circuit.
    pub circuit: Option<String>,
    /// The export that it is about; null: no export.
    pub export: Option<String>,
    /// `inbound` or `outbound`, of a circuit; null: both, or no circuit.
    pub direction: Option<String>,
    /// `primary` or `secondary`, of a circuit; null: both, or no circuit.
    pub link: Option<String>,
    /// The time since which it is there, by the present wall clock.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The condition, its effect, and what to do next.
    pub sentence: String,
}

/// Kinds of conditions.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionKind {
    /// A port's interface is gone, is down, or does not run the port's program.
    PortDead,
    /// A port's interface has no carrier.
    CableOut,
    /// A port loses frames of some kind, or at some times, or its interface has another name.
    PortWarning,
    /// Frames come to a port whose tags no circuit claims; the nearest circuit is named.
    MisTagged,
    /// A circuit is offered more than its rate for some time, and loses the rest.
    OverRate,
    /// A circuit is offered less than its rate, and loses frames of bursts that are larger than its burst size.
    Bursts,
    /// Usage is not booked.
    LedgerStuck,
    /// A receiver takes no records.
    ExportStuck,
    /// The daemon's file does not say what runs.
    NotSaved,
    /// A change waits for its confirmation.
    Unconfirmed,
    /// The router is not as the configuration has it.
    RouterFault,
    /// A circuit's link is out of use by `edge drain`: no fault, and easily forgotten.
    LinkDrained,
    /// One that a later version knows.
    #[serde(other)]
    Other,
}

impl ConditionKind {
    /// The spelling of documents and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PortDead => "port-dead",
            Self::CableOut => "cable-out",
            Self::PortWarning => "port-warning",
            Self::MisTagged => "mis-tagged",
            Self::OverRate => "over-rate",
            Self::Bursts => "bursts",
            Self::LedgerStuck => "ledger-stuck",
            Self::ExportStuck => "export-stuck",
            Self::NotSaved => "not-saved",
            Self::Unconfirmed => "unconfirmed",
            Self::RouterFault => "router-fault",
            Self::LinkDrained => "link-drained",
            Self::Other => "other",
        }
    }
}

impl Condition {
    /// A condition of the edge as a whole.
    #[must_use]
    pub fn new(kind: ConditionKind, since: Timestamp, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            port: None,
            circuit: None,
            export: None,
            direction: None,
            link: None,
            since,
            sentence: sentence.into(),
        }
    }

    /// The subject as words before a sentence, such as `port customer0`; empty: the edge as a whole.
    #[must_use]
    pub fn subject(&self) -> String {
        if self.kind == ConditionKind::RouterFault {
            return "router".to_owned();
        }
        subject([("port", &self.port), ("circuit", &self.circuit), ("export", &self.export)])
    }

    /// Whether the other one is the same, in whatever words.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.is_about_same(other)
    }

    /// Whether the other one is about the same port, circuit or export.
    #[must_use]
    pub fn is_about_same(&self, other: &Self) -> bool {
        fn names(it: &Condition) -> [&Option<String>; 5] {
            [&it.port, &it.circuit, &it.export, &it.direction, &it.link]
        }
        names(self) == names(other)
    }

    /// The conditions that other parts of a status tell: those of ports, books, configuration, router and links out of use. Where nobody knows
    /// since when one is there, that is the time of the status.
    #[must_use]
    pub fn told_by(status: &Status) -> Vec<Self> {
        let now = status.taken;
        let mut found = Vec::new();
        found.extend(status.ports.iter().flat_map(|port| of_port(port, now)));
        found.extend(of_ledger(&status.ledger, now));
        found.extend(of_config(&status.config, now));
        if !status.router_faults.is_empty() {
            let faults = status.router_faults.join("; ");
            found.push(Self::new(ConditionKind::RouterFault, now, faults));
        }
        found.extend(status.config.links_out_of_use.iter().map(of_link_out_of_use));
        found
    }
}

/// The first name that there is, behind its word.
pub(crate) fn subject(of: [(&str, &Option<String>); 3]) -> String {
    let named = of.iter().find_map(|(word, name)| Some(format!("{word} {}", name.as_deref()?)));
    named.unwrap_or_default()
}

fn of_port(port: &PortStatus, now: Timestamp) -> impl Iterator<Item = Condition> {
    let of = |kind, sentence: String| Condition {
        port: Some(port.name.clone()),
        ..Condition::new(kind, now, sentence)
    };
    let fault = || port.fault.clone().unwrap_or_else(|| "no program runs on its interface".into());
    let dead = if port.xdp_mode == "none" || port.is_up == Some(false) {
        Some(of(ConditionKind::PortDead, fault()))
    } else if port.carrier == Some(false) {
        Some(of(ConditionKind::CableOut, fault()))
    } else {
        None
    };
    // A fault of a port that frames pass by is a name that has changed.
    let renamed = port.fault.iter().filter(|_| dead.is_none());
    let warnings: Vec<&str> = renamed.chain(&port.warnings).map(String::as_str).collect();
    let warnings = (!warnings.is_empty()).then(|| warnings.join("; "));
    dead.into_iter().chain(warnings.map(|warnings| of(ConditionKind::PortWarning, warnings)))
}

fn of_ledger(ledger: &LedgerStatus, now: Timestamp) -> impl Iterator<Item = Condition> {
    let stuck = (ledger.state == LedgerState::Failing).then(|| {
        let error = ledger.error.as_deref().unwrap_or("the ledger can't be written");
        let since = ledger.failing_since.unwrap_or(now);
        Condition::new(ConditionKind::LedgerStuck, since, format!("usage is not booked: {error}"))
    });
    let exports = ledger.exports.iter().filter_map(move |export| {
        let error = export.last_error.as_deref()?;
        let sentence = format!("no record is delivered: {error}");
        let since = export.failing_since.unwrap_or(now);
        let stuck = Condition::new(ConditionKind::ExportStuck, since, sentence);
        Some(Condition { export: Some(export.name.clone()), ..stuck })
    });
    stuck.into_iter().chain(exports)
}

fn of_config(config: &ConfigStatus, now: Timestamp) -> impl Iterator<Item = Condition> {
    let unconfirmed = config.unconfirmed.as_ref().map(|change| {
        let UnconfirmedChange { until, left_s, user, message, fault } = change;
        let by = user.as_ref().map(|user| format!(" by {user}")).unwrap_or_default();
        let message = message.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
        let sentence = match fault {
            None => format!(
                "the last change{by}{message} is taken back at {until:.0}, in {left_s:.0} s: `edge confirm` keeps it, and \
                 `edge rollback` takes it back now"
            ),
            Some(fault) => format!(
                "the last change{by}{message} was not confirmed by {until:.0}, and can't be taken back: {fault}; the daemon \
                 tries again, and `edge confirm` keeps the change"
            ),
        };
        Condition::new(ConditionKind::Unconfirmed, now, sentence)
    });
    let fault = config.file_fault.as_ref();
    let not_saved = fault.map(|fault| Condition::new(ConditionKind::NotSaved, now, fault.as_str()));
    unconfirmed.into_iter().chain(not_saved)
}

fn of_link_out_of_use(out: &LinkOutOfUse) -> Condition {
    let LinkOutOfUse { circuit, link, link_use, since, user, message } = out;
    let by = user.as_ref().map(|user| format!(" by {user}")).unwrap_or_default();
    let message = message.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    let sentence = format!(
        "its {link} link is {}{by}{message}, and the circuit has one link less: `edge undrain` takes it back",
        link_use.as_str(),
    );
    let drained = Condition::new(ConditionKind::LinkDrained, *since, sentence);
    Condition { circuit: Some(circuit.clone()), link: Some(link.clone()), ..drained }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status of an earlier version, with these fields changed.
    fn status(changes: &serde_json::Value) -> Status {
        let mut document = serde_json::json!({
            "edge": "ams-1", "uptime_s": 1.0, "taken": "2026-01-01T00:00:00Z", "watches_egress": true,
            "ledger": {"state_dir": "/var/lib/edge", "state": "ok", "error": null, "failing_since": null,
                "notice": null, "last_booked": null, "exports": []},
            "ports": [], "circuits": [],
        });
        let fields = document.as_object_mut().unwrap();
        fields.extend(changes.as_object().unwrap().clone());
        serde_json::from_value(document).unwrap()
    }

    fn told(changes: &serde_json::Value) -> Vec<String> {
        let told = Condition::told_by(&status(changes));
        let line =
            |it: &Condition| format!("{} {}: {}", it.kind.as_str(), it.subject(), it.sentence);
        told.iter().map(line).collect()
    }

    fn port(more: &serde_json::Value) -> serde_json::Value {
        let mut port = serde_json::json!({
            "name": "p", "interface": "eth1", "side": "core", "link": "primary", "xdp_mode": "native",
            "is_up": true, "carrier": true, "rx_frames": 0, "rx_bytes": 0, "reasons": {},
        });
        port.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::json!({ "ports": [port] })
    }

    #[test]
    fn each_fault_of_a_status_is_one_condition() {
        assert_eq!(told(&serde_json::json!({})), [""; 0]);
        assert_eq!(told(&port(&serde_json::json!({}))), [""; 0]);
        for (more, expected) in [
            (
                serde_json::json!({"xdp_mode": "none", "fault": "gone", "is_up": null}),
                "port-dead port p: gone",
            ),
            (
                serde_json::json!({"is_up": false, "carrier": false, "fault": "down"}),
                "port-dead port p: down",
            ),
            (
                serde_json::json!({"carrier": false, "fault": "no carrier"}),
                "cable-out port p: no carrier",
            ),
            (
                serde_json::json!({"fault": "it is called eth9", "warnings": ["oversold"]}),
                "port-warning port p: it is called eth9; oversold",
            ),
        ] {
            assert_eq!(told(&port(&more)), [expected], "{more}");
        }
        let books = serde_json::json!({"ledger": {
            "state_dir": "/var/lib/edge", "state": "failing", "error": "the disk is full",
            "failing_since": "2025-12-31T23:00:00Z", "notice": null, "last_booked": null, "exports": [
                {"name": "billing", "delivered_batches": 2, "last_error": "it answers 401",
                 "failing_since": null, "last_delivered": null}]}});
        let expected = [
            "ledger-stuck : usage is not booked: the disk is full",
            "export-stuck export billing: no record is delivered: it answers 401",
        ];
        assert_eq!(told(&books), expected);
        let since = Condition::told_by(&status(&books))[0].since;
        assert_eq!(since.to_string(), "2025-12-31T23:00:00Z");
        let config = serde_json::json!({"config": {"digest": "aa", "file_fault": "the file is wrong", "unconfirmed": {
            "until": "2026-01-01T00:10:00.4Z", "left_s": 59.7, "user": "anna", "message": "order 7", "fault": null}},
            "router_faults": ["the port is missing", "it is down"]});
        let expected = [
            "unconfirmed : the last change by anna (order 7) is taken back at 2026-01-01T00:10:00Z, in 60 s: `edge \
             confirm` keeps it, and `edge rollback` takes it back now",
            "not-saved : the file is wrong",
            "router-fault router: the port is missing; it is down",
        ];
        assert_eq!(told(&config), expected);
        let config = serde_json::json!({"config": {"digest": "aa", "file_fault": null, "unconfirmed": {
            "until": "2026-01-01T00:10:00Z", "left_s": 0.0, "user": null, "message": null, "fault": "there is no eth1"}}});
        let begin = "unconfirmed : the last change was not confirmed by 2026-01-01T00:10:00Z, and can't be taken back: \
                     there is no eth1; ";
        assert!(told(&config)[0].starts_with(begin), "{config}");
    }

    #[test]
    fn each_link_out_of_use_is_a_condition_since_it_was_drained() {
        let status = status(
            &serde_json::json!({"config": {"digest": "aa", "file_fault": null, "unconfirmed": null,
            "links_out_of_use": [
                {"circuit": "contoso", "link": "secondary", "use": "drained", "since": "2025-12-31T20:00:00Z",
                 "user": "anna", "message": "a new card"},
                {"circuit": "fabrikam", "link": "primary", "use": "draining", "since": "2025-12-31T21:00:00Z",
                 "user": null, "message": null}]}}),
        );
        let told = Condition::told_by(&status);
        let lines: Vec<String> = told
            .iter()
            .map(|it| {
                let (kind, link) = (it.kind.as_str(), it.link.as_deref().unwrap_or_default());
                format!("{kind} {link} {} {}: {}", it.since, it.subject(), it.sentence)
            })
            .collect();
        let expected = [
            "link-drained secondary 2025-12-31T20:00:00Z circuit contoso: its secondary link is drained by anna (a new \
             card), and the circuit has one link less: `edge undrain` takes it back",
            "link-drained primary 2025-12-31T21:00:00Z circuit fabrikam: its primary link is draining, and the circuit \
             has one link less: `edge undrain` takes it back",
        ];
        assert_eq!(lines, expected);
        assert!(!told[0].is_same(&told[1]));
    }

    #[test]
    fn a_kind_of_a_later_version_is_read() {
        for kind in [ConditionKind::PortDead, ConditionKind::MisTagged, ConditionKind::NotSaved] {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(text, format!("{:?}", kind.as_str()));
            assert_eq!(serde_json::from_str::<ConditionKind>(&text).unwrap(), kind);
        }
        let later: ConditionKind = serde_json::from_str("\"too-hot\"").unwrap();
        assert_eq!(later, ConditionKind::Other);
    }
}
