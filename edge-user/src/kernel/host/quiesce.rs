//! Waits until every program that was under way has ended.

use std::{io, thread, time::Duration};

/// `MEMBARRIER_CMD_GLOBAL` (linux/membarrier.h): returns after an RCU grace period.
const GLOBAL: libc::c_int = 1;
/// Where the kernel has no such call, or no use for it with `nohz_full` CPUs. A poll of a device
/// takes less than a millisecond.
const INSTEAD: Duration = Duration::from_millis(100);

/// Returns when programs, and the polls of devices that they ran in, have ended that were under
/// way at the call. The tables then have the programs' counts, and those of frames that devices
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
