//! Notes of the path about a frame.

use edge_common::abi::outcome::Outcome;

use crate::{maps::REPLAY_OUTCOME, port, trace};

/// Notes something for a replay, or for a trace. Another live program does nothing here.
#[inline(always)]
pub(crate) fn note(change: impl Fn(&mut Outcome)) {
    if port::is_replay()
        && let Some(outcome) = REPLAY_OUTCOME.get_ptr_mut(0)
    {
        // SAFETY: a live, aligned map value, of which no other reference is around: a replay
        // runs one frame at a time, and reads between the runs.
        change(unsafe { &mut *outcome });
    }
    trace::note(change);
}
