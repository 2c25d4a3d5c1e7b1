//! Errors of routing, as the daemon has them.

use crate::{
    daemon::error::DaemonError,
    report::Told,
    routing::{
        bird::error::BirdError, devices::error::DevicesError, engine::error::EngineError,
        feed::error::FeedError,
    },
};

impl From<BirdError> for DaemonError {
    fn from(error: BirdError) -> Self {
        match error {
            BirdError::Missing(told) | BirdError::Unsuitable(told) => Self::Unsuitable(told),
            BirdError::Busy(told) => Self::Taken(told),
            BirdError::Plan(faults) => Self::Failed(Told::bare(faults)),
            BirdError::Refused(told)
            | BirdError::Silent(told)
            | BirdError::Garbled(told)
            | BirdError::System(told) => Self::Failed(told),
        }
    }
}

impl From<DevicesError> for DaemonError {
    fn from(error: DevicesError) -> Self {
        match error {
            DevicesError::Busy(told) => Self::Taken(told),
            DevicesError::Unsuitable(told) => Self::Unsuitable(told),
            DevicesError::Permission(told) => Self::Permission(told),
            DevicesError::OutOfRoom(told) => Self::OutOfRoom(told),
            DevicesError::Invalid(told)
            | DevicesError::Gone(told)
            | DevicesError::Damaged(told)
            | DevicesError::System(told) => Self::Failed(told),
        }
    }
}

impl From<FeedError> for DaemonError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::NoInterface(told) => Self::NoInterface(told),
            FeedError::Permission(told) => Self::Permission(told),
            FeedError::OutOfRoom(told) => Self::OutOfRoom(told),
            FeedError::NoNamespace(told)
            | FeedError::Unsettled(told)
            | FeedError::Damaged(told)
            | FeedError::System(told) => Self::Failed(told),
        }
    }
}

impl From<EngineError> for DaemonError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Devices(error) => error.into(),
            EngineError::Feed(error) => error.into(),
            EngineError::Bird(error) => error.into(),
            EngineError::Plan(told) | EngineError::System(told) => Self::Failed(told),
            EngineError::Ended => Self::Failed(Told::bare(error)),
        }
    }
}
