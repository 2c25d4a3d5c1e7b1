//! Programs on interfaces: attached, replaced without a lost frame, detached.

use anyhow::{Context as _, Result, anyhow};
use aya::programs::{
    ProgramError, Xdp, XdpMode as AyaMode,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};

use super::{
    interface::Interface,
    pins::Pins,
    program::PortProgram,
    refusal::{Target, errno, explain, is_foreign},
};
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

    /// Puts `program` on the interface: by replacing the program of its link, which
    /// loses no frame, or where there is no link, or one in another mode, by a new one.
    pub fn install(
        &self,
        program: &mut PortProgram,
        interface: &Interface,
        wanted: XdpMode,
    ) -> Result<Attached> {
        let ifindex = interface.index();
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
        let (link, mode) = attach(program, interface, wanted)?;
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
    interface: &Interface,
    wanted: XdpMode,
) -> Result<(FdLink, AttachedMode)> {
    let (first, second) = match wanted {
        XdpMode::Native => (AttachedMode::Native, None),
        XdpMode::Generic => (AttachedMode::Generic, None),
        XdpMode::Auto => (AttachedMode::Native, Some(AttachedMode::Generic)),
    };
    match (attach_in(program, interface, first)?, second) {
        (Ok(link), _) => Ok((link, first)),
        (Err(refused), Some(second)) if !is_foreign(errno(&refused)) => {
            let why = in_words(refused, interface, first)?;
            tracing::warn!("going on in generic mode, which is slower: {why:#}");
            match attach_in(program, interface, second)? {
                Ok(link) => Ok((link, second)),
                Err(refused) => Err(in_words(refused, interface, second)?),
            }
        }
        (Err(refused), _) => Err(in_words(refused, interface, first)?),
    }
}

/// Attaches in one mode: the outer error is ours, the inner one the kernel's.
fn attach_in(
    program: &mut PortProgram,
    interface: &Interface,
    mode: AttachedMode,
) -> Result<Result<FdLink, ProgramError>> {
    let aya_mode = match mode {
        AttachedMode::Native => AyaMode::Driver,
        AttachedMode::Generic => AyaMode::Skb,
    };
    let xdp = program.xdp(mode)?;
    let id = match xdp.attach_to_if_index(interface.index(), aya_mode) {
        Ok(id) => id,
        Err(refused) => return Ok(Err(refused)),
    };
    let link = FdLink::try_from(xdp.take_link(id)?).context(
        "the kernel gave no XDP link, without which the data plane can't outlive the daemon",
    )?;
    Ok(Ok(link))
}

/// The kernel's refusal as a sentence, with what it said itself behind that.
fn in_words(
    refused: ProgramError,
    interface: &Interface,
    mode: AttachedMode,
) -> Result<anyhow::Error> {
    let (name, mtu_bytes) = (interface.name(), interface.mtu_bytes()?);
    let said = explain(errno(&refused), &Target { interface: &name, mtu_bytes, mode });
    Ok(anyhow!(refused).context(said))
}

fn replace(program: &mut Xdp, link: FdLink) -> Result<()> {
    let link = XdpLink::try_from(link).context("the pinned link is not an XDP link")?;
    let id = program.attach_to_link(link)?;
    // The pin keeps the link; dropping ours only closes a file descriptor.
    drop(FdLink::try_from(program.take_link(id)?)?);
    Ok(())
}
