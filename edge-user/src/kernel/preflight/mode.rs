//! Whether native XDP is possible on a port, by the facts that the kernel gives of its interface.

use crate::{
    kernel::{host::xdp_features::XdpFeatures, object::variant::may_split},
    model::XdpMode,
};

/// Facts about a port, gathered before anything is changed.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct Facts<'a> {
    /// The interface's name.
    pub(in crate::kernel) interface: &'a str,
    /// The configured mode.
    pub(in crate::kernel) wanted: XdpMode,
    /// The interface's MTU.
    pub(in crate::kernel) mtu_bytes: u32,
    /// The name of the interface's driver.
    pub(in crate::kernel) driver: Option<&'a str>,
    /// The port that its frames go to; `None`: the stack.
    pub(in crate::kernel) egress: Option<EgressPort<'a>>,
    /// `None`: the kernel has no `netdev` family, so it is from before 6.3.
    pub(in crate::kernel) features: Option<XdpFeatures>,
}

/// The port that frames go to.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct EgressPort<'a> {
    /// Its name.
    pub(in crate::kernel) port: &'a str,
    /// The name of its interface's driver.
    pub(in crate::kernel) driver: Option<&'a str>,
    /// The mode that it is configured to have.
    pub(in crate::kernel) wanted: XdpMode,
    /// As for the port itself.
    pub(in crate::kernel) features: Option<XdpFeatures>,
}

impl EgressPort<'_> {
    /// Whether it takes no frames from native XDP, not even after the start: some drivers take them
    /// once a program is attached natively to their own interface.
    fn takes_none(&self) -> bool {
        self.features.is_some_and(|features| {
            let runs_native = features.has_basic() && self.wanted != XdpMode::Generic;
            !features.has_ndo_xmit() && !runs_native
        })
    }
}

/// A driver that accepts the program and lets frames pass by it, where the device has no mergeable
/// buffers (`receive_big` in `drivers/net/virtio_net.c`).
const VIRTIO_NET: &str = "virtio_net";
/// A driver that claims to send frames in several buffers, and sends only the first buffer
/// (`bnxt_xdp_xmit` in `drivers/net/ethernet/broadcom/bnxt/bnxt_xdp.c`, up to 7.3).
const BNXT: &str = "bnxt_en";

/// The driver of bonds. In generic mode it drops frames after the program has billed them, and
/// takes the outer tag of QinQ frames off before the program.
const BONDING: &str = "bonding";

/// The mode that a port gets, or the reason why it gets none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kernel) enum Decision {
    /// The configured mode is possible. `auto` tries native XDP first.
    AsConfigured,
    /// Native XDP or none, instead of `auto`.
    Native,
    /// Generic XDP at once, instead of `auto`: native is impossible, and this is why.
    Generic(String),
    /// Native XDP is configured, and impossible: this is why.
    Refuse(String),
}

/// Decides on a port.
pub(in crate::kernel) fn decide(facts: &Facts<'_>) -> Decision {
    let is_bond = facts.driver == Some(BONDING);
    if is_bond && facts.wanted == XdpMode::Generic {
        return Decision::Refuse(format!(
            "{} is a bond, on which generic XDP sees no outer tags and bills frames that the bond \
             drops, so xdp_mode = \"generic\" is refused; use \"native\"",
            facts.interface
        ));
    }
    let Some(obstacle) = obstacle(facts) else {
        return if is_bond { Decision::Native } else { Decision::AsConfigured };
    };
    let Obstacle { why, remedy } = obstacle;
    if is_bond {
        return Decision::Refuse(format!("{why}, and generic mode is none for a bond; {remedy}"));
    }
    match facts.wanted {
        XdpMode::Generic => Decision::AsConfigured,
        XdpMode::Auto => Decision::Generic(format!(
            "{why}, so it runs in generic mode, which is slower; {remedy}, then set xdp_mode \
             = \"native\" and `edge reload`"
        )),
        XdpMode::Native => Decision::Refuse(format!(
            "{why}, so xdp_mode = \"native\" is refused; {remedy}, or set xdp_mode = \"generic\", \
             which is slower"
        )),
    }
}

/// An obstacle to native XDP, and the way to remove it.
struct Obstacle {
    why: String,
    remedy: String,
}

