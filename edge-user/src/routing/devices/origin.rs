//! The maker of a routing namespace: edge, or somebody else.

use std::path::Path;

use netlink_packet_route::{RouteNetlinkMessage, link::LinkAttribute};

use crate::routing::devices::{
    error::{Context as _, DevicesError, Result},
    held_netns::HeldNetns,
    netlink::DeviceSocket,
    netns_name,
    pair::LOOPBACK,
    requests,
};

/// The text beside the loopback interface (`IFLA_IFALIAS`) of a namespace that edge has made. `ip
/// link show lo` shows it there.
const SIGN: &str = "routing namespace, made by edge";

/// Makes a namespace with this name. It has edge's sign before it has the name, so that a crash
/// leaves none without.
pub(super) fn make(path: &Path) -> Result<HeldNetns> {
    let netns = HeldNetns::new()?;
    netns.run(|| {
        let socket = DeviceSocket::open()?;
        let (ifindex, _) = loopback(&socket)?;
        let sign = LinkAttribute::IfAlias(SIGN.to_owned());
        socket.change(requests::set(ifindex, sign)).context("signing the namespace")
    })?;
    netns_name::give(path, &netns)?;
    Ok(netns)
}

/// Whether edge has made the namespace of this socket.
pub(super) fn is_edges(socket: &DeviceSocket) -> Result<bool> {
    let (_, alias) = loopback(socket)?;
    Ok(alias.as_deref() == Some(SIGN))
}

/// The loopback interface's index and alias.
fn loopback(socket: &DeviceSocket) -> Result<(u32, Option<String>)> {
    let found = socket.ask(requests::named(LOOPBACK)).context("looking for the interface lo")?;
    let Some(RouteNetlinkMessage::NewLink(link)) = found else {
        return Err(DevicesError::damaged("a network namespace without the interface lo"));
    };
    let alias = link.attributes.iter().find_map(|attribute| {
        if let LinkAttribute::IfAlias(alias) = attribute { Some(alias.clone()) } else { None }
    });
    Ok((link.header.index, alias))
}
