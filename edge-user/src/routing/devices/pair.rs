//! The pair of interfaces between edge's namespace and the routing namespace.

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
    nsid::NsidAttribute,
};

use crate::routing::devices::{
    error::{Context as _, DevicesError, Result},
    held_netns::HeldNetns,
    mark::Mark,
    netlink::{DeviceSocket, is_no_device},
    offload_ioctl::{SET_GRO, SET_TX_CHECKSUMS, set_offload},
    requests,
    settings::RoutingSettings,
    sysctls::keep_ipv6_off,
};

/// The end in the routing namespace, on which the devices are.
pub(super) const INNER: &str = "pr";
/// Each namespace's own loopback interface.
pub(super) const LOOPBACK: &str = "lo";

/// One of the two namespaces of a pair.
pub(super) struct Side<'a> {
    /// A socket in it.
    pub(super) socket: &'a DeviceSocket,
    /// The namespace.
    pub(super) netns: &'a HeldNetns,
}

/// Both ends of a pair; all zero: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LinkPair {
    /// The kernel's index of the end in edge's namespace.
    pub(super) outer: u32,
    /// The kernel's index of the end in the routing namespace.
    pub(super) inner: u32,
    /// The MAC address of the end in edge's namespace.
    pub(super) outer_mac: [u8; 6],
}

/// One end of a pair, as the kernel describes it.
#[derive(Clone, Debug)]
pub(super) struct PairEnd {
    /// The kernel's index of it.
    pub(super) ifindex: u32,
    /// Whether edge made it, for this routing namespace.
    pub(super) is_ours: bool,
    is_up: bool,
    mtu_bytes: u32,
    mac: [u8; 6],
    other: Option<u32>,
    other_netns: Option<i32>,
}

/// The end with this name in a socket's namespace; `None`: there is no such interface.
pub(super) fn end(socket: &DeviceSocket, name: &str, mark: Mark) -> Result<Option<PairEnd>> {
    let found = socket.ask(requests::named(name)).with_context(|| format!("looking for {name}"))?;
    let Some(RouteNetlinkMessage::NewLink(link)) = found else { return Ok(None) };
    Ok(Some(PairEnd::of(&link, mark)))
}

/// The pair, if it is there and whole.
pub(super) fn find(
    outer: &Side<'_>,
    inner: &Side<'_>,
    settings: &RoutingSettings,
    mark: Mark,
) -> Result<Option<LinkPair>> {
    let ends = (end(outer.socket, settings.outer(), mark)?, end(inner.socket, INNER, mark)?);
    let (Some(near), Some(far)) = ends else { return Ok(None) };
    let is_whole = near.is_ours && far.is_ours && far.leads_to(near.ifindex, inner, outer)?;
    Ok(is_whole.then_some(LinkPair::of(&near, &far)))
}

/// The end in edge's namespace, if it is there.
///
/// # Errors
///
/// [`DevicesError::Busy`]: somebody else's interface has its name.
pub(super) fn check_outer(
    socket: &DeviceSocket,
    settings: &RoutingSettings,
    mark: Mark,
) -> Result<Option<PairEnd>> {
    let near = end(socket, settings.outer(), mark)?;
    let (name, namespace) = (settings.outer(), settings.name());
    if near.as_ref().is_some_and(|near| !near.is_ours) {
        return Err(DevicesError::busy(format!(
            "there is an interface {name} that edge did not make, so nothing leads to the routing \
             namespace {namespace}; rename it, or give edge another name for its own"
        )));
    }
    Ok(near)
}

/// Finds the pair or makes it, and sets it up. Returns whether it was made.
pub(super) fn ensure(
    outer: &Side<'_>,
    inner: &Side<'_>,
    settings: &RoutingSettings,
    mark: Mark,
) -> Result<(LinkPair, bool)> {
    let near = check_outer(outer.socket, settings, mark)?;
    let far = end(inner.socket, INNER, mark)?;
    let (name, namespace) = (settings.outer(), settings.name());
    if far.as_ref().is_some_and(|far| !far.is_ours) {
        return Err(DevicesError::busy(format!(
            "the routing namespace {namespace} has an interface {INNER} that edge did not make; \
             rename it or remove it: `ip -n {namespace} link del {INNER}`"
        )));
    }
    let made = match (near, far) {
        (Some(near), Some(far)) if far.leads_to(near.ifindex, inner, outer)? => {
            let pair = LinkPair::of(&near, &far);
            set_up(outer, inner, settings, mark)?;
            return Ok((pair, false));
        }
        (_, Some(_)) => Err(DevicesError::busy(format!(
            "{INNER} in the routing namespace {namespace} does not lead to {name}: another edge uses \
             the namespace, or {name} had another name; give each edge a namespace of its own, or \
             `ip -n {namespace} link del {INNER}`, which ends all sessions there"
        ))),
        (near, None) => {
            // It leads to a namespace that had the name before.
            if let Some(near) = near {
                remove(outer.socket, near.ifindex).with_context(|| format!("removing {name}"))?;
            }
            outer.socket.change(requests::make_pair(&requests::NewPair {
                outer: name,
                inner: INNER,
                netns: inner.netns.raw_fd(),
                mtu_bytes: settings.mtu_bytes(),
                group: mark.kept(),
            }))
        }
    };
    made.with_context(|| format!("making {name} and {INNER}, which lead to the namespace"))?;
    set_up(outer, inner, settings, mark)?;
    let pair = find(outer, inner, settings, mark)?;
    let pair = pair.ok_or_else(|| {
        DevicesError::gone(format!("{name} was removed by another program as soon as it was made"))
    })?;
    Ok((pair, true))
}

