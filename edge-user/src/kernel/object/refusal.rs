//! The message for a program that the kernel refuses to attach. The kernel has sentences for that
//! in netlink answers only: `BPF_LINK_CREATE` returns a bare error number.

use crate::{
    kernel::{error::KernelError, host::attached_mode::AttachedMode, object::variant::may_split},
    report::Told,
};

/// The interface that a program was to be attached to.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct Target<'a> {
    /// The interface's name.
    pub(in crate::kernel) interface: &'a str,
    /// Its MTU.
    pub(in crate::kernel) mtu_bytes: u32,
    /// The mode to attach in.
    pub(in crate::kernel) mode: AttachedMode,
}

/// Whether another program is in the way (`dev_xdp_attach` in net/core/dev.c): in the same mode, in
/// the other one, or on a device above this one.
pub(in crate::kernel) fn is_foreign(errno: Option<i32>) -> bool {
    matches!(errno, Some(libc::EBUSY | libc::EEXIST))
}

/// The kind of the refusal.
pub(in crate::kernel) fn kind(errno: Option<i32>) -> fn(Told) -> KernelError {
    match errno {
        errno if is_foreign(errno) => KernelError::Busy,
        // Here, ENOSPC means that the interface has too few queues, not a full disk.
        Some(libc::ERANGE | libc::ENOSPC | libc::ENOTCONN | libc::EOPNOTSUPP | libc::EINVAL) => {
            KernelError::Unsuitable
        }
        errno => KernelError::by_number(errno),
    }
}

/// Explains what the error means for the target, and what to do.
pub(in crate::kernel) fn explain(errno: Option<i32>, target: &Target<'_>) -> String {
    let Target { interface, mtu_bytes, mode } = *target;
    let other = match mode {
        AttachedMode::Native => AttachedMode::Generic,
        AttachedMode::Generic => AttachedMode::Native,
    };
    // `xdp off` alone removes the driver's program, on drivers that can have one.
    let off = |mode: AttachedMode| {
        let option = match mode {
            AttachedMode::Native => "xdpdrv",
            AttachedMode::Generic => "xdpgeneric",
        };
        format!("`ip link set {interface} {option} off`")
    };
    let (own_off, other_off) = (off(mode), off(other));
    let (mode, other) = (mode.as_str(), other.as_str());
    let has_several_buffers = may_split(mtu_bytes);
    match errno {
        Some(libc::EBUSY) => format!(
            "another XDP program is attached to {interface} in {mode} mode, and edge replaces \
             none but its own; `ip link show {interface}` shows it, and the tool that attached it, \
             or {own_off}, removes it"
        ),
        Some(libc::EEXIST) => format!(
            "another XDP program is attached to {interface} in {other} mode, or to a device above \
             it (a bond, for one), and {mode} mode allows neither; `ip link` shows it, and the \
             tool that attached it, or {other_off}, removes it"
        ),
        // veth_xdp_set in drivers/net/veth.c.
        Some(libc::ERANGE) => format!(
            "the other end of {interface} has a larger MTU than native XDP takes, where {interface} \
             has {mtu_bytes}; give both ends the same (`ip link set {interface} mtu …`)"
        ),
        Some(libc::ENOSPC) => format!(
            "{interface} has fewer receive queues than its other end has for sending, and native \
             XDP needs as many; give it more (`ethtool -L {interface} rx …`)"
        ),
        Some(libc::ENOTCONN) => format!(
            "{interface} has no other end, and native XDP needs one; make the veth pair anew"
        ),
        Some(libc::EOPNOTSUPP | libc::EINVAL) if has_several_buffers => format!(
            "the driver of {interface} takes no {mode} XDP program at an MTU of {mtu_bytes}; try a \
             smaller one (`ip link set {interface} mtu 1500`), LRO off (`ethtool -K {interface} \
             lro off`), or xdp_mode = \"generic\", which is slower"
        ),
        Some(libc::EOPNOTSUPP | libc::EINVAL) => format!(
            "the driver of {interface} takes no {mode} XDP program as it is set up now; see what \
             `dmesg` says, try LRO off (`ethtool -K {interface} lro off`), or set xdp_mode = \
             \"generic\", which is slower"
        ),
        Some(libc::ENOMEM) => format!(
            "the driver of {interface} has no memory or no queues left for {mode} XDP; give it \
             fewer or shorter queues (`ethtool -L`, `ethtool -G`), or set xdp_mode = \"generic\", \
             which is slower"
        ),
        Some(libc::EPERM | libc::EACCES) => format!(
            "this process may not attach XDP programs to {interface}; run it with CAP_NET_ADMIN \
             and CAP_BPF, or as root"
        ),
        Some(libc::ENODEV) => format!(
            "{interface} has gone meanwhile; see `ip link`, and start again when it is back"
        ),
        _ => format!(
            "the kernel refuses a {mode} XDP program on {interface}; see what `dmesg` says, or try \
             another xdp_mode"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_number_becomes_a_sentence() {
        let (native, generic) = (AttachedMode::Native, AttachedMode::Generic);
        for (errno, mtu_bytes, mode, says) in [
            (libc::EBUSY, 1500, native, "attached to eth1 in native mode"),
            (libc::EBUSY, 1500, generic, "attached to eth1 in generic mode"),
            (libc::EEXIST, 1500, native, "attached to eth1 in generic mode"),
            (libc::EEXIST, 1500, generic, "attached to eth1 in native mode"),
            (libc::ERANGE, 1500, native, "give both ends the same"),
            (libc::ENOSPC, 1500, native, "`ethtool -L eth1 rx"),
            (libc::ENOTCONN, 1500, native, "other end"),
            (libc::EOPNOTSUPP, 1500, native, "no native XDP program as it is"),
            (libc::EINVAL, 9000, native, "at an MTU of 9000"),
            (libc::ENOMEM, 1500, native, "queues"),
            (libc::EPERM, 1500, native, "root"),
            (libc::ENODEV, 1500, native, "ip link"),
            (libc::EIO, 1500, native, "dmesg"),
            (libc::EBUSY, 1500, native, "`ip link set eth1 xdpdrv off`"),
            (libc::EBUSY, 1500, generic, "`ip link set eth1 xdpgeneric off`"),
            (libc::EEXIST, 1500, native, "`ip link set eth1 xdpgeneric off`"),
            (libc::EEXIST, 1500, generic, "`ip link set eth1 xdpdrv off`"),
        ] {
            let told = explain(Some(errno), &Target { interface: "eth1", mtu_bytes, mode });
            assert!(told.contains(says), "{errno}: {told}");
            // The advice comes after the condition.
            assert!(told.contains("; ") && told.contains("eth1"), "{errno}: {told}");
        }
    }
}
