//! Capabilities of this process (capabilities(7)).

use std::fs;

use crate::kernel::error::{Context as _, Result};

/// A capability that some part of edge needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// `CAP_NET_ADMIN`.
    NetAdmin,
    /// `CAP_NET_RAW`.
    NetRaw,
    /// `CAP_SYS_ADMIN`.
    SysAdmin,
    /// `CAP_PERFMON`.
    Perfmon,
    /// `CAP_BPF`.
    Bpf,
}

impl Capability {
    /// The name in manuals and units.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::NetRaw => "CAP_NET_RAW",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::Perfmon => "CAP_PERFMON",
            Self::Bpf => "CAP_BPF",
        }
    }

    /// The number in `linux/capability.h`.
    fn number(self) -> u32 {
        match self {
            Self::NetAdmin => 12,
            Self::NetRaw => 13,
            Self::SysAdmin => 21,
            Self::Perfmon => 38,
            Self::Bpf => 39,
        }
    }
}

/// The capabilities in effect.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities(u64);

impl Capabilities {
    /// The capabilities of this thread.
    pub fn own() -> Result<Self> {
        const STATUS: &str = "/proc/thread-self/status";
        let text = fs::read_to_string(STATUS).with_context(|| format!("reading {STATUS}"))?;
        let bits = text.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let bits = bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
        Ok(Self(bits.context("it has no capabilities")?))
    }

    /// The capabilities that the kernel's bits stand for.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Whether a capability is among them. `CAP_SYS_ADMIN` stands for the two that Linux 5.8 took out of it
    /// (`perfmon_capable` and `bpf_capable` in `linux/capability.h`).
    #[must_use]
    pub fn has(self, capability: Capability) -> bool {
        let has = |capability: Capability| self.0 & 1 << capability.number() != 0;
        let is_part = matches!(capability, Capability::Perfmon | Capability::Bpf);
        has(capability) || is_part && has(Capability::SysAdmin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_has_its_former_parts() {
        let admin = Capabilities(1 << 21);
        assert!(admin.has(Capability::Bpf) && admin.has(Capability::Perfmon));
        assert!(!admin.has(Capability::NetAdmin) && !admin.has(Capability::NetRaw));
        let service = Capabilities(1 << 39 | 1 << 12);
        assert!(service.has(Capability::Bpf) && service.has(Capability::NetAdmin));
        assert!(!service.has(Capability::Perfmon) && !service.has(Capability::SysAdmin));
    }

    #[test]
    fn a_process_knows_its_own() -> Result<()> {
        Capabilities::own().map(drop)
    }
}
