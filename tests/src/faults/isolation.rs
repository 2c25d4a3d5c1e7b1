//! Frames where they must not be: at a far end that is not the partner of the wire that they came
//! from, or in the edge's own stack.

use anyhow::Result;
use edge_user::lab::{Lab, Lookout};

use super::{traffic::SENDERS, wires::WIRES};

/// The most that is told at once.
const MOST_TOLD: usize = 4;

/// A lookout at each far end, and one at the edge.
pub struct Isolation {
    /// By wire: for frames that its partner has not sent.
    far_ends: Vec<Lookout>,
    /// For frames that any far end has sent: a program has seen and left none of them to the stack.
    edge: Lookout,
}

impl Isolation {
    /// From now on.
    pub fn watch(lab: &Lab) -> Result<Self> {
        let mut far_ends = Vec::new();
        for wire in WIRES {
            let mut partner = [0, 0, 0, 0, 0, u8::try_from(wire.partner)?];
            partner[..SENDERS.len()].copy_from_slice(&SENDERS);
            far_ends.push(Lookout::for_all_but(lab.far_end(wire.name)?.ns(), partner)?);
        }
        Ok(Self { far_ends, edge: Lookout::for_senders(lab.edge(), SENDERS)? })
    }

    /// Frames that have been where they must not be since the last time.
    pub fn violations(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for (wire, lookout) in WIRES.iter().zip(&self.far_ends) {
            let place = format!("the far end of {}", wire.name);
            tell(&mut all, &place, &lookout.frames()?);
        }
        tell(&mut all, "the edge's own stack", &self.edge.frames()?);
        Ok(all)
    }
}

fn tell(all: &mut Vec<String>, place: &str, frames: &[Vec<u8>]) {
    for frame in frames.iter().take(MOST_TOLD) {
        let sender = frame.get(SENDERS.len() + 6).copied().map(usize::from);
        let sender = sender.filter(|_| frame[6..].starts_with(&SENDERS));
        let sender = sender.and_then(|wire| Some(WIRES.get(wire)?.name)).unwrap_or("somebody else");
        all.push(format!(
            "a frame of {sender} has reached {place}: {:02x?}",
            &frame[..frame.len().min(24)]
        ));
    }
    if frames.len() > MOST_TOLD {
        all.push(format!("{} frames in all have reached {place}", frames.len()));
    }
}