fn obstacle(facts: &Facts<'_>) -> Option<Obstacle> {
    let Facts { interface, mtu_bytes, driver, egress, features, .. } = *facts;
    let has_several_buffers = may_split(mtu_bytes);
    let smaller = || {
        let largest = crate::kernel::object::variant::MAX_SINGLE_BUFFER_MTU_BYTES;
        format!("`ip link set {interface} mtu {largest}`")
    };
    let Some(features) = features else {
        // Up to 6.2, `xdp_do_redirect` refuses frames in several buffers ahead of its tracepoints:
        // such frames would be lost, and billed. b9d460c92455 (6.3) lets them pass. It is of one
        // series with the `netdev` family.
        return (has_several_buffers && egress.is_some()).then(|| Obstacle {
            why: format!(
                "{interface} has an MTU of {mtu_bytes}, and this kernel (before Linux 6.3) loses \
                 jumbo frames that native XDP forwards, without a trace and after they are billed"
            ),
            remedy: format!("{} or boot a later kernel", smaller()),
        });
    };
    if !features.has_basic() {
        return Some(Obstacle {
            why: format!("the driver of {interface} offers no native XDP as it is set up now"),
            remedy: format!(
                "see what it needs (`ethtool -i {interface}` names it; LRO off, or on veth as \
                 many receive queues as its peer has for sending)"
            ),
        });
    }
    if driver == Some(VIRTIO_NET) && !features.has_rx_sg() {
        return Some(Obstacle {
            why: format!(
                "{interface} is a virtio-net device without mergeable receive buffers, whose \
                 driver can pass frames by the program, neither policed nor metered"
            ),
            remedy: "give the virtual machine a device with them (qemu: mrg_rxbuf=on)".to_owned(),
        });
    }
    if let Some(egress) = egress
        && !features.has_redirect()
    {
        return Some(Obstacle {
            why: format!(
                "the driver of {interface} can't forward in native XDP, and no frame would reach \
                 port \"{}\"",
                egress.port
            ),
            remedy: "use an interface whose driver can".to_owned(),
        });
    }
    if let Some(egress) = egress
        && egress.takes_none()
    {
        return Some(Obstacle {
            why: format!(
                "port \"{}\" takes no frames from native XDP as it is set up now, and none from \
                 {interface} would leave",
                egress.port
            ),
            remedy: "use an interface there whose driver has native XDP, with an xdp_mode that is \
                     not \"generic\"; on veth, `ethtool -K PEER gro on` at its other end will do"
                .to_owned(),
        });
    }
    if has_several_buffers && !features.has_rx_sg() {
        return Some(Obstacle {
            why: format!(
                "{interface} has an MTU of {mtu_bytes}, and its driver gives native XDP no frames \
                 in several buffers"
            ),
            remedy: smaller(),
        });
    }
    if has_several_buffers && let Some(EgressPort { port, driver: Some(BNXT), .. }) = egress {
        return Some(Obstacle {
            why: format!(
                "{interface} has an MTU of {mtu_bytes}, and the driver of port \"{port}\" \
                 ({BNXT}) cuts jumbo frames off that native XDP forwards"
            ),
            remedy: smaller(),
        });
    }
    None
}

/// A warning about frames that native XDP forwards to the interface `egress` from one with an MTU
/// of `mtu_bytes`, if `egress` refuses them. Callers attach all programs first: some drivers take
/// such frames only then.
pub(in crate::kernel) fn refusals(
    egress: &str,
    features: XdpFeatures,
    mtu_bytes: u32,
) -> Option<String> {
    let what = if !features.has_ndo_xmit() {
        "frames"
    } else if may_split(mtu_bytes) && !features.has_ndo_xmit_sg() {
        "jumbo frames in several buffers"
    } else {
        return None;
    };
    let remedy = if features.has_ndo_xmit() {
        "lower the MTU of both ports, or set xdp_mode = \"generic\" on the port they come from"
    } else {
        "on veth, `ethtool -K PEER gro on` at its other end, or attach an XDP program there; on \
         virtio_net, give it more queues (`ethtool -L`)"
    };
    Some(format!(
        "{egress} takes no {what} from native XDP as it is set up now, so those are refused: \
         counted as `egress-refused` and not billed; {remedy}"
    ))
}

#[cfg(test)]
mod tests;
