//! The path of a frame, whole.

use crate::{
    attachment::{self, Attachment},
    class::{self, Class, Dscp},
    frame::Frame,
    mark::{self, Marking},
    police,
    port::PortConfig,
    reason::Reason,
    tables::{Clock, Tables},
    tags,
};

/// What became of a frame, and what was found on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why the path ended.
    pub reason: Reason,
    /// Length in bytes of the frame as received.
    pub len_bytes: u32,
    /// The attachment, once found; 0 before.
    pub attachment: u32,
    /// The class, once known.
    pub class: Option<Class>,
    /// Arriving and leaving DSCP of an IP packet.
    pub dscp: Option<(Dscp, Dscp)>,
}

/// Takes one frame along the path: marks it in place, polices, meters and forwards it. Counts it
/// exactly once in the port's counters, whatever happens.
#[inline(always)]
pub fn process(
    frame: &mut impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
) -> Outcome {
    let mut outcome = Outcome {
        reason: Reason::Ok,
        len_bytes: frame.len_bytes(),
        attachment: 0,
        class: None,
        dscp: None,
    };
    if let Err(reason) = steps(frame, port, tables, clock, &mut outcome) {
        outcome.reason = reason;
    }
    if let Some(counters) = tables.port_counters() {
        counters.count(outcome.reason, outcome.len_bytes);
    }
    outcome
}

#[inline(always)]
fn steps(
    frame: &mut impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
    outcome: &mut Outcome,
) -> Result<(), Reason> {
    let outer = tags::outer(frame, port)?;

    let (index, tag) = attachment::classify(frame, tables, outer)?;
    let attachment = *tables.attachment(index).ok_or(Reason::DanglingTable)?;
    outcome.attachment = index;
    if attachment.flags & Attachment::DISABLED != 0 {
        return Err(Reason::CircuitDisabled);
    }

    let class = match class::ds_word(frame, &tag)? {
        Some(ds) => {
            let row = tables.mark_row(attachment.mark_row).ok_or(Reason::DanglingTable)?;
            let Marking { class, dscp } = row.marking(ds.dscp());
            outcome.dscp = Some((ds.dscp(), dscp));
            mark::mark(frame, &ds, dscp)?;
            class
        }
        None => Class::new(attachment.default_class),
    };
    outcome.class = Some(class);

    let admitted = police::admit(tables, clock, &attachment, class, outcome.len_bytes)?;
    if !admitted {
        let meter = tables.meter(index).ok_or(Reason::DanglingTable)?;
        meter.dropped(class, outcome.len_bytes);
        return Err(Reason::OverRate);
    }

    // Forward, then meter: what could not be sent is not billed.
    if !tables.forward() {
        return Err(Reason::NoEgress);
    }
    let meter = tables.meter(index).ok_or(Reason::DanglingTable)?;
    meter.forwarded(class, outcome.len_bytes);
    Ok(())
}
