//! A plain wire where the edge would be.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::xdp::DevMapHash,
    programs::{Xdp, XdpMode},
};

use super::{OBJECT, far_end::program, topology::Lab};

/// Redirects every frame between two ports, in place of an edge: the lab's own zero.
#[derive(Debug)]
pub struct Bounce {
    _programs: Ebpf,
}

impl Bounce {
    /// Joins two of the lab's ports until this is dropped.
    pub fn between(lab: &Lab, one: &str, other: &str) -> Result<Self> {
        lab.edge().run(|| attach(one, other)).context("cannot join two ports of the lab")
    }
}

fn attach(one: &str, other: &str) -> Result<Bounce> {
    let mut programs = Ebpf::load(OBJECT).context("cannot load the lab's programs")?;
    let indices = [one, other].map(nix::net::if_::if_nametoindex);
    let (one_index, other_index) = (indices[0]?, indices[1]?);
    let map = programs.map_mut("BOUNCE").context("lab.o has no map BOUNCE")?;
    let mut map = DevMapHash::try_from(map)?;
    map.insert(one_index, other_index, None, 0)?;
    map.insert(other_index, one_index, None, 0)?;
    let bounce: &mut Xdp = program(&mut programs, "bounce")?.try_into()?;
    bounce.load()?;
    bounce.attach_to_if_index(one_index, XdpMode::Driver)?;
    bounce.attach_to_if_index(other_index, XdpMode::Driver)?;
    Ok(Bounce { _programs: programs })
}