/// Removes an interface, if it is there.
pub(super) fn remove(socket: &DeviceSocket, ifindex: u32) -> Result<()> {
    match socket.change(requests::remove(ifindex)) {
        Err(error) if is_no_device(&error) => Ok(()),
        result => result,
    }
}

impl LinkPair {
    fn of(near: &PairEnd, far: &PairEnd) -> Self {
        Self { outer: near.ifindex, inner: far.ifindex, outer_mac: near.mac }
    }
}

impl PairEnd {
    fn of(link: &LinkMessage, mark: Mark) -> Self {
        let mut end = Self {
            ifindex: link.header.index,
            is_ours: false,
            is_up: link.header.flags.contains(LinkFlags::Up),
            mtu_bytes: 0,
            mac: [0; 6],
            other: None,
            other_netns: None,
        };
        let (mut is_marked, mut is_veth) = (false, false);
        for attribute in &link.attributes {
            if let LinkAttribute::Mtu(mtu_bytes) = attribute {
                end.mtu_bytes = *mtu_bytes;
            } else if let LinkAttribute::Address(mac) = attribute {
                end.mac = mac.as_slice().try_into().unwrap_or_default();
            } else if let LinkAttribute::Link(other) = attribute {
                end.other = Some(*other);
            } else if let LinkAttribute::LinkNetNsId(number) = attribute {
                end.other_netns = Some(*number);
            } else if let LinkAttribute::Group(group) = attribute {
                is_marked = *group == mark.kept();
            } else if let LinkAttribute::LinkInfo(infos) = attribute {
                is_veth = infos.contains(&LinkInfo::Kind(InfoKind::Veth));
            }
        }
        end.is_ours = is_marked && is_veth;
        end
    }

    /// Whether the other end is this interface of `there`.
    fn leads_to(&self, ifindex: u32, here: &Side<'_>, there: &Side<'_>) -> Result<bool> {
        let question = requests::nsid_of(there.netns.raw_fd());
        let found = here.socket.ask(question).context("asking for a namespace's number")?;
        let Some(RouteNetlinkMessage::NewNsId(answer)) = found else { return Ok(false) };
        let is_there = |number| answer.attributes.contains(&NsidAttribute::Id(number));
        Ok(self.other == Some(ifindex) && self.other_netns.is_some_and(is_there))
    }
}

/// Sets the pair up: at every start, as an earlier one may have ended half-way.
fn set_up(
    outer: &Side<'_>,
    inner: &Side<'_>,
    settings: &RoutingSettings,
    mark: Mark,
) -> Result<()> {
    keep_ipv6_off(settings.outer())?;
    inner.netns.run(|| {
        keep_ipv6_off(INNER)?;
        // The path must see whole frames, with checksums: nobody behind it fills them in.
        set_offload(INNER, SET_TX_CHECKSUMS, false)?;
        // Without it veth has no NAPI, and takes no frames that a program redirects to its peer
        // (`veth_set_features` in `drivers/net/veth.c`).
        set_offload(INNER, SET_GRO, true)
    })?;
    bring_up(inner.socket, LOOPBACK, None, mark)?;
    bring_up(inner.socket, INNER, Some(settings.mtu_bytes()), mark)?;
    bring_up(outer.socket, settings.outer(), Some(settings.mtu_bytes()), mark)
}

/// Changes what differs, and nothing else: each change to `pr` has the kernel give all devices on it
/// their carrier back (`macvlan_device_event` in `drivers/net/macvlan.c`).
fn bring_up(socket: &DeviceSocket, name: &str, mtu_bytes: Option<u32>, mark: Mark) -> Result<()> {
    let Some(end) = end(socket, name, mark)? else {
        return Err(DevicesError::gone(format!("{name} was removed while edge set it up")));
    };
    if let Some(mtu_bytes) = mtu_bytes.filter(|mtu_bytes| *mtu_bytes != end.mtu_bytes) {
        let change = requests::set(end.ifindex, LinkAttribute::Mtu(mtu_bytes));
        socket.change(change).with_context(|| format!("setting the MTU of {name}"))?;
    }
    if !end.is_up {
        let change = requests::set_up(end.ifindex, true);
        socket.change(change).with_context(|| format!("setting {name} up"))?;
    }
    Ok(())
}
