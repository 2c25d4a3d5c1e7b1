//! Whether this kernel has the kinds of interfaces that the routing namespace needs.

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
};

use crate::{
    report::Told,
    routing::devices::{
        batch::LinkChange,
        error::{Context as _, DevicesError, Result},
        held_netns::HeldNetns,
        netlink::DeviceSocket,
    },
};

/// Looks whether this kernel has veth pairs and macvlan devices. Loads their modules if need be, and
/// changes nothing else.
///
/// # Errors
///
/// [`DevicesError::Unsuitable`]: the kernel has not one of them. [`DevicesError::Permission`]: this
/// process may not make namespaces.
pub fn check_support() -> Result<()> {
    // A namespace that goes with this call, and all that is made in it.
    let place = HeldNetns::new().context(
        "edge can't have a routing namespace; it must run as root, on a kernel with CONFIG_NET_NS",
    )?;
    place.run(|| {
        let socket = DeviceSocket::open()?;
        look_for(&socket, InfoKind::Veth, "veth", "CONFIG_VETH")?;
        look_for(&socket, InfoKind::MacVlan, "macvlan", "CONFIG_MACVLAN")
    })
}

fn look_for(socket: &DeviceSocket, kind: InfoKind, module: &str, option: &str) -> Result<()> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]));
    // Not whole, so a kernel that has the kind refuses it, or makes something that goes at once.
    let attempt = socket.change(LinkChange::make(RouteNetlinkMessage::NewLink(message)));
    match attempt {
        Err(DevicesError::Unsuitable(cause)) => Err(DevicesError::Unsuitable(
            Told::bare(DevicesError::Unsuitable(cause)).after(format!(
                "this kernel has no {module} interfaces, without which no peering can be routed; \
                 `modprobe {module}` says why, or boot a kernel with {option}, as distributions \
                 have it"
            )),
        )),
        Err(DevicesError::Permission(cause)) => Err(DevicesError::Permission(cause)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::root_or_skip;

    #[test]
    fn a_kind_that_the_kernel_has_not_is_an_error_with_a_remedy() -> Result<()> {
        if !root_or_skip("a_kind_that_the_kernel_has_not_is_an_error_with_a_remedy") {
            return Ok(());
        }
        check_support()?;
        let socket = HeldNetns::new()?.run(DeviceSocket::open)?;
        let kind = InfoKind::Other("edge-none".to_owned());
        let error = look_for(&socket, kind, "edge-none", "CONFIG_NONE").expect_err("no such kind");
        assert!(matches!(error, DevicesError::Unsuitable(_)), "{error:?}");
        let text = error.to_string();
        for part in ["no edge-none interfaces", "modprobe edge-none", "CONFIG_NONE"] {
            assert!(text.contains(part), "{text}");
        }
        Ok(())
    }
}
