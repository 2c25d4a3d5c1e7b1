//! Counts of frames on the wire, for an interface that makes and reads its tags itself.

use anyhow::{Context as _, Result};
use aya::Ebpf;

use super::{OBJECT, counts::WireCounts, far_end, netns::NetNs};

/// Counts the frames that an interface receives, tags in, before its stack has them, until this is
/// dropped. It uses an XDP program, with which a veth end also takes redirected frames.
#[derive(Debug)]
pub struct WireWatch(Ebpf);

impl WireWatch {
    /// Counts from now on.
    pub fn on(ns: &NetNs, interface: &str) -> Result<Self> {
        let mut programs = Ebpf::load(OBJECT).context("cannot load the lab's programs")?;
        ns.run(|| far_end::count(&mut programs, interface))
            .with_context(|| format!("cannot count the frames that {interface} receives"))?;
        Ok(Self(programs))
    }

    /// Returns the count of received frames.
    pub fn received(&self) -> Result<WireCounts> {
        WireCounts::read(&self.0, "RECEIVED")
    }
}
