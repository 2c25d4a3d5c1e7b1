//! Links of programs to interfaces: this module attaches them, replaces their programs without a
//! lost frame, detaches them, and asks the kernel about them.

use std::fs;

use aya::programs::{
    ProgramError, Xdp, XdpMode as AyaMode,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};

use crate::{
    kernel::{
        error::{Context as _, KernelError, Result},
        host::{attached_mode::AttachedMode, device::Devices, interface::Interface},
        object::{
            link_name::LinkName,
            pins::Pins,
            program::PortProgram,
            raw_link::{BpfLink, LinkInfo, Program},
            refusal::{Target, explain, is_foreign, kind},
        },
    },
    model::XdpMode,
    report::{Told, errno},
};

/// A pinned link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortLink {
    /// The set that it is pinned in.
    pub pins: Pins,
    /// The name of its pin.
    pub name: LinkName,
    /// The kernel's id of its program.
    pub program_id: u32,
    /// The interface that the program runs on.
    pub place: LinkPlace,
}

/// Where a link's program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPlace {
    /// On an interface of this network namespace, with this index.
    Here(u32),
    /// On an interface of another network namespace.
    Elsewhere,
    /// The interface is gone, or the link was detached.
    Nowhere,
}

impl PortLink {
    /// All links that are pinned under `pins`' root, as the kernel has them now.
    pub fn all(pins: &Pins, devices: &Devices) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for pins in Pins::all(pins.root())? {
            for name in pins.links()? {
                all.extend(Self::of_pin(&pins, name, devices)?);
            }
        }
        Ok(all)
    }

    fn of_pin(pins: &Pins, name: LinkName, devices: &Devices) -> Result<Option<Self>> {
        let Some(LinkInfo { program_id, ifindex }) = LinkInfo::of_pin(&pins.link(name))? else {
            return Ok(None);
        };
        let place = match ifindex {
            0 => LinkPlace::Nowhere,
            // An index means nothing without its network namespace.
            ifindex => match devices.by_index(ifindex)? {
                Some(device) if device.mode_of(program_id).is_some() => LinkPlace::Here(ifindex),
                _ => LinkPlace::Elsewhere,
            },
        };
        Ok(Some(Self { pins: pins.clone(), name, program_id, place }))
    }

    /// The same link as the kernel has it now; `None`: its pin is gone, and with it the link,
    /// unless another process holds it.
    pub fn now(&self, devices: &Devices) -> Result<Option<Self>> {
        Self::of_pin(&self.pins, self.name, devices)
    }

    /// Pins a link again that lost its pin and that another process still holds. Returns whether
    /// there was such a link.
    pub fn pin_again(&self) -> Result<bool> {
        let Some(link) = BpfLink::by_number(self.name.number) else { return Ok(false) };
        link.pin(&self.pins.link(self.name))?;
        Ok(true)
    }

    /// The mode of its program.
    pub fn mode(&self) -> AttachedMode {
        self.name.mode
    }

    /// Opens the link ahead of a replacement of its program, which then can't fail for that.
    pub fn open(self) -> Result<OpenLink> {
        let path = self.pins.link(self.name);
        let link =
            PinnedLink::from_pin(&path).with_context(|| format!("opening {}", path.display()))?;
        Ok(OpenLink { link: FdLink::from(link), pinned: self })
    }

    /// Takes the program off its interface.
    pub fn remove(&self) -> Result<()> {
        self.pins.remove_link(self.name)
    }
}

/// A link, open.
pub struct OpenLink {
    link: FdLink,
    pinned: PortLink,
}

impl OpenLink {
    /// Where it is pinned, and which program it had when it was opened.
    pub fn pinned(&self) -> &PortLink {
        &self.pinned
    }

    /// Has the interface run `program`, which has the id `program_id`, in place of its present one.
    /// Every frame runs one of the two. The link is then pinned in `pins`, and nowhere else.
    pub fn replace(self, program: &mut Xdp, program_id: u32, pins: &Pins) -> Result<PortLink> {
        let Self { link, pinned } = self;
        let link = XdpLink::try_from(link).context("the pinned link is not an XDP link")?;
        let id = program.attach_to_link(link)?;
        let link = FdLink::try_from(program.take_link(id)?)?;
        let name = if *pins == pinned.pins {
            // The pin keeps the link; dropping ours only closes a file descriptor.
            pinned.name
        } else {
            let name = pins.pin_link(link, pinned.name.mode)?;
            let path = pinned.pins.link(pinned.name);
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
            name
        };
        Ok(PortLink { pins: pins.clone(), name, program_id, place: pinned.place })
    }
}

