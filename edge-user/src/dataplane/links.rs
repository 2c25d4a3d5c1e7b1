//! Programs on interfaces: attached, replaced without a lost frame, detached.

use std::{
    fs,
    os::fd::AsRawFd as _,
    path::Path,
};

use anyhow::{Context as _, Result, anyhow, bail};
use aya::programs::{
    ProgramError, Xdp, XdpMode as AyaMode,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};

use super::{pins::Pins, program::PortProgram};
use crate::config::XdpMode;

/// The mode a program runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachedMode {
    /// In the driver.
    Native,
    /// In the stack, after the driver made an skb.
    Generic,
}

impl AttachedMode {
    /// As configured and printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }

    pub(super) fn number(self) -> u8 {
        match self {
            Self::Native => 1,
            Self::Generic => 2,
        }
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Native),
            2 => Some(Self::Generic),
            _ => None,
        }
    }
}

/// The pinned links of an edge.
pub struct Links<'a> {
    pins: &'a Pins,
}

impl<'a> Links<'a> {
    /// Those under `pins`.
    #[must_use]
    pub fn new(pins: &'a Pins) -> Self {
        Self { pins }
    }

    /// Puts `program` on the interface `ifindex` of the port `name`: by replacing the program of
    /// its link, which loses no frame, or where there is no link, or one in another mode or on
    /// another interface, by a new one. `attached` is the mode of the present link.
    pub fn install(
        &self,
        program: &mut PortProgram,
        name: &str,
        ifindex: u32,
        wanted: XdpMode,
        attached: Option<AttachedMode>,
    ) -> Result<AttachedMode> {
        let path = self.pins.link(name);
        if let (true, Some(mode)) = (path.exists(), attached) {
            let link = PinnedLink::from_pin(&path)
                .with_context(|| format!("opening {}", path.display()))?;
            let link = FdLink::from(link);
            let fits = match wanted {
                XdpMode::Native => mode == AttachedMode::Native,
                XdpMode::Generic => mode == AttachedMode::Generic,
                XdpMode::Auto => true,
            };
            if fits && link_ifindex(&link)? == ifindex {
                replace(program.xdp()?, link).with_context(|| {
                    format!("replacing the program of port \"{name}\"")
                })?;
                return Ok(mode);
            }
        }
        self.remove(name)?;
        let (link, mode) = attach(program.xdp()?, ifindex, wanted)
            .with_context(|| format!("attaching to the interface of port \"{name}\""))?;
        link.pin(&path).with_context(|| format!("pinning {}", path.display()))?;
        Ok(mode)
    }

    /// Takes the program off the interface of the port `name`, if one is there.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.pins.link(name);
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        Ok(())
    }

    /// Takes the program off every port that `keep` does not want.
    pub fn remove_all_but(&self, keep: impl Fn(&str) -> bool) -> Result<()> {
        for name in self.pins.linked_ports()? {
            if !keep(&name) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }
}

fn attach(program: &mut Xdp, ifindex: u32, wanted: XdpMode) -> Result<(FdLink, AttachedMode)> {
    let native = || (AyaMode::Driver, AttachedMode::Native);
    let generic = || (AyaMode::Skb, AttachedMode::Generic);
    let (first, second) = match wanted {
        XdpMode::Native => (native(), None),
        XdpMode::Generic => (generic(), None),
        XdpMode::Auto => (native(), Some(generic())),
    };
    let id = match (program.attach_to_if_index(ifindex, first.0), second) {
        (Ok(id), _) => (id, first.1),
        (Err(error), _) if is_busy(&error) => bail!(
            "another XDP program is attached; `ip link` shows it, and `ip link set dev … xdp off`, \
             or the tool that attached it, removes it"
        ),
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some((mode, attached))) => {
            tracing::warn!(
                "no native XDP on interface {ifindex} ({:#}); going on in generic mode, which is \
                 slower",
                anyhow!(error),
            );
            (program.attach_to_if_index(ifindex, mode)?, attached)
        }
    };
    let link = program.take_link(id.0)?;
    let link = FdLink::try_from(link)
        .context("the kernel has no XDP links (Linux 5.9), without which the data plane can't outlive the daemon")?;
    Ok((link, id.1))
}

fn replace(program: &mut Xdp, link: FdLink) -> Result<()> {
    let link = XdpLink::try_from(link).context("the pinned link is not an XDP link")?;
    let id = program.attach_to_link(link)?;
    // The pin keeps the link; dropping ours only closes a file descriptor.
    drop(FdLink::try_from(program.take_link(id)?)?);
    Ok(())
}

/// The interface of an XDP link, which aya does not tell but the kernel's fdinfo does; 0 where
/// the interface is gone.
fn link_ifindex(link: &FdLink) -> Result<u32> {
    let fd = std::os::fd::AsFd::as_fd(link).as_raw_fd();
    let path = format!("/proc/self/fdinfo/{fd}");
    let info = fs::read_to_string(Path::new(&path)).with_context(|| format!("reading {path}"))?;
    let ifindex = info.lines().find_map(|line| line.strip_prefix("ifindex:"));
    let ifindex = ifindex.and_then(|value| value.trim().parse().ok());
    ifindex.ok_or_else(|| anyhow!("{path} does not tell the interface of an XDP link"))
}

fn is_busy(error: &ProgramError) -> bool {
    let ProgramError::SyscallError(error) = error else {
        return false;
    };
    error.io_error.raw_os_error() == Some(libc::EBUSY)
}
