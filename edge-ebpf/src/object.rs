//! The parts that every object has beside its programs and maps.

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // No program has a reachable panic; the verifier refuses the object if it gets one.
    loop {}
}

/// Helpers that are open to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
