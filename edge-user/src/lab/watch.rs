//! The wire's count alone, for an interface that makes and reads its tags itself.

use anyhow::{Context as _, Result};
use aya::Ebpf;

use super::{OBJECT, counts::WireCounts, far_end, netns::NetNs};

/// Counts what an interface receives, frame by frame and tags in, before its stack has it, until
/// this is dropped. Being an XDP program, it also has a veth end take redirected frames.
#[derive(Debug)]
pub struct WireWatch(Ebpf);

impl WireWatch {
    /// Counts from now on.
    pub fn on(ns: &NetNs, interface: &str) -> Result<Self> {
        let mut programs = Ebpf::load(OBJECT).context("cannot load the lab's programs")?;
        ns.run(|| far_end::count(&mut programs, interface))
            .with_context(|| format!("cannot count what {interface} receives"))?;
        Ok(Self(programs))
    }

    /// Returns the count of received frames.
    pub fn received(&self) -> Result<WireCounts> {
        WireCounts::read(&self.0, "RECEIVED")
    }
}
