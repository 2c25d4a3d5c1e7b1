//! Programs on interfaces: attached, replaced without a lost frame, detached.

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
}

/// What the program of a port is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The mode.
    pub mode: AttachedMode,
    /// Index of the interface.
    pub ifindex: u32,
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

    /// Puts `program` on the interface `ifindex`: by replacing the program of its link, which
    /// loses no frame, or where there is no link, or one in another mode, by a new one.
    pub fn install(
        &self,
        program: &mut PortProgram,
        ifindex: u32,
        wanted: XdpMode,
    ) -> Result<Attached> {
        let links = self.pins.links()?;
        for present in links.into_iter().filter(|link| link.ifindex == ifindex) {
            let fits = match wanted {
                XdpMode::Native => present.mode == AttachedMode::Native,
                XdpMode::Generic => present.mode == AttachedMode::Generic,
                XdpMode::Auto => true,
            };
            if fits {
                let path = self.pins.link(present);
                let link = PinnedLink::from_pin(&path)
                    .with_context(|| format!("opening {}", path.display()))?;
                match replace(program.xdp(present.mode)?, FdLink::from(link)) {
                    Ok(()) => return Ok(present),
                    // An interface that went and came back leaves a dead link behind.
                    Err(error) => tracing::warn!("interface {ifindex}: attaching anew: {error:#}"),
                }
            }
            self.pins.remove_link(present)?;
        }
        let (link, mode) = attach(program, ifindex, wanted)?;
        let attached = Attached { mode, ifindex };
        let path = self.pins.link(attached);
        link.pin(&path).with_context(|| format!("pinning {}", path.display()))?;
        Ok(attached)
    }

    /// Takes the program off every interface that `keep` does not want.
    pub fn remove_all_but(&self, keep: impl Fn(Attached) -> bool) -> Result<()> {
        for attached in self.pins.links()? {
            if !keep(attached) {
                self.pins.remove_link(attached)?;
            }
        }
        Ok(())
    }
}

fn attach(
    program: &mut PortProgram,
    ifindex: u32,
    wanted: XdpMode,
) -> Result<(FdLink, AttachedMode)> {
    let native = || (AyaMode::Driver, AttachedMode::Native);
    let generic = || (AyaMode::Skb, AttachedMode::Generic);
    let (first, second) = match wanted {
        XdpMode::Native => (native(), None),
        XdpMode::Generic => (generic(), None),
        XdpMode::Auto => (native(), Some(generic())),
    };
    let xdp = program.xdp(first.1)?;
    let id = match (xdp.attach_to_if_index(ifindex, first.0), second) {
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
            (program.xdp(attached)?.attach_to_if_index(ifindex, mode)?, attached)
        }
    };
    let link = program.xdp(id.1)?.take_link(id.0)?;
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

fn is_busy(error: &ProgramError) -> bool {
    let ProgramError::SyscallError(error) = error else {
        return false;
    };
    error.io_error.raw_os_error() == Some(libc::EBUSY)
}
