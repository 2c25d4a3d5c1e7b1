//! `show route … all`: routes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::fields::time_ms;
use crate::routing::bird::{
    error::{BirdError, Result},
    model::community::BgpCommunity,
    reply::BirdReply,
};

/// Codes of a route's first lines, of its type, and of its attributes.
const ROUTE: u16 = 1007;
const KIND: u16 = 1008;
const ATTRIBUTES: u16 = 1012;

/// A route as BIRD has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdRoute {
    /// The prefix.
    pub prefix: IpNet,
    /// The protocol that it is from: a session, or a domain's static routes.
    pub protocol: String,
    /// The time of its last change, in milliseconds since 1970.
    pub since_ms: i64,
    /// Whether it is the best of its prefix.
    pub is_best: bool,
    /// Its next hops; none: an announcement that the edge forwards by itself.
    pub hops: Vec<BirdHop>,
    /// Its AS path as BIRD writes it: numbers, sets in braces.
    pub as_path: Option<String>,
    /// The local preference.
    pub local_preference: Option<u32>,
    /// The multi-exit discriminator.
    pub med: Option<u32>,
    /// The communities that it has now.
    pub communities: Vec<BgpCommunity>,
}

/// A next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdHop {
    /// The neighbour; `None`: the destination itself is.
    pub gateway: Option<IpAddr>,
    /// The device.
    pub device: String,
}

/// The routes in an answer to `show route … all`, in its order.
pub fn routes(reply: &BirdReply) -> Result<Vec<BirdRoute>> {
    let mut routes: Vec<BirdRoute> = Vec::new();
    for (code, line) in &reply.lines {
        let strange = || BirdError::garbled(format!("{line:?} is no line about a route"));
        let detail = line.strip_prefix('\t');
        match (*code, detail) {
            (ROUTE, None) if !line.is_empty() && !line.starts_with("Table ") => {
                let before = routes.last().map(|route| route.prefix);
                routes.push(route(line, before).ok_or_else(strange)?);
            }
            (ROUTE, Some(detail)) => {
                let route = routes.last_mut().ok_or_else(strange)?;
                route.hops.push(hop(detail).ok_or_else(strange)?);
            }
            (KIND | ATTRIBUTES, Some(detail)) => {
                let route = routes.last_mut().ok_or_else(strange)?;
                attribute(route, detail);
            }
            _ => {}
        }
    }
    Ok(routes)
}

/// `10.1.3.0/24          unicast [c1v4 1795990477.838] * (100) [AS65001i]`; a prefix that the line
/// before had is left out.
fn route(line: &str, before: Option<IpNet>) -> Option<BirdRoute> {
    let (head, rest) = line.split_once('[')?;
    let (source, rest) = rest.split_once(']')?;
    let head: Vec<&str> = head.split_whitespace().collect();
    let prefix = match head[..] {
        [prefix, _kind] => prefix.parse().ok()?,
        [_kind] => before?,
        _ => return None,
    };
    let mut source = source.split_whitespace();
    let protocol = source.next()?.to_owned();
    let since_ms = time_ms(source.next()?)?;
    let rest = rest.trim_start();
    Some(BirdRoute {
        prefix,
        protocol,
        since_ms,
        // `!`: the kernel has not taken it.
        is_best: rest.starts_with(['*', '!']),
        hops: Vec::new(),
        as_path: None,
        local_preference: None,
        med: None,
        communities: Vec::new(),
    })
}

/// `via 192.168.15.17 on r1 onlink`, or `dev r1`.
fn hop(line: &str) -> Option<BirdHop> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["via", gateway, "on", device, ..] => {
            Some(BirdHop { gateway: Some(gateway.parse().ok()?), device: device.to_owned() })
        }
        ["dev", device, ..] => Some(BirdHop { gateway: None, device: device.to_owned() }),
        _ => None,
    }
}

fn attribute(route: &mut BirdRoute, line: &str) {
    let Some((name, value)) = line.split_once(':') else {
        return;
    };
    let value = value.trim();
    match name {
        "BGP.as_path" => route.as_path = Some(value.to_owned()),
        "BGP.local_pref" => route.local_preference = value.parse().ok(),
        "BGP.med" => route.med = value.parse().ok(),
        "BGP.community" => route.communities = communities(value),
        _ => {}
    }
}

/// `(12076,51002) (12076,5010)`. A list that BIRD cut off at the end of its line has those before.
fn communities(text: &str) -> Vec<BgpCommunity> {
    let read = |text: &str| {
        let (high, low) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
        Some(BgpCommunity(high.parse().ok()?, low.parse().ok()?))
    };
    text.split_whitespace().filter_map(read).collect()
}
