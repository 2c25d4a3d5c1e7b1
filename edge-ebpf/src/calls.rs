//! Parts of the path that are functions of their own: global ones, which the kernel's verifier
//! looks at once, for any arguments, and not again for each way that leads to a call of them.
//! So their arguments and results are numbers. What a frame passes that is paid from a lease is
//! not among them.

use edge_common::{
    fair,
    police::{self, Bucket},
    qos::BurstShare,
};

use crate::{clock::PortClock, tables::Maps};

/// [`police::buy`]; returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn buy(policer: u32, rate: u32, share: u32, len_bytes: u32) -> u64 {
    let (bucket, share) = (Bucket { policer, rate }, BurstShare::new(share as u16));
    police::buy(&mut Maps::<false>, &PortClock, bucket, share, len_bytes).to_bits()
}

/// [`fair::refresh`]; returns nothing of use, as a global function has to return something.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn refresh_flows(policer: u32, rate: u32, flow_queues: u32) -> u64 {
    fair::refresh(&mut Maps::<false>, &PortClock, Bucket { policer, rate }, flow_queues);
    0
}
