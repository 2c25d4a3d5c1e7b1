//! Frames after the path has forwarded them. Two tracepoints of the kernel report them, on the CPU
//! that ran the path.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use edge_common::{
    Reason,
    abi::{
        in_flight::{CAPACITY, HandedOver, InFlight, Refused},
        tx_ways::find,
    },
};

use crate::{maps, port};

/// Notes the owner of the frame that this CPU has just redirected to the port with this index in
/// `TX_PORTS`.
#[inline(always)]
pub(crate) fn hand_over(tx_port: u32, frame: HandedOver) {
    if let Some(in_flight) = in_flight(tx_port) {
        in_flight.push(port::index(), port::hands_over_one_by_one(), frame);
    }
}

/// `xdp_devmap_xmit(from_dev, to_dev, sent, drops, err)`: a device got a batch of frames.
///
/// The tracepoint reports batches of other programs, too, and those of other network namespaces, where
/// another device may have the index of one of ours. But while a frame of ours is under way on this
/// CPU, every batch is of frames that the same poll has redirected, by our program to our devices.
#[btf_tracepoint(function = "xdp_devmap_xmit")]
pub(crate) fn batch_handed_over(ctx: BtfTracePointContext) -> i32 {
    let (taken, refused): (i32, i32) = (ctx.arg(2), ctx.arg(3));
    if let Some(in_flight) = tx_port(ctx.arg(1)).and_then(in_flight) {
        let refused = in_flight.handed_over(taken.unsigned_abs(), refused.unsigned_abs());
        count(in_flight, refused);
    }
    0
}

/// `xdp_redirect_err(dev, xdp, tgt, err, map_type, map_id, index)`: a frame came into no batch.
#[btf_tracepoint(function = "xdp_redirect_err")]
pub(crate) fn redirect_refused(ctx: BtfTracePointContext) -> i32 {
    let (map_id, tx_port): (u32, u32) = (ctx.arg(5), ctx.arg(6));
    if port::is_tx_map(map_id)
        && let Some(in_flight) = in_flight(tx_port)
    {
        let refused = in_flight.refused_newest();
        count(in_flight, refused);
    }
    0
}

#[inline(always)]
fn count(in_flight: &InFlight, refused: Refused) {
    for at in 0..CAPACITY as u32 {
        let number = refused.first.wrapping_add(at);
        if number == refused.end {
            break;
        }
        let frame = in_flight.frame(number);
        if frame.attachment != 0
            && let Some(losses) = maps::losses(frame.attachment)
        {
            losses.refused(&frame);
        }
        if frame.rx_len_bytes != 0
            && let Some(counters) = maps::port_counters(in_flight.port())
        {
            counters.count(Reason::EgressRefused, frame.rx_len_bytes);
        }
    }
}

/// The index in `TX_PORTS` of the kernel's `struct net_device`.
#[inline(always)]
fn tx_port(device: *const u32) -> Option<u32> {
    let ifindex = device.wrapping_byte_add(port::ifindex_offset() as usize);
    // SAFETY: the device is the tracepoint's argument, which lasts as long as the program runs, and
    // the verifier refuses the program if there is no field of 32 bits at this offset.
    let ifindex = unsafe { ifindex.read() };
    find(ifindex, port::tx_ways_len(), |at| {
        let entry = maps::TX_WAYS.get_ptr(at)?;
        // SAFETY: a live, aligned map value. Volatile: userspace may store another one meanwhile.
        Some(unsafe { entry.read_volatile() })
    })
}

/// This CPU's frames under way to the port with this index in `TX_PORTS`.
#[inline(always)]
fn in_flight(tx_port: u32) -> Option<&'static mut InFlight> {
    let in_flight = maps::IN_FLIGHT.get_ptr_mut(tx_port)?;
    // SAFETY: this CPU's element. The path and the tracepoints run with softirqs off, one after
    // the other, and none keeps the reference.
    Some(unsafe { &mut *in_flight })
}
