//! A library that has a process read another wall clock, given in `LD_PRELOAD`: the kernel's and as
//! many seconds as the file that `EDGE_STEERED_CLOCK` names says at the moment, in eight bytes of the
//! machine's order. Clocks that never step stay as they are.

use std::{
    ffi::c_int,
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};

/// Takes the place of the C library's `clock_gettime`.
///
/// # Safety
///
/// `time` must be valid for a write, as for the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    // SAFETY: the kernel writes a `timespec` to where the caller wants it.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if result != 0 {
        return -1;
    }
    let is_wall = matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE);
    if let (true, Some(offset_s)) = (is_wall, offset_s()) {
        // SAFETY: the caller's, and the kernel has just written it.
        let time = unsafe { &mut *time };
        time.tv_sec += offset_s.load(Ordering::Relaxed);
    }
    0
}

/// The number in the file; `None`: there is no file.
fn offset_s() -> Option<&'static AtomicI64> {
    static OFFSET_S: OnceLock<Option<&'static AtomicI64>> = OnceLock::new();
    *OFFSET_S.get_or_init(map)
}

fn map() -> Option<&'static AtomicI64> {
    // SAFETY: the name ends with a zero. Nobody changes the environment while a program starts.
    let path = unsafe { libc::getenv(c"EDGE_STEERED_CLOCK".as_ptr()) };
    if path.is_null() {
        return None;
    }
    // SAFETY: the environment's text ends with a zero.
    let file = unsafe { libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return None;
    }
    let (readable, shared) = (libc::PROT_READ, libc::MAP_SHARED);
    // SAFETY: the kernel picks a place that nobody has.
    let place = unsafe { libc::mmap(ptr::null_mut(), size_of::<i64>(), readable, shared, file, 0) };
    // SAFETY: the descriptor is ours, and the mapping does without it.
    unsafe { libc::close(file) };
    if place == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping is never taken away, begins at a page, and the file has eight bytes; who
    // writes them writes all at once.
    Some(unsafe { &*place.cast::<AtomicI64>() })
}
