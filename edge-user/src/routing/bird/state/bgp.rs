//! `show protocols all`: the sessions.

use std::net::IpAddr;

use super::{
    fields::{is_same_time, labelled, number_before, time_ms},
    last_error::SessionError,
};
use crate::routing::bird::{
    error::{BirdError, Result},
    names::SessionName,
    reply::BirdReply,
};

/// Codes of a protocol's first line, and of those about it.
const PROTOCOL: u16 = 1002;
const DETAILS: u16 = 1006;
/// BIRD's name of the BGP protocol.
const BGP: &str = "BGP";

/// A session as BIRD has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpSessionState {
    /// Its name.
    pub name: SessionName,
    /// Its state.
    pub state: BgpState,
    /// Begin of BIRD's state of the protocol, up or not, in milliseconds since 1970. The stages of
    /// a connection that is being made don't change it. BIRD counts by a clock that never steps, and
    /// computes this anew for each answer: compare it by [`Self::is_same_run`].
    pub since_ms: i64,
    /// The peer's AS number.
    pub peer_asn: Option<u32>,
    /// The address that the session is with.
    pub peer: Option<IpAddr>,
    /// Routes that the edge took.
    pub imported: u32,
    /// Routes that the edge refused.
    pub filtered: u32,
    /// Routes that the peer was told.
    pub exported: u32,
    /// Most routes that the peer may tell.
    pub limit: Option<u32>,
    /// Whether the peer told more.
    pub is_over_limit: bool,
    /// Whether the routes are those from before a graceful restart of the peer.
    pub is_peer_restarting: bool,
    /// The time until the next try, in microseconds, after an error.
    pub error_wait_us: Option<u64>,
    /// The last thing that went wrong, even if the session is up again.
    pub last_error: Option<SessionError>,
}

impl BgpSessionState {
    /// Whether two looks saw the same state, without another between them. (A wall clock that was
    /// set between the looks makes one state two.)
    #[must_use]
    pub fn is_same_run(&self, other: &Self) -> bool {
        let is_same_begin = is_same_time(self.since_ms, other.since_ms);
        (self.name, self.state) == (other.name, other.state) && is_same_begin
    }

    /// Routes that the peer told, which its limit counts.
    #[must_use]
    pub fn received(&self) -> u32 {
        self.imported.saturating_add(self.filtered)
    }
}

/// States of BGP's machine (RFC 4271, 8.2.2), and BIRD's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BgpState {
    /// Not enabled, or shut down by BIRD.
    Down,
    /// Waiting, after an error or for its device.
    Idle,
    /// Waiting for the peer to connect.
    Passive,
    /// Connecting.
    Connect,
    /// Waiting for the next try to connect.
    Active,
    /// Connected; the peer has not introduced itself.
    OpenSent,
    /// The peer has introduced itself.
    OpenConfirm,
    /// Up.
    Established,
    /// Closing its connection.
    Close,
}

impl BgpState {
    /// The state by BIRD's name (`bgp_state_names` in `proto/bgp/bgp.c`).
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        Some(match name {
            "Down" => Self::Down,
            "Idle" => Self::Idle,
            "Passive" => Self::Passive,
            "Connect" => Self::Connect,
            "Active" => Self::Active,
            "OpenSent" => Self::OpenSent,
            "OpenConfirm" => Self::OpenConfirm,
            "Established" => Self::Established,
            "Close" => Self::Close,
            _ => return None,
        })
    }
}

/// The sessions in an answer to `show protocols all`, in its order. Other protocols, and BGP
/// sessions that are not of a plan, are left out.
pub fn sessions(reply: &BirdReply) -> Result<Vec<BgpSessionState>> {
    let mut sessions = Vec::new();
    let mut lines = reply.lines.iter().peekable();
    while let Some((code, line)) = lines.next() {
        if *code != PROTOCOL {
            continue;
        }
        let mut details = Vec::new();
        while let Some((_, line)) = lines.next_if(|(code, _)| *code == DETAILS) {
            details.push(line.as_str());
        }
        sessions.extend(session(line, &details)?);
    }
    Ok(sessions)
}

/// One protocol; `None`: it is no session of a plan.
fn session(line: &str, details: &[&str]) -> Result<Option<BgpSessionState>> {
    let garbled = || BirdError::garbled(format!("{line:?} is no line about a protocol"));
    let mut words = line.split_whitespace();
    let mut word = || words.next().ok_or_else(garbled);
    let (name, protocol, _table, _up) = (word()?, word()?, word()?, word()?);
    let since = word()?;
    let Some(name) = name.parse::<SessionName>().ok().filter(|_| protocol == BGP) else {
        return Ok(None);
    };
    let mut session = BgpSessionState {
        name,
        state: BgpState::Down,
        since_ms: time_ms(since).ok_or_else(garbled)?,
        peer_asn: None,
        peer: None,
        imported: 0,
        filtered: 0,
        exported: 0,
        limit: None,
        is_over_limit: false,
        is_peer_restarting: false,
        error_wait_us: None,
        last_error: None,
    };
    let mut has_state = false;
    for detail in details {
        has_state |= take(&mut session, detail);
    }
    if has_state {
        Ok(Some(session))
    } else {
        Err(BirdError::garbled(format!("BIRD tells no BGP state of {}", session.name)))
    }
}

/// Takes a line about a session. Whether it had the session's state.
fn take(session: &mut BgpSessionState, detail: &str) -> bool {
    if detail.trim() == "Neighbor graceful restart active" {
        session.is_peer_restarting = true;
    }
    let Some((label, value)) = labelled(detail) else {
        return false;
    };
    match label {
        "BGP state" => {
            let state = BgpState::read(value);
            session.state = state.unwrap_or(session.state);
            return state.is_some();
        }
        "Neighbor AS" => session.peer_asn = value.parse().ok(),
        "Neighbor address" => {
            let address = value.split(['%', ' ']).next().unwrap_or_default();
            session.peer = address.parse().ok();
        }
        "Error wait" => {
            let left = value.split('/').next().unwrap_or_default();
            session.error_wait_us = super::fields::seconds_us(left);
        }
        "Last error" => session.last_error = Some(SessionError::read(value)),
        "Receive limit" => {
            let (limit, hit) = value.split_once(' ').unwrap_or((value, ""));
            session.limit = limit.parse().ok();
            session.is_over_limit = hit == "[HIT]";
        }
        "Routes" => {
            session.imported = number_before(value, "imported").unwrap_or(0);
            session.filtered = number_before(value, "filtered").unwrap_or(0);
            session.exported = number_before(value, "exported").unwrap_or(0);
        }
        _ => {}
    }
    false
}
