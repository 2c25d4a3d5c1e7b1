//! `show bfd sessions`: liveness of neighbours.

use std::net::IpAddr;

use super::fields::{seconds_us, time_ms};
use crate::routing::bird::{
    error::{BirdError, Result},
    reply::BirdReply,
};

/// A BFD session as BIRD has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdSessionState {
    /// The peer.
    pub peer: IpAddr,
    /// The device that it is behind.
    pub device: String,
    /// Its state.
    pub state: BfdState,
    /// Begin of the state, in milliseconds since 1970.
    pub since_ms: i64,
    /// Interval between packets of ours, in microseconds; 0: none was sent.
    pub interval_us: u64,
    /// Time without a packet after which the peer is taken for gone, in microseconds.
    pub timeout_us: u64,
}

/// States of RFC 5880, 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BfdState {
    /// Held down by one end.
    AdminDown,
    /// No packet comes.
    Down,
    /// Packets come, and the peer has not heard ours.
    Init,
    /// Both hear each other.
    Up,
}

/// The sessions in an answer to `show bfd sessions`, in its order.
pub fn bfd_sessions(reply: &BirdReply) -> Result<Vec<BfdSessionState>> {
    let lines = reply.texts().filter(|line| {
        // Names of protocols, and the table's head.
        let is_head = line.ends_with(':') || line.starts_with("IP address");
        !line.is_empty() && !is_head && !line.ends_with(": is not up")
    });
    lines.map(|line| session(line).ok_or_else(|| strange(line))).collect()
}

fn strange(line: &str) -> BirdError {
    BirdError::garbled(format!("{line:?} is no line about a BFD session"))
}

fn session(line: &str) -> Option<BfdSessionState> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [peer, device, state, since, interval, timeout] = words[..] else {
        return None;
    };
    let state = match state {
        "AdminDown" => BfdState::AdminDown,
        "Down" => BfdState::Down,
        "Init" => BfdState::Init,
        "Up" => BfdState::Up,
        _ => return None,
    };
    Some(BfdSessionState {
        peer: peer.parse().ok()?,
        device: device.to_owned(),
        state,
        since_ms: time_ms(since)?,
        interval_us: seconds_us(interval)?,
        timeout_us: seconds_us(timeout)?,
    })
}
