//! The end of a routing namespace.

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage},
};

use crate::routing::devices::{
    error::{Context as _, Result},
    foreign::comes_with_every_namespace,
    held_netns::HeldNetns,
    mark::Mark,
    netlink::DeviceSocket,
    netns_name::{self, NamePlace},
    origin, pair, requests,
    settings::RoutingSettings,
};

/// An account of [`tear_down`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teardown {
    /// Whether there was something of edge's, which is removed now.
    pub has_removed: bool,
    /// Things that are still there, and why, in whole sentences.
    pub left: Vec<String>,
}

/// Removes all that edge has made for a routing namespace, whether an edge runs or not: devices, the
/// interfaces that lead there, and the namespace if edge made it and nothing else is in it. Nothing
/// else is removed.
///
/// The calling thread is in edge's own namespace.
pub fn tear_down(settings: &RoutingSettings) -> Result<Teardown> {
    let mut account = Teardown::default();
    let name = settings.name();
    let mark = Mark::of(name);
    let outer = DeviceSocket::open()?;
    match pair::end(&outer, settings.outer(), mark)? {
        // Its other end goes with it, and the devices on that one.
        Some(end) if end.is_ours => {
            pair::remove(&outer, end.ifindex)
                .with_context(|| format!("removing {}", settings.outer()))?;
            account.has_removed = true;
        }
        Some(_) => account
            .left
            .push(format!("the interface {} stays: edge did not make it", settings.outer())),
        None => {}
    }
    match netns_name::look(&settings.path())? {
        NamePlace::Free => {}
        NamePlace::Hollow => {
            netns_name::take(&settings.path())?;
            account.has_removed = true;
        }
        NamePlace::Taken(netns) => {
            let reasons = empty(&netns, mark, &mut account)?;
            if reasons.is_empty() {
                netns_name::take(&settings.path())?;
                account.has_removed = true;
            } else {
                let reasons = reasons.join(", and ");
                account.left.push(format!("the network namespace {name} stays: {reasons}"));
            }
        }
    }
    Ok(account)
}

/// Removes edge's interfaces from the namespace, and returns reasons to let it stay.
fn empty(netns: &HeldNetns, mark: Mark, account: &mut Teardown) -> Result<Vec<String>> {
    let socket = netns.run(DeviceSocket::open)?;
    // There if it leads to an interface that was renamed or moved.
    if let Some(end) = pair::end(&socket, pair::INNER, mark)?.filter(|end| end.is_ours) {
        pair::remove(&socket, end.ifindex).with_context(|| format!("removing {}", pair::INNER))?;
        account.has_removed = true;
    }
    let mut reasons = Vec::new();
    if !origin::is_edges(&socket)? {
        reasons.push("edge did not make it".to_owned());
    }
    let links = socket.dump(&requests::all_links())?;
    let others: Vec<String> = links.iter().filter_map(foreign_name).collect();
    if !others.is_empty() {
        reasons.push(format!("it has other interfaces: {}", others.join(" ")));
    }
    let processes: Vec<String> = netns.processes()?.iter().map(ToString::to_string).collect();
    if !processes.is_empty() {
        reasons.push(format!("processes run in it: {}", processes.join(" ")));
    }
    Ok(reasons)
}

fn foreign_name(message: &RouteNetlinkMessage) -> Option<String> {
    let RouteNetlinkMessage::NewLink(link) = message else { return None };
    let name = name_of(link);
    (!comes_with_every_namespace(link, &name)).then_some(name)
}

fn name_of(link: &LinkMessage) -> String {
    let mut names = link.attributes.iter().filter_map(|attribute| {
        if let LinkAttribute::IfName(name) = attribute { Some(name.clone()) } else { None }
    });
    names.next().unwrap_or_default()
}
