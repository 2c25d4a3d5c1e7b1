//! The path of a frame, whole.

use crate::{
    attachment::{self, Attachment},
    class::{self, Class},
    frame::Frame,
    mark::{self, Marking},
    police,
    port::PortConfig,
    reason::Reason,
    tables::{Clock, Tables},
    tags,
};

/// Takes one frame along the path: marks it in place, polices, meters and forwards it. Counts it
/// exactly once in the port's counters, whatever happens, and returns why its path ended.
#[inline(always)]
pub fn process(
    frame: &mut impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
) -> Reason {
    let len_bytes = frame.len_bytes();
    let reason = match steps(frame, port, tables, clock) {
        Ok(()) => Reason::Ok,
        Err(reason) => reason,
    };
    if let Some(counters) = tables.port_counters() {
        counters.count(reason, len_bytes);
    }
    reason
}

#[inline(always)]
fn steps(
    frame: &mut impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
) -> Result<(), Reason> {
    let len_bytes = frame.len_bytes();
    let outer = tags::outer(frame, port)?;

    let (index, tag) = attachment::classify(frame, tables, outer)?;
    let attachment = *tables.attachment(index).ok_or(Reason::DanglingTable)?;
    tables.note_attachment(index);
    if attachment.flags & Attachment::DISABLED != 0 {
        return Err(Reason::CircuitDisabled);
    }

    let row = tables.mark_row(attachment.mark_row).ok_or(Reason::DanglingTable)?;
    let class = match class::ds_word(frame, &tag)? {
        Some(ds) => {
            let Marking { class, dscp } = row.marking(ds.dscp());
            tables.note_dscp(ds.dscp(), dscp);
            mark::mark(frame, &ds, dscp)?;
            class
        }
        None => Class::new(attachment.default_class),
    };
    tables.note_class(class);
    let share = row.burst_share(class);

    let admitted = police::admit(tables, clock, &attachment, share, len_bytes)?;
    if !admitted {
        let meter = tables.meter(index).ok_or(Reason::DanglingTable)?;
        meter.dropped(class, len_bytes);
        return Err(Reason::OverRate);
    }

    // Forward, then meter: what could not be sent is not billed.
    if !tables.forward() {
        return Err(Reason::NoEgress);
    }
    let meter = tables.meter(index).ok_or(Reason::DanglingTable)?;
    meter.forwarded(class, len_bytes);
    Ok(())
}