/// An interface that is held for a port: it runs a program that drops every frame until the port's
/// own is ready. Dropping this takes the program off, and so does the end of the process.
pub struct HeldInterface {
    link: FdLink,
    mode: AttachedMode,
    ifindex: u32,
}

impl HeldInterface {
    /// Attaches to an interface that has no program of ours, in the first mode that `wanted` allows.
    pub fn attach(
        program: &mut PortProgram,
        interface: &Interface,
        wanted: XdpMode,
    ) -> Result<Self> {
        let (first, second) = match wanted {
            XdpMode::Native => (AttachedMode::Native, None),
            XdpMode::Generic => (AttachedMode::Generic, None),
            XdpMode::Auto => (AttachedMode::Native, Some(AttachedMode::Generic)),
        };
        let ifindex = interface.index();
        match (attach_in(program, interface, first)?, second) {
            (Ok(link), _) => Ok(Self { link, mode: first, ifindex }),
            (Err(refused), Some(second)) if !is_foreign(errno(&refused)) => {
                let why = in_words(refused, interface, first)?;
                tracing::warn!("going on in generic mode, which is slower: {why:#}");
                match attach_in(program, interface, second)? {
                    Ok(link) => Ok(Self { link, mode: second, ifindex }),
                    Err(refused) => Err(in_words(refused, interface, second)?),
                }
            }
            (Err(refused), _) => Err(in_words(refused, interface, first)?),
        }
    }

    /// The mode.
    pub fn mode(&self) -> AttachedMode {
        self.mode
    }

    /// Pins the link in `pins`, so that it stays.
    pub fn pin(self, pins: &Pins) -> Result<OpenLink> {
        let Self { link, mode, ifindex } = self;
        let program_id = link.info().context("asking for a link's program")?.program_id();
        let (name, link) = pins.pin_open_link(link, mode)?;
        let place = LinkPlace::Here(ifindex);
        Ok(OpenLink { link, pinned: PortLink { pins: pins.clone(), name, program_id, place } })
    }
}

/// Attaches in one mode. The inner error is the kernel's refusal, the outer one any other error.
fn attach_in(
    program: &mut PortProgram,
    interface: &Interface,
    mode: AttachedMode,
) -> Result<Result<FdLink, ProgramError>> {
    let xdp = program.holder()?;
    let id = match xdp.attach_to_if_index(interface.index(), aya_mode(mode)) {
        Ok(id) => id,
        Err(refused) => return Ok(Err(refused)),
    };
    let link = FdLink::try_from(xdp.take_link(id)?).context(
        "the kernel gave no XDP link, without which the data plane can't outlive the daemon",
    )?;
    Ok(Ok(link))
}

fn aya_mode(mode: AttachedMode) -> AyaMode {
    match mode {
        AttachedMode::Native => AyaMode::Driver,
        AttachedMode::Generic => AyaMode::Skb,
    }
}

/// The kernel's refusal as a sentence of ours, with the kernel's own text behind it.
fn in_words(
    refused: ProgramError,
    interface: &Interface,
    mode: AttachedMode,
) -> Result<KernelError> {
    let (name, mtu_bytes) = (interface.name(), interface.mtu_bytes()?);
    let number = errno(&refused);
    let said = explain(number, &Target { interface: &name, mtu_bytes, mode });
    Ok(kind(number)(Told::bare(refused).after(said)))
}

/// A program that was taken off its interface so that another mode can follow: the kernel allows
/// one mode at a time.
pub struct TakenOff {
    /// `None`: the kernel opens programs for processes with `CAP_SYS_ADMIN` alone (`bpf_prog_get_fd_by_id`).
    program: Option<Program>,
    ifindex: u32,
    pins: Pins,
    name: LinkName,
}

impl TakenOff {
    /// Takes off the program of `link`.
    pub fn new(link: &PortLink, ifindex: u32) -> Result<Self> {
        let program = match Program::by_id(link.program_id) {
            Err(KernelError::Permission(_)) => None,
            program => Some(program?),
        };
        link.remove()?;
        Ok(Self { program, ifindex, pins: link.pins.clone(), name: link.name })
    }

    /// Puts it back.
    pub fn put_back(self) -> Result<()> {
        let Some(program) = self.program else {
            return Err(KernelError::Permission(Told::new(
                "only a process with CAP_SYS_ADMIN may open a program that it has not loaded",
            )));
        };
        let link = program.attach(self.ifindex, self.name.mode)?;
        // The old pin's name is free: the kernel never gives a link's number twice.
        link.pin(&self.pins.link(self.name))
    }
}
