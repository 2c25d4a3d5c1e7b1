//! Waits until every program run that had begun has ended.

use std::{io, thread, time::Duration};

/// `MEMBARRIER_CMD_GLOBAL` (linux/membarrier.h): returns after an RCU grace period.
const GLOBAL: libc::c_int = 1;
/// The wait on a kernel that lacks the call or refuses it, as with `nohz_full` CPUs. A poll of a
/// device takes less than a millisecond.
const INSTEAD: Duration = Duration::from_millis(100);

/// Waits for the end of all program runs, and of the device polls around them, that had begun
/// before the call. The tables then have the counts of these runs, and of the frames that devices
/// refused.
///
/// Takes some 20 ms.
pub fn quiesce() {
    // SAFETY: the call takes two integers and no memory.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0) };
    if result != 0 {
        let error = io::Error::last_os_error();
        tracing::debug!("membarrier: {error}; waiting {INSTEAD:?} instead");
        thread::sleep(INSTEAD);
    }
}
