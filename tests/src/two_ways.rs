//! One poll whose frames leave by two devices.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};
use edge_api::{Counters, Status};
use edge_user::lab::{Either, private_mounts};

use crate::{
    daemon::status,
    somebody::link_on,
    wires::{CUSTOMERS, PORTS, Wires, frame_of},
};

/// Long enough for the last frames of a poll to have been handed over.
const QUIET: Duration = Duration::from_millis(200);

/// Frames of two customers in one poll, which leave by two devices.
pub struct TwoWays {
    /// The customers' wires.
    pub wires: Wires,
    /// Frames of each customer that were forwarded, and that were refused, so far.
    counted: [[u64; 2]; 2],
}

impl TwoWays {
    /// Frames of a poll: the kernel hands over 16 at a time.
    const FRAMES: u64 = 200;

    /// A lab, out of sight of every other process.
    pub fn new() -> Result<Self> {
        private_mounts()?;
        Ok(Self { wires: Wires::new(&[])?, counted: [[0; 2]; 2] })
    }

    fn core1_far(&self, state: &str) -> Result<()> {
        let far = self.wires.lab.far_end("core1")?;
        far.ns().output("ip", &["link", "set", far.interface(), state]).map(drop)
    }

    /// Has one CPU receive frames of both customers in turn: those of the first are forwarded, and
    /// those of the second as well, unless `core1` refuses them.
    ///
    /// # Panics
    ///
    /// If the status has other counts.
    pub fn check(&mut self, is_refused: bool, what: &str) -> Result<()> {
        let lab = &self.wires.lab;
        let programs = [link_on(lab, "cust0")?.1, link_on(lab, "cust1")?.1];
        let frame = frame_of(0, 0, 0);
        Either::of(programs)?.receive(lab, &frame, u32::try_from(Self::FRAMES)?)?;
        thread::sleep(QUIET);
        let before = self.counted;
        self.counted = counted(&status()?, frame.len() as u64, what)?;
        let new = |customer: usize| {
            [0, 1].map(|kind| self.counted[customer][kind] - before[customer][kind])
        };
        let (first, second) = (new(0), new(1));
        let theirs = Self::FRAMES - first[0];
        let expected = if is_refused { [0, theirs] } else { [theirs, 0] };
        assert_eq!((first[1], second), (0, expected), "{what}");
        // Chance gives each of them several batches.
        assert!(first[0] > 32 && theirs > 32, "{what}: {first:?} {second:?}");
        Ok(())
    }

    /// The same while the far end of `core1` is down, and when it is up.
    ///
    /// # Panics
    ///
    /// As [`Self::check`] does.
    pub fn check_both(&mut self, what: &str) -> Result<()> {
        self.core1_far("down")?;
        self.check(true, &format!("{what}, far end down"))?;
        self.core1_far("up")?;
        self.check(false, &format!("{what}, far end up"))
    }
}

/// Frames of each customer that the status has as forwarded, and as refused: the peering's classes and
/// the port have the same.
fn counted(status: &Status, len_bytes: u64, what: &str) -> Result<[[u64; 2]; 2]> {
    let mut counted = [[0; 2]; 2];
    for (customer, counted) in counted.iter_mut().enumerate() {
        let name = CUSTOMERS[customer];
        let circuit = status.circuits.iter().find(|circuit| circuit.name == name);
        let mut peerings = circuit.context(name)?.peerings.iter();
        let peering = peerings.find(|peering| peering.direction == "inbound").context(name)?;
        let sum = |of: fn(&Counters) -> u64| -> u64 {
            peering.classes.iter().map(|class| of(&class.counters)).sum()
        };
        *counted =
            [sum(|counters| counters.forwarded_frames), sum(|counters| counters.refused_frames)];
        let bytes =
            [sum(|counters| counters.forwarded_bytes), sum(|counters| counters.refused_bytes)];
        assert_eq!(bytes, counted.map(|frames| frames * len_bytes), "{what}: {name}");
        let port = status.ports.iter().find(|port| port.name == PORTS[customer].0).context(name)?;
        let reasons = ["ok", "egress-refused"].map(|why| port.reasons.get(why).copied());
        assert_eq!(reasons.map(Option::unwrap_or_default), *counted, "{what}: {name}");
    }
    Ok(counted)
}
