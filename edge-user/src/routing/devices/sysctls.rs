//! Parameters of the routing namespace.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::routing::devices::error::{Context as _, Result};

/// Where the kernel shows the parameters of the reading thread's namespace.
const ROOT: &str = "/proc/sys/net";

/// Parameters that hold for all interfaces, those there are and those to come, and their values.
/// `all` and `default` are set both: of some the kernel takes the larger value of `all` and the
/// interface's, and new interfaces begin with `default`.
const OF_INTERFACES: [(&str, &str, &str); 19] = [
    // The path has looked at the source already. Several devices have the same networks, and the
    // way back to a source leads over the first of them.
    ("ipv4", "rp_filter", "0"),
    // A peer may have an address that is the edge's own on another peering-link.
    ("ipv4", "accept_local", "1"),
    // Answers ARP for addresses of the asked device alone, and asks with the address of the asking
    // device.
    ("ipv4", "arp_ignore", "1"),
    ("ipv4", "arp_announce", "2"),
    ("ipv4", "arp_filter", "0"),
    ("ipv4", "arp_accept", "0"),
    ("ipv4", "forwarding", "0"),
    ("ipv4", "accept_redirects", "0"),
    ("ipv4", "send_redirects", "0"),
    ("ipv4", "accept_source_route", "0"),
    // An address stays when the one goes that was first in its network.
    ("ipv4", "promote_secondaries", "1"),
    ("ipv6", "forwarding", "0"),
    ("ipv6", "accept_ra", "0"),
    ("ipv6", "accept_redirects", "0"),
    ("ipv6", "router_solicitations", "0"),
    // Addresses stay while a device is down.
    ("ipv6", "keep_addr_on_down", "1"),
    // Another peering-link may have the same address, and edge gives each device its link-local one.
    ("ipv6", "accept_dad", "0"),
    ("ipv6", "dad_transmits", "0"),
    ("ipv6", "addr_gen_mode", "1"),
];

/// Sets the parameters of the calling thread's namespace. It must be the routing namespace.
pub(super) fn set_all() -> Result<()> {
    for scope in ["all", "default"] {
        set("ipv6", scope, "disable_ipv6", "0")?;
    }
    for (family, name, value) in OF_INTERFACES {
        for scope in ["all", "default"] {
            set(family, scope, name, value)?;
        }
    }
    Ok(())
}

/// Keeps IPv6 off an interface of the calling thread's namespace that carries frames of other
/// interfaces alone: it would send frames of its own.
pub(super) fn keep_ipv6_off(interface: &str) -> Result<()> {
    set("ipv6", interface, "disable_ipv6", "1")
}

fn set(family: &str, interface: &str, name: &str, value: &str) -> Result<()> {
    let path: PathBuf = Path::new(ROOT).join(family).join("conf").join(interface).join(name);
    let now = match fs::read_to_string(&path) {
        // A kernel without IPv6, or an older one without the parameter.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        now => now.with_context(|| format!("reading {}", path.display()))?,
    };
    if now.trim() == value {
        return Ok(());
    }
    fs::write(&path, value).with_context(|| {
        format!(
            "setting {} to {value}; where /proc/sys can't be written, as in some containers, edge \
             can't have a routing namespace",
            path.display()
        )
    })
}
