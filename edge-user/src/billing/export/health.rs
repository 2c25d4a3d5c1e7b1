//! The state of an export, and whether a change of it is worth a line in the log.

use edge_api::ExportStatus;
use jiff::Timestamp;

use super::error::{DeliveryError, FailureKind};

/// The status, and the kind of failure that an operator was told of.
#[derive(Debug)]
pub(super) struct SinkHealth {
    status: ExportStatus,
    failing: Option<FailureKind>,
}

/// The result of a try that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Success {
    /// A batch is delivered.
    Delivered,
    /// There is no batch to deliver.
    NothingLeft,
}

impl SinkHealth {
    pub(super) fn new(name: String) -> Self {
        let status = ExportStatus {
            name,
            delivered_batches: 0,
            last_error: None,
            failing_since: None,
            last_delivered: None,
            sealed_until: None,
            notice: None,
        };
        Self { status, failing: None }
    }

    pub(super) fn status(&self) -> &ExportStatus {
        &self.status
    }

    /// Notes the receiver's warning. Returns whether it is a new one.
    pub(super) fn noticed(&mut self, notice: Option<String>) -> bool {
        let is_news = notice.is_some() && self.status.notice != notice;
        self.status.notice = notice;
        is_news
    }

    /// Notes the end of the time of which the receiver has every record.
    pub(super) fn has_all_until(&mut self, sealed_until: Option<Timestamp>) {
        self.status.sealed_until = sealed_until;
    }

    /// Notes a failed try. Returns whether its error is of a new kind.
    pub(super) fn failed(&mut self, error: &DeliveryError, now: Timestamp) -> bool {
        self.status.last_error = Some(error.to_string());
        self.status.failing_since.get_or_insert(now);
        self.failing.replace(error.kind) != Some(error.kind)
    }

    /// Notes a try that worked. Returns since when tries had failed, if they had.
    pub(super) fn worked(&mut self, success: Success, now: Timestamp) -> Option<Timestamp> {
        if success == Success::Delivered {
            self.status.delivered_batches += 1;
            self.status.last_delivered = Some(now);
        }
        self.status.last_error = None;
        self.failing = None;
        self.status.failing_since.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_until_its_kind_changes() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let error = |kind, text: &str| DeliveryError::new(kind, text.to_owned());
        let mut health = SinkHealth::new("billing".to_owned());
        assert_eq!(health.worked(Success::NothingLeft, at(1)), None);
        assert_eq!((health.status.delivered_batches, health.status.last_delivered), (0, None));

        assert!(health.failed(&error(FailureKind::Network, "a"), at(2)));
        assert!(!health.failed(&error(FailureKind::Network, "b"), at(3)));
        assert!(health.failed(&error(FailureKind::Refused(401), "c"), at(4)));
        assert!(!health.failed(&error(FailureKind::Refused(401), "d"), at(5)));
        assert!(health.failed(&error(FailureKind::Refused(403), "e"), at(6)));
        assert_eq!(health.status.last_error.as_deref(), Some("e"));
        assert_eq!(health.status.failing_since, Some(at(2)));

        assert_eq!(health.worked(Success::Delivered, at(7)), Some(at(2)));
        assert_eq!(health.worked(Success::Delivered, at(8)), None);
        assert!(health.failed(&error(FailureKind::Refused(403), "f"), at(9)));
        let status = ExportStatus {
            name: "billing".to_owned(),
            delivered_batches: 2,
            last_error: Some("f".to_owned()),
            failing_since: Some(at(9)),
            last_delivered: Some(at(8)),
            sealed_until: None,
            notice: None,
        };
        assert_eq!(health.status, status);
    }
}
