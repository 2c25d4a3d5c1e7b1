//! The programs on tracepoints of the kernel, which count the forwarded frames that devices refuse.

use std::{fs, path::Path};

use aya::{
    Btf, Ebpf,
    programs::{
        BtfTracePoint,
        links::{FdLink, PinnedLink},
        loaded_programs,
    },
};

use crate::{
    kernel::{
        error::{Context as _, KernelError, Result},
        host::kernel_types::field_offset,
        object::{loader::load_egress_object, pins::Pins},
    },
    plan::Capacity,
};

/// Programs, and the tracepoints that they are for.
const TRACEPOINTS: [(&str, &str); 2] =
    [("batch_handed_over", "xdp_devmap_xmit"), ("redirect_refused", "xdp_redirect_err")];

/// Attaches the programs. A program that is attached already, and is the same, stays.
///
/// Callers attach these before a port's program, so that they miss no frame.
pub fn watch_egress(pins: &Pins, capacity: &Capacity) -> Result<()> {
    let btf = Btf::from_sys_fs().context("reading the kernel's types")?;
    let ifindex_offset = field_offset("net_device", "ifindex")?;
    let mut ebpf = load_egress_object(capacity, pins, ifindex_offset)?;
    for (name, tracepoint) in TRACEPOINTS {
        attach(&mut ebpf, &btf, pins, (name, tracepoint))
            .with_context(|| format!("attaching to the tracepoint {tracepoint}"))?;
    }
    Ok(())
}

fn attach(ebpf: &mut Ebpf, btf: &Btf, pins: &Pins, (name, tracepoint): (&str, &str)) -> Result<()> {
    let program =
        ebpf.program_mut(name).ok_or_else(|| KernelError::damaged(format!("no program {name}")))?;
    let program: &mut BtfTracePoint = program.try_into()?;
    program.load(tracepoint, btf)?;
    let path = pins.egress(name);
    if pinned_tag(&path)? == Some(program.info()?.tag()) {
        return Ok(());
    }
    let link = program.attach()?;
    let link = FdLink::from(program.take_link(link)?);
    // The new link takes the old one's name by a rename, so that no frame goes unseen. While both
    // exist, a refused frame may count twice as refused, which is in the customer's favour.
    let new = pins.egress(&format!("{name}-new"));
    let _leftover = fs::remove_file(&new);
    link.pin(&new).with_context(|| format!("pinning {}", new.display()))?;
    fs::rename(&new, &path).with_context(|| format!("pinning {}", path.display()))
}

/// The tag of the program whose link is pinned at `path`: a hash of its instructions.
fn pinned_tag(path: &Path) -> Result<Option<u64>> {
    if !path.try_exists()? {
        return Ok(None);
    }
    let link = PinnedLink::from_pin(path).with_context(|| format!("opening {}", path.display()))?;
    let id = FdLink::from(link).info()?.program_id();
    for program in loaded_programs() {
        // Programs of other owners may come and go meanwhile.
        if let Ok(program) = program
            && program.id() == id
        {
            return Ok(Some(program.tag()));
        }
    }
    Ok(None)
}
