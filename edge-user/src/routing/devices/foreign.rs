//! Interfaces that edge did not make.

use netlink_packet_route::link::{LinkFlags, LinkMessage};

/// Interfaces that some tunnels' modules put into every new namespace, and that can't be removed
/// (`net.core.fb_tunnels_only_for_init_net`).
const FALLBACK_TUNNELS: [&str; 9] =
    ["erspan0", "gre0", "gretap0", "ip6_vti0", "ip6gre0", "ip6tnl0", "ip_vti0", "sit0", "tunl0"];

/// Whether each new namespace has this interface, so that nobody has put it there.
pub(super) fn comes_with_every_namespace(link: &LinkMessage, name: &str) -> bool {
    link.header.flags.contains(LinkFlags::Loopback) || FALLBACK_TUNNELS.contains(&name)
}
