//! Events of the engine's life.

use std::fmt;

use super::state::RoutingPort;
use crate::routing::{bird::events::SpeakerEvent, devices::NamespaceChange};

/// Something that happened, for the log and for who follows the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineEvent {
    /// The routing namespace was changed by another program, and is as it should be again.
    Healed(NamespaceChange),
    /// The port that leads to the routing namespace is another one than before: programs on it have to be attached
    /// again.
    Port(RoutingPort),
    /// BIRD.
    Speaker(SpeakerEvent),
    /// A domain keeps the tables that it had, for this reason; `None`: not any longer.
    Domain {
        /// Its name.
        name: String,
        /// The reason.
        error: Option<String>,
    },
    /// Something that all domains need has failed; `None`: it works again.
    Failed(Option<String>),
    /// Something that the engine goes on without.
    Note(String),
}

impl fmt::Display for EngineEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healed(NamespaceChange::Kept) => f.write_str("the routing namespace is as it was"),
            Self::Healed(NamespaceChange::NamedAgain) => {
                f.write_str("the routing namespace had lost its name, and has it again; no session was lost")
            }
            Self::Healed(NamespaceChange::PairMadeAnew) => f.write_str(
                "the interfaces of the routing namespace were removed by another program and are made anew; \
                 forwarding tables stay until sessions are back",
            ),
            Self::Healed(NamespaceChange::Replaced) => f.write_str(
                "the routing namespace was removed by another program and is made anew; forwarding tables stay until \
                 sessions are back",
            ),
            Self::Port(port) => {
                write!(f, "{} leads to the routing namespace, with the index {}", port.name, port.ifindex)
            }
            Self::Speaker(event) => event.fmt(f),
            Self::Domain { name, error: Some(error) } => {
                write!(f, "the forwarding tables of {name} stay as they were: {error}")
            }
            Self::Domain { name, error: None } => {
                write!(f, "the forwarding tables of {name} follow its routes again")
            }
            Self::Failed(Some(error)) => {
                write!(f, "routes are not followed, and forwarding tables stay as they are: {error}")
            }
            Self::Failed(None) => f.write_str("routes are followed again"),
            Self::Note(note) => f.write_str(note),
        }
    }
}
